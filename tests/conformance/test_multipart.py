"""Multipart uploads: parts in any order, what is listed, what is refused, and answers that were lost."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import replace

import pytest

from core.stores.base import CompletePart, ObjectStore
from core.stores.checksum import crc_text, multipart_etag
from tests.conformance.acts import PART, Multipart, at_once, get, keys, put, refused
from tests.conformance.kinds import Can, Kind
from tests.support.bodies import LiarBody, digests_of, some_bytes

FIRST = some_bytes(PART, seed=1)
SECOND = some_bytes(PART, seed=2)
LAST = some_bytes(777, seed=3)


async def test_parts_in_parallel_and_out_of_order(store: ObjectStore, bucket: str, kind: Kind) -> None:
    upload = await Multipart.begin(store, bucket, "big file.mov", content_type="video/quicktime")
    await asyncio.gather(upload.send(3, LAST), upload.send(1, FIRST), upload.send(2, SECOND))
    async with refused("no-key"):
        await store.head(bucket, "big file.mov")
    whole = FIRST + SECOND + LAST
    crc = crc_text(digests_of(whole).crc64nvme)
    info = await upload.complete(crc64nvme=crc if upload.checksums else "")
    assert info.size_bytes == len(whole)
    assert info.etag == multipart_etag([hashlib.md5(part).hexdigest() for part in (FIRST, SECOND, LAST)])
    assert info.content_type == "video/quicktime"
    if Can.KEEP_MULTIPART_CHECKSUMS not in kind.cannot:
        assert upload.checksums
        assert info.crc64nvme == crc
    head = await store.head(bucket, "big file.mov")
    assert (head.etag, head.size_bytes) == (info.etag, info.size_bytes)
    assert await get(store, bucket, "big file.mov", len(whole), if_match=info.etag) == whole
    assert await get(store, bucket, "big file.mov", 20, PART - 10) == whole[PART - 10 : PART + 10]
    assert await store.list_uploads(bucket) == []


async def test_one_small_part_is_enough(store: ObjectStore, bucket: str) -> None:
    upload = await Multipart.begin(store, bucket, "small")
    stored = await upload.send(1, LAST)
    assert stored.etag == hashlib.md5(LAST).hexdigest()
    assert stored.digests.crc64nvme == digests_of(LAST).crc64nvme
    assert stored.proof in ("md5-etag", "crc64nvme", "content-md5")
    info = await upload.complete()
    assert info.etag == multipart_etag([stored.etag])
    assert await get(store, bucket, "small", 777) == LAST


async def test_a_part_sent_again_replaces_the_first(store: ObjectStore, bucket: str) -> None:
    upload = await Multipart.begin(store, bucket, "replaced")
    old = await upload.send(1, FIRST)
    await upload.send(2, LAST)
    new = await upload.send(1, SECOND)
    assert [(p.number, p.size_bytes, p.etag) for p in await store.list_parts(bucket, "replaced", upload.upload_id)] == [
        (1, PART, new.etag),
        (2, 777, hashlib.md5(LAST).hexdigest()),
    ]
    assert old.etag != new.etag
    await upload.complete()
    assert await get(store, bucket, "replaced", PART + 777) == SECOND + LAST


async def test_numbers_may_have_gaps(store: ObjectStore, bucket: str) -> None:
    upload = await Multipart.begin(store, bucket, "gaps")
    await upload.send(7, FIRST)
    await upload.send(10_000, LAST)
    assert [part.number for part in await store.list_parts(bucket, "gaps", upload.upload_id)] == [7, 10_000]
    await upload.complete()
    assert await get(store, bucket, "gaps", PART + 777) == FIRST + LAST


@pytest.mark.parametrize("number", [0, 10_001])
async def test_part_numbers_have_bounds(store: ObjectStore, bucket: str, kind: Kind, number: int) -> None:
    kind.needs(Can.BOUND_PART_NUMBERS)
    upload = await Multipart.begin(store, bucket, "bounds")
    async with refused("bad-part", "refused"):
        await upload.send(number, LAST)
    await upload.abort()


async def test_more_parts_than_a_page_are_listed(store: ObjectStore, bucket: str, kind: Kind) -> None:
    if kind.tls:
        pytest.skip("a page is a page, with TLS or without")
    upload = await Multipart.begin(store, bucket, "many parts")
    await at_once((upload.send(number, b"%d" % number) for number in range(1, 1006)), limit=24)
    parts = await store.list_parts(bucket, "many parts", upload.upload_id)
    assert [part.number for part in parts] == list(range(1, 1006))
    assert parts[1002].etag == hashlib.md5(b"1003").hexdigest()
    assert parts[1002].size_bytes == 4
    await upload.abort()


async def test_no_parts_yet(store: ObjectStore, bucket: str) -> None:
    upload = await Multipart.begin(store, bucket, "none yet")
    assert await store.list_parts(bucket, "none yet", upload.upload_id) == []
    async with refused("bad-part", "refused"):
        await upload.complete([])
    await upload.abort()


async def test_wrong_parts_are_refused_and_nothing_is_lost(store: ObjectStore, bucket: str) -> None:
    upload = await Multipart.begin(store, bucket, "wrong")
    await upload.send(1, FIRST)
    await upload.send(2, LAST)
    first, last = upload.parts
    async with refused("bad-part"):
        await upload.complete([replace(first, etag="0" * 32, crc64nvme=0), last])
    async with refused("bad-part"):
        await upload.complete([first, last, CompletePart(3, last.etag, last.crc64nvme)])
    async with refused("no-key"):
        await store.head(bucket, "wrong")
    assert (await upload.complete()).size_bytes == PART + 777


async def test_parts_in_the_wrong_order_are_refused(store: ObjectStore, bucket: str, kind: Kind) -> None:
    kind.needs(Can.REFUSE_WRONG_ORDER)
    upload = await Multipart.begin(store, bucket, "disorder")
    await upload.send(1, FIRST)
    await upload.send(2, SECOND)
    async with refused("bad-part"):
        await upload.complete(upload.parts[::-1])
    await upload.complete()
    assert await get(store, bucket, "disorder", 2 * PART) == FIRST + SECOND


async def test_the_old_etag_of_a_replaced_part_is_refused(store: ObjectStore, bucket: str) -> None:
    upload = await Multipart.begin(store, bucket, "outdated")
    await upload.send(1, LAST)
    outdated = upload.parts
    await upload.send(1, LAST + b"!")
    async with refused("bad-part"):
        await upload.complete(outdated)
    assert (await upload.complete()).size_bytes == 778


async def test_a_subset_of_the_parts(store: ObjectStore, bucket: str, kind: Kind) -> None:
    kind.needs(Can.COMPLETE_SUBSET)
    upload = await Multipart.begin(store, bucket, "subset")
    await upload.send(1, FIRST)
    await upload.send(2, SECOND)
    await upload.send(3, LAST)
    first, _, last = upload.parts
    await upload.complete([first, last])
    assert await get(store, bucket, "subset", PART + 777) == FIRST + LAST


async def test_only_the_last_part_may_be_small(store: ObjectStore, bucket: str) -> None:
    upload = await Multipart.begin(store, bucket, "too small")
    await upload.send(1, FIRST[:-1])
    await upload.send(2, LAST)
    async with refused("entity-too-small"):
        await upload.complete()
    await upload.abort()


async def test_completing_twice_is_one_success(store: ObjectStore, bucket: str) -> None:
    upload = await Multipart.begin(store, bucket, "twice")
    await upload.send(1, FIRST)
    await upload.send(2, LAST)
    first = await upload.complete()
    second = await upload.complete()
    assert (second.etag, second.size_bytes) == (first.etag, first.size_bytes)


async def test_a_complete_that_came_too_late_is_no_success(store: ObjectStore, bucket: str) -> None:
    upload = await Multipart.begin(store, bucket, "late")
    await upload.send(1, LAST)
    await upload.abort()
    async with refused("no-upload"):
        await upload.complete()
    await put(store, bucket, "late", b"something else")
    async with refused("no-upload"):
        await upload.complete()
    assert await get(store, bucket, "late", 14) == b"something else"


async def test_aborting(store: ObjectStore, bucket: str, kind: Kind) -> None:
    kind.needs(Can.KNOW_STRANGE_UPLOADS)
    upload = await Multipart.begin(store, bucket, "aborted")
    await upload.send(1, FIRST)
    await upload.abort()
    await upload.abort()
    await store.abort_upload(bucket, "aborted", "0123456789abcdef0123456789abcdef")
    async with refused("no-upload"):
        await store.list_parts(bucket, "aborted", upload.upload_id)
    async with refused("no-upload"):
        await upload.send(2, LAST)
    assert await store.list_uploads(bucket) == []
    async with refused("no-key"):
        await store.head(bucket, "aborted")


async def test_parts_of_a_completed_upload_are_gone(store: ObjectStore, bucket: str, kind: Kind) -> None:
    kind.needs(Can.FORGET_COMPLETED)
    upload = await Multipart.begin(store, bucket, "done")
    await upload.send(1, LAST)
    await upload.complete()
    async with refused("no-upload"):
        await store.list_parts(bucket, "done", upload.upload_id)
    await upload.abort()
    assert await get(store, bucket, "done", 777) == LAST


@pytest.mark.parametrize("upload_id", ["nonsense", "../../etc", "0123456789abcdef0123456789abcdef"])
async def test_ids_that_never_were(store: ObjectStore, bucket: str, kind: Kind, upload_id: str) -> None:
    kind.needs(Can.KNOW_STRANGE_UPLOADS)
    upload = Multipart(store, bucket, "whatever", upload_id, checksums=False)
    async with refused("no-upload"):
        await upload.send(1, LAST)
    async with refused("no-upload"):
        await store.list_parts(bucket, "whatever", upload_id)
    async with refused("no-upload"):
        await upload.complete([CompletePart(1, hashlib.md5(LAST).hexdigest())])
    await upload.abort()


async def test_open_uploads_are_listed(store: ObjectStore, bucket: str) -> None:
    names = ["films/a", "films/b", "films/b", "photos/c"]
    ids = {(name, (await Multipart.begin(store, bucket, name)).upload_id) for name in names}
    found = await store.list_uploads(bucket)
    assert {(upload.key, upload.upload_id) for upload in found} == ids
    assert [upload.key for upload in found] == names
    under = await store.list_uploads(bucket, prefix="films/")
    assert [upload.key for upload in under] == names[:3]
    assert await store.list_uploads(bucket, prefix="none") == []


async def test_an_upload_says_when_it_began(store: ObjectStore, bucket: str, kind: Kind) -> None:
    kind.needs(Can.SAY_WHEN_UPLOADS_BEGAN)
    await Multipart.begin(store, bucket, "young")
    (upload,) = await store.list_uploads(bucket)
    assert abs(upload.started_s - time.time()) < 300


async def test_uploads_show_neither_as_objects_nor_in_the_way(store: ObjectStore, bucket: str) -> None:
    await put(store, bucket, "same", b"before")
    upload = await Multipart.begin(store, bucket, "same")
    await upload.send(1, LAST)
    assert await keys(store, bucket) == ["same"]
    assert await get(store, bucket, "same", 6) == b"before"
    await upload.complete()
    assert await get(store, bucket, "same", 777) == LAST


async def test_no_upload_in_a_bucket_that_is_not_there(store: ObjectStore) -> None:
    async with refused("no-bucket"):
        await store.create_upload("sluice-not-there-at-all", "key")
    async with refused("no-bucket"):
        await store.list_uploads("sluice-not-there-at-all")


@pytest.mark.parametrize("content_md5", [False, True])
async def test_a_damaged_part_is_refused(store: ObjectStore, bucket: str, kind: Kind, content_md5: bool) -> None:
    kind.needs(Can.REFUSE_BAD_MD5 if content_md5 else Can.REFUSE_BAD_CHECKSUM)
    upload = await Multipart.begin(store, bucket, "damaged")
    async with refused("bad-digest"):
        await store.put_part(
            bucket,
            "damaged",
            upload.upload_id,
            1,
            LiarBody(LAST),
            checksums=upload.checksums,
            content_md5=content_md5,
        )
    if content_md5 or upload.checksums:
        assert await store.list_parts(bucket, "damaged", upload.upload_id) == []
    await upload.abort()


async def test_a_wrong_checksum_of_the_whole_is_refused(store: ObjectStore, bucket: str, kind: Kind) -> None:
    kind.needs(Can.KEEP_MULTIPART_CHECKSUMS)
    kind.needs(Can.REFUSE_BAD_CHECKSUM)
    upload = await Multipart.begin(store, bucket, "whole")
    await upload.send(1, LAST)
    async with refused("bad-digest", "bad-part"):
        await upload.complete(crc64nvme=crc_text(1))
    async with refused("no-key"):
        await store.head(bucket, "whole")


async def test_a_cancelled_part_can_be_sent_again(store: ObjectStore, bucket: str) -> None:
    upload = await Multipart.begin(store, bucket, "cancelled")
    sending = asyncio.create_task(upload.send(1, FIRST))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await upload.send(1, FIRST)
    await upload.send(2, LAST)
    assert (await upload.complete()).size_bytes == PART + 777
    assert await get(store, bucket, "cancelled", PART + 777) == FIRST + LAST
