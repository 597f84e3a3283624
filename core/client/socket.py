"""The client of an engine in another process: a Unix socket, or loopback TCP and a token where there is none.

Runs on any asyncio loop, the window's qasync one included. Replies find their callers by number; events go to their
watch. A watch that nobody reads costs a bounded amount of memory: what piles up is dropped and asked for again as one
snapshot.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import struct
import sys
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import core
from core.client.client import Event
from core.client.framing import frame, read_frame
from core.model.errors import CoreError, NetworkError, ProtocolError, Retry, Scope
from core.protocol import codec
from core.protocol.commands import Command, StopEngine
from core.protocol.events import Notice, Snapshot
from core.protocol.rows import View

R = TypeVar("R")
MAX_WAITING_EVENTS = 64  # of one watch; some seconds of deltas
_HANDSHAKE_S = 10.0
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens. `port` is 0 for a Unix socket."""

    socket: str = ""
    port: int = 0
    token: str = ""

    def __repr__(self) -> str:
        return f"Address({self.socket or self.port})"


class OtherProtocol(ProtocolError):
    """The engine answered, in another version of the protocol than ours."""

    def __init__(self, welcome: codec.Welcome) -> None:
        age = "older" if welcome.protocol < codec.PROTOCOL else "newer"
        super().__init__(
            "other-protocol",
            f"The engine that runs is {age} than this program (version {welcome.version}, not {core.__version__}).",
            scope=Scope.ENGINE,
        )
        self.welcome = welcome


def engine_lost(
    sentence: str = "The engine has ended; what it was doing goes on when it is started again.",
) -> NetworkError:
    return NetworkError("engine-lost", sentence, retry=Retry.ONLINE, scope=Scope.ENGINE)


class SocketClient:
    """A `Client` behind a connection. Make one with `open`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, welcome: codec.Welcome) -> None:
        self.welcome = welcome
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._calls: dict[int, tuple[Command[Any], asyncio.Future[Any]]] = {}
        self._watches: dict[int, SocketWatch] = {}
        self._end: CoreError | None = None  # why nothing more will come
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def open(cls, address: Address) -> SocketClient:
        """Connect and greet. Raises OSError when nobody listens, OtherProtocol, ProtocolError (`not-ours`) when another
        user's process does, NetworkError (`engine-lost`) when the engine goes away meanwhile."""
        reader, writer = await _connected(address)
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                welcome = await _greeted(reader, writer, address.token)
        except TimeoutError:
            writer.transport.abort()
            raise engine_lost("The engine does not answer.") from None
        except BaseException:
            writer.transport.abort()
            raise
        return cls(reader, writer, welcome)

    @property
    def lost(self) -> bool:
        return self._end is not None

    async def call(self, command: Command[R]) -> R:
        self._check_open()
        number = next(self._numbers)
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._calls[number] = (command, future)
        try:
            await self.send(codec.Request(number, command))
            return await future
        finally:
            self._calls.pop(number, None)
            if future.done() and not future.cancelled():
                future.exception()  # seen, even where sending was what failed

    def watch(self, view: View) -> SocketWatch:
        self._check_open()
        number = next(self._numbers)
        watch = self._watches[number] = SocketWatch(self, number, view)
        self.post(codec.StartWatch(number, view))
        return watch

    async def close(self) -> None:
        """Idempotent; calls that wait are told `client-closed`, watches end."""
        self._finish(NetworkError("client-closed", "This connection to the engine has been closed."))
        self._reading.cancel()
        self._writer.close()
        await asyncio.gather(self._reading, self._gone(), return_exceptions=True)

    async def wait_lost(self) -> None:
        """Returns when the engine has closed the connection or died."""
        await asyncio.wait([self._reading])

    def post(self, message: codec.ToEngine) -> None:
        """Send without waiting for the engine to take it; for small messages."""
        if self._end is None:
            self._writer.write(frame(codec.encode(message)))

    async def send(self, message: codec.ToEngine) -> None:
        self.post(message)
        try:
            await self._writer.drain()
        except OSError as error:
            raise engine_lost() from error

    def forget(self, number: int) -> None:
        """The watch with this number has been closed."""
        if self._watches.pop(number, None) is not None:
            self.post(codec.StopWatch(number))

    async def _read(self) -> None:
        reason: CoreError = engine_lost()
        try:
            while (payload := await read_frame(self._reader)) is not None:
                self._take(codec.decode_to_client(payload))
        except NetworkError:
            pass  # how the connection ended makes no difference
        except CoreError as error:
            reason = error
        finally:
            self._finish(reason)
            self._writer.close()

    def _check_open(self) -> None:
        if self._end is not None:
            raise self._end.record().revive()

    def _take(self, message: codec.ToClient) -> None:
        if isinstance(message, codec.Told):
            if watch := self._watches.get(message.watch):
                watch.take(message.event)
        elif isinstance(message, codec.Reply) and message.number in self._calls:
            command, future = self._calls[message.number]
            if not future.done():
                _settle(future, command, message)

    def _finish(self, reason: CoreError) -> None:
        if self._end is not None:
            return
        self._end = reason
        for _, future in self._calls.values():
            if not future.done():
                future.set_exception(reason.record().revive())
        for watch in self._watches.values():
            watch.finish(None if reason.code == "client-closed" else reason)
        self._watches.clear()

    async def _gone(self) -> None:
        try:
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
        except TimeoutError:
            self._writer.transport.abort()


