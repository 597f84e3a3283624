"""The client's three verbs, the same for an engine in this process and for one behind a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

from core.protocol.commands import Command
from core.protocol.events import Delta, Notice, Snapshot
from core.protocol.rows import View

R = TypeVar("R")
Event = Snapshot | Delta | Notice


class Watch(Protocol):
    """A stream of events: a Snapshot first, then Deltas; a slow reader gets a new Snapshot instead of a gap."""

    def __aiter__(self) -> AsyncIterator[Event]: ...

    def look(self, view: View) -> None:
        """Move the window; the next event is a Snapshot of the new view."""

    async def close(self) -> None:
        """End the stream; the iteration stops."""


class Client(Protocol):
    """Owned by one front end and used on its loop. Losing the engine raises NetworkError `engine-lost` everywhere."""

    async def call(self, command: Command[R]) -> R:
        """Hand over an intention; returns when it is acknowledged, raises CoreError when it is refused."""

    def watch(self, view: View) -> Watch: ...

    async def close(self) -> None: ...
