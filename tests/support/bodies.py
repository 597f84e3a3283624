"""Bodies and sinks over bytes in memory."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator

from awscrt import checksums

from core.model.objects import Digests

PIECE_BYTES = 1 << 20


def some_bytes(size_bytes: int, seed: int = 0) -> bytes:
    """The same bytes for the same seed, and no two pieces of them alike."""
    return random.Random(seed).randbytes(size_bytes)


def digests_of(data: bytes, *, md5: bool = True) -> Digests:
    text = hashlib.md5(data, usedforsecurity=False).hexdigest() if md5 else ""
    return Digests(len(data), checksums.crc64nvme(data), text)


class BytesBody:
    """A base.Body over bytes. `runs` counts how often it was read to be sent, `running` the runs that are not ended."""

    def __init__(self, data: bytes, *, piece_bytes: int = PIECE_BYTES) -> None:
        self.data = data
        self.size_bytes = len(data)
        self.runs = 0
        self.running = 0
        self._piece_bytes = piece_bytes
        self._given = Digests(0)

    async def digest(self, *, md5: bool) -> Digests:
        return digests_of(self.data, md5=md5)

    async def pieces(self, *, md5: bool) -> AsyncIterator[bytes | memoryview]:
        self.runs += 1
        self.running += 1
        end = 0
        try:
            for at in range(0, len(self.data), self._piece_bytes):
                end = min(at + self._piece_bytes, len(self.data))
                yield self.data[at:end]
        finally:
            self.running -= 1
            self._given = digests_of(self.data[:end], md5=md5)

    def sent(self) -> Digests:
        return self._given


class LiarBody(BytesBody):
    """Says it gave out other bytes than it did: as a broken memory or a proxy that rewrites would make it."""

    def sent(self) -> Digests:
        return digests_of(self.data[:-1] + b"?")

    async def digest(self, *, md5: bool) -> Digests:
        return self.sent()


class BytesSink:
    """A base.Sink that keeps everything."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, data: bytes | memoryview) -> None:
        self.data += data


class BrokenSink:
    """A base.Sink that fails after so many bytes."""

    def __init__(self, after_bytes: int, error: Exception) -> None:
        self.left_bytes = after_bytes
        self.error = error

    async def write(self, data: bytes | memoryview) -> None:
        self.left_bytes -= len(data)
        if self.left_bytes < 0:
            raise self.error
