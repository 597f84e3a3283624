"""The engine's own process: one per home, started by whoever needs it, ended when nobody does.

Start: take the home's lock, open the log, start the engine, listen, write down where. A second agent that finds the
lock taken says who holds it and ends with 0.

Stop (a client's StopEngine, SIGTERM, SIGINT, or nobody connected and nothing to do for a while), always in this order:

1. stop accepting clients, take the address away,
2. send each watch its last event (`engine-stopping`),
3. stop the engine: running work pauses, the state is flushed and closed,
4. let answers that are under way go out, hang up,
5. remove the socket,
6. release the lock.

A kill at any point is no disaster: the system releases the lock, the next agent replaces the socket, and the state on
disk is the engine's business.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Protocol

import msgspec

import core
from core.client.direct import EngineLike
from core.host.endpoint import Whereabouts, read_whereabouts
from core.host.lock import InstanceLock
from core.host.places import find_places
from core.host.server import Server
from core.model.errors import CoreError
from core.model.places import Places

IDLE_S = 120.0
_LOCK_WAIT_S = 0.3  # for one that is just letting go
_STOP_S = 45.0
_LOG_BYTES = 2 << 20
_LOG_FILES = 4
_HAS_UNIX_SOCKETS = hasattr(socket, "AF_UNIX") and sys.platform != "win32"
_log = logging.getLogger("sluice.agent")


class HostedEngine(EngineLike, Protocol):
    """What an agent needs of an engine beside what its clients do."""

    @property
    def stopping(self) -> asyncio.Event:
        """Set when a client has asked to stop."""

    @property
    def busy(self) -> bool:
        """True while there is work that goes on by itself."""

    async def stop(self) -> None: ...


StartEngine = Callable[[Places], Awaitable[HostedEngine]]


def main(argv: Sequence[str] | None = None, start_engine: StartEngine | None = None) -> int:
    """Run an agent until it is stopped, or a mover for one.

    0 after an orderly stop or when another one runs, 1 when it cannot start.
    """
    wishes = _parser().parse_args(argv)
    if wishes.mover:
        from core.transfer.mover_main import main as move_bytes

        move_bytes()
        return 0
    try:
        places = find_places()
        lock = InstanceLock(places.lock)
        if not lock.acquire(_LOCK_WAIT_S):
            _say(_who_runs(places))
            return 0
    except CoreError as error:
        _say(error.sentence)
        return 1
    except OSError as error:
        _say(f"The engine's lock cannot be taken: {error}.")
        return 1
    try:
        with _logging(places, to_stderr=sys.stderr is not None and sys.stderr.isatty()):
            return _run(places, wishes, start_engine or _start_engine)
    finally:
        lock.release()


def _run(places: Places, wishes: argparse.Namespace, start_engine: StartEngine) -> int:
    agent = Agent(places, idle_s=0.0 if wishes.keep else wishes.idle_s, tcp=wishes.tcp)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(agent.run(start_engine))
    except CoreError as error:
        _log.error("%s %s", error.sentence, error.detail)
        _say(error.sentence)
        return 1
    except Exception as error:
        _log.exception("the engine cannot go on")
        _say(f"The engine failed ({type(error).__name__}: {error}); {places.engine_log} has the details.")
        return 1
    return 0


class Agent:
    """One engine, its door, and the reasons to stop."""

    def __init__(self, places: Places, *, idle_s: float, tcp: bool) -> None:
        self._places = places
        self._idle_s = idle_s
        self._tcp = tcp or not _HAS_UNIX_SOCKETS
        self._stopped_by = asyncio.Event()
        self._last_client_s = time.monotonic()

    async def run(self, start_engine: StartEngine) -> None:
        """Serve until there is a reason to stop. Raises what starting the engine raises."""
        begun_s = time.monotonic()
        with _signals(self._stopped_by.set):
            engine = await start_engine(self._places)
            server = Server(engine, token=_new_token() if self._tcp else "", on_change=self._count_idle_from_now)
            try:
                await self._listen(server)
                _log.info(
                    "version %s serves %s after %.3f s", core.__version__, self._places.home, time.monotonic() - begun_s
                )
                await self._until_reason(engine, server)
            finally:
                await self._stop(engine, server)

    async def _listen(self, server: Server) -> None:
        about = Whereabouts(pid=os.getpid(), version=core.__version__, host=socket.gethostname())
        if self._tcp:
            about = msgspec.structs.replace(about, port=await server.listen_tcp(), token=server.token)
        else:
            await server.listen_unix(self._places.socket)
            about = msgspec.structs.replace(about, socket=str(self._places.socket))
        _write_private(Path(self._places.address), msgspec.json.encode(about))

    async def _until_reason(self, engine: HostedEngine, server: Server) -> None:
        reasons = {
            asyncio.create_task(self._stopped_by.wait(), name="a signal"),
            asyncio.create_task(engine.stopping.wait(), name="a client"),
            asyncio.create_task(self._idle(engine, server), name="idleness"),
        }
        done, _ = await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
        _log.info("stopping because of %s", next(iter(done)).get_name())
        for task in reasons:
            task.cancel()
        await asyncio.gather(*reasons, return_exceptions=True)

    async def _idle(self, engine: HostedEngine, server: Server) -> None:
        """Returns when there was no client and nothing to do for `idle_s`; never when that is 0."""
        while True:
            await asyncio.sleep(min(self._idle_s / 4, 5.0) if self._idle_s else 3600)
            if server.clients or engine.busy:
                self._count_idle_from_now()
            elif self._idle_s and time.monotonic() - self._last_client_s >= self._idle_s:
                return

    def _count_idle_from_now(self) -> None:
        self._last_client_s = time.monotonic()

    async def _stop(self, engine: HostedEngine, server: Server) -> None:
        """The order is that of the module's docstring; a step that fails must not keep the next from happening."""
        server.stop_accepting()
        _remove(self._places.address)
        await _step("telling the watchers", server.tell_stopping())
        await _step("stopping the engine", engine.stop())
        await _step("hanging up", server.close())
        _remove(self._places.socket)
        _log.info("stopped")


