"""The mover process (`python -m core.transfer.mover_main`): orders come in by stdin, progress goes out by stdout.

It ends when its stdin does, so it never outlives its engine. It holds no Qt, no AWS SDK and no database.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys

from core.model.errors import CoreError, describe
from core.stores.base import Access
from core.transfer.carry import Porter
from core.transfer.mover import POOL_BYTES, Carriers
from core.transfer.pipe import MAX_LINE_BYTES, Cancel, Ended, Know, Progress, SetPace, Start, line, to_mover

_TICK_S = 0.1
log = logging.getLogger("sluice.mover")


class MoverProcess:
    """The child's side: one task for each order, one ticker for progress."""

    def __init__(self, reader: asyncio.StreamReader, out: int) -> None:
        self._reader = reader
        self._out = out
        self._porter = Porter(POOL_BYTES)
        self._carriers = Carriers()
        self._known: dict[int, Access] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._moved: dict[int, int] = {}

    async def serve(self) -> None:
        ticker = asyncio.ensure_future(self._tick())
        try:
            while text := await self._reader.readline():
                self._take(to_mover.decode(text))
        finally:
            ticker.cancel()
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(ticker, *self._tasks.values(), return_exceptions=True)
            await self._carriers.close()

    def _take(self, message: Know | Start | Cancel | SetPace) -> None:
        match message:
            case Know(number, access):
                self._known[number] = access
            case Start():
                self._tasks[message.number] = asyncio.ensure_future(self._run(message))
            case Cancel(number):
                if number in self._tasks:
                    self._tasks[number].cancel()
            case SetPace(key, bps):
                self._porter.paces.set(key, bps)

    async def _run(self, start: Start) -> None:
        number = start.number

        def on_bytes(size_bytes: int) -> None:
            self._moved[number] = self._moved.get(number, 0) + size_bytes

        try:
            access = self._known.get(start.access)
            store = self._carriers.of(access) if access is not None else None
            outcome = await self._porter.carry(start.order, store, on_bytes)
            ended = Ended(number, outcome=outcome)
        except asyncio.CancelledError:
            ended = Ended(number)
        except CoreError as error:
            ended = Ended(number, error=error.record())
        except Exception as error:
            log.exception("order %s", start.order)
            ended = Ended(number, error=describe(error))
        self._tell_progress()
        self._tasks.pop(number, None)
        self._write(line(ended))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._tell_progress()

    def _tell_progress(self) -> None:
        if self._moved:
            moved, self._moved = self._moved, {}
            self._write(line(Progress(moved)))

    def _write(self, data: bytes) -> None:
        # Lines are short and the engine reads all the time; a blocking write keeps them whole and in order.
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._out, view) :]
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)  # the engine is gone, and with it everyone who could want more from us


async def _main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await MoverProcess(reader, sys.stdout.fileno()).serve()


def main() -> None:
    """Entry point of the child."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s mover %(levelname)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's to handle
    gc.freeze()
    try:
        import uvloop
    except ImportError:
        asyncio.run(_main())
    else:
        uvloop.run(_main())


if __name__ == "__main__":
    main()
