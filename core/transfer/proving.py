"""Proofs that cost reading: what a local file holds, and what the server holds where its checksums say nothing."""

from __future__ import annotations

from collections.abc import Sequence

from core.model.errors import IntegrityError, Retry
from core.model.location import Remote
from core.model.objects import Digests
from core.model.plan import PartPlan
from core.model.transfer import PartRecord
from core.transfer.job import Job, side_by_side
from core.transfer.orders import DigestRange, ReadBack


async def digest_of(job: Job, path: str, offset: int, size_bytes: int, *, md5: bool = False) -> Digests:
    """What a range of a local file holds; fewer bytes than asked for where the file is shorter."""
    order = DigestRange(path=path, offset=offset, size_bytes=size_bytes, md5=md5)
    return (await job.crew.run(order, None, lambda _: None)).digests


async def still_holds(job: Job, path: str, record: PartRecord) -> bool:
    """Whether a local file has, in the place of a part, the bytes that the part was recorded with."""
    found = await digest_of(job, path, record.offset, record.size_bytes)
    return (found.size_bytes, found.crc64nvme) == (record.size_bytes, record.crc64nvme)


async def read_back(job: Job, remote: Remote, etag: str, records: Sequence[PartRecord]) -> None:
    """Read an object without keeping it, and compare it part by part. Raises IntegrityError `bad-digest`."""
    by_number = {record.number: record for record in records}

    async def check(plan: PartPlan) -> None:
        order = ReadBack(
            bucket=remote.bucket,
            key=remote.key,
            etag=etag,
            offset=plan.offset,
            size_bytes=plan.size_bytes,
            paces=job.wishes.paces,
        )
        outcome = await job.order(order, plan.number)
        job.meter.drop(plan.number)
        if outcome.digests.crc64nvme != by_number[plan.number].crc64nvme:
            raise IntegrityError(
                "bad-digest",
                f"What the server holds as “{remote.key}” differs from the local file; it is moved again.",
                where=remote.url,
                detail=f"part {plan.number}",
                retry=Retry.BACKOFF,
            )

    plans = [PartPlan(record.number, record.offset, record.size_bytes) for record in records]
    await side_by_side(plans, job.lanes, check)
