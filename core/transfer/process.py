"""A mover in a child process, seen from the engine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable

from core.model.errors import NetworkError, Retry
from core.stores.base import Access
from core.transfer.orders import Order, Outcome
from core.transfer.pipe import MAX_LINE_BYTES, Cancel, Ended, Know, Progress, SetPace, Start, ToMover, from_mover, line

log = logging.getLogger("sluice.mover")


def command() -> list[str]:
    """How to start a mover: the same interpreter, or in an installed build the engine's own executable."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--mover"]
    return [sys.executable, "-m", "core.transfer.mover_main"]


def lost_error() -> NetworkError:
    return NetworkError(
        "mover-lost", "A process that moves bytes ended; its parts are sent again.", retry=Retry.BACKOFF
    )


class _Running:
    __slots__ = ("ended", "on_bytes")

    def __init__(self, on_bytes: Callable[[int], None], ended: asyncio.Future[Ended]) -> None:
        self.on_bytes = on_bytes
        self.ended = ended


class ProcessMover:
    """Owns the child. When the child dies every order ends with `mover-lost`, and `alive` is False."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._running: dict[int, _Running] = {}
        self._numbers = 0
        self._known: dict[str, tuple[int, Access]] = {}
        self.alive = True
        self._reader = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls) -> ProcessMover:
        process = await asyncio.create_subprocess_exec(
            *command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MAX_LINE_BYTES,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def load(self) -> int:
        """Orders under way."""
        return len(self._running)

    async def run(self, order: Order, access: Access | None, on_bytes: Callable[[int], None]) -> Outcome:
        if not self.alive:
            raise lost_error()
        self._numbers += 1
        number = self._numbers
        running = _Running(on_bytes, asyncio.get_running_loop().create_future())
        self._running[number] = running
        try:
            self._send(Start(number, order, self._introduce(access)))
            ended = await running.ended
        except asyncio.CancelledError:
            await self._cancel(number, running)
            raise
        finally:
            self._running.pop(number, None)
        if ended.error is not None:
            raise ended.error.revive()
        if ended.outcome is None:  # it cancelled itself: it is going down
            raise lost_error()
        return ended.outcome

    def set_pace(self, key: str, bps: int) -> None:
        self._send(SetPace(key, bps))

    async def close(self) -> None:
        """End the child: closing its stdin is the signal; one that does not listen is killed."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _cancel(self, number: int, running: _Running) -> None:
        """Tell the child to stop, and wait until it has: only then is the part's file and connection at rest."""
        self._send(Cancel(number))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(running.ended), 5)

    def _introduce(self, access: Access | None) -> int:
        if access is None:
            return 0
        known = self._known.get(access.account.name)
        if known is not None and known[1] == access:
            return known[0]
        self._numbers += 1
        self._known[access.account.name] = (self._numbers, access)
        self._send(Know(self._numbers, access))
        return self._numbers

    def _send(self, message: ToMover) -> None:
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing():
            with contextlib.suppress(OSError, RuntimeError):
                stdin.write(line(message))

    async def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while text := await self._process.stdout.readline():
                self._take(from_mover.decode(text))
        except Exception:
            log.exception("mover %s speaks nonsense", self.pid)
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        finally:
            self.alive = False
            for running in self._running.values():
                if not running.ended.done():
                    running.ended.set_result(Ended(0, error=lost_error().record()))

    def _take(self, message: Progress | Ended) -> None:
        if isinstance(message, Progress):
            for number, size_bytes in message.bytes.items():
                if number in self._running:
                    self._running[number].on_bytes(size_bytes)
        elif (running := self._running.get(message.number)) is not None and not running.ended.done():
            running.ended.set_result(message)
