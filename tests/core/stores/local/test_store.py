"""What a folder brings with it: visible files, changes behind our back, links, leftovers, other openings."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from pathlib import Path

import pytest

from core.model.account import Account, AccountKind
from core.model.errors import LocalError, Retry, Scope
from core.stores.local.store import LocalStore
from tests.conformance.acts import Multipart, get, keys, put, refused
from tests.support.bodies import BytesBody, BytesSink, some_bytes


def leftovers(folder: Path) -> list[str]:
    """Files in the hidden folder that belong to nothing."""
    hidden = folder / ".sluice"
    return [str(path) for sub in ("drafts", "uploads") for path in (hidden / sub).glob("*")]


async def test_objects_are_plain_files_at_their_keys(store: LocalStore, folder: Path) -> None:
    await put(store, "bucket", "2026/wedding/A001.mov", b"film")
    assert (folder / "2026/wedding/A001.mov").read_bytes() == b"film"
    assert sorted(path.name for path in folder.iterdir()) == [".sluice", "2026"]
    assert leftovers(folder) == []


async def test_files_put_there_by_others_are_objects(store: LocalStore, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "mine.txt").write_bytes(b"by hand")
    info = await store.head("bucket", "sub/mine.txt")
    assert info.size_bytes == 7
    assert info.crc64nvme == ""
    # an ETag that could be taken for an MD5, or for that of a multipart upload, would be believed
    assert info.etag.startswith("stat.")
    assert "-" not in info.etag
    assert await get(store, "bucket", "sub/mine.txt", 7, if_match=info.etag) == b"by hand"
    assert (await store.list_objects("bucket")).objects == (info,)
    copied = await store.copy_object("bucket", "copy", "bucket", "sub/mine.txt", if_match=info.etag)
    assert copied.etag == hashlib.md5(b"by hand").hexdigest()


@pytest.mark.parametrize("how", ["rewritten", "replaced", "appended", "touched"])
async def test_a_file_changed_behind_our_back_gets_another_etag(store: LocalStore, folder: Path, how: str) -> None:
    stored = await put(store, "bucket", "file", b"as we stored it")
    path = folder / "file"
    match how:
        case "rewritten":
            path.write_bytes(b"as THEY left it")
        case "replaced":
            (folder / "other").write_bytes(b"as we stored it")
            os.replace(folder / "other", path)
        case "appended":
            with path.open("ab") as file:
                file.write(b"!")
        case "touched":
            os.utime(path, ns=(1, 1))
    info = await store.head("bucket", "file")
    assert info.etag != stored.etag
    assert info.crc64nvme == ""
    async with refused("changed"):
        await get(store, "bucket", "file", 15, if_match=stored.etag)
    again = await put(store, "bucket", "file", b"and stored again")
    assert (await store.head("bucket", "file")).etag == again.etag


async def test_a_file_changed_while_it_is_read_is_noticed(store: LocalStore, folder: Path) -> None:
    data = some_bytes(3 << 20)
    await put(store, "bucket", "file", data)

    class Meddler(BytesSink):
        async def write(self, piece: bytes | memoryview) -> None:
            await super().write(piece)
            with (folder / "file").open("r+b") as file:
                file.seek(len(data) - 1)
                file.write(b"?")

    async with refused("changed"):
        await store.get_range("bucket", "file", Meddler(), start=0, size_bytes=len(data))


async def test_a_file_that_shrinks_while_it_is_read_is_noticed(store: LocalStore, folder: Path) -> None:
    await put(store, "bucket", "file", bytes(3 << 20))

    class Meddler(BytesSink):
        async def write(self, piece: bytes | memoryview) -> None:
            await super().write(piece)
            os.truncate(folder / "file", 1 << 20)

    async with refused("changed"):
        await store.get_range("bucket", "file", Meddler(), start=0, size_bytes=3 << 20)


async def test_a_version_replaced_while_it_is_read_is_read_to_its_end(store: LocalStore) -> None:
    old = some_bytes(3 << 20, seed=1)
    etag = (await put(store, "bucket", "file", old)).etag

    class Replacer(BytesSink):
        async def write(self, piece: bytes | memoryview) -> None:
            await super().write(piece)
            await put(store, "bucket", "file", b"new")

    sink = Replacer()
    await store.get_range("bucket", "file", sink, start=0, size_bytes=len(old), if_match=etag)
    assert bytes(sink.data) == old


async def test_every_state_of_a_key_has_its_etag(store: LocalStore, second: LocalStore) -> None:
    """Readers never see a file between two records: each ETag they meet is that of the bytes they read."""
    data = {hashlib.md5(bytes([n]) * 1000).hexdigest(): bytes([n]) * 1000 for n in range(60)}
    await put(store, "bucket", "file", data[next(iter(data))])

    async def write() -> None:
        for version in data.values():
            await put(store, "bucket", "file", version)

    writing = asyncio.create_task(write())
    seen = set()
    while not writing.done():
        etag = (await second.head("bucket", "file")).etag
        assert etag in data
        seen.add(etag)
    await writing
    assert len(seen) > 5


async def test_links_are_not_followed(store: LocalStore, folder: Path, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (folder / "file-link").symlink_to(outside / "secret")
    (folder / "folder-link").symlink_to(outside)
    (root / "bucket-link").symlink_to(outside)
    (folder / "deep").mkdir()
    (folder / "deep" / "link").symlink_to(outside)

    assert await keys(store, "bucket") == []
    assert await keys(store, "bucket", prefix="folder-link/") == []
    assert (await store.list_objects("bucket", prefix="folder-link/", delimiter="/")).prefixes == ()
    assert [found.name for found in await store.list_buckets()] == ["bucket"]
    async with refused("no-bucket"):
        await store.head("bucket-link", "secret")
    async with refused("no-key"):
        await store.head("bucket", "file-link")
    async with refused("no-key"):
        await get(store, "bucket", "file-link", 6)
    for key in ("folder-link/secret", "folder-link/new", "deep/link/new", "folder-link/sub/new"):
        async with refused("unsafe-key"):
            await get(store, "bucket", key, 6)
        async with refused("unsafe-key"):
            await put(store, "bucket", key, b"planted")
        (failure,) = await store.delete_objects("bucket", [key])
        assert failure.error.code == "unsafe-key"
    async with refused("unsafe-key"):
        await put(store, "bucket", "file-link", b"planted")
    assert await store.delete_objects("bucket", ["file-link"]) == []
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"
    async with refused("bucket-not-empty"):
        await store.delete_bucket("bucket")
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]


async def test_a_link_in_place_of_the_hidden_folder_is_refused(store: LocalStore, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / ".sluice").symlink_to(outside)
    async with refused("file-error"):
        await put(store, "bucket", "file")
    assert list(outside.iterdir()) == []


async def test_devices_and_pipes_are_no_objects(store: LocalStore, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert await keys(store, "bucket") == []
    async with refused("no-key"):
        await asyncio.wait_for(store.head("bucket", "pipe"), 10)
    async with refused("no-key"):
        await asyncio.wait_for(get(store, "bucket", "pipe", 1), 10)
    async with refused("unsafe-key"):
        await put(store, "bucket", "pipe")


async def test_names_that_are_not_unicode_are_passed_over(store: LocalStore, folder: Path) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/latin-\xe9"))).write_bytes(b"x")
    sub = Path(os.fsdecode(os.fsencode(folder) + b"/dir-\xe9"))
    sub.mkdir()
    (sub / "file").write_bytes(b"x")
    await put(store, "bucket", "good")
    assert await keys(store, "bucket") == ["good"]
    assert await keys(store, "bucket", delimiter="/") == ["good"]
    async with refused("bucket-not-empty"):  # they are somebody's files all the same
        await store.delete_objects("bucket", ["good"])
        await store.delete_bucket("bucket")
    assert (sub / "file").exists()


@pytest.mark.parametrize("key", [".sluice", ".sluice/records/x", ".SLUICE/lock", ".sluice/"])
async def test_our_own_folder_is_no_place_for_objects(store: LocalStore, key: str) -> None:
    async with refused("unsafe-key"):
        await put(store, "bucket", key)
    async with refused("unsafe-key"):
        await get(store, "bucket", key, 1)
    assert await keys(store, "bucket", prefix=".sluice") == []
    assert await keys(store, "bucket", prefix=".sluice/") == []


async def test_a_name_that_is_too_long_for_a_folder(store: LocalStore) -> None:
    async with refused("name-too-long"):
        await put(store, "bucket", "ok/" + "n" * 256)
    async with refused("name-too-long"):
        await put(store, "bucket", "ä" * 128)


async def test_deleting_removes_folders_that_become_empty(store: LocalStore, folder: Path) -> None:
    await put(store, "bucket", "a/b/c/one")
    await put(store, "bucket", "a/two")
    await store.delete_objects("bucket", ["a/b/c/one"])
    assert not (folder / "a/b").exists()
    await store.delete_objects("bucket", ["a/two"])
    assert [path.name for path in folder.iterdir()] == [".sluice"]
    assert list((folder / ".sluice/records").glob("*/*")) == []


async def test_empty_folders_are_neither_listed_nor_in_the_way(store: LocalStore, folder: Path) -> None:
    (folder / "empty/deeper").mkdir(parents=True)
    page = await store.list_objects("bucket", delimiter="/")
    assert (page.objects, page.prefixes) == ((), ())
    async with refused("key-conflict"):
        await put(store, "bucket", "empty", b"a file")  # it holds a folder of somebody
    (folder / "empty/deeper").rmdir()
    await put(store, "bucket", "empty", b"a file")
    assert (folder / "empty").read_bytes() == b"a file"


async def test_a_folder_object_does_not_make_way(store: LocalStore) -> None:
    await put(store, "bucket", "album/", b"")
    async with refused("key-conflict"):
        await put(store, "bucket", "album", b"file")
    await put(store, "bucket", "file", b"x")
    async with refused("key-conflict"):
        await put(store, "bucket", "file/", b"")


async def test_a_bucket_with_only_empty_folders_goes(store: LocalStore, folder: Path) -> None:
    await put(store, "bucket", "x")
    (folder / "empty/deeper").mkdir(parents=True)
    await store.delete_objects("bucket", ["x"])
    await store.delete_bucket("bucket")
    assert not folder.exists()


async def test_a_bucket_with_an_open_upload_stays(store: LocalStore) -> None:
    upload = await Multipart.begin(store, "bucket", "film")
    async with refused("bucket-not-empty"):
        await store.delete_bucket("bucket")
    await upload.abort()
    await store.delete_bucket("bucket")


async def test_which_folders_are_buckets(store: LocalStore, root: Path) -> None:
    for name in (".hidden", "with space", "Photos_2026", "a?b"):
        (root / name).mkdir()
    (root / "file").write_bytes(b"")
    assert [found.name for found in await store.list_buckets()] == ["Photos_2026", "bucket"]
    for name in ("", ".", "..", ".hidden", "a/b", "bucket/../.hidden", "x" * 300, "file"):
        async with refused("no-bucket"):
            await store.head(name, "key")
    for name in ("UPPER", "ab", "a..b", "-ab", "x" * 64, "../up"):
        async with refused("bad-location"):
            await store.create_bucket(name)
    async with refused("bucket-exists"):
        (root / "taken").write_bytes(b"a file")
        await store.create_bucket("taken")


async def test_a_missing_root_holds_the_account_until_it_is_back(tmp_path: Path) -> None:
    store = LocalStore(Account("usb", AccountKind.LOCAL, root=str(tmp_path / "not-mounted")))
    for act in (store.list_buckets(), store.head("bucket", "x"), store.create_bucket("bucket")):
        with pytest.raises(LocalError) as caught:
            await act
        assert (caught.value.code, caught.value.retry, caught.value.scope) == (
            "unreachable",
            Retry.ONLINE,
            Scope.ACCOUNT,
        )
    assert not (tmp_path / "not-mounted").exists()


async def test_what_fails_or_is_cancelled_leaves_no_drafts(store: LocalStore, folder: Path) -> None:
    class Broken(BytesBody):
        async def pieces(self, *, md5: bool):
            yield self.data[:10]
            raise LocalError("source-changed", "The file changed.")

    async with refused("source-changed"):
        await store.put_object("bucket", "file", Broken(bytes(100)))
    upload = await Multipart.begin(store, "bucket", "film")
    async with refused("source-changed"):
        await store.put_part("bucket", "film", upload.upload_id, 1, Broken(bytes(100)))
    for delay_s in (0, 0.001, 0.004, 0.016, 0.03):
        sending = asyncio.create_task(upload.send(1, some_bytes(8 << 20)))
        await asyncio.sleep(delay_s)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert list((folder / ".sluice/drafts").iterdir()) == []
    await upload.abort()
    assert leftovers(folder) == []


async def test_drafts_of_killed_writers_are_swept_up_a_day_later(store: LocalStore, folder: Path) -> None:
    drafts = folder / ".sluice" / "drafts"
    drafts.mkdir(parents=True)
    for name, age_s in (("old", 25 * 3600), ("young", 3600)):
        (drafts / name).write_bytes(b"half a file")
        os.utime(drafts / name, (time.time() - age_s,) * 2)
    await put(store, "bucket", "file")
    assert [path.name for path in drafts.iterdir()] == ["young"]


async def test_two_openings_see_one_store(store: LocalStore, second: LocalStore) -> None:
    upload = await Multipart.begin(store, "bucket", "film")
    theirs = Multipart(second, "bucket", "film", upload.upload_id, checksums=True)
    await asyncio.gather(upload.send(1, some_bytes(5 << 20)), theirs.send(2, b"end"))
    assert len(await second.list_parts("bucket", "film", upload.upload_id)) == 2
    info = await theirs.complete([*upload.parts, *theirs.parts])
    assert await store.head("bucket", "film") == info
    first = await store.list_objects("bucket", count=1)
    assert first.objects == (info,)


async def test_only_one_of_two_completes_acts_and_both_succeed(store: LocalStore, second: LocalStore) -> None:
    upload = await Multipart.begin(store, "bucket", "film")
    await upload.send(1, some_bytes(5 << 20))
    await upload.send(2, b"end")
    theirs = Multipart(second, "bucket", "film", upload.upload_id, checksums=True)
    mine, other = await asyncio.gather(upload.complete(), theirs.complete(upload.parts))
    assert (mine.etag, mine.size_bytes) == (other.etag, other.size_bytes)
    assert mine.modified_s == other.modified_s


async def test_parts_survive_a_new_opening(store: LocalStore, second: LocalStore, folder: Path) -> None:
    upload = await Multipart.begin(store, "bucket", "film", content_type="video/mp4")
    sent = await upload.send(1, b"part one")
    (folder / ".sluice/uploads" / upload.upload_id / "half-written").write_bytes(b"")
    (part,) = await second.list_parts("bucket", "film", upload.upload_id)
    assert (part.number, part.size_bytes, part.etag) == (1, 8, sent.etag)
    (listed,) = await second.list_uploads("bucket")
    assert (listed.key, listed.upload_id) == ("film", upload.upload_id)
    theirs = Multipart(second, "bucket", "film", upload.upload_id, checksums=True)
    assert (await theirs.complete(upload.parts)).content_type == "video/mp4"


async def test_an_upload_torn_while_it_was_opened_is_none(store: LocalStore, folder: Path) -> None:
    await put(store, "bucket", "x")
    torn = folder / ".sluice/uploads" / ("a" * 32)
    torn.mkdir()
    assert await store.list_uploads("bucket") == []
    (torn / "upload.json").write_bytes(b'{"key": "fi')
    assert await store.list_uploads("bucket") == []
    async with refused("no-upload"):
        await store.list_parts("bucket", "film", "a" * 32)


async def test_a_torn_record_counts_as_none(store: LocalStore, folder: Path) -> None:
    await put(store, "bucket", "file", b"bytes")
    (record,) = (folder / ".sluice/records").glob("*/*.json")
    record.write_bytes(record.read_bytes()[:20])
    info = await store.head("bucket", "file")
    assert info.etag.startswith("stat.")
    stored = await put(store, "bucket", "file", b"bytes")
    assert (await store.head("bucket", "file")).etag == stored.etag


async def test_a_listing_can_be_taken_up_by_another_opening(store: LocalStore, second: LocalStore) -> None:
    names = [f"{n:02}" for n in range(10)]
    for name in names:
        await put(store, "bucket", name)
    first = await store.list_objects("bucket", count=4)
    rest = await second.list_objects("bucket", token=first.token)
    assert [info.key for info in (*first.objects, *rest.objects)] == names
    async with refused("bad-token"):
        await store.list_objects("bucket", token="ä")


async def test_what_is_damaged_on_the_way_is_not_stored(store: LocalStore, folder: Path) -> None:
    class Short(BytesBody):
        async def pieces(self, *, md5: bool):
            async for piece in super().pieces(md5=md5):
                yield piece[:-1]

    async with refused("bad-digest"):
        await store.put_object("bucket", "file", Short(b"12345"))
    assert leftovers(folder) == []
    assert not (folder / "file").exists()
