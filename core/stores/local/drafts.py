"""A file that is being written in the hidden folder, with its digests, until it takes its place or is thrown away."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core.model.transfer import Fingerprint
from core.stores.base import Body
from core.stores.checksum import RunningDigest
from core.stores.local.disk import O_BINARY, O_NOFOLLOW, fingerprint_of, in_thread, on_disk, sync_file
from core.stores.local.places import discard
from core.stores.rules import check_arrival, pieces_of

COPY_BYTES = 64 << 20  # at most, in one go: cancelling waits for it
PIECE_BYTES = 1 << 20
_NO_KERNEL_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF}


class Draft:
    """Its methods block: they run in threads, one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digest = RunningDigest()
        self._fd = -1

    def open(self) -> None:
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | O_NOFOLLOW | O_BINARY, 0o666)

    def write(self, data: bytes | memoryview) -> None:
        """Append and digest in one go, while the bytes are in the processor's cache."""
        self.write_plain(data)
        self.digest.update(data)

    def write_plain(self, data: bytes | memoryview) -> None:
        """Append without digesting."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def copy(self, source_fd: int, offset: int, size_bytes: int) -> int:
        """Append a range of another file, up to COPY_BYTES of it, in the kernel where that is possible. Returns how
        many bytes; 0 means that the source ended."""
        wanted = min(size_bytes, COPY_BYTES)
        if hasattr(os, "copy_file_range"):
            try:
                return os.copy_file_range(source_fd, self._fd, wanted, offset_src=offset)
            except OSError as error:
                if error.errno not in _NO_KERNEL_COPY:
                    raise
        piece = read_at(source_fd, min(wanted, PIECE_BYTES), offset)
        self.write_plain(piece)
        return len(piece)

    def settle(self) -> Fingerprint:
        """Everything on the disk, and the file's final state, which moving it does not change."""
        sync_file(self._fd)
        state = fingerprint_of(os.fstat(self._fd))
        self._shut()
        return state

    def drop(self) -> None:
        """Close it, and remove it if it was not moved to its place."""
        self._shut()
        discard(self.path)

    def _shut(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


@asynccontextmanager
async def drafting(path: Path, where: str) -> AsyncIterator[Draft]:
    """A draft that is gone afterwards, unless it was moved."""
    draft = Draft(path)
    try:
        await on_disk(where, draft.open)
        yield draft
    finally:
        await in_thread(draft.drop)


class DraftSink:
    """A draft as a base.Sink."""

    def __init__(self, draft: Draft, key: str) -> None:
        self._draft = draft
        self._key = key

    async def write(self, data: bytes | memoryview) -> None:
        await on_disk(self._key, self._draft.write, data)


async def receive(draft: Draft, key: str, body: Body, *, md5: bool) -> None:
    """Write a body. Raises IntegrityError `bad-digest` when what was written is not what the body gave out."""
    async with pieces_of(body, md5=md5) as pieces:
        async for piece in pieces:
            await on_disk(key, draft.write, piece)
    check_arrival(key, draft.digest.digests(), body)


def read_at(fd: int, size_bytes: int, offset: int) -> bytes:
    """Up to so many bytes at an offset; fewer only at the end of the file."""
    if hasattr(os, "pread"):
        return os.pread(fd, size_bytes, offset)
    os.lseek(fd, offset, os.SEEK_SET)  # Windows; the descriptor is this call's own
    return os.read(fd, size_bytes)
