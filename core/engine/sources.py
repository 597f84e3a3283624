"""What a request means: every file and object of it, as the rows the queue will hold."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from core.engine.accounts import Accounts
from core.engine.walk import Found, Passed, walk
from core.model.errors import CoreError, RemoteError
from core.model.location import Remote, is_remote, parse_remote, safe_relative
from core.model.objects import ObjectInfo
from core.model.transfer import Batch, Direction
from core.state.transfers import NewTransfer
from core.stores.base import ObjectStore
from core.transfer.threads import in_thread

_AT_A_TIME = 64  # files walked in one go


@dataclass(frozen=True, slots=True)
class _Object:
    bucket: str
    info: ObjectInfo
    relative: str  # to the destination, slash-separated
    grouped: bool  # found under a prefix, not named itself


class Sources:
    """Lists what batches ask for; it remembers nothing."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def rows(self, batch: Batch, passed: Passed) -> AsyncIterator[NewTransfer]:
        """Each transfer of the batch; what is left out is noted in `passed`. Raises CoreError when a source cannot be
        listed."""
        if not is_remote(batch.sources[0]):
            return self._uploads(batch, passed)
        return self._copies(batch) if is_remote(batch.destination) else self._downloads(batch, passed)

    # Uploads.

    async def _uploads(self, batch: Batch, passed: Passed) -> AsyncIterator[NewTransfer]:
        target = parse_remote(batch.destination, batch.destination_account)
        container = len(batch.sources) > 1 or target.is_prefix
        if any([await _is_folder(source) for source in batch.sources]):
            await self._look_for_bucket(target.bucket, batch.destination_account)
        for source in batch.sources:
            found = walk(source, target, container=container, recursive=batch.recursive, passed=passed)
            while chunk := await _take(found, _AT_A_TIME):
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
