"""Sends one file: one PutObject when it is small, else a multipart upload whose parts survive any process's death."""

from __future__ import annotations

import mimetypes

from core.model.errors import CoreError, IntegrityError, Retry
from core.model.location import parse_remote
from core.model.objects import ObjectInfo, PartInfo
from core.model.plan import PartPlan, Reconciled, part_size, parts_of, reconcile
from core.model.transfer import Fingerprint, PartRecord
from core.stores.base import CompletePart, NewUpload
from core.transfer.checksum import combined_crc, crc_text, multipart_etag
from core.transfer.files import changed_error, read_fingerprint
from core.transfer.job import Job, Proof, side_by_side, with_retries
from core.transfer.orders import DigestRange, ReadBack, SendObject, SendPart

_CLOCK_SLACK_S = 300.0


async def upload(job: Job) -> Proof:
    """Send the file and prove it. Raises the CoreError that stopped it; what it has reached is in the journal."""
    return await _Upload(job, read_fingerprint(job.transfer.source)).run()


async def abort(job: Job) -> None:
    """Take away what an unfinished upload left on the server."""
    target = parse_remote(job.transfer.destination)
    if job.transfer.upload_id:
        await with_retries(lambda: job.store.abort_upload(target.bucket, target.key, job.transfer.upload_id))
    elif job.transfer.intent.startswith("create@"):
        await _abort_unrecorded(job, target.bucket, target.key)


async def _abort_unrecorded(job: Job, bucket: str, key: str) -> None:
    """Abort the upload we may have opened just before we died, without its id reaching our disk.

    Only uploads of this very key, begun since we meant to, that hold no part: whoever else's it were, nothing is lost.
    """
    since_s = float(job.transfer.intent.partition("@")[2]) - _CLOCK_SLACK_S
    for found in await job.store.list_uploads(bucket, prefix=key):
        ours = found.key == key and (found.started_s >= since_s or not found.started_s)
        if ours and not await job.store.list_parts(bucket, key, found.upload_id):
            await job.store.abort_upload(bucket, key, found.upload_id)


