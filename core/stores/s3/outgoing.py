"""A Body on its way out: piece by piece, with its length promised in advance and without copies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from core.model.errors import CoreError, LocalError
from core.stores.base import Body

STALL_S = 120.0  # without the network taking a single slice
_SLICE_BYTES = 128 * 1024


class Outgoing(Payload):
    """Can be sent as often as the body can be read; aiohttp does so once by itself when a kept connection was dead."""

    _autoclose = True

    def __init__(self, body: Body, *, md5: bool) -> None:
        super().__init__(body, content_type="application/octet-stream")
        self._body = body
        self._md5 = md5
        self._size = body.size_bytes
        self.failure: CoreError | None = None  # why the body could not be read to its end
        self.complete = asyncio.Event()  # all of it was handed to the network

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("a body is not text")

    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self.failure = None
        self.complete.clear()
        try:
            await self._write(writer)
        except CoreError as failure:
            self.failure = failure
            raise
        self.complete.set()

    async def _write(self, writer: AbstractStreamWriter) -> None:
        """The last slice waits until the body has ended, so that its digests stand before the server can answer."""
        encrypted = _prepare(writer)
        left = self._size or 0
        last = b""
        pieces = self._body.pieces(md5=self._md5)
        try:
            async with asyncio.timeout(None) as limit:
                async for piece in pieces:
                    left -= len(piece)
                    if left < 0:
                        break
                    view = memoryview(piece)
                    if left == 0:
                        cut = max(0, len(view) - _SLICE_BYTES)
                        last = bytes(view[cut:])
                        view = view[:cut]
                    await _send(writer, view, limit, copy=encrypted)
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()
        if left:
            raise changed_meanwhile()
        async with asyncio.timeout(None) as limit:
            await _send(writer, memoryview(last), limit, copy=False)


async def _send(writer: AbstractStreamWriter, view: memoryview, limit: asyncio.Timeout, *, copy: bool) -> None:
    """Slice by slice, each with a time limit; none in between, where the disk or a speed limit may be what is slow."""
    clock = asyncio.get_running_loop()
    for start in range(0, len(view), _SLICE_BYTES):
        limit.reschedule(clock.time() + STALL_S)
        part = view[start : start + _SLICE_BYTES]
        await writer.write(bytes(part) if copy else part)
        await writer.drain()
    limit.reschedule(None)


def changed_meanwhile() -> LocalError:
    """The bytes that were sent are not the ones that were promised."""
    return LocalError(
        "source-changed", "The file changed while it was being sent; it will be sent again when it is at rest."
    )


def _prepare(writer: Any) -> bool:
    """True where slices must be copied; elsewhere `drain` now waits until the system has taken every byte.

    A piece's buffer is used again right after, while asyncio (from 3.12 on) and uvloop keep a reference to what they
    could not send at once. Over TLS there is no such limit to set (asyncio's would stop for ever at 0), and a copy is
    nothing beside the encryption.
    """
    transport = writer.transport
    if transport is None or transport.get_extra_info("ssl_object") is not None:
        return True
    transport.set_write_buffer_limits(high=0)
    return False