async def _step(what: str, work: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(_STOP_S):
            await work
    except TimeoutError:
        _log.error("%s took more than %d s; going on", what, _STOP_S)
    except Exception:
        _log.exception("%s failed; going on", what)


async def _start_engine(places: Places) -> HostedEngine:
    from core.engine.engine import Engine

    return await Engine.start(places)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("sluice agent", description="Run the engine in the foreground.")
    parser.add_argument("--keep", action="store_true", help="stay without clients and work")
    parser.add_argument("--idle-s", type=float, default=IDLE_S, metavar="S", help="end after so many idle seconds")
    parser.add_argument("--mover", action="store_true", help=argparse.SUPPRESS)  # installed builds have no interpreter
    parser.add_argument("--tcp", action="store_true", help="listen on loopback TCP, as on systems without Unix sockets")
    return parser


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT ask for an orderly stop; a second one while stopping changes nothing."""
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGTERM, signal.SIGINT)
    if sys.platform == "win32":
        for one in wanted:
            signal.signal(one, lambda *_: loop.call_soon_threadsafe(stop))
        yield
        return
    for one in wanted:
        loop.add_signal_handler(one, stop)
    try:
        yield
    finally:
        for one in wanted:
            loop.remove_signal_handler(one)


@contextlib.contextmanager
def _logging(places: Places, *, to_stderr: bool) -> Iterator[None]:
    """A log of a few files of 2 MiB. Commands are never written to it, so that secrets cannot be."""
    from logging.handlers import RotatingFileHandler

    handlers: list[logging.Handler] = [
        RotatingFileHandler(places.engine_log, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
    ]
    os.chmod(places.engine_log, 0o600)
    if to_stderr:
        handlers.append(logging.StreamHandler())
    root = logging.getLogger()
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
    root.setLevel(logging.INFO)
    # botocore writes requests, with their signatures, at DEBUG only; it must not be talked into it
    logging.getLogger("botocore").setLevel(logging.WARNING)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


def _write_private(path: Path, text: bytes) -> None:
    """Whole or not at all, and readable for nobody else from the start."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    part.replace(path)


def _remove(path: PurePath) -> None:
    Path(path).unlink(missing_ok=True)


def _new_token() -> str:
    import secrets

    return secrets.token_urlsafe(32)


def _who_runs(places: Places) -> str:
    about = read_whereabouts(places)
    if about is None:
        return f"Another engine is starting or stopping for {places.home}."
    return f"The engine for {places.home} runs already: process {about.pid} on {about.host}, version {about.version}."


def _say(sentence: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"sluice: {sentence}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