class _Upload:
    """One run of one upload."""

    def __init__(self, job: Job, stamp: Fingerprint) -> None:
        self._job = job
        self._stamp = stamp
        self._size = stamp.size_bytes
        self._path = job.transfer.source
        target = parse_remote(job.transfer.destination)
        self._bucket, self._key = target.bucket, target.key
        self._content_type = mimetypes.guess_type(self._path)[0] or "application/octet-stream"
        self._content_md5 = False
        self._upload_id = ""
        self._checksums = False
        self._records: dict[int, PartRecord] = {}

    async def run(self) -> Proof:
        preferred = part_size(self._size, self._job.wishes.preferred_part_bytes)
        if not self._job.transfer.upload_id and self._size <= preferred:
            return await self._send_whole()
        left = await self._resumed() or await self._begun(preferred)
        await side_by_side(left.left, self._job.lanes, self._send)
        return await self._finish()

    # One request.

    async def _send_whole(self) -> Proof:
        self._job.meter.restart(committed_bytes=0, parts=1, parts_done=0)
        outcome = await self._job.order(
            SendObject(
                bucket=self._bucket,
                key=self._key,
                path=self._path,
                size_bytes=self._size,
                stamp=self._stamp.text,
                content_type=self._content_type,
                if_none_match=not self._job.wishes.replace,
                content_md5=self._content_md5,
                paces=self._job.wishes.paces,
            ),
            1,
        )
        if not outcome.proof and not self._content_md5:
            self._content_md5 = True  # this server's ETag proves nothing: have it check an MD5 instead
            self._job.journal.sent_again(self._job.meter.drop(1))
            return await self._send_whole()
        if read_fingerprint(self._path) != self._stamp:
            raise changed_error(self._path)
        self._job.meter.commit(1, self._size)
        return Proof(outcome.proof, outcome.etag, crc_text(outcome.digests.crc64nvme))

    # Many parts.

    async def _begun(self, part_bytes: int) -> Reconciled:
        """A new multipart upload. The wish to open one is on disk before, so that none is ever left behind unknown."""
        job = self._job
        if job.transfer.intent.startswith("create@"):
            await _abort_unrecorded(job, self._bucket, self._key)
        await job.journal.intent("create")
        new: NewUpload = await with_retries(
            lambda: job.store.create_upload(self._bucket, self._key, content_type=self._content_type)
        )
        self._upload_id, self._checksums = new.upload_id, new.checksums
        await job.journal.planned(
            part_size_bytes=part_bytes,
            upload_id=new.upload_id,
            checksums=new.checksums,
            source_stamp=self._stamp.text,
            size_bytes=self._size,
        )
        fresh = reconcile((), None, size_bytes=self._size, part_bytes=part_bytes)
        job.meter.restart(committed_bytes=0, parts=len(fresh.left), parts_done=0)
        return fresh

    async def _resumed(self) -> Reconciled | None:
        """What the last run left to do, with every kept part proven; None when there is nothing to go on from."""
        transfer, job = self._job.transfer, self._job
        if not transfer.upload_id:
            return None
        before = Fingerprint.parse(transfer.source_stamp)
        if before is None or before.size_bytes != self._size:
            await self._start_over()
            return None
        self._upload_id, self._checksums = transfer.upload_id, transfer.checksums
        plans = list(parts_of(self._size, transfer.part_size_bytes))
        records = list(job.parts)
        on_server = await self._server_parts()
        if on_server is None and not _all_done(records, len(plans)):
            await self._start_over()
            return None
        # Everything done and the id gone: our answer to Complete was lost, which completing again finds out.
        found = reconcile(records, on_server, size_bytes=self._size, part_bytes=transfer.part_size_bytes)
        if before != self._stamp:
            proven = [record for record in found.kept if await self._still_holds(record)]
            found = reconcile(proven, on_server, size_bytes=self._size, part_bytes=transfer.part_size_bytes)
            found = Reconciled(
                found.kept, found.left, sum(plan.size_bytes for plan in found.left if _known(plan, records))
            )
        await self._keep(found, transfer.part_size_bytes, changed=before != self._stamp)
        return found

    async def _server_parts(self) -> dict[int, PartInfo] | None:
        """The server's list; None when it does not know the upload any more."""
        try:
            parts = await with_retries(lambda: self._job.store.list_parts(self._bucket, self._key, self._upload_id))
        except CoreError as error:
            if error.code == "no-upload":
                return None
            raise
        return {part.number: part for part in parts}

    async def _still_holds(self, record: PartRecord) -> bool:
        """Whether the file still has, in the place of a kept part, the bytes that were sent."""
        order = DigestRange(path=self._path, offset=record.offset, size_bytes=record.size_bytes)
        outcome = await self._job.crew.run(order, None, lambda _: None)
        return outcome.digests.crc64nvme == record.crc64nvme and outcome.digests.size_bytes == record.size_bytes

    async def _keep(self, found: Reconciled, part_bytes: int, *, changed: bool) -> None:
        job = self._job
        self._records = {record.number: record for record in found.kept}
        await job.journal.kept(list(self._records), found.resent_bytes)
        if changed:
            await job.journal.planned(
                part_size_bytes=part_bytes,
                upload_id=self._upload_id,
                checksums=self._checksums,
                source_stamp=self._stamp.text,
                size_bytes=self._size,
            )
        job.meter.restart(
            committed_bytes=sum(record.size_bytes for record in found.kept),
            parts=len(found.kept) + len(found.left),
            parts_done=len(found.kept),
        )

    async def _start_over(self) -> None:
        """The old upload is of no use: throw it away on both sides."""
        await self._job.store.abort_upload(self._bucket, self._key, self._job.transfer.upload_id)
        await self._job.journal.started_over()

    async def _send(self, plan: PartPlan) -> None:
        job = self._job
        job.journal.part_started(PartRecord(plan.number, plan.offset, plan.size_bytes))
        order = SendPart(
            bucket=self._bucket,
            key=self._key,
            upload_id=self._upload_id,
            number=plan.number,
            path=self._path,
            offset=plan.offset,
            size_bytes=plan.size_bytes,
            stamp=self._stamp.text,
            checksums=self._checksums,
            content_md5=self._content_md5,
            paces=job.wishes.paces,
        )
        try:
            outcome = await job.order(order, plan.number)
        except BaseException:
            job.journal.part_dropped(plan.number)
            raise
        if not outcome.proof:
            self._content_md5 = True  # from the next part on the server is asked to check
        record = PartRecord(
            plan.number,
            plan.offset,
            plan.size_bytes,
            done=True,
            etag=outcome.etag,
            crc64nvme=outcome.digests.crc64nvme,
            md5=outcome.digests.md5,
        )
        await job.journal.part_done(record)
        self._records[plan.number] = record
        job.meter.commit(plan.number, plan.size_bytes)

    # The end.

    async def _finish(self) -> Proof:
        job = self._job
        if read_fingerprint(self._path) != self._stamp:
            raise changed_error(self._path)
        records = [self._records[number] for number in sorted(self._records)]
        whole = crc_text(combined_crc(records))
        parts = [CompletePart(record.number, record.etag, record.crc64nvme) for record in records]
        await job.journal.intent("complete")
        try:
            info = await with_retries(
                lambda: job.store.complete_upload(
                    self._bucket, self._key, self._upload_id, parts, crc64nvme=whole if self._checksums else ""
                )
            )
        except CoreError as error:
            if error.code in ("no-upload", "bad-part", "entity-too-small"):
                await job.journal.started_over()
                error.retry = Retry.BACKOFF
            raise
        return await self._prove(info, records, whole)

    async def _prove(self, info: ObjectInfo, records: list[PartRecord], whole: str) -> Proof:
        if info.size_bytes != self._size or (info.crc64nvme and info.crc64nvme != whole):
            await self._job.journal.started_over()
            raise IntegrityError(
                "bad-digest",
                f"The server's copy of “{self._key}” differs from the file; it is sent again.",
                where=self._key,
                detail=f"size {info.size_bytes} of {self._size}, CRC {info.crc64nvme} of {whole}",
                retry=Retry.BACKOFF,
            )
        if info.crc64nvme:
            return Proof("crc64nvme", info.etag, whole)
        if info.etag == multipart_etag([record.md5 for record in records]):
            return Proof("md5-etag", info.etag, whole)
        return await self._read_back(info, records, whole)

    async def _read_back(self, info: ObjectInfo, records: list[PartRecord], whole: str) -> Proof:
        """No checksum of the server's speaks for the whole: read it again and compare part by part."""
        by_number = {record.number: record for record in records}

        async def check(plan: PartPlan) -> None:
            order = ReadBack(
                bucket=self._bucket,
                key=self._key,
                etag=info.etag,
                offset=plan.offset,
                size_bytes=plan.size_bytes,
                paces=self._job.wishes.paces,
            )
            outcome = await self._job.order(order, plan.number)
            self._job.meter.drop(plan.number)
            if outcome.digests.crc64nvme != by_number[plan.number].crc64nvme:
                raise IntegrityError(
                    "bad-digest", f"The server's copy of “{self._key}” differs from the file.", where=self._key
                )

        plans = [PartPlan(record.number, record.offset, record.size_bytes) for record in records]
        await side_by_side(plans, self._job.lanes, check)
        return Proof("read-back", info.etag, whole)


def _all_done(records: list[PartRecord], count: int) -> bool:
    return sum(record.done for record in records) == count


def _known(plan: PartPlan, records: list[PartRecord]) -> bool:
    return any(record.number == plan.number for record in records)
