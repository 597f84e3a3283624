"""Fetches one object: parallel ranges of one version into a temporary file beside the target, proven, then renamed."""

from __future__ import annotations

import os

from core.model.errors import CoreError, IntegrityError, RemoteError, Retry
from core.model.location import parse_remote
from core.model.objects import ObjectInfo
from core.model.plan import (
    DEFAULT_PART_BYTES,
    PartPlan,
    Reconciled,
    guess_part_sizes,
    part_count,
    part_size,
    parts_of,
    reconcile,
)
from core.model.transfer import PartRecord, Verify
from core.model.units import MIB
from core.stores.checksum import crc_text, etag_parts, is_md5, joined_crc, multipart_etag
from core.transfer.files import (
    is_free,
    length_of,
    make_folders,
    prepare_file,
    put_in_place,
    refuse_folder,
    remove_file,
    temporary_path,
)
from core.transfer.job import Job, Proof, side_by_side, with_retries
from core.transfer.orders import FetchRange
from core.transfer.proving import digest_of, read_back, still_holds

_MOST_RANGE_BYTES = 64 * MIB  # larger parts are not followed: one lost connection would cost too much
_MOST_GUESSES = 8


async def download(job: Job) -> Proof:
    """Fetch the object and prove it. Raises the CoreError that stopped it; what it has reached is in the journal."""
    source = parse_remote(job.transfer.source)
    info = await with_retries(lambda: job.store.head(source.bucket, source.key))
    return await _Download(job, info).run()


async def discard(job: Job) -> None:
    """Take away the temporary file of an unfinished download."""
    await remove_file(_temporary(job))


def _temporary(job: Job) -> str:
    return temporary_path(job.transfer.destination, f"{job.transfer.id}@{job.transfer.added_s}")


