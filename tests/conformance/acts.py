"""What the tests do again and again, in words of one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from core.model.errors import CoreError
from core.model.objects import ObjectInfo, Page, Stored
from core.stores.base import CompletePart, ObjectStore
from tests.support.bodies import BytesBody, BytesSink

T = TypeVar("T")
PART = 5 << 20  # the least S3 accepts for a part that is not the last


async def put(store: ObjectStore, bucket: str, key: str, data: bytes = b"data", **how: object) -> Stored:
    return await store.put_object(bucket, key, BytesBody(data), **how)  # type: ignore[arg-type]


async def get(store: ObjectStore, bucket: str, key: str, size_bytes: int, start: int = 0, if_match: str = "") -> bytes:
    sink = BytesSink()
    await store.get_range(bucket, key, sink, start=start, size_bytes=size_bytes, if_match=if_match)
    return bytes(sink.data)


async def at_once(calls: Iterable[Awaitable[T]], limit: int = 16) -> list[T]:
    """All of them, some at a time."""
    gate = asyncio.Semaphore(limit)

    async def one(call: Awaitable[T]) -> T:
        async with gate:
            return await call

    return list(await asyncio.gather(*(one(call) for call in calls)))


@asynccontextmanager
async def refused(*codes: str) -> AsyncIterator[None]:
    """The block must end with a CoreError that has one of the codes, a sentence, and no secret in it."""
    with pytest.raises(CoreError) as caught:
        yield
    assert caught.value.code in codes, f"{caught.value.code}: {caught.value} ({caught.value.detail})"
    assert str(caught.value).endswith(".")
    assert caught.value.record().revive().code == caught.value.code


async def pages(store: ObjectStore, bucket: str, **how: object) -> list[Page]:
    """All pages of a listing."""
    found: list[Page] = []
    token = ""
    while True:
        found.append(await store.list_objects(bucket, token=token, **how))  # type: ignore[arg-type]
        token = found[-1].token
        if not token:
            return found


async def keys(store: ObjectStore, bucket: str, **how: object) -> list[str]:
    return [info.key for page in await pages(store, bucket, **how) for info in page.objects]


class Multipart:
    """An upload that is under way."""

    def __init__(self, store: ObjectStore, bucket: str, key: str, upload_id: str, checksums: bool) -> None:
        self.store, self.bucket, self.key = store, bucket, key
        self.upload_id = upload_id
        self.checksums = checksums
        self.sent: dict[int, CompletePart] = {}

    @classmethod
    async def begin(cls, store: ObjectStore, bucket: str, key: str, content_type: str = "") -> Multipart:
        upload = await store.create_upload(bucket, key, content_type=content_type)
        return cls(store, bucket, key, upload.upload_id, upload.checksums)

    async def send(self, number: int, data: bytes) -> Stored:
        stored = await self.store.put_part(
            self.bucket, self.key, self.upload_id, number, BytesBody(data), checksums=self.checksums
        )
        self.sent[number] = CompletePart(number, stored.etag, stored.digests.crc64nvme)
        return stored

    @property
    def parts(self) -> list[CompletePart]:
        return [self.sent[number] for number in sorted(self.sent)]

    async def complete(self, parts: list[CompletePart] | None = None, crc64nvme: str = "") -> ObjectInfo:
        chosen = self.parts if parts is None else parts
        return await self.store.complete_upload(self.bucket, self.key, self.upload_id, chosen, crc64nvme=crc64nvme)

    async def abort(self) -> None:
        await self.store.abort_upload(self.bucket, self.key, self.upload_id)
