"""The local store's verbs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.model.account import Account
from core.model.errors import RemoteError
from core.model.objects import Bucket, Digests, ObjectInfo, Page, PartInfo, Stored, UploadInfo
from core.stores import refusals, rules
from core.stores.base import Access, Body, CompletePart, DeleteError, Fetched, NewUpload, Sink
from core.stores.local import buckets, completing, listing, objects, reading, uploads
from core.stores.local.disk import on_disk
from core.stores.local.drafts import DraftSink, drafting, receive
from core.stores.local.places import BucketPlace, unsafe
from core.stores.local.records import Facts

DELETE_BATCH = 100  # keys under one hold of the bucket's lock
KEPT_WALKS = 8  # listings that can go on without reading their folders again


class LocalStore:
    """The folder `account.root` as a store: its folders are buckets, their files objects.

    All state is on the disk, so an instance in the engine and others in movers may work on one folder at once. What was
    stored is on the disk itself when a verb returns. Beside the codes every store has, the disk has its own, as
    LocalErrors: `disk-full`, `access-denied`, `unreachable` (the folder itself is missing), `unsafe-key`,
    `key-conflict`, `name-too-long`, `disk-fault`, `file-error`.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._root = Path(account.root).absolute()
        self._prepared: set[str] = set()
        self._walks: dict[tuple[str, str, str, str], Iterator[str]] = {}

    # --- bytes

    async def put_object(
        self,
        bucket: str,
        key: str,
        body: Body,
        *,
        content_type: str = "",
        if_none_match: bool = False,
        content_md5: bool = False,
    ) -> Stored:
        place = await self._writable(bucket, key)
        if if_none_match:
            await on_disk(key, objects.check_free, place, key)
        async with drafting(place.new_draft(), key) as draft:
            await receive(draft, key, body, md5=content_md5)
            digests = draft.digest.digests()
            facts = Facts(digests.md5, digests.crc64nvme, content_type)
            await on_disk(key, objects.install, place, key, draft, facts, only_new=if_none_match)
        return _stored(digests)

    async def put_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        body: Body,
        *,
        checksums: bool = False,
        content_md5: bool = False,
    ) -> Stored:
        rules.check_number(key, number)
        place = await self._writable(bucket)
        await on_disk(key, uploads.find, place, key, upload_id)
        async with drafting(place.new_draft(), key) as draft:
            await receive(draft, key, body, md5=content_md5)
            await on_disk(key, uploads.add_part, place, key, upload_id, number, draft)
        return _stored(draft.digest.digests())

    async def get_range(
        self, bucket: str, key: str, sink: Sink, *, start: int, size_bytes: int, if_match: str = ""
    ) -> Fetched:
        place = await self._place(bucket)
        return await reading.fetch(place, key, sink, start=start, size_bytes=size_bytes, if_match=if_match)

    async def head(self, bucket: str, key: str) -> ObjectInfo:
        place = await self._place(bucket)
        return (await on_disk(key, objects.find, place, key)).info(key)

    async def close(self) -> None:
        self._walks.clear()

    # --- control

    async def access(self) -> Access:
        return Access(self._account, checksums=True)

    async def list_buckets(self) -> list[Bucket]:
        return await on_disk(str(self._root), buckets.read_all, self._root)

    async def create_bucket(self, bucket: str) -> None:
        await on_disk(bucket, buckets.create, self._root, bucket)

    async def delete_bucket(self, bucket: str) -> None:
        await on_disk(bucket, buckets.remove, self._root, bucket)

    async def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", token: str = "", count: int = 1000
    ) -> Page:
        place = await self._place(bucket)
        keys = self._walks.pop((bucket, prefix, delimiter, token), None)
        if keys is None:
            keys = listing.Walk(place, prefix, rules.read_token(token), delimiter).keys()
        page, rest = await on_disk(
            bucket, listing.read_page, place, keys, prefix=prefix, delimiter=delimiter, count=count
        )
        if page.token:
            self._walks[bucket, prefix, delimiter, page.token] = rest
            while len(self._walks) > KEPT_WALKS:
                del self._walks[next(iter(self._walks))]
        return page

    async def delete_objects(self, bucket: str, keys: Sequence[str]) -> list[DeleteError]:
        place = await self._writable(bucket)
        failures: list[DeleteError] = []
        for at in range(0, len(keys), DELETE_BATCH):
            failures += await on_disk(bucket, objects.remove_some, place, keys[at : at + DELETE_BATCH])
        return failures

    async def copy_object(
        self, bucket: str, key: str, source_bucket: str, source_key: str, *, if_match: str = ""
    ) -> ObjectInfo:
        """The bytes are read and digested anew, so the copy has the ETag of a single upload, as on AWS."""
        source = await self.head(source_bucket, source_key)
        place = await self._writable(bucket, key)
        async with drafting(place.new_draft(), key) as draft:
            await self.get_range(
                source_bucket,
                source_key,
                DraftSink(draft, key),
                start=0,
                size_bytes=source.size_bytes,
                if_match=if_match or source.etag,
            )
            digests = draft.digest.digests()
            facts = Facts(digests.md5, digests.crc64nvme, source.content_type)
            await on_disk(key, objects.install, place, key, draft, facts)
        return await self.head(bucket, key)

    async def create_upload(self, bucket: str, key: str, *, content_type: str = "") -> NewUpload:
        place = await self._writable(bucket, key)
        if key.endswith("/"):
            raise unsafe(key, "a folder holds no bytes of its own")
        return NewUpload(await on_disk(key, uploads.open_new, place, key, content_type), checksums=True)

    async def copy_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        source_bucket: str,
        source_key: str,
        *,
        start: int,
        size_bytes: int,
        if_match: str = "",
    ) -> Stored:
        rules.check_number(key, number)
        place = await self._writable(bucket)
        await on_disk(key, uploads.find, place, key, upload_id)
        async with drafting(place.new_draft(), key) as draft:
            sink = DraftSink(draft, key)
            await self.get_range(source_bucket, source_key, sink, start=start, size_bytes=size_bytes, if_match=if_match)
            await on_disk(key, uploads.add_part, place, key, upload_id, number, draft)
        return _stored(draft.digest.digests())

    async def list_parts(self, bucket: str, key: str, upload_id: str) -> list[PartInfo]:
        place = await self._place(bucket)
        return await on_disk(key, uploads.read_parts, place, key, upload_id)

    async def complete_upload(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[CompletePart], *, crc64nvme: str = ""
    ) -> ObjectInfo:
        place = await self._writable(bucket)
        try:
            return await completing.complete(place, key, upload_id, parts, crc64nvme)
        except RemoteError as error:
            if error.code != "no-upload":
                raise
            done = await completing.completed_before(place, key, parts)
            if done is None:
                raise
            return done

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        place = await self._writable(bucket)
        await on_disk(key, uploads.abort, place, key, upload_id)

    async def list_uploads(self, bucket: str, *, prefix: str = "") -> list[UploadInfo]:
        place = await self._place(bucket)
        return await on_disk(bucket, uploads.read_all, place, prefix)

    async def presign_get(self, bucket: str, key: str, *, expires_s: int) -> str:
        raise refusals.no_links(key)

    # --- inside

    async def _place(self, bucket: str) -> BucketPlace:
        return await on_disk(bucket, buckets.find, self._root, bucket)

    async def _writable(self, bucket: str, key: str | None = None) -> BucketPlace:
        """The bucket, ready to be written to; a key that could not be stored is refused before anything is read."""
        return await on_disk(key or bucket, buckets.find_writable, self._root, bucket, key, self._prepared)


def _stored(digests: Digests) -> Stored:
    return Stored(digests.md5, digests, proof="crc64nvme")
