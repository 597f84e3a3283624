"""Serves an engine's clients: greets them, lets requests of one connection run side by side, feeds their watches.

A watch is asked for its next event only when the one before has gone out, so that a client who does not read holds up
nobody and nothing piles up here.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath

import msgspec

import core
from core.client.client import Watch
from core.client.direct import EngineLike, answer
from core.client.framing import frame, read_frame
from core.model.errors import CoreError, ProtocolError
from core.protocol import codec
from core.protocol.commands import StopEngine
from core.protocol.events import Notice

MAX_REQUESTS = 256  # of one connection at a time; more wait in the socket
_HELLO_S = 10.0
_FLUSH_S = 2.0
_BUFFER_BYTES = 1 << 20
_log = logging.getLogger(__name__)


class Server:
    """The door of one engine. `clients` is the number of those connected; `on_change` is told when it changes."""

    def __init__(self, engine: EngineLike, *, token: str = "", on_change: Callable[[], None] = lambda: None) -> None:
        self.token = token
        self._engine = engine
        self._on_change = on_change
        self._listener: asyncio.Server | None = None
        self._connections: dict[Connection, asyncio.Task[None]] = {}

    @property
    def clients(self) -> int:
        return len(self._connections)

    async def listen_unix(self, path: PurePath) -> None:
        """Replaces a socket that a killed engine left; the caller holds the home's lock, so nobody can be using it."""
        with suppress(FileNotFoundError):
            os.unlink(path)
        self._listener = await asyncio.start_unix_server(self._accept, path, limit=_BUFFER_BYTES, backlog=128)
        os.chmod(path, 0o600)

    async def listen_tcp(self) -> int:
        """Listens on loopback; returns the port. Only for those who know the token."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_BUFFER_BYTES, backlog=128)
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    def stop_accepting(self) -> None:
        if self._listener is not None:
            self._listener.close()

    async def tell_stopping(self) -> None:
        """The last event of every watch."""
        sentence = "The engine is stopping; transfers are kept and go on when it is started again."
        await asyncio.gather(*(connection.end_watches(sentence) for connection in list(self._connections)))

    async def close(self) -> None:
        """Let answers that are under way go out, then hang up."""
        connections = dict(self._connections)
        await asyncio.gather(*(connection.finish() for connection in connections))
        for task in connections.values():
            task.cancel()
        await asyncio.gather(*connections.values(), return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self._engine, reader, writer, self.token)
        task = asyncio.current_task()
        assert task is not None
        self._connections[connection] = task
        self._on_change()
        try:
            await connection.serve()
        except asyncio.CancelledError:
            pass  # the server closes; asyncio's stream server would report it as an error
        except CoreError as error:
            _log.info("a client was turned away: %s (%s)", error.sentence, error.detail)
        except OSError as error:
            _log.debug("a client is gone: %s", error)
        except Exception:
            _log.exception("a connection failed")
        finally:
            del self._connections[connection]
            self._on_change()
            writer.transport.abort()  # whatever should still go out has been waited for


class Connection:
    """One client."""

    def __init__(
        self, engine: EngineLike, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._writer = writer
        self._token = token
        self._requests: set[asyncio.Task[None]] = set()
        self._watches: dict[int, _Feed] = {}

    async def serve(self) -> None:
        """Returns when the client hangs up. Raises CoreError for one that does not speak our language."""
        try:
            if await self._greet():
                while (payload := await read_frame(self._reader)) is not None:
                    await self._take(payload)
        finally:
            tasks = [*self._requests, *(feed.task for feed in self._watches.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(
                *tasks, *(feed.watch.close() for feed in self._watches.values()), return_exceptions=True
            )

    async def end_watches(self, sentence: str) -> None:
        for number, feed in list(self._watches.items()):
            feed.task.cancel()
            await feed.watch.close()
            farewell = Notice(seq=feed.seq + 1, kind="engine-stopping", sentence=sentence)
            self._writer.write(frame(codec.encode(codec.Told(number, farewell))))

    async def finish(self) -> None:
        """Wait, not for ever, until what was asked has been answered and read."""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_FLUSH_S):
                await asyncio.gather(*self._requests, return_exceptions=True)
                self._writer.close()
                await self._writer.wait_closed()

    async def _greet(self) -> bool:
        """True when the client may stay."""
        self._writer.write(frame(codec.encode(codec.Welcome(codec.PROTOCOL, core.__version__, os.getpid()))))
        async with asyncio.timeout(_HELLO_S):
            payload = await read_frame(self._reader)
        if payload is None:
            return False
        hello = codec.decode_to_engine(payload)
        if not isinstance(hello, codec.Hello) or not hmac.compare_digest(hello.token.encode(), self._token.encode()):
            raise ProtocolError("not-allowed", "A client came without the right token.")
        if hello.protocol != codec.PROTOCOL:
            await self._hear_other_protocol()
            return False
        return True

    async def _hear_other_protocol(self) -> None:
        """The one wish of another protocol that is granted: to make room for its own engine."""
        payload = await read_frame(self._reader)
        if payload is not None:
            wish = codec.decode_to_engine(payload)
            if isinstance(wish, codec.Request) and isinstance(wish.command, StopEngine):
                _log.info("a client with another protocol asks the engine to stop")
                await self._reply(wish)
                await self._reader.read()  # it waits for us to hang up

    async def _take(self, payload: bytes) -> None:
        try:
            message = codec.decode_to_engine(payload)
        except ProtocolError as error:
            await self._refuse(payload, error)
            return
        match message:
            case codec.Request():
                await self._begin(message)
            case codec.StartWatch(watch=number, view=view):
                self._watches[number] = _Feed(number, self._engine.watch(view), self._writer)
            case codec.ChangeView(watch=number, view=view) if number in self._watches:
                self._watches[number].watch.look(view)
            case codec.StopWatch(watch=number) if number in self._watches:
                feed = self._watches.pop(number)
                feed.task.cancel()
                await feed.watch.close()

    async def _begin(self, request: codec.Request) -> None:
        if len(self._requests) >= MAX_REQUESTS:
            await asyncio.wait(self._requests, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._reply(request))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _reply(self, request: codec.Request) -> None:
        reply = await answer(self._engine, request)
        try:
            payload = frame(codec.encode(reply))
        except ProtocolError as error:
            payload = frame(codec.encode(codec.Reply(reply.number, error=error.record())))
        with suppress(OSError):  # the client is gone, and with it the wish to know
            self._writer.write(payload)
            await self._writer.drain()

    async def _refuse(self, payload: bytes, error: ProtocolError) -> None:
        """Answer a request that makes no sense, where at least its number can be read; hang up where not."""
        try:
            number = msgspec.json.decode(payload, type=_Numbered).number
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise error from None
        self._writer.write(frame(codec.encode(codec.Reply(number, error=error.record()))))
        await self._writer.drain()


class _Numbered(msgspec.Struct):
    number: int


class _Feed:
    """Carries the events of one watch to the client, one after the other."""

    def __init__(self, number: int, watch: Watch, writer: asyncio.StreamWriter) -> None:
        self.watch = watch
        self.seq = 0  # of the event that went out last
        self._number = number
        self._writer = writer
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            async for event in self.watch:
                self._writer.write(frame(codec.encode(codec.Told(self._number, event))))
                self.seq = event.seq
                await self._writer.drain()
        except OSError:
            pass  # the connection notices by itself
        except Exception:
            _log.exception("a watch failed")
            self._writer.transport.abort()  # rather a lost connection than a silent window
