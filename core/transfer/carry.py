"""Carries out one order with a store: the code that runs wherever the mover is."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from core.model.errors import IntegrityError, LocalError, Retry
from core.model.objects import Digests
from core.stores.base import ByteStore
from core.transfer.files import changed_error, fingerprint_of, local_error, open_source
from core.transfer.gate import Gate
from core.transfer.orders import DigestRange, FetchRange, Order, Outcome, ReadBack, SendObject, SendPart
from core.transfer.pace import Paces
from core.transfer.ranges import FileBody, RangeSink

OnBytes = Callable[[int], None]


class Porter:
    """Knows the limits of this process: its pool of buffer bytes and its rates."""

    def __init__(self, pool_bytes: int) -> None:
        self.pool = Gate(pool_bytes)
        self.paces = Paces()

    async def carry(self, order: Order, store: ByteStore | None, on_bytes: OnBytes) -> Outcome:
        """Carry out an order. Raises the CoreError that ended it."""
        if isinstance(order, DigestRange):
            return await self._digest(order)
        assert store is not None, "every other order needs a store"
        match order:
            case SendObject():
                return await self._send_object(order, store, on_bytes)
            case SendPart():
                return await self._send_part(order, store, on_bytes)
            case FetchRange():
                return await self._fetch(order, store, on_bytes)
            case ReadBack():
                return await self._read_back(order, store, on_bytes)

    async def _send_object(self, order: SendObject, store: ByteStore, on_bytes: OnBytes) -> Outcome:
        async with self._body(order, 0, on_bytes) as body:
            stored = await store.put_object(
                order.bucket,
                order.key,
                body,
                content_type=order.content_type,
                if_none_match=order.if_none_match,
                content_md5=order.content_md5,
            )
        return Outcome(digests=stored.digests, etag=stored.etag, proof=stored.proof)

    async def _send_part(self, order: SendPart, store: ByteStore, on_bytes: OnBytes) -> Outcome:
        async with self._body(order, order.offset, on_bytes) as body:
            stored = await store.put_part(
                order.bucket,
                order.key,
                order.upload_id,
                order.number,
                body,
                checksums=order.checksums,
                content_md5=order.content_md5,
            )
        return Outcome(digests=stored.digests, etag=stored.etag, proof=stored.proof)

    @asynccontextmanager
    async def _body(self, order: SendObject | SendPart, offset: int, on_bytes: OnBytes) -> AsyncIterator[FileBody]:
        """The order's bytes, with proof that the file stayed as it was from before the first to after the last."""
        fd, before = open_source(order.path)
        try:
            if before.text != order.stamp:
                raise changed_error(order.path)
            pace = self.paces.of(order.paces)
            yield FileBody(
                fd,
                offset,
                order.size_bytes,
                pool=self.pool,
                pace=pace,
                on_bytes=on_bytes,
                path=order.path,
                stamp=before,
            )
            if fingerprint_of(os.fstat(fd)) != before:
                raise changed_error(order.path)
        finally:
            os.close(fd)

    async def _fetch(self, order: FetchRange, store: ByteStore, on_bytes: OnBytes) -> Outcome:
        try:
            fd = os.open(order.path, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise local_error(error, order.path) from error
        try:
            return await self._receive(order, fd, order.md5, store, on_bytes)
        finally:
            os.close(fd)

    async def _read_back(self, order: ReadBack, store: ByteStore, on_bytes: OnBytes) -> Outcome:
        return await self._receive(order, None, False, store, on_bytes)

    async def _receive(
        self, order: FetchRange | ReadBack, fd: int | None, md5: bool, store: ByteStore, on_bytes: OnBytes
    ) -> Outcome:
        path = order.path if isinstance(order, FetchRange) else ""
        pace = self.paces.of(order.paces)
        sink = RangeSink(fd, order.offset, md5=md5, pool=self.pool, pace=pace, on_bytes=on_bytes, path=path)
        fetched = await store.get_range(
            order.bucket, order.key, sink, start=order.offset, size_bytes=order.size_bytes, if_match=order.etag
        )
        await sink.flush()
        digests = sink.digests()
        if digests.size_bytes != order.size_bytes:
            raise IntegrityError(
                "short-answer",
                f"The server sent {digests.size_bytes} bytes instead of {order.size_bytes}; that part is read again.",
                where=order.key,
                retry=Retry.BACKOFF,
            )
        return Outcome(digests=digests, etag=fetched.etag)

    async def _digest(self, order: DigestRange) -> Outcome:
        fd, _ = open_source(order.path)
        try:
            body = FileBody(fd, order.offset, order.size_bytes, pool=self.pool, path=order.path)
            return Outcome(digests=await body.digest(md5=order.md5))
        except LocalError as error:
            if error.code == "source-changed":  # shorter than it was: it holds nothing of this range to rely on
                return Outcome(digests=Digests(0))
            raise
        finally:
            os.close(fd)
