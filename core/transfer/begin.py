"""Opens multipart uploads so that none is ever left behind unknown, and aborts those that were given up."""

from __future__ import annotations

import logging
import time

from core.model.errors import RemoteError, Retry
from core.model.location import parse_remote
from core.stores.base import NewUpload
from core.transfer.job import Job, with_retries

_CLOCK_SLACK_S = 300.0
log = logging.getLogger("sluice.transfer")


async def open_upload(job: Job, content_type: str = "") -> NewUpload:
    """Open an upload for the transfer's destination; the wish to is on disk before. One that was opened without our
    learning its id, by the last run or by a call whose answer was lost, is aborted first."""
    target = parse_remote(job.transfer.destination)
    await abort_unrecorded(job)
    since_s, tries = time.time(), 0

    async def once() -> NewUpload:
        nonlocal tries
        tries += 1
        if tries > 1:
            await _abort_partless(job, since_s)
        return await job.store.create_upload(target.bucket, target.key, content_type=content_type)

    await job.journal.intent("create")
    return await with_retries(once)


async def abort(job: Job) -> None:
    """Take away what an unfinished upload left on the server."""
    if job.transfer.upload_id:
        target = parse_remote(job.transfer.destination)
        await with_retries(lambda: job.store.abort_upload(target.bucket, target.key, job.transfer.upload_id))
    else:
        await abort_unrecorded(job)


async def abort_unrecorded(job: Job) -> None:
    """Abort the upload we may have opened just before we died, without its id reaching our disk."""
    act, _, since = job.transfer.intent.partition("@")
    if act == "create" and not job.transfer.upload_id:
        await _abort_partless(job, float(since))


async def _abort_partless(job: Job, since_s: float) -> None:
    """Only uploads of this very key, begun since then, that hold no part: whoever else's it were, nothing is lost."""
    target = parse_remote(job.transfer.destination)
    try:
        for found in await job.store.list_uploads(target.bucket, prefix=target.key):
            recent = found.started_s >= since_s - _CLOCK_SLACK_S or not found.started_s
            if found.key != target.key or not recent:
                continue
            if not await job.store.list_parts(target.bucket, target.key, found.upload_id):
                await job.store.abort_upload(target.bucket, target.key, found.upload_id)
    except RemoteError as error:
        if error.retry is not Retry.NEVER:
            raise
        # No right to look, say: an empty upload that may be left costs nothing, a transfer that never starts does.
        log.info("uploads of %s could not be looked through: %s", target.url, error.sentence)
