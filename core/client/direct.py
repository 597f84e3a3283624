"""The client of an engine in the same process: everything still crosses as JSON, so that nothing works only locally."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from typing import Any, Protocol, TypeVar

import msgspec

from core.client.client import Event, Watch
from core.model.errors import CoreError, NetworkError, describe
from core.protocol import codec
from core.protocol.commands import Command
from core.protocol.rows import View

R = TypeVar("R")
_log = logging.getLogger(__name__)


class EngineLike(Protocol):
    """What clients are served from, here and behind a socket."""

    async def handle(self, command: Command[Any]) -> Any:
        """The answer to a command; raises CoreError when it is refused."""

    def watch(self, view: View) -> Watch: ...


async def answer(engine: EngineLike, request: codec.Request) -> codec.Reply:
    """Let the engine handle a request. Any failure becomes an error in the reply; our own mistakes are logged too."""
    try:
        result = await engine.handle(request.command)
        return codec.Reply(request.number, result=msgspec.Raw(codec.encode(result)))
    except CoreError as error:
        return codec.Reply(request.number, error=error.record())
    except Exception as error:
        _log.exception("%s failed", type(request.command).__name__)
        return codec.Reply(request.number, error=describe(error))


class DirectClient:
    """A `Client` of an engine that runs on this very loop. The engine outlives it."""

    def __init__(self, engine: EngineLike) -> None:
        self._engine = engine
        self._numbers = itertools.count(1)
        self._watches: set[DirectWatch] = set()
        self._closed = False

    async def call(self, command: Command[R]) -> R:
        self._check_open()
        frame = codec.encode(codec.Request(next(self._numbers), command))
        request = codec.decode_to_engine(frame)
        assert isinstance(request, codec.Request)
        reply = codec.decode_to_client(codec.encode(await answer(self._engine, request)))
        assert isinstance(reply, codec.Reply)
        if reply.error is not None:
            raise reply.error.revive()
        return codec.decode_result(command, reply.result)  # type: ignore[no-any-return]

    def watch(self, view: View) -> DirectWatch:
        self._check_open()
        watch = DirectWatch(self._engine.watch(view))
        self._watches = {watch, *(one for one in self._watches if not one.closed)}
        return watch

    async def close(self) -> None:
        self._closed = True
        await asyncio.gather(*(watch.close() for watch in self._watches))
        self._watches.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise NetworkError("client-closed", "This connection to the engine has been closed.")


class DirectWatch:
    """A `Watch` whose events were written down and read again."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._events = aiter(watch)
        self.closed = False

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        told = codec.decode_to_client(codec.encode(codec.Told(0, await anext(self._events))))
        assert isinstance(told, codec.Told)
        return told.event

    def look(self, view: View) -> None:
        self._watch.look(view)

    async def close(self) -> None:
        self.closed = True
        await self._watch.close()
