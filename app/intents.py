"""What a person asks for, turned into commands on the session."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

from PySide6.QtCore import QMimeData, QObject, Signal

from app import actions, text
from app.actions import Act
from app.destination import Destination
from app.models.queue_selection import QueueSelection
from app.session import Session
from core.model.errors import LocalError, UsageError
from core.model.location import parse_remote
from core.model.settings import DEFAULT_CONFLICT
from core.model.transfer import Conflict, Options, State
from core.protocol.commands import (
    AddTransfers,
    AnswerQuestions,
    ChangeSettings,
    ListTransfers,
    PauseTransfers,
    RemoveAccount,
    ResumeTransfers,
    RetryTransfers,
)
from core.protocol.rows import Filter, Selection, View

LOOKUP_ROWS = 500  # of a stretch outside the window, at a time; the engine's own limit


class Intents(QObject):
    """The verbs behind buttons, keys, drops and links."""

    added = Signal()  # something was queued
    cancel_asked = Signal(int)  # a brake: so many transfers would be cancelled

    def __init__(self, session: Session, destination: Destination, selection: QueueSelection) -> None:
        super().__init__()
        self._session = session
        self._destination = destination
        self._selection = selection
        self._lookups: set[asyncio.Task[None]] = set()
        selection.gap.connect(self._look_up)

    # --- adding

    def add(self, paths: Sequence[str]) -> None:
        """Upload files and folders to the destination."""
        if paths:
            self._session.tasks.start(self._add(tuple(paths)), "add transfers")

    async def _add(self, paths: tuple[str, ...]) -> None:
        remote = self._destination.remote
        if remote is None:
            raise UsageError("no-destination", text.NO_DESTINATION)
        command = AddTransfers(
            sources=paths,
            destination=remote.url,
            destination_account=remote.account,
            options=Options(conflict=DEFAULT_CONFLICT),
        )
        await self._session.call(command)
        self.added.emit()

    async def download(self, source: str, account: str, folder: str) -> None:
        """Bring an object or a prefix into a local folder. Raises CoreError."""
        remote = parse_remote(source.strip(), account)
        command = AddTransfers(
            sources=(remote.url,),
            source_account=account,
            destination=_folder(folder),
            options=Options(conflict=DEFAULT_CONFLICT),
        )
        await self._session.call(command)
        self.added.emit()

    # --- the chosen transfers

    @property
    def chosen(self) -> Selection:
        return self._selection.chosen.selection(self._session.mirror.view)

    def possible(self) -> frozenset[Act]:
        """What can be done with the chosen transfers; those out of sight are given the benefit of the doubt."""
        return actions.allowed(self._states())

    def act(self, act: Act, *, sure: bool = False) -> None:
        """Do it to what is chosen, unless it is beyond recall and concerns many: then `cancel_asked` comes first."""
        if self._selection.gaps:
            self._session.tasks.start(self._act_when_known(act, sure), f"{act} when all is known")
            return
        if not self._selection.chosen or act not in self.possible():
            return
        count = self._selection.chosen.count(self._session.mirror.total)
        if not sure and actions.needs_brake(act, count):
            self.cancel_asked.emit(count)
            return
        priorities = [row.priority for row in self._selection.rows_in_sight()]
        self._session.send(actions.command_for(act, self.chosen, priorities))

    async def _act_when_known(self, act: Act, sure: bool) -> None:
        """Rows out of sight are still being looked up; what was meant is the whole stretch."""
        await asyncio.gather(*self._lookups, return_exceptions=True)
        if not self._selection.gaps:  # else a look-up failed, and that has been told
            self.act(act, sure=sure)

    def space(self) -> None:
        self._act_if(actions.space_means(self._states()))

    def delete(self) -> None:
        self._act_if(actions.delete_means(self._states()))

    def _states(self) -> frozenset[State]:
        states, more = self._selection.states()
        mirror = self._session.mirror
        return states | actions.states_in(mirror.counts, mirror.view.filter) if more else states

    def _act_if(self, act: Act | None) -> None:
        if act is not None:
            self.act(act)

    def answer(self, transfer_id: int, answer: str, *, for_batch: bool = False) -> None:
        """Answer the question of one row, or try it once more."""
        selection = Selection(ids=(transfer_id,))
        if answer == "retry":
            self._session.send(RetryTransfers(selection=selection))
        else:
            self._session.send(AnswerQuestions(selection=selection, answer=Conflict(answer), for_batch=for_batch))

    def answer_chosen(self, answer: str) -> None:
        """The same answer for everything that is chosen and asks."""
        if self._selection.chosen and State.ASKING in self._states():
            self._session.send(AnswerQuestions(selection=self.chosen, answer=Conflict(answer)))

    # --- the whole queue

    def pause_all(self) -> None:
        self._session.send(PauseTransfers(selection=Selection(everything=True, view=View())))

    def resume_all(self) -> None:
        self._session.send(ResumeTransfers(selection=Selection(everything=True, view=View(filter=Filter.PAUSED))))

    def limit(self, up: str, down: str) -> None:
        """Speed limits as a person writes them."""
        self.change_settings({"limit_up_bps": up, "limit_down_bps": down})

    def change_settings(self, changes: dict[str, str]) -> None:
        self._session.tasks.start(self._change(changes), "change settings")

    async def _change(self, changes: dict[str, str]) -> None:
        self._session.put_settings(await self._session.call(ChangeSettings(changes=changes)))

    def remove_account(self, name: str) -> None:
        self._session.tasks.start(self._remove_account(name), "remove account")

    async def _remove_account(self, name: str) -> None:
        await self._session.call(RemoveAccount(name=name))
        await self._session.load_accounts()

    # --- rows that are chosen but not in sight

    def _look_up(self, first: int, count: int) -> None:
        task = self._session.tasks.start(self._fetch_ids(first, count), "look up chosen rows")
        self._lookups.add(task)
        task.add_done_callback(self._lookups.discard)

    async def _fetch_ids(self, first: int, count: int) -> None:
        view, ids = self._session.mirror.view, []
        for start in range(first, first + count, LOOKUP_ROWS):
            if (first, count) not in self._selection.gaps:
                return  # something else has been chosen meanwhile
            part = replace(view, first=start, count=min(LOOKUP_ROWS, first + count - start))
            ids += [row.id for row in (await self._session.call(ListTransfers(view=part))).rows]
        self._selection.fill((first, count), ids)


def _folder(typed: str) -> str:
    """The folder as an absolute path with a slash at its end. Raises LocalError (`no-folder`)."""
    folder = os.path.abspath(os.path.expanduser(typed))
    if not typed or not os.path.isdir(folder):
        raise LocalError("no-folder", text.FOLDER_MISSING.format(folder=typed), where=typed)
    return os.path.join(folder, "")


def dropped_paths(mime: QMimeData) -> tuple[str, ...]:
    """The local files and folders of a drop, in order and once each."""
    return tuple(_unique(url.toLocalFile() for url in mime.urls() if url.isLocalFile()))


def _unique(paths: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(path for path in paths if path)
