"""Copies inside a store."""

from __future__ import annotations

import hashlib

from core.stores.base import CompletePart, ObjectStore
from tests.conformance.acts import PART, Multipart, get, put, refused
from tests.conformance.kinds import Can, Kind
from tests.support.bodies import some_bytes


async def test_a_copy_is_equal(store: ObjectStore, bucket: str, second_bucket: str) -> None:
    data = some_bytes(300_000)
    source = await put(store, bucket, "from/here +%&", data, content_type="text/x-special")
    copied = await store.copy_object(second_bucket, "to/there ü", bucket, "from/here +%&", if_match=source.etag)
    assert (copied.key, copied.size_bytes, copied.etag) == ("to/there ü", 300_000, source.etag)
    head = await store.head(second_bucket, "to/there ü")
    assert (head.etag, head.content_type) == (source.etag, "text/x-special")
    assert await get(store, second_bucket, "to/there ü", 300_000) == data
    assert await get(store, bucket, "from/here +%&", 300_000) == data


async def test_a_copy_replaces(store: ObjectStore, bucket: str) -> None:
    await put(store, bucket, "a", b"new")
    await put(store, bucket, "b", b"old and longer")
    await store.copy_object(bucket, "b", bucket, "a")
    assert await get(store, bucket, "b", 3) == b"new"


async def test_an_empty_object_is_copied(store: ObjectStore, bucket: str) -> None:
    await put(store, bucket, "empty", b"")
    assert (await store.copy_object(bucket, "also empty", bucket, "empty")).size_bytes == 0


async def test_copies_of_what_is_not_there(store: ObjectStore, bucket: str) -> None:
    await put(store, bucket, "source")
    async with refused("no-key"):
        await store.copy_object(bucket, "copy", bucket, "absent")
    async with refused("no-bucket", "no-key"):
        await store.copy_object(bucket, "copy", "sluice-not-there-at-all", "source")
    async with refused("no-bucket"):
        await store.copy_object("sluice-not-there-at-all", "copy", bucket, "source")


async def test_a_copy_of_another_version_is_refused(store: ObjectStore, bucket: str, kind: Kind) -> None:
    kind.needs(Can.CHECK_COPY_SOURCE)
    await put(store, bucket, "source", bytes(100))
    async with refused("changed"):
        await store.copy_object(bucket, "copy", bucket, "source", if_match="0" * 32)
    upload = await Multipart.begin(store, bucket, "target")
    async with refused("changed"):
        await store.copy_part(
            bucket, "target", upload.upload_id, 1, bucket, "source", start=0, size_bytes=100, if_match="0" * 32
        )


async def test_a_multipart_object_is_copied(store: ObjectStore, bucket: str, kind: Kind) -> None:
    data = some_bytes(PART + 5)
    upload = await Multipart.begin(store, bucket, "big")
    await upload.send(1, data[:PART])
    await upload.send(2, data[PART:])
    source = await upload.complete()
    copied = await store.copy_object(bucket, "copy", bucket, "big", if_match=source.etag)
    assert await get(store, bucket, "copy", len(data), if_match=copied.etag) == data
    if Can.SINGLE_ETAG_OF_COPY not in kind.cannot:
        assert copied.etag == hashlib.md5(data).hexdigest()


async def test_parts_are_copied_by_range(store: ObjectStore, bucket: str) -> None:
    data = some_bytes(2 * PART + 100)
    source = await put(store, bucket, "source ü+", data)
    upload = await Multipart.begin(store, bucket, "assembled")
    parts = []
    for number, (start, size) in enumerate([(100, PART), (0, 100), (PART + 100, PART)], 1):
        if number == 2:
            stored = await upload.send(2, data[:PART])
        else:
            stored = await store.copy_part(
                bucket,
                "assembled",
                upload.upload_id,
                number,
                bucket,
                "source ü+",
                start=start,
                size_bytes=size,
                if_match=source.etag,
            )
            assert stored.etag == hashlib.md5(data[start : start + size]).hexdigest()
        parts.append(CompletePart(number, stored.etag, stored.digests.crc64nvme))
    listed = await store.list_parts(bucket, "assembled", upload.upload_id)
    assert [(part.number, part.size_bytes) for part in listed] == [(1, PART), (2, PART), (3, PART)]
    info = await upload.complete(parts)
    whole = data[100 : PART + 100] + data[:PART] + data[PART + 100 :]
    assert await get(store, bucket, "assembled", info.size_bytes) == whole


async def test_copied_parts_of_what_is_not_there(store: ObjectStore, bucket: str, kind: Kind) -> None:
    kind.needs(Can.COPY_PART_FROM_NOWHERE)
    await put(store, bucket, "source", bytes(100))
    upload = await Multipart.begin(store, bucket, "target")

    async def copy(key: str, upload_id: str = upload.upload_id) -> None:
        await store.copy_part(bucket, "target", upload_id, 1, bucket, key, start=0, size_bytes=100)

    async with refused("no-key"):
        await copy("absent")
    async with refused("no-upload"):
        await copy("source", upload_id="0123456789abcdef0123456789abcdef")
    await upload.abort()
