"""Turns requests into rows of the queue, while the first of them are moving already."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from core.engine.accounts import Accounts
from core.engine.live import Live
from core.engine.patience import judge
from core.engine.pulse import Pulse
from core.engine.walk import Found, Passed, walk
from core.model.errors import CoreError, ErrorRecord, RemoteError, Retry, describe
from core.model.location import Remote, is_remote, parse_remote, safe_relative
from core.model.objects import ObjectInfo
from core.model.transfer import Batch, BatchState, Direction, State
from core.state.transfers import NewTransfer, Transfers
from core.stores.base import ObjectStore
from core.transfer.threads import in_thread

log = logging.getLogger("sluice.intake")
_FIRST_ROWS = 64  # so that something moves at once
_ROWS = 1000


@dataclass(frozen=True, slots=True)
class _Object:
    bucket: str
    info: ObjectInfo
    relative: str  # to the destination, slash-separated
    grouped: bool  # found under a prefix, not named itself


Tell = Callable[[str, str, int], None]


class Intake:
    """One task for each batch that is still being listed. A walk that a crash cut short is simply done again."""

    def __init__(
        self,
        transfers: Transfers,
        accounts: Accounts,
        live: Live,
        pulse: Pulse,
        tell: Tell,
        added: Callable[[], None],  # called when rows came that may run before others
    ) -> None:
        self._transfers = transfers
        self._accounts = accounts
        self._live = live
        self._pulse = pulse
        self._tell = tell
        self._added = added
        self._walks: dict[int, asyncio.Task[None]] = {}

    @property
    def busy(self) -> bool:
        return bool(self._walks)

    def begin(self, batch: Batch) -> None:
        task = asyncio.ensure_future(self._run(batch))
        self._walks[batch.id] = task
        self._live.walking = len(self._walks)
        task.add_done_callback(lambda _: self._ended(batch.id))

    async def stop(self) -> None:
        """Stop listing; batches stay `walking` in the database and are taken up at the next start."""
        tasks = list(self._walks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def cancel(self, batch_ids: list[int]) -> None:
        """Stop listing these for good."""
        for batch_id in batch_ids:
            task = self._walks.get(batch_id)
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await self._transfers.finish_walk(batch_id, BatchState.CANCELLED)

    def _ended(self, batch_id: int) -> None:
        self._walks.pop(batch_id, None)
        self._live.walking = len(self._walks)
        self._pulse.beat()

    async def _run(self, batch: Batch) -> None:
        attempt, before = 0, Retry.NEVER
        while True:
            try:
                passed = Passed()
                await self._list(batch, passed)
            except CoreError as error:
                attempt, before = attempt + 1 if error.retry is before else 1, error.retry
                if not await self._endure(batch, error, attempt):
                    return
            except Exception as error:
                log.exception("batch %s", batch.id)
                await self._fail(batch, describe(error))
                return
            else:
                await self._transfers.finish_walk(
                    batch.id, BatchState.READY, error=_passed_record(passed), skipped=passed.count
                )
                if passed.count:
                    self._tell("batch-skipped", _passed_sentence(passed), batch.id)
                return

    async def _endure(self, batch: Batch, error: CoreError, attempt: int) -> bool:
        """Wait for what the error asks for; False when the batch has failed."""
        account = batch.source_account if is_remote(batch.sources[0]) else batch.destination_account
        verdict = judge(error.record(), attempts=attempt, proven=account in self._accounts.reached)
        if verdict.state is State.FAILED:
            await self._fail(batch, error.record())
            return False
        until_s = time.time() + verdict.delay_s
        if verdict.hold_account:
            self._accounts.hold(account, error.record(), until_s)
            self._pulse.beat()
            if error.retry is Retry.CREDENTIALS:
                self._tell("account-held", error.sentence, batch.id)
            while account in self._accounts.held:
                await self._pulse.after(self._pulse.count, timeout_s=1.0)
        else:
            await asyncio.sleep(verdict.delay_s)
        return True

    async def _fail(self, batch: Batch, error: ErrorRecord) -> None:
        await self._transfers.finish_walk(batch.id, BatchState.FAILED, error=error)
        self._tell("batch-failed", error.sentence, batch.id)

    async def _list(self, batch: Batch, passed: Passed) -> None:
        remote_from, remote_to = is_remote(batch.sources[0]), is_remote(batch.destination)
        if not remote_from:
            rows = self._uploads(batch, passed)
        elif remote_to:
            rows = self._copies(batch)
        else:
            rows = self._downloads(batch, passed)
        waiting: list[NewTransfer] = []
        most = _FIRST_ROWS
        async for row in rows:
            waiting.append(row)
            if len(waiting) >= most:
                await self._add(batch, waiting)
                waiting, most = [], _ROWS
        if waiting:
            await self._add(batch, waiting)

    async def _add(self, batch: Batch, rows: list[NewTransfer]) -> None:
        await self._transfers.add(batch.id, rows, time.time())
        self._added()

    # Uploads.

    async def _uploads(self, batch: Batch, passed: Passed) -> AsyncIterator[NewTransfer]:
        target = parse_remote(batch.destination, batch.destination_account)
        container = len(batch.sources) > 1 or target.is_prefix
        if any([await _is_folder(source) for source in batch.sources]):
            await self._look_for_bucket(target.bucket, batch.destination_account)
        for source in batch.sources:
            found = walk(source, target, container=container, recursive=batch.recursive, passed=passed)
            while chunk := await _take(found, _FIRST_ROWS):
                for file in chunk:
                    yield NewTransfer(
                        direction=Direction.UP,
                        source=file.path,
                        source_account="",
                        destination=f"s3://{target.bucket}/{file.key}",
                        destination_account=batch.destination_account,
                        size_bytes=file.size_bytes,
                        source_stamp="",
                        priority=batch.options.priority,
                    )

    async def _look_for_bucket(self, bucket: str, account: str) -> None:
        """One question before thousands of files, so that a wrong bucket is one error."""
        store = await self._accounts.store(account)
        try:
            await store.list_objects(bucket, count=1)
        except CoreError as error:
            if error.code not in ("access-denied", "unsupported"):
                raise
        self._accounts.reached.add(account)

    # Downloads and copies.

    async def _objects(self, batch: Batch) -> AsyncIterator[_Object]:
        """Each object that is meant."""
        store = await self._accounts.store(batch.source_account)
        for text in batch.sources:
            source = parse_remote(text, batch.source_account)
            if not source.is_prefix:
                try:
                    info = await store.head(source.bucket, source.key)
                except CoreError as error:
                    if error.code != "no-key" or not batch.recursive:
                        raise
                else:
                    self._accounts.reached.add(batch.source_account)
                    yield _Object(source.bucket, info, source.name, grouped=False)
                    continue
            async for found in self._below(store, source):
                yield found

    async def _below(self, store: ObjectStore, source: Remote) -> AsyncIterator[_Object]:
        """The objects under a prefix; like a folder it keeps its name unless it is written with a slash at the end."""
        base = source.key if source.is_prefix else source.key + "/"
        lead = "" if source.is_prefix else source.name + "/"
        token, count = "", 0
        while True:
            page = await store.list_objects(source.bucket, prefix=base, token=token)
            self._accounts.reached.add(source.account)
            for info in page.objects:
                count += 1
                if not (info.key.endswith("/") and not info.size_bytes):  # an empty “folder” object
                    yield _Object(source.bucket, info, lead + info.key[len(base) :], grouped=True)
            token = page.token
            if not token:
                break
        if not count:
            yield await self._itself(store, source)

    async def _itself(self, store: ObjectStore, source: Remote) -> _Object:
        """With nothing below it, the name may be an object's own. Raises RemoteError `no-key`."""
        key = source.key.rstrip("/")
        try:
            info = await store.head(source.bucket, key) if key else None
        except CoreError as error:
            if error.code != "no-key":
                raise
            info = None
        if info is None:
            raise RemoteError("no-key", f"There is nothing at {source.url}.", where=source.url)
        return _Object(source.bucket, info, source.name, grouped=False)

    async def _downloads(self, batch: Batch, passed: Passed) -> AsyncIterator[NewTransfer]:
        destination = batch.destination
        container = await _is_container(batch)
        async for found in self._objects(batch):
            try:
                safe = safe_relative(found.relative)
            except CoreError as error:
                passed.add(error.sentence)
                continue
            into = container or found.grouped
            yield NewTransfer(
                direction=Direction.DOWN,
                source=f"s3://{found.bucket}/{found.info.key}",
                source_account=batch.source_account,
                destination=os.path.join(destination, *safe.split("/")) if into else destination.rstrip("/"),
                destination_account="",
                size_bytes=found.info.size_bytes,
                source_stamp="",
                priority=batch.options.priority,
            )

    async def _copies(self, batch: Batch) -> AsyncIterator[NewTransfer]:
        target = parse_remote(batch.destination, batch.destination_account)
        container = len(batch.sources) > 1 or target.is_prefix
        async for found in self._objects(batch):
            key = target.joined(found.relative).key if container or found.grouped else target.key
            yield NewTransfer(
                direction=Direction.COPY,
                source=f"s3://{found.bucket}/{found.info.key}",
                source_account=batch.source_account,
                destination=f"s3://{target.bucket}/{key}",
                destination_account=batch.destination_account,
                size_bytes=found.info.size_bytes,
                source_stamp="",
                priority=batch.options.priority,
            )


@in_thread
def _take(found: Iterator[Found], count: int) -> list[Found]:
    return list(itertools.islice(found, count))


@in_thread
def _is_folder(path: str) -> bool:
    return os.path.isdir(path)


@in_thread
def _is_container(batch: Batch) -> bool:
    """Whether downloads go into the destination rather than become it."""
    return len(batch.sources) > 1 or batch.destination.endswith(("/", os.sep)) or os.path.isdir(batch.destination)


def _passed_sentence(passed: Passed) -> str:
    more = f" and {passed.count - 1} more" if passed.count > 1 else ""
    return f"Passed over: {passed.reasons[0]}{more}."


def _passed_record(passed: Passed) -> ErrorRecord | None:
    if not passed.count:
        return None
    return ErrorRecord(
        kind="LocalError", code="passed-over", sentence=_passed_sentence(passed), detail="\n".join(passed.reasons)
    )
