"""A small engine for tests of what lies around one: it remembers commands and answers a few of them for real."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import core
from core.client.client import Event
from core.model.errors import Retry, Scope, UsageError
from core.model.places import Places
from core.model.settings import Settings
from core.model.transfer import Direction, State
from core.protocol import commands as c
from core.protocol.commands import Command
from core.protocol.events import Delta, Snapshot
from core.protocol.rows import Totals, TransferRow, View


def row(number: int, name: str = "") -> TransferRow:
    name = name or f"file {number} – ü.bin"
    return TransferRow(
        id=number,
        batch=1,
        direction=Direction.UP,
        state=State.RUNNING,
        name=name,
        source=f"/data/{name}",
        destination=f"s3://bucket/{name}",
        size_bytes=1000,
    )


class FakeEngine:
    """Answers `GetStatus`, `GetSettings`, `ListTransfers`; `AddTransfers` waits for `gate`; the rest is refused."""

    def __init__(self, places: Places | None = None) -> None:
        self.home = places.home if places else ""
        self.stopping = asyncio.Event()
        self.stopped = False
        self.busy = False
        self.gate = asyncio.Event()
        self.handled: list[Command[Any]] = []
        self.watches: list[FakeWatch] = []

    @classmethod
    async def start(cls, places: Places) -> "FakeEngine":
        return cls(places)

    async def stop(self) -> None:
        self.stopped = True

    async def handle(self, command: Command[Any]) -> Any:
        self.handled.append(command)
        match command:
            case c.GetStatus():
                return self._status()
            case c.StopEngine():
                self.stopping.set()
                return c.Done()
            case c.GetSettings():
                return Settings()
            case c.ListTransfers(view=view):
                return c.Rows(total=view.count, rows=tuple(row(n, view.search) for n in range(view.count)))
            case c.AddTransfers():
                await self.gate.wait()
                return c.Added(batch=7)
            case c.RemoveAccount():
                raise ZeroDivisionError("a mistake of our own")
        raise UsageError("no-such", "No, “ü” is not known.", retry=Retry.CREDENTIALS, scope=Scope.ACCOUNT, after_s=1.5)

    def watch(self, view: View) -> "FakeWatch":
        watch = FakeWatch(view)
        self.watches.append(watch)
        return watch

    def _status(self) -> c.Status:
        return c.Status(
            pid=os.getpid(), version=core.__version__, home=self.home, started_s=1.0, counts={}, totals=Totals()
        )


class FakeWatch:
    """A snapshot at first and after `look`; then a delta for each `tick`, or without end when `flood` is set."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.seq = 0
        self.closed = False
        self.flood = False
        self.padding = ""  # makes events bigger
        self._fresh = True
        self._ticks = 0
        self._news = asyncio.Event()

    def tick(self, count: int = 1) -> None:
        self._ticks += count
        self._news.set()

    def look(self, view: View) -> None:
        self.view = view
        self._fresh = True
        self._news.set()

    async def close(self) -> None:
        self.closed = True
        self._news.set()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not (self.closed or self._fresh or self._ticks or self.flood):
            self._news.clear()
            await self._news.wait()
        if self.closed:
            raise StopAsyncIteration
        self.seq += 1
        if self._fresh:
            self._fresh = False
            return Snapshot(
                seq=self.seq, view=self.view, total=1, rows=(row(1),), counts={"all": 1}, totals=Totals(), held={}
            )
        self._ticks = max(0, self._ticks - 1)
        return Delta(seq=self.seq, rows=(row(self.seq, self.padding),))
