"""Whole objects: put, head, ranged get, delete, conditions, odd keys."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
import urllib.error
import urllib.request

import pytest

from core.model.errors import RemoteError, UsageError
from core.stores.base import ObjectStore
from core.stores.checksum import crc_text
from tests.conformance.acts import at_once, get, keys, put, refused
from tests.conformance.kinds import Can, Kind
from tests.support.bodies import BrokenSink, BytesBody, BytesSink, LiarBody, digests_of, some_bytes

SIZES = [0, 1, 1023, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (5 << 20) + 3]

ODD_KEYS = [
    "with space",
    " leading and trailing ",
    "plus+plus",
    "per%cent",
    "per%2Fcent%20encoded",
    "amp&amp",
    "equals=question?hash#",
    "tilde~star*paren()excl!",
    "quote'double\"back`",
    "semi;comma,colon:at@dollar$",
    "back\\slash",
    "less<more>pipe|caret^brace{}bracket[]",
    "grüße/日本語/🎬 film.mov",
    "e\u0301 and \u00e9",  # the same letter twice, composed in two ways
    ".hidden/.file",
    "...",
    "a/b/c/d/e/f/g/h/i/j",
    "n" * 255,
    "ä" * 127 + "/" + "x" * 255,
    "tab\there",
    "UPPER/lower",
    "dots/..not/not..",
]


@pytest.mark.parametrize("size_bytes", SIZES)
async def test_an_object_comes_back_as_it_was_sent(
    store: ObjectStore, bucket: str, kind: Kind, size_bytes: int
) -> None:
    data = some_bytes(size_bytes, seed=size_bytes)
    body = BytesBody(data)
    stored = await store.put_object(bucket, "file.bin", body, content_type="video/quicktime")
    assert stored.etag == hashlib.md5(data).hexdigest()
    assert (stored.digests.size_bytes, stored.digests.crc64nvme) == (size_bytes, digests_of(data).crc64nvme)
    assert body.running == 0
    assert await get(store, bucket, "file.bin", size_bytes) == data

    info = await store.head(bucket, "file.bin")
    assert (info.key, info.size_bytes, info.etag) == ("file.bin", size_bytes, stored.etag)
    assert info.content_type == "video/quicktime"
    assert abs(info.modified_s - time.time()) < 300
    if Can.KEEP_CHECKSUMS not in kind.cannot:
        assert info.crc64nvme == crc_text(digests_of(data).crc64nvme)


async def test_the_answer_to_a_put_proves_the_bytes(store: ObjectStore, bucket: str, kind: Kind) -> None:
    stored = await put(store, bucket, "proven", b"some bytes")
    assert stored.proof == ("md5-etag" if Can.KEEP_CHECKSUMS in kind.cannot else "crc64nvme")
    assert (await put(store, bucket, "proven", b"some bytes", content_md5=True)).proof in ("content-md5", stored.proof)
    assert (await store.access()).checksums == (Can.KEEP_CHECKSUMS not in kind.cannot)


async def test_a_put_replaces(store: ObjectStore, bucket: str) -> None:
    await put(store, bucket, "again", b"first, and longer", content_type="text/plain")
    await put(store, bucket, "again", b"second", content_type="text/html")
    info = await store.head(bucket, "again")
    assert (info.size_bytes, info.content_type) == (6, "text/html")
    assert await get(store, bucket, "again", 6) == b"second"
    assert await keys(store, bucket) == ["again"]


@pytest.mark.parametrize(
    ("start", "size_bytes"),
    [(0, 1), (0, 3_000_000), (1, 1), (999_999, 2), (1_048_576, 1_048_576), (2_999_999, 1), (123, 2_000_001)],
)
async def test_ranges(store: ObjectStore, bucket: str, start: int, size_bytes: int) -> None:
    data = some_bytes(3_000_000)
    etag = (await put(store, bucket, "ranged", data)).etag
    sink = BytesSink()
    fetched = await store.get_range(bucket, "ranged", sink, start=start, size_bytes=size_bytes, if_match=etag)
    assert bytes(sink.data) == data[start : start + size_bytes]
    assert (fetched.etag, fetched.total_bytes) == (etag, 3_000_000)


@pytest.mark.parametrize(("start", "size_bytes"), [(0, 101), (100, 1), (99, 2), (5000, 10)])
async def test_a_range_that_is_not_there_never_passes(
    store: ObjectStore, bucket: str, start: int, size_bytes: int
) -> None:
    await put(store, bucket, "short", bytes(100))
    async with refused("bad-answer", "changed"):
        await get(store, bucket, "short", size_bytes, start)


async def test_a_read_of_another_version_is_refused(store: ObjectStore, bucket: str) -> None:
    old = (await put(store, bucket, "changing", b"old")).etag
    new = (await put(store, bucket, "changing", b"new")).etag
    async with refused("changed"):
        await get(store, bucket, "changing", 3, if_match=old)
    assert await get(store, bucket, "changing", 3, if_match=new) == b"new"


async def test_a_sink_that_fails_ends_the_read_and_the_store_goes_on(store: ObjectStore, bucket: str) -> None:
    data = some_bytes(4 << 20)
    await put(store, bucket, "wanted", data)
    with pytest.raises(UsageError, match="enough"):
        await store.get_range(
            bucket, "wanted", BrokenSink(1 << 20, UsageError("enough", "enough.")), start=0, size_bytes=len(data)
        )
    assert await get(store, bucket, "wanted", len(data)) == data


async def test_what_is_not_there(store: ObjectStore, bucket: str) -> None:
    async with refused("no-key"):
        await store.head(bucket, "absent")
    async with refused("no-key"):
        await get(store, bucket, "absent", 10)
    async with refused("no-bucket"):
        await get(store, "sluice-not-there-at-all", "absent", 10)
    async with refused("no-bucket"):
        await put(store, "sluice-not-there-at-all", "absent")
    # HEAD has no body that could say which of the two is missing
    async with refused("no-bucket", "no-key"):
        await store.head("sluice-not-there-at-all", "absent")


async def test_only_new_objects(store: ObjectStore, bucket: str, kind: Kind) -> None:
    kind.needs(Can.REFUSE_EXISTING)
    await put(store, bucket, "new", b"mine", if_none_match=True)
    async with refused("exists"):
        await put(store, bucket, "new", b"theirs", if_none_match=True)
    assert await get(store, bucket, "new", 4) == b"mine"


async def test_of_many_who_may_only_create_one_wins(store: ObjectStore, bucket: str, kind: Kind) -> None:
    if kind.server:
        pytest.skip("the race is decided by the server; what counts is that our own stores decide it right")

    async def attempt(number: int) -> int | str:
        try:
            await put(store, bucket, "prize", b"%d" % number, if_none_match=True)
        except RemoteError as error:
            return error.code
        return number

    outcomes = await asyncio.gather(*(attempt(n) for n in range(9)))
    winners = [outcome for outcome in outcomes if outcome != "exists"]
    assert len(winners) == 1
    assert await get(store, bucket, "prize", 1) == b"%d" % winners[0]


@pytest.mark.parametrize("content_md5", [False, True])
async def test_bytes_that_are_not_what_was_meant_are_never_stored(
    store: ObjectStore, bucket: str, kind: Kind, content_md5: bool
) -> None:
    kind.needs(Can.REFUSE_BAD_MD5 if content_md5 else Can.REFUSE_BAD_CHECKSUM)
    async with refused("bad-digest"):
        await store.put_object(bucket, "lie", LiarBody(b"one thing"), content_md5=content_md5)
    if content_md5 or Can.KEEP_CHECKSUMS not in kind.cannot:  # an ETag tells only afterwards
        assert await keys(store, bucket) == []


@pytest.mark.parametrize("key", ODD_KEYS)
async def test_odd_keys(store: ObjectStore, bucket: str, key: str) -> None:
    data = key.encode()
    await put(store, bucket, key, data)
    assert (await store.head(bucket, key)).size_bytes == len(data)
    assert await get(store, bucket, key, len(data)) == data
    assert await keys(store, bucket) == [key]
    assert await keys(store, bucket, prefix=key[: len(key) // 2]) == [key]
    copied = await store.copy_object(bucket, "copy", bucket, key)
    assert copied.size_bytes == len(data)
    assert await store.delete_objects(bucket, [key, "copy"]) == []
    assert await keys(store, bucket) == []


@pytest.mark.parametrize("key", ["a//b", "/a", "a/./b", "a/../b", "..", "//"])
async def test_loose_slashes(store: ObjectStore, bucket: str, kind: Kind, key: str) -> None:
    if Can.HOLD_LOOSE_SLASHES in kind.cannot:
        async with refused("unsafe-key"):
            await put(store, bucket, key)
        return
    await put(store, bucket, key, b"held")
    assert await get(store, bucket, key, 4) == b"held"
    assert await keys(store, bucket) == [key]


async def test_keys_that_s3_cannot_hold(store: ObjectStore, bucket: str) -> None:
    long = "/".join(["x" * 200] * 6)
    for key in (long, "nul\0byte", "half\ud800surrogate", ""):  # an empty one would be the bucket itself
        async with refused("bad-key"):
            await put(store, bucket, key)
        async with refused("bad-key"):
            await store.create_upload(bucket, key)
    assert await keys(store, bucket) == []


async def test_an_object_and_a_folder_of_one_name(store: ObjectStore, bucket: str, kind: Kind) -> None:
    await put(store, bucket, "a", b"file")
    if Can.HOLD_FILE_AND_FOLDER in kind.cannot:
        async with refused("key-conflict"):
            await put(store, bucket, "a/b")
        async with refused("no-key"):
            await store.head(bucket, "a/b")
        return
    await put(store, bucket, "a/b", b"inside")
    assert await keys(store, bucket) == ["a", "a/b"]


async def test_empty_folder_objects(store: ObjectStore, bucket: str, kind: Kind) -> None:
    await put(store, bucket, "album/", b"")
    assert (await store.head(bucket, "album/")).size_bytes == 0
    assert await get(store, bucket, "album/", 0) == b""
    async with refused("no-key"):
        await store.head(bucket, "album")
    await put(store, bucket, "album/one", b"1")
    page = await store.list_objects(bucket, delimiter="/")
    assert (page.prefixes, page.objects) == (("album/",), ())
    page = await store.list_objects(bucket, prefix="album/", delimiter="/")
    assert [info.key for info in page.objects] == ["album/", "album/one"]
    await store.delete_objects(bucket, ["album/one"])
    assert await keys(store, bucket) == ["album/"]
    await store.delete_objects(bucket, ["album/"])
    assert await keys(store, bucket) == []


async def test_full_folder_objects(store: ObjectStore, bucket: str, kind: Kind) -> None:
    if Can.FULL_FOLDERS in kind.cannot:
        async with refused("unsafe-key"):
            await put(store, bucket, "full/", b"bytes")
        assert await keys(store, bucket) == []
        return
    await put(store, bucket, "full/", b"bytes")
    assert await get(store, bucket, "full/", 5) == b"bytes"


async def test_deleting(store: ObjectStore, bucket: str) -> None:
    for key in ("one", "two", "deep/three"):
        await put(store, bucket, key)
    assert await store.delete_objects(bucket, ["one", "deep/three", "never-there", "deep/neither"]) == []
    assert await keys(store, bucket) == ["two"]
    assert await store.delete_objects(bucket, []) == []
    async with refused("no-bucket"):
        await store.delete_objects("sluice-not-there-at-all", ["x"])


async def test_many_at_once(store: ObjectStore, bucket: str) -> None:
    names = [f"dir{n % 5}/file{n}" for n in range(60)]
    await at_once(put(store, bucket, name, name.encode() * 100) for name in names)
    read = await at_once(get(store, bucket, name, len(name) * 100) for name in names)
    assert read == [name.encode() * 100 for name in names]
    assert await keys(store, bucket) == sorted(names)


async def test_writers_of_one_key_leave_one_whole_object(store: ObjectStore, bucket: str, kind: Kind) -> None:
    kind.needs(Can.WRITE_AT_ONCE)
    versions = [bytes([n]) * (200_000 + n) for n in range(8)]
    stored = await asyncio.gather(*(put(store, bucket, "contested", data) for data in versions))
    info = await store.head(bucket, "contested")
    assert info.etag in {answer.etag for answer in stored}
    data = await get(store, bucket, "contested", info.size_bytes, if_match=info.etag)
    assert data in versions
    assert hashlib.md5(data).hexdigest() == info.etag


async def test_a_cancelled_put_leaves_nothing(store: ObjectStore, bucket: str) -> None:
    class Stuck(BytesBody):
        async def pieces(self, *, md5: bool):
            started.set()
            yield self.data[:1000]
            await asyncio.Event().wait()

    started = asyncio.Event()
    sending = asyncio.create_task(store.put_object(bucket, "never", Stuck(bytes(100_000))))
    await asyncio.wait_for(started.wait(), 30)
    await asyncio.sleep(0.05)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    async with refused("no-key"):
        await store.head(bucket, "never")
    await put(store, bucket, "never", b"the store still works")


async def test_links(store: ObjectStore, bucket: str, kind: Kind) -> None:
    await put(store, bucket, "shared file+.txt", b"for all")
    if Can.PRESIGN in kind.cannot:
        async with refused("unsupported"):
            await store.presign_get(bucket, "shared file+.txt", expires_s=60)
        return
    link = await store.presign_get(bucket, "shared file+.txt", expires_s=60)
    access = await store.access()
    assert link.startswith(access.account.endpoint)
    assert await asyncio.to_thread(_opened, link, access.account.ca_file) == b"for all"
    tampered = link.replace("shared%20file", "other%20file")
    if kind.name != "moto":  # which does not look at signatures
        assert await asyncio.to_thread(_opened, tampered, access.account.ca_file) == b"refused"
        assert access.credentials is not None
        assert access.credentials.secret_key not in link


def _opened(link: str, ca_file: str) -> bytes:
    """What anybody gets who has the link and nothing else."""
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None
    try:
        with urllib.request.urlopen(link, context=context, timeout=30) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as no:
        with no:
            return b"refused" if no.code == 403 else no.read()
