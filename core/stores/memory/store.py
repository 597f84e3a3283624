"""An S3-like store in memory: full semantics, no I/O, and faults on demand."""

from __future__ import annotations

import asyncio
import uuid
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from core.model.account import Account
from core.model.errors import CoreError
from core.model.objects import Bucket, Digests, ObjectInfo, Page, PartInfo, Stored, UploadInfo
from core.stores import refusals, rules
from core.stores.base import Access, Body, CompletePart, DeleteError, Fetched, NewUpload, Sink
from core.stores.checksum import RunningDigest, crc_text, joined_crc, multipart_etag
from core.stores.memory.contents import Contents, Crate, Held, Upload, contents_of
from core.stores.memory.faults import Course, Fault, Script
from core.stores.refusals import bucket_exists, bucket_not_empty

PIECE_BYTES = 1 << 20


class MemoryStore:
    """Everything lives in this process and ends with it: all openings of an account here see the same, other processes
    see nothing of it.

    `keeps_checksums` False plays a server that keeps no CRC, so that proofs fall back on MD5s. Each verb first takes
    its course through the script of faults, which all openings of the account share.
    """

    def __init__(self, account: Account, faults: Iterable[Fault] = (), *, keeps_checksums: bool = True) -> None:
        self._account = account
        self._contents: Contents = contents_of(account.name)
        self._keeps_checksums = keeps_checksums
        self.script.add(faults)

    @property
    def script(self) -> Script:
        """The faults still to come; more can be added at any time."""
        return self._contents.script

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
        course = await self._begin("put_object", key)
        rules.check_object_key(key)
        self._refuse_existing(bucket, key, if_none_match)
        held = await _arrived(key, body, course, content_md5)
        self._refuse_existing(bucket, key, if_none_match)
        self._contents.crate(bucket).put(key, held.data, held.digests.md5, held.digests.crc64nvme, content_type)
        course.end()
        return self._stored(held.digests, content_md5)

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
        course = await self._begin("put_part", key, number)
        rules.check_number(key, number)
        self._upload(bucket, key, upload_id)
        held = await _arrived(key, body, course, content_md5)
        self._upload(bucket, key, upload_id).parts[number] = held
        course.end()
        return self._stored(held.digests, content_md5)

    async def get_range(
        self, bucket: str, key: str, sink: Sink, *, start: int, size_bytes: int, if_match: str = ""
    ) -> Fetched:
        course = await self._begin("get_range", key)
        thing = self._contents.crate(bucket).thing(key, if_match)
        rules.check_range(key, start, size_bytes, len(thing.data))
        whole = memoryview(thing.data)
        for at in range(start, start + size_bytes, PIECE_BYTES):
            await sink.write(await course.carry(whole[at : min(at + PIECE_BYTES, start + size_bytes)]))
        course.end()
        return Fetched(thing.etag, len(thing.data))

    async def head(self, bucket: str, key: str) -> ObjectInfo:
        course = await self._begin("head", key)
        found = self._info(self._contents.crate(bucket), key)
        course.end()
        return found

    async def close(self) -> None:
        """Nothing is held open; what is stored stays."""

    # --- control

    async def access(self) -> Access:
        course = await self._begin("access")
        course.end()
        return Access(self._account, checksums=self._keeps_checksums)

    async def list_buckets(self) -> list[Bucket]:
        course = await self._begin("list_buckets")
        course.end()
        return [Bucket(name, crate.created_s) for name, crate in sorted(self._contents.buckets.items())]

    async def create_bucket(self, bucket: str) -> None:
        course = await self._begin("create_bucket", bucket)
        if bucket in self._contents.buckets:
            raise bucket_exists(bucket)
        self._contents.buckets[bucket] = Crate()
        course.end()

    async def delete_bucket(self, bucket: str) -> None:
        course = await self._begin("delete_bucket", bucket)
        crate = self._contents.crate(bucket)
        if crate.objects or crate.uploads:
            raise bucket_not_empty(bucket)
        del self._contents.buckets[bucket]
        course.end()

    async def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", token: str = "", count: int = 1000
    ) -> Page:
        course = await self._begin("list_objects", prefix)
        crate = self._contents.crate(bucket)
        keys = _keys_from(crate.keys(), prefix.encode(), rules.read_token(token))
        cut = rules.cut_page(keys, prefix=prefix, delimiter=delimiter, count=count)
        course.end()
        return Page(tuple(self._info(crate, key) for key in cut.keys), tuple(cut.prefixes), cut.token)

    async def delete_objects(self, bucket: str, keys: Sequence[str]) -> list[DeleteError]:
        """A fault with a key makes that key fail alone; one without fails the whole call."""
        course = await self._begin("delete_objects")
        crate = self._contents.crate(bucket)
        failures: list[DeleteError] = []
        for key in keys:
            try:
                await self.script.begin("delete_object", key).start()
            except CoreError as error:
                failures.append(DeleteError(key, error.record()))
            else:
                crate.remove(key)
        course.end()
        return failures

    async def copy_object(
        self, bucket: str, key: str, source_bucket: str, source_key: str, *, if_match: str = ""
    ) -> ObjectInfo:
        course = await self._begin("copy_object", key)
        rules.check_object_key(key)
        thing = self._contents.crate(source_bucket).thing(source_key, if_match)
        digests = await asyncio.to_thread(_digests, thing.data)
        crate = self._contents.crate(bucket)
        crate.put(key, thing.data, digests.md5, digests.crc64nvme, thing.content_type)
        course.end()
        return self._info(crate, key)

    async def create_upload(self, bucket: str, key: str, *, content_type: str = "") -> NewUpload:
        course = await self._begin("create_upload", key)
        rules.check_object_key(key)
        upload_id = uuid.uuid4().hex
        self._contents.crate(bucket).uploads[upload_id] = Upload(key, content_type)
        course.end()
        return NewUpload(upload_id, self._keeps_checksums)

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
        course = await self._begin("copy_part", key, number)
        rules.check_number(key, number)
        upload = self._upload(bucket, key, upload_id)
        thing = self._contents.crate(source_bucket).thing(source_key, if_match)
        rules.check_range(source_key, start, size_bytes, len(thing.data))
        data = thing.data[start : start + size_bytes]
        upload.parts[number] = Held(data, await asyncio.to_thread(_digests, data))
        course.end()
        return self._stored(upload.parts[number].digests, False)

    async def list_parts(self, bucket: str, key: str, upload_id: str) -> list[PartInfo]:
        course = await self._begin("list_parts", key)
        parts = self._upload(bucket, key, upload_id).parts
        course.end()
        return [rules.part_info(number, parts[number].digests) for number in sorted(parts)]

    async def complete_upload(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[CompletePart], *, crc64nvme: str = ""
    ) -> ObjectInfo:
        course = await self._begin("complete_upload", key)
        crate = self._contents.crate(bucket)
        etag = multipart_etag([part.etag for part in parts])
        upload = crate.uploads.get(upload_id)
        if upload is None or upload.key != key:
            if key in crate.objects and crate.objects[key].etag == etag:
                return self._info(crate, key)
            raise refusals.no_upload(key, upload_id)
        self._complete(crate, upload, parts, crc64nvme)
        del crate.uploads[upload_id]
        course.end()
        return self._info(crate, key)

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        course = await self._begin("abort_upload", key)
        crate = self._contents.crate(bucket)
        upload = crate.uploads.get(upload_id)
        if upload is not None and upload.key == key:
            del crate.uploads[upload_id]
        course.end()

    async def list_uploads(self, bucket: str, *, prefix: str = "") -> list[UploadInfo]:
        course = await self._begin("list_uploads", prefix)
        uploads = self._contents.crate(bucket).uploads.items()
        course.end()
        found = [UploadInfo(up.key, upload_id, up.started_s) for upload_id, up in uploads if up.key.startswith(prefix)]
        return sorted(found, key=lambda upload: (upload.key.encode(), upload.started_s))

    async def presign_get(self, bucket: str, key: str, *, expires_s: int) -> str:
        raise refusals.no_links(key)

    # --- inside

    async def _begin(self, call: str, key: str = "", number: int = 0) -> Course:
        course = self.script.begin(call, key, number)
        await course.start()
        return course

    def _refuse_existing(self, bucket: str, key: str, if_none_match: bool) -> None:
        if key in self._contents.crate(bucket).objects and if_none_match:
            raise refusals.exists(key)

    def _upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        return self._contents.crate(bucket).upload(key, upload_id)

    def _info(self, crate: Crate, key: str) -> ObjectInfo:
        return crate.thing(key).info(key, with_crc=self._keeps_checksums)

    def _stored(self, digests: Digests, content_md5: bool) -> Stored:
        if self._keeps_checksums:
            proof = "crc64nvme"
        else:
            proof = "content-md5" if content_md5 else "md5-etag"
        return Stored(digests.md5, digests, proof)

    def _complete(self, crate: Crate, upload: Upload, parts: Sequence[CompletePart], crc64nvme: str) -> None:
        kept = {number: held.digests for number, held in upload.parts.items()}
        crc = joined_crc(rules.check_parts(upload.key, parts, kept))
        if self._keeps_checksums and crc64nvme not in ("", crc_text(crc)):
            raise refusals.bad_digest(upload.key, f"the whole has CRC {crc_text(crc)}, not {crc64nvme}")
        data = b"".join(upload.parts[part.number].data for part in parts)
        crate.put(upload.key, data, multipart_etag([part.etag for part in parts]), crc, upload.content_type)


async def _arrived(key: str, body: Body, course: Course, content_md5: bool) -> Held:
    data = bytearray()
    async with rules.pieces_of(body, md5=content_md5) as pieces:
        async for piece in pieces:
            data += await course.carry(piece)
    held = Held(bytes(data), await asyncio.to_thread(_digests, data))
    rules.check_arrival(key, held.digests, body)
    return held


def _digests(data: bytes | bytearray) -> Digests:
    running = RunningDigest()
    running.update(memoryview(data))
    return running.digests()


def _keys_from(keys: list[bytes], prefix: bytes, after: bytes) -> Iterator[str]:
    begin = bisect_left(keys, prefix)
    if after >= prefix:
        begin = max(begin, bisect_left(keys, after))
    for index in range(begin, len(keys)):
        if not keys[index].startswith(prefix):
            return
        if keys[index] > after or not after:
            yield keys[index].decode()
