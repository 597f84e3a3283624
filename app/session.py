"""The window's link to the engine: one client, one watch, and the mirror they feed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from app.mirror import GapError, Mirror
from app.tasks import Tasks
from core.client.client import Client, Watch
from core.model.errors import CoreError, ErrorRecord, NetworkError
from core.model.settings import Settings
from core.protocol.commands import Command, GetSettings, ListAccounts
from core.protocol.events import Notice
from core.protocol.rows import AccountRow, View

R = TypeVar("R")
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
PATIENCE_S = 15.0  # how long a command waits for an engine that is still starting
CLOSE_S = 5.0


class Link(StrEnum):
    STARTING = "starting"
    CONNECTED = "connected"
    LOST = "lost"
    STOPPED = "stopped"  # somebody said so; it stays stopped until somebody wants something


class Session(QObject):
    """Connects, reconnects, mirrors the visible rows, and hands commands over."""

    link_changed = Signal()
    queue_changed = Signal(object)  # a Change
    accounts_changed = Signal()
    settings_changed = Signal()
    noticed = Signal(object)  # a Notice
    failed = Signal(object)  # an ErrorRecord

    def __init__(self, connect: Callable[[bool], Awaitable[Client]]) -> None:
        """`connect` finds the engine, and starts one when its argument is true."""
        super().__init__()
        self.mirror = Mirror()
        self.tasks = Tasks(self.failed.emit)
        self.link = Link.STARTING
        self.trouble: ErrorRecord | None = None  # why there is no engine, when there is none
        self.accounts: tuple[AccountRow, ...] = ()
        self.settings = Settings()
        self.wanted = View()  # what the window wants to see
        self._connect = connect
        self._client: Client | None = None
        self._watch: Watch | None = None
        self._ready = asyncio.Event()
        self._may_start = True
        self._hurry = asyncio.Event()

    # --- the link

    async def run(self) -> None:
        """Stay connected for ever; cancelling ends it."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                client = await self._connect(self._may_start)
            except CoreError as error:
                self._lost(error.record())
            else:
                pause_s = FIRST_PAUSE_S
                await self._follow(client)
            self._hurry.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def start_engine(self) -> None:
        """Start the engine again after it was stopped."""
        self._may_start = True
        self._hurry.set()

    async def _follow(self, client: Client) -> None:
        """Mirror one engine until it is gone."""
        self._client = client
        self._watch = client.watch(self.wanted)
        self._may_start = True
        self._set_link(Link.CONNECTED)
        self._ready.set()
        loading = self.tasks.start(self.load(), "load settings and accounts")
        try:
            async for event in self._watch:
                if isinstance(event, Notice):
                    self._notice(event)
                    continue
                try:
                    change = self.mirror.apply(event)
                except GapError:
                    self._watch.look(self.wanted)
                    continue
                self.queue_changed.emit(change)
        except CoreError as error:
            self._lost(error.record())
        else:
            self._lost(None)
        finally:
            loading.cancel()
            self._ready.clear()
            self._client = self._watch = None
            with contextlib.suppress(CoreError, OSError):
                await client.close()  # ends its watches too

    def _notice(self, notice: Notice) -> None:
        self.mirror.seq = notice.seq  # notices are numbered with the rest
        self._may_start = notice.kind != "engine-stopping"
        self.noticed.emit(notice)

    def _lost(self, trouble: ErrorRecord | None) -> None:
        self.trouble = trouble
        if self.link is Link.STARTING:
            self._set_link(Link.STARTING)
        else:
            self._set_link(Link.LOST if self._may_start else Link.STOPPED)

    def _set_link(self, link: Link) -> None:
        if link is Link.CONNECTED:
            self.trouble = None
        self.link = link
        self.link_changed.emit()

    async def load(self) -> None:
        """Settings and accounts, which are not part of the watch."""
        self.settings = await self.call(GetSettings())
        self.settings_changed.emit()
        await self.load_accounts()

    async def load_accounts(self) -> None:
        self.accounts = (await self.call(ListAccounts())).accounts
        self.accounts_changed.emit()

    def put_settings(self, settings: Settings) -> None:
        """Take over what a ChangeSettings was answered with."""
        self.settings = settings
        self.settings_changed.emit()

    # --- commands

    async def call(self, command: Command[R]) -> R:
        """Hand a command over, waiting a while for an engine that is starting. Raises CoreError."""
        if self._client is None:
            self.start_engine()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ready.wait(), PATIENCE_S)
        if self._client is None:
            raise NetworkError(
                "engine-absent", "The engine is not running, so nothing was done; try again in a moment."
            )
        return await self._client.call(command)

    def send(self, command: Command[R]) -> None:
        """Hand a command over in the background; a refusal is told by `failed`."""
        self.tasks.start(self.call(command), type(command).__name__)

    # --- the window onto the queue

    def look(self, view: View) -> None:
        """Look at another stretch, filter or order; a Snapshot will come."""
        if view == self.wanted:
            return
        self.wanted = view
        if self._watch is not None:
            self._watch.look(view)

    def look_again(self, **changes: object) -> None:
        """Look at the same queue through another filter, search or order, from its top."""
        self.look(replace(self.wanted, first=0, **changes))  # type: ignore[arg-type]

    async def close(self) -> None:
        """Detach in order: ending the tasks ends the watch and closes the client; the engine goes on."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self.tasks.stop()
