"""Reading a range of an object: of one state of its file, whatever happens to the file meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiofiles
from aiofiles.threadpool.binary import AsyncFileIO

from core.stores import refusals, rules
from core.stores.base import Fetched, Sink
from core.stores.local import objects
from core.stores.local.disk import O_BINARY, O_NOFOLLOW, O_NONBLOCK, fingerprint_of, on_disk, told_plainly
from core.stores.local.objects import Found
from core.stores.local.places import BucketPlace

PIECE_BYTES = 1 << 20


async def fetch(
    place: BucketPlace, key: str, sink: Sink, *, start: int, size_bytes: int, if_match: str = ""
) -> Fetched:
    """Feed a range to the sink. Raises `no-key`, `changed` (also when somebody writes into the file meanwhile)."""
    if key.endswith("/"):
        return _answer(key, await on_disk(key, objects.find, place, key), start, size_bytes, if_match)
    async with _opened(place, key) as file:
        found = await on_disk(key, _state, place, key, file.fileno())
        answer = _answer(key, found, start, size_bytes, if_match)
        await _feed(key, file, sink, start, size_bytes)
        if fingerprint_of(os.fstat(file.fileno())) != found.state:
            raise refusals.changed(key)
    return answer


@asynccontextmanager
async def _opened(place: BucketPlace, key: str) -> AsyncIterator[AsyncFileIO]:
    path = await on_disk(key, place.path, key)
    with told_plainly(key):
        try:
            file = await aiofiles.open(path, "rb", buffering=0, opener=_open_unfollowed)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise refusals.no_key(key) from None
        except OSError:
            if path.is_file() and not path.is_symlink():
                raise
            raise refusals.no_key(key) from None  # a link or a socket
    try:
        yield file
    finally:
        await file.close()


def _open_unfollowed(path: str, flags: int) -> int:
    return os.open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_BINARY)


def _state(place: BucketPlace, key: str, fd: int) -> Found:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise refusals.no_key(key)
    return objects.describe(place, key, status)


def _answer(key: str, found: Found, start: int, size_bytes: int, if_match: str) -> Fetched:
    if if_match not in ("", found.facts.etag):
        raise refusals.changed(key)
    rules.check_range(key, start, size_bytes, found.state.size_bytes)
    return Fetched(found.facts.etag, found.state.size_bytes)


async def _feed(key: str, file: AsyncFileIO, sink: Sink, start: int, size_bytes: int) -> None:
    """One buffer serves for all pieces: a sink is done with a piece when it returns."""
    buffer = memoryview(bytearray(min(size_bytes, PIECE_BYTES)))
    left_bytes = size_bytes
    with told_plainly(key):
        await file.seek(start)
    while left_bytes:
        with told_plainly(key):
            count = await file.readinto(buffer[: min(left_bytes, len(buffer))])
        if not count:
            raise refusals.changed(key)  # the file became shorter
        await sink.write(buffer[:count])
        left_bytes -= count