class SocketWatch:
    """A `Watch` behind a connection. Its iteration stops when it is closed and raises when the engine is lost."""

    def __init__(self, client: SocketClient, number: int, view: View) -> None:
        self._client = client
        self._number = number
        self._view = view
        self._fresh = False  # False until the snapshot of the present view has come
        self._events: deque[Event] = deque()
        self._ended = False
        self._reason: CoreError | None = None
        self._news = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._events and not self._ended:
            self._news.clear()
            await self._news.wait()
        if self._events:
            return self._events.popleft()
        if self._reason is not None:
            raise self._reason.record().revive()
        raise StopAsyncIteration

    def look(self, view: View) -> None:
        self._view = view
        self._start_afresh()

    async def close(self) -> None:
        self._events.clear()
        self.finish(None)
        self._client.forget(self._number)

    def take(self, event: Event) -> None:
        """An event has come in. Those of an earlier view are passed over."""
        if isinstance(event, Snapshot):
            told = replace(event.view, count=self._view.count)  # the engine may show fewer rows than it is asked for
            self._fresh = self._fresh or told == self._view
        if not self._fresh and not isinstance(event, Notice):
            return
        self._events.append(event)
        self._news.set()
        if len(self._events) > MAX_WAITING_EVENTS:
            self._start_afresh()

    def finish(self, reason: CoreError | None) -> None:
        """No more events will come."""
        if not self._ended:
            self._ended, self._reason = True, reason
            self._news.set()

    def _start_afresh(self) -> None:
        """Drop what waits, except notices, and ask for a snapshot."""
        notices = [event for event in self._events if isinstance(event, Notice)]
        self._events = deque(notices[-MAX_WAITING_EVENTS // 2 :])
        self._fresh = False
        self._client.post(codec.ChangeView(self._number, self._view))


def _settle(future: asyncio.Future[Any], command: Command[Any], reply: codec.Reply) -> None:
    if reply.error is not None:
        future.set_exception(reply.error.revive())
        return
    try:
        future.set_result(codec.decode_result(command, reply.result))
    except ProtocolError as error:
        future.set_exception(error)


async def _connected(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.port:
        return await asyncio.open_connection("127.0.0.1", address.port, limit=_BUFFER_BYTES)
    reader, writer = await asyncio.open_unix_connection(address.socket, limit=_BUFFER_BYTES)
    try:
        _check_peer(writer.get_extra_info("socket"))
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer


def _check_peer(connection: socket.socket) -> None:
    """On Linux the kernel says whose process listens; elsewhere the owner-only folder of the socket must do."""
    if sys.platform != "linux":
        return
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", raw)
    if user != os.getuid():
        raise ProtocolError("not-ours", "The engine's socket belongs to another user.", scope=Scope.ENGINE)


async def _greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> codec.Welcome:
    try:
        payload = await read_frame(reader)
    except NetworkError:
        payload = None
    if payload is None:
        raise engine_lost()
    welcome = codec.decode_to_client(payload)
    if not isinstance(welcome, codec.Welcome):
        raise ProtocolError("bad-message", "What answers on the engine's socket is no engine.", scope=Scope.ENGINE)
    if welcome.protocol != codec.PROTOCOL:
        raise OtherProtocol(welcome)
    _say_hello(writer, token)
    return welcome


def _say_hello(writer: asyncio.StreamWriter, token: str) -> None:
    writer.write(frame(codec.encode(codec.Hello(codec.PROTOCOL, core.__version__, token))))


async def stop_other_protocol(address: Address, timeout_s: float) -> None:
    """Ask an engine of another version to stop, and wait until it has hung up.

    Welcome, Hello and StopEngine are the same in every protocol for this one purpose. Raises OSError, TimeoutError.
    """
    async with asyncio.timeout(timeout_s):
        reader, writer = await _connected(address)
        try:
            await read_frame(reader)
            _say_hello(writer, address.token)
            writer.write(frame(codec.encode(codec.Request(0, StopEngine()))))
            while await read_frame(reader) is not None:
                pass
        except NetworkError:
            pass  # it has hung up
        finally:
            writer.transport.abort()
