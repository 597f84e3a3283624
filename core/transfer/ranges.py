"""Ranges of local files as what stores send and fill: bodies and sinks, digested in the same thread hop as the disk."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from core.model.objects import Digests
from core.model.transfer import Fingerprint
from core.stores.checksum import RunningDigest
from core.transfer.files import changed_error, fingerprint_of, local_error
from core.transfer.gate import Gate
from core.transfer.pace import PIECE_BYTES, OrderPace
from core.transfer.threads import in_thread

_NO_PACE = OrderPace()


class FileBody:
    """A range of an open file as a `Body`: read piece by piece at its offset, digested in the same thread hop.

    Memory is one piece, taken from the pool of buffer bytes. Pieces are fresh `bytes`, since the event loop's
    transports may keep a piece after the next one was asked for.
    """

    def __init__(
        self,
        fd: int,
        offset: int,
        size_bytes: int,
        *,
        pool: Gate,
        pace: OrderPace = _NO_PACE,
        on_bytes: Callable[[int], None] = lambda _: None,
        path: str = "",
        stamp: Fingerprint | None = None,  # what the file must stay like, looked at after every piece
    ) -> None:
        self.size_bytes = size_bytes
        self._fd = fd
        self._offset = offset
        self._pool = pool
        self._pace = pace
        self._on_bytes = on_bytes
        self._path = path
        self._stamp = stamp
        self._digest = RunningDigest(md5=False)
        self._flown = 0

    async def digest(self, *, md5: bool) -> Digests:
        running = RunningDigest(md5=md5)
        async with aclosing(self._read(running, _NO_PACE)) as pieces:
            async for _ in pieces:
                pass
        return running.digests()

    async def pieces(self, *, md5: bool) -> AsyncGenerator[bytes | memoryview]:
        self._on_bytes(-self._flown)  # a second attempt takes the first one back
        self._flown = 0
        self._digest = RunningDigest(md5=md5)
        async with aclosing(self._read(self._digest, self._pace)) as pieces:
            async for piece in pieces:
                await self._pace.take(len(piece))
                yield piece
                self._flown += len(piece)
                self._on_bytes(len(piece))

    def sent(self) -> Digests:
        return self._digest.digests()

    async def _read(self, running: RunningDigest, pace: OrderPace) -> AsyncGenerator[bytes]:
        done = 0
        while done < self.size_bytes:
            wanted = min(pace.piece_bytes, self.size_bytes - done)
            async with self._pool.passing(wanted):
                piece = await _pread(self._fd, wanted, self._offset + done, running, self._path, self._stamp)
                yield piece
            done += len(piece)


@in_thread
def _pread(
    fd: int, size_bytes: int, offset: int, running: RunningDigest, path: str, stamp: Fingerprint | None
) -> bytes:
    """Read and digest. Raises `source-changed` before the piece can be sent, so that no mixture is ever complete."""
    try:
        piece = os.pread(fd, size_bytes, offset)
        changed = stamp is not None and fingerprint_of(os.fstat(fd)) != stamp
    except OSError as error:
        raise local_error(error, path) from error
    if changed or not piece:  # no piece: the file ends before the range does
        raise changed_error(path)
    running.update(piece)
    return piece


class RangeSink:
    """Takes a range as it arrives and writes it to its place in a file, in pieces of up to 1 MiB."""

    def __init__(
        self,
        fd: int | None,
        offset: int,
        *,
        md5: bool,
        pool: Gate,
        pace: OrderPace = _NO_PACE,
        on_bytes: Callable[[int], None] = lambda _: None,
        path: str = "",
    ) -> None:
        self._fd = fd  # None: only digest
        self._offset = offset
        self._pool = pool
        self._pace = pace
        self._on_bytes = on_bytes
        self._path = path
        self._digest = RunningDigest(md5=md5)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    async def write(self, data: bytes | memoryview) -> None:
        view, at = memoryview(data), 0
        while at < len(view):  # under a slow limit little by little, so that progress can be seen
            piece = bytes(view[at : at + self._pace.piece_bytes])
            await self._pace.take(len(piece))
            self._on_bytes(len(piece))
            self._waiting.append(piece)
            at += len(piece)
        self._waiting_bytes += len(view)
        if self._waiting_bytes >= PIECE_BYTES // 4:
            await self.flush()

    async def flush(self) -> None:
        """Write out what waits; call it once at the end."""
        if not self._waiting:
            return
        pieces, size = self._waiting, self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0
        async with self._pool.passing(size):
            await _pwrite_digested(self._fd, pieces, self._offset, self._digest, self._path)
        self._offset += size

    def digests(self) -> Digests:
        return self._digest.digests()


@in_thread
def _pwrite_digested(fd: int | None, pieces: list[bytes], offset: int, running: RunningDigest, path: str) -> None:
    for piece in pieces:
        running.update(piece)
        view = memoryview(piece)
        while fd is not None and view:
            try:
                written = os.pwrite(fd, view, offset)
            except OSError as error:
                raise local_error(error, path) from error
            offset += written
            view = view[written:]
