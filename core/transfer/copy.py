"""Copies one object inside a store: the server moves the bytes, above 5 GiB part by part."""

from __future__ import annotations

from core.model.errors import IntegrityError, RemoteError, Retry
from core.model.location import parse_remote
from core.model.objects import ObjectInfo
from core.model.plan import MAX_COPY_BYTES, PartPlan, part_size, reconcile
from core.model.transfer import PartRecord
from core.model.units import MIB
from core.stores.base import CompletePart
from core.transfer.begin import open_upload
from core.transfer.job import Job, Proof, side_by_side, with_retries

_COPY_PART_BYTES = 512 * MIB


async def copy(job: Job, *, most_bytes: int = MAX_COPY_BYTES, part_bytes: int = _COPY_PART_BYTES) -> Proof:
    """Copy the object and prove it; `most_bytes`: what one CopyObject may carry. Raises the CoreError that ended it."""
    source = parse_remote(job.transfer.source)
    info = await with_retries(lambda: job.store.head(source.bucket, source.key))
    run = _Copy(job, info)
    try:
        made = await (run.whole() if info.size_bytes <= most_bytes else run.in_parts(part_bytes))
    except RemoteError as error:
        if error.code in ("changed", "no-upload"):  # another version is there now, or somebody aborted: begin anew
            error.retry = Retry.BACKOFF
        raise
    return run.proof(made)


class _Copy:
    """One run of one copy."""

    def __init__(self, job: Job, info: ObjectInfo) -> None:
        self._job = job
        self._info = info
        self._source = parse_remote(job.transfer.source)
        self._target = parse_remote(job.transfer.destination)
        self._etags: dict[int, str] = {}

    async def whole(self) -> ObjectInfo:
        self._job.meter.restart(committed_bytes=0, parts=1, parts_done=0)
        made = await with_retries(
            lambda: self._job.store.copy_object(
                self._target.bucket,
                self._target.key,
                self._source.bucket,
                self._source.key,
                if_match=self._info.etag,
            )
        )
        self._job.meter.commit(1, self._info.size_bytes)
        return made

    async def in_parts(self, preferred_bytes: int) -> ObjectInfo:
        job, target = self._job, self._target
        if job.transfer.upload_id:  # server-side parts are cheap to make again; an old upload only costs storage
            await job.store.abort_upload(target.bucket, target.key, job.transfer.upload_id)
            await job.journal.started_over()
        new = await open_upload(job)
        part_bytes = part_size(self._info.size_bytes, preferred_bytes)
        await job.journal.planned(
            part_size_bytes=part_bytes,
            upload_id=new.upload_id,
            checksums=new.checksums,
            source_stamp=self._info.etag,
            size_bytes=self._info.size_bytes,
        )
        plan = reconcile((), None, size_bytes=self._info.size_bytes, part_bytes=part_bytes)
        job.meter.restart(committed_bytes=0, parts=len(plan.left), parts_done=0)
        await side_by_side(plan.left, job.lanes, lambda part: self._part(new.upload_id, part))
        await self._check_source()
        await job.journal.intent("complete")
        parts = [CompletePart(number, self._etags[number]) for number in sorted(self._etags)]
        return await with_retries(lambda: job.store.complete_upload(target.bucket, target.key, new.upload_id, parts))

    async def _check_source(self) -> None:
        """Ceph 16.2 and moto ignore x-amz-copy-source-if-match, so parts of two versions could come together."""
        now = await with_retries(lambda: self._job.store.head(self._source.bucket, self._source.key))
        if now.etag != self._info.etag:
            raise RemoteError(
                "changed",
                f"“{self._source.key}” changed while it was copied; it is copied anew.",
                where=self._source.url,
            )

    async def _part(self, upload_id: str, plan: PartPlan) -> None:
        stored = await with_retries(
            lambda: self._job.store.copy_part(
                self._target.bucket,
                self._target.key,
                upload_id,
                plan.number,
                self._source.bucket,
                self._source.key,
                start=plan.offset,
                size_bytes=plan.size_bytes,
                if_match=self._info.etag,
            )
        )
        self._etags[plan.number] = stored.etag
        await self._job.journal.part_done(
            PartRecord(plan.number, plan.offset, plan.size_bytes, done=True, etag=stored.etag)
        )
        self._job.meter.commit(plan.number, plan.size_bytes)

    def proof(self, made: ObjectInfo) -> Proof:
        """The server's word: equal size and, where both are kept, equal checksum or ETag."""
        crc_differs = made.crc64nvme and self._info.crc64nvme and made.crc64nvme != self._info.crc64nvme
        if made.size_bytes != self._info.size_bytes or crc_differs:
            raise IntegrityError(
                "bad-digest", f"The copy of “{self._source.key}” differs from the original.", where=self._target.key
            )
        same_crc = bool(made.crc64nvme) and made.crc64nvme == self._info.crc64nvme
        if same_crc:
            return Proof("crc64nvme", made.etag, made.crc64nvme)
        return Proof("md5-etag" if made.etag == self._info.etag else "server-copy", made.etag, made.crc64nvme)
