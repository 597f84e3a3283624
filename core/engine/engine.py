"""The engine: starts and stops its pieces in order, and answers commands. No algorithm lives here."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import Any, TypeVar

from core.engine.accounts import Accounts
from core.engine.handlers import HANDLERS
from core.engine.pieces import Pieces
from core.engine.watching import EngineWatch
from core.model.errors import ProtocolError
from core.model.places import Places
from core.model.transfer import State
from core.protocol.commands import Command
from core.protocol.rows import View
from core.state.database import Database
from core.state.secrets import Secrets
from core.state.settings import SettingsFile
from core.transfer.crew import Crew

R = TypeVar("R")
log = logging.getLogger("sluice.engine")


def mover_count() -> int:
    """Mover processes at most: one core is left for the engine and the window."""
    return max(1, min(4, (os.cpu_count() or 2) - 1))


class Engine(Pieces):
    """Used on one loop. Made by `start`, ended by `stop`.

    Order of stopping: no new commands; listing stops; running transfers stop where they are, their parts kept; movers
    end; stores close; the database is flushed and closed.
    """

    @classmethod
    async def start(cls, places: Places, *, movers: str = "process") -> Engine:
        """Open the state and go on where the last run ended. `movers`: `process`, or `inline` for none but this one.

        Raises StateError for a queue or settings that are newer than this program.
        """
        accounts = Accounts(
            SettingsFile(Path(places.config) / "settings.json"),
            Secrets(),
            builtin_root=str(Path(places.data) / "try-it-here"),
        )
        database = await Database.open(Path(places.data) / "state.db")
        processes = 0 if movers == "inline" else mover_count()
        crew = Crew(processes=processes, connections=accounts.settings.connections)
        try:
            engine = cls(places, database, accounts, crew)
            await engine._go_on()
        except BaseException:
            await database.close()
            raise
        return engine

    async def _go_on(self) -> None:
        await self.transfers.load()
        recovered = await self.transfers.recover(time.time())
        if recovered:
            log.info("%d transfers go on that were running when the last engine ended", recovered)
        for notice in (self.database.notice, self.accounts.notice):
            if notice:
                log.warning(notice)
                self.watching.tell("state-notice", notice)
        await asyncio.to_thread(_make_first_bucket, Path(self.places.data) / "try-it-here")
        for batch in await self.transfers.walking():
            self.intake.begin(batch)
        self.queue.start()

    async def stop(self) -> None:
        self.stopping.set()
        self.watching.tell("engine-stopping", "The engine stops; what was moving goes on at the next start.")
        await self.intake.stop()
        await self.queue.stop()
        await self.crew.close()
        await self.accounts.close()
        for watch in list(self.watching.watches):
            await watch.close()
        await self.database.close()

    @property
    def busy(self) -> bool:
        """Whether there is work that would go on without anyone looking."""
        counts = self.transfers.counts
        going = counts.get(State.QUEUED, 0) + counts.get(State.RUNNING, 0) + counts.get(State.CANCELLING, 0)
        waiting = counts.get(State.WAITING, 0) and not self.accounts.held
        return bool(going or waiting or self.intake.busy or self.queue.busy)

    async def handle(self, command: Command[R]) -> R:
        """Answer one command. Raises CoreError where it is refused."""
        handler = HANDLERS.get(type(command))
        if handler is None:
            raise ProtocolError("unknown-command", f"The engine does not know {type(command).__name__}.")
        answer: Any = await handler(self, command)
        return answer  # type: ignore[no-any-return]

    def watch(self, view: View) -> EngineWatch:
        return self.watching.open(view)


def _make_first_bucket(root: Path) -> None:
    """The built-in store comes with a bucket, so that the first dropped file has somewhere to go."""
    (root / "my-first-bucket").mkdir(parents=True, exist_ok=True)