class _Download:
    """One run of one download."""

    def __init__(self, job: Job, info: ObjectInfo) -> None:
        self._job = job
        self._info = info
        self._size = info.size_bytes
        self._source = parse_remote(job.transfer.source)
        self._bucket, self._key = self._source.bucket, self._source.key
        self._target = job.transfer.destination
        self._temporary = _temporary(job)
        self._file = self._temporary  # where the bytes are just now
        self._records: dict[int, PartRecord] = {}

    async def run(self) -> Proof:
        folder = os.path.dirname(self._target)
        await make_folders(self._job.wishes.folder_root or folder, folder)
        await refuse_folder(self._target)
        if landed := await self._landed():
            return landed
        length_before = await prepare_file(self._temporary, self._size)
        found = await self._resumed(length_before) or await self._begun()
        try:
            await side_by_side(found.left, self._job.lanes, self._fetch)
            return await self._finish()
        except RemoteError as error:
            if error.code == "changed":  # another version is there now: nothing of the old one may stay
                await self._job.journal.started_over()
                error.retry = Retry.BACKOFF
            raise

    # The plan.

    async def _begun(self) -> Reconciled:
        part_bytes = self._range_bytes()
        await self._job.journal.planned(
            part_size_bytes=part_bytes,
            upload_id="",
            checksums=False,
            source_stamp=self._info.etag,
            size_bytes=self._size,
        )
        fresh = reconcile((), None, size_bytes=self._size, part_bytes=part_bytes)
        self._job.meter.restart(committed_bytes=0, parts=len(fresh.left), parts_done=0)
        return fresh

    def _range_bytes(self) -> int:
        """The size of a range: that of the parts the object was made of, where it can be told, so that the ETag can be
        checked from what flies by instead of reading the file again."""
        guesses = guess_part_sizes(self._size, etag_parts(self._info.etag))
        if not self._info.crc64nvme and guesses and guesses[0] <= _MOST_RANGE_BYTES:
            return guesses[0]
        return part_size(self._size, self._job.wishes.preferred_part_bytes or DEFAULT_PART_BYTES)

    async def _resumed(self, length_before: int) -> Reconciled | None:
        """What the last run left to do. Every kept range is read from the disk and compared with its checksum."""
        transfer, job = self._job.transfer, self._job
        if not transfer.part_size_bytes:
            return None
        same_version = transfer.source_stamp == self._info.etag and transfer.size_bytes == self._size
        if not same_version or length_before != self._size:
            await job.journal.started_over()
            return None
        proven = [record for record in job.parts if record.done and await still_holds(self._job, self._file, record)]
        found = reconcile(proven, None, size_bytes=self._size, part_bytes=transfer.part_size_bytes)
        known = {record.number for record in job.parts}
        again = sum(plan.size_bytes for plan in found.left if plan.number in known)
        self._records = {record.number: record for record in found.kept}
        await job.journal.kept(list(self._records), again)
        job.meter.restart(
            committed_bytes=sum(record.size_bytes for record in found.kept),
            parts=part_count(self._size, transfer.part_size_bytes),
            parts_done=len(found.kept),
        )
        return found

    async def _landed(self) -> Proof | None:
        """Whether the file had been put in its place already when the process died before it could say so."""
        transfer, records = self._job.transfer, [record for record in self._job.parts if record.done]
        renamed = transfer.intent.startswith("replace@") and await is_free(self._temporary)
        whole = len(records) == part_count(self._size, transfer.part_size_bytes or 1)
        same_version = transfer.source_stamp == self._info.etag and transfer.size_bytes == self._size
        if not (renamed and whole and same_version and await length_of(self._target) == self._size):
            return None
        self._file = self._target
        if not all([await still_holds(self._job, self._file, record) for record in records]):
            self._file = self._temporary
            return None
        self._job.meter.restart(committed_bytes=self._size, parts=len(records), parts_done=len(records))
        return await self._prove(sorted(records, key=lambda record: record.number), crc_text(joined_crc(records)))

    async def _fetch(self, plan: PartPlan) -> None:
        job = self._job
        job.journal.part_started(PartRecord(plan.number, plan.offset, plan.size_bytes))
        order = FetchRange(
            bucket=self._bucket,
            key=self._key,
            etag=self._info.etag,
            offset=plan.offset,
            size_bytes=plan.size_bytes,
            path=self._temporary,
            md5=self._wants_md5(),
            paces=job.wishes.paces,
        )
        try:
            outcome = await job.order(order, plan.number)
        except BaseException:
            job.journal.part_dropped(plan.number)
            raise
        record = PartRecord(
            plan.number,
            plan.offset,
            plan.size_bytes,
            done=True,
            crc64nvme=outcome.digests.crc64nvme,
            md5=outcome.digests.md5,
        )
        await job.journal.part_done(record)
        self._records[plan.number] = record
        job.meter.commit(plan.number, plan.size_bytes)

    def _wants_md5(self) -> bool:
        if self._info.crc64nvme:
            return False
        return etag_parts(self._info.etag) > 0 or (self._size <= self._range_bytes() and is_md5(self._info.etag))

    # The end.

    async def _finish(self) -> Proof:
        records = [self._records[number] for number in sorted(self._records)]
        whole = crc_text(joined_crc(records))
        try:
            proof = await self._prove(records, whole)
        except IntegrityError:
            await self._job.journal.started_over()
            await remove_file(self._temporary)
            raise
        await self._job.journal.intent("replace")
        await put_in_place(self._temporary, self._target, replace=self._job.wishes.replace)
        return proof

    async def _prove(self, records: list[PartRecord], whole: str) -> Proof:
        info = self._info
        if info.crc64nvme:
            if info.crc64nvme != whole:
                raise self._differs(f"CRC {whole} of {info.crc64nvme}")
            return Proof("crc64nvme", info.etag, whole)
        if etag_parts(info.etag) and await self._multipart_agrees(records):
            return Proof("md5-etag", info.etag, whole)
        if is_md5(info.etag) and await self._md5_of_all(records) == info.etag:
            return Proof("md5-etag", info.etag, whole)
        # An ETag need not be an MD5 (SSE-KMS, some vendors): that it does not fit is no proof of damage.
        if self._job.wishes.verify is Verify.READ_BACK or is_md5(info.etag):
            await read_back(self._job, self._source, info.etag, records)
            return Proof("read-back", info.etag, whole)
        return Proof("length", info.etag, whole)

    async def _multipart_agrees(self, records: list[PartRecord]) -> bool:
        """Whether the ETag is that of this file in parts: of the ranges as they came, or of other likely part sizes."""
        etag = self._info.etag
        if multipart_etag([record.md5 for record in records]) == etag:
            return True
        tried = self._job.transfer.part_size_bytes or self._range_bytes()
        for part_bytes in guess_part_sizes(self._size, etag_parts(etag))[:_MOST_GUESSES]:
            if part_bytes == tried and all(record.md5 for record in records):
                continue
            plans = parts_of(self._size, part_bytes)
            md5s = [await self._md5_of(plan.offset, plan.size_bytes) for plan in plans]
            if multipart_etag(md5s) == etag:
                return True
        return False

    async def _md5_of_all(self, records: list[PartRecord]) -> str:
        if len(records) == 1 and records[0].md5:
            return records[0].md5
        return await self._md5_of(0, self._size)

    async def _md5_of(self, offset: int, size_bytes: int) -> str:
        return (await digest_of(self._job, self._file, offset, size_bytes, md5=True)).md5

    def _differs(self, detail: str) -> CoreError:
        return IntegrityError(
            "bad-digest",
            f"What arrived of “{self._key}” differs from what the server says it holds; it is fetched again.",
            where=self._key,
            detail=detail,
            retry=Retry.BACKOFF,
        )
