"""Bodies and sinks for the store's tests, as strict as the interface allows."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from awscrt.checksums import crc64nvme

from core.model.objects import Digests


class BytesBody:
    """Gives out one buffer again and again and spoils it in between, as the interface allows."""

    def __init__(self, data: bytes, piece_bytes: int = 1 << 20) -> None:
        self.data = data
        self.size_bytes = len(data)
        self.runs = 0
        self._piece_bytes = piece_bytes
        self._sent: Digests | None = None

    async def digest(self, *, md5: bool) -> Digests:
        return digests_of(self.data, md5=md5)

    async def pieces(self, *, md5: bool) -> AsyncIterator[bytes | memoryview]:
        self.runs += 1
        self._sent = None
        buffer = bytearray(self._piece_bytes)
        for start in range(0, len(self.data), self._piece_bytes):
            piece = self.data[start : start + self._piece_bytes]
            buffer[: len(piece)] = piece
            yield memoryview(buffer)[: len(piece)]
            buffer[:] = b"\xff" * len(buffer)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        self._sent = digests_of(self.data, md5=md5)

    def sent(self) -> Digests:
        assert self._sent is not None, "the body was not read to its end"
        return self._sent


class BytesSink:
    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, data: bytes | memoryview) -> None:
        self.data += data


def digests_of(data: bytes, *, md5: bool = True) -> Digests:
    return Digests(len(data), crc64nvme(data), hashlib.md5(data).hexdigest() if md5 else "")
