"""Sends one file: one PutObject when it is small, else a multipart upload whose parts survive any process's death."""

from __future__ import annotations

import mimetypes
from dataclasses import replace

from core.model.errors import CoreError, IntegrityError, RemoteError, Retry
from core.model.location import parse_remote
from core.model.objects import ObjectInfo, PartInfo
from core.model.plan import PartPlan, Reconciled, part_size, reconcile
from core.model.transfer import Fingerprint, PartRecord, Verify
from core.stores.base import CompletePart
from core.stores.checksum import crc_text, joined_crc, multipart_etag
from core.transfer.begin import abort_unrecorded, open_upload
from core.transfer.files import changed_error, read_fingerprint
from core.transfer.job import Job, Proof, side_by_side, with_retries
from core.transfer.orders import Outcome, SendObject, SendPart
from core.transfer.proving import digest_of, read_back, still_holds


async def upload(job: Job) -> Proof:
    """Send the file and prove it. Raises the CoreError that stopped it; what it has reached is in the journal."""
    return await _Upload(job, await read_fingerprint(job.transfer.source)).run()


class _Upload:
    """One run of one upload."""

    def __init__(self, job: Job, stamp: Fingerprint) -> None:
        self._job = job
        self._stamp = stamp
        self._size = stamp.size_bytes
        self._path = job.transfer.source
        self._target = parse_remote(job.transfer.destination)
        self._bucket, self._key = self._target.bucket, self._target.key
        self._content_type = mimetypes.guess_type(self._path)[0] or "application/octet-stream"
        self._content_md5 = False
        self._upload_id = ""
        self._checksums = False
        self._records: dict[int, PartRecord] = {}

    async def run(self) -> Proof:
        preferred = part_size(self._size, self._job.wishes.preferred_part_bytes)
        left = await self._resumed()
        if left is None and self._size <= preferred:
            await abort_unrecorded(self._job)
            return await self._send_whole()
        left = left or await self._begun(preferred)
        try:
            await side_by_side(left.left, self._job.lanes, self._send)
        except CoreError as error:
            if error.code == "no-upload":  # somebody aborted it
                await self._void(error)
            raise
        return await self._finish()

    # One request.

    async def _send_whole(self) -> Proof:
        job = self._job
        job.meter.restart(committed_bytes=0, parts=1, parts_done=0)
        if not job.wishes.replace:
            if job.transfer.intent.startswith("put@") and (proof := await self._there_already()):
                return proof
            await job.journal.intent("put")
        try:
            outcome = await self._put(if_none_match=not job.wishes.replace)
            if not outcome.proof:  # this server's ETag proves nothing: have it check an MD5 instead
                job.journal.sent_again(job.meter.drop(1))
                outcome = await self._put(content_md5=True)
        except RemoteError as error:
            if error.code == "exists" and (proof := await self._there_already()):
                return proof
            raise
        if await read_fingerprint(self._path) != self._stamp:
            job.journal.sent_again(job.meter.drop(1))
            raise changed_error(self._path)
        job.meter.commit(1, self._size)
        proof = Proof(outcome.proof, outcome.etag, crc_text(outcome.digests.crc64nvme))
        if proof.verified_by == "content-md5" and job.wishes.verify is Verify.READ_BACK:
            sent = PartRecord(1, 0, self._size, done=True, crc64nvme=outcome.digests.crc64nvme)
            await read_back(job, self._target, outcome.etag, [sent])
            return replace(proof, verified_by="read-back")
        return proof

    async def _put(self, *, if_none_match: bool = False, content_md5: bool = False) -> Outcome:
        order = SendObject(
            bucket=self._bucket,
            key=self._key,
            path=self._path,
            size_bytes=self._size,
            stamp=self._stamp.text,
            content_type=self._content_type,
            if_none_match=if_none_match,
            content_md5=content_md5,
            paces=self._job.wishes.paces,
        )
        return await self._job.order(order, 1)

    async def _there_already(self) -> Proof | None:
        """Whether the object is this very file, by an attempt whose answer was lost; None when there is no object.

        Raises `exists` when it is another one, which may not be replaced.
        """
        job = self._job
        try:
            info = await with_retries(lambda: job.store.head(self._bucket, self._key))
        except RemoteError as error:
            if error.code == "no-key":
                return None
            raise
        ours = await digest_of(job, self._path, 0, self._size, md5=True)
        crc = crc_text(ours.crc64nvme)
        same = info.crc64nvme == crc if info.crc64nvme else info.etag == ours.md5
        if info.size_bytes != self._size or not same:
            raise RemoteError("exists", f"“{self._key}” exists already and was not replaced.", where=self._key)
        job.meter.commit(1, self._size)
        return Proof("crc64nvme" if info.crc64nvme else "md5-etag", info.etag, crc)

    # Many parts.

    async def _begun(self, part_bytes: int) -> Reconciled:
        """A new multipart upload."""
        job = self._job
        new = await open_upload(job, self._content_type)
        self._upload_id, self._checksums = new.upload_id, new.checksums
        await self._planned(part_bytes)
        fresh = reconcile((), None, size_bytes=self._size, part_bytes=part_bytes)
        job.meter.restart(committed_bytes=0, parts=len(fresh.left), parts_done=0)
        return fresh

    async def _planned(self, part_bytes: int) -> None:
        await self._job.journal.planned(
            part_size_bytes=part_bytes,
            upload_id=self._upload_id,
            checksums=self._checksums,
            source_stamp=self._stamp.text,
            size_bytes=self._size,
        )

    async def _resumed(self) -> Reconciled | None:
        """What the last run left to do, with every kept part proven; None when there is nothing to go on from."""
        transfer = self._job.transfer
        if not transfer.upload_id:
            return None
        self._upload_id, self._checksums = transfer.upload_id, transfer.checksums
        before = Fingerprint.parse(transfer.source_stamp)
        if before is None or before.size_bytes != self._size:
            await self._start_over()
            return None
        on_server = await self._server_parts()
        changed = before != self._stamp
        found = await self._proven(on_server, check_bytes=changed)
        if on_server is None and found.left:
            await self._start_over()
            return None
        # Everything done and the id gone: our answer to Complete was lost, which completing again finds out.
        await self._keep(found, changed=changed)
        return found

    async def _proven(self, on_server: dict[int, PartInfo] | None, *, check_bytes: bool) -> Reconciled:
        size, part_bytes = self._size, self._job.transfer.part_size_bytes
        found = reconcile(self._job.parts, on_server, size_bytes=size, part_bytes=part_bytes)
        if not check_bytes:
            return found
        kept = [record for record in found.kept if await still_holds(self._job, self._path, record)]
        started = {record.number for record in self._job.parts}
        left = reconcile(kept, on_server, size_bytes=size, part_bytes=part_bytes).left
        return Reconciled(tuple(kept), left, sum(plan.size_bytes for plan in left if plan.number in started))

    async def _server_parts(self) -> dict[int, PartInfo] | None:
        """The server's list; None when it does not know the upload any more."""
        try:
            parts = await with_retries(lambda: self._job.store.list_parts(self._bucket, self._key, self._upload_id))
        except CoreError as error:
            if error.code == "no-upload":
                return None
            raise
        return {part.number: part for part in parts}

    async def _keep(self, found: Reconciled, *, changed: bool) -> None:
        job = self._job
        self._records = {record.number: record for record in found.kept}
        await job.journal.kept(list(self._records), found.resent_bytes)
        if changed:
            await self._planned(job.transfer.part_size_bytes)
        job.meter.restart(
            committed_bytes=sum(record.size_bytes for record in found.kept),
            parts=len(found.kept) + len(found.left),
            parts_done=len(found.kept),
        )

    async def _start_over(self) -> None:
        """The upload is of no use: throw it away on both sides."""
        await with_retries(lambda: self._job.store.abort_upload(self._bucket, self._key, self._upload_id))
        await self._job.journal.started_over()

    async def _void(self, error: CoreError) -> None:
        """Start over because of this error, the next time."""
        await self._start_over()
        error.retry = Retry.BACKOFF

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
        if await read_fingerprint(self._path) != self._stamp:
            raise changed_error(self._path)
        records = [self._records[number] for number in sorted(self._records)]
        whole = crc_text(joined_crc(records))
        parts = [CompletePart(record.number, record.etag, record.crc64nvme) for record in records]
        await job.journal.intent("complete")
        try:
            info = await with_retries(
                lambda: job.store.complete_upload(
                    self._bucket, self._key, self._upload_id, parts, crc64nvme=whole if self._checksums else ""
                )
            )
        except CoreError as error:
            if error.code in ("no-upload", "bad-part", "entity-too-small", "bad-digest"):
                await self._void(error)
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
        try:  # no checksum of the server's speaks for the whole
            await read_back(self._job, self._target, info.etag, records)
        except IntegrityError:
            await self._job.journal.started_over()
            raise
        return Proof("read-back", info.etag, whole)
