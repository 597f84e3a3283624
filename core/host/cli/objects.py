"""Buckets and objects from the command line: listing, making, deleting, and uploads that are still open."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from core.host.cli.link import Link
from core.host.cli.output import Output, error_record, printable
from core.model.errors import UsageError
from core.model.location import Remote, parse_remote
from core.model.objects import ObjectInfo, Page
from core.model.units import format_size
from core.protocol import commands as c

_PAGE = 1000


async def list_(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    if not wishes.location:
        return await _list_buckets(wishes, link, out)
    place = parse_remote(wishes.location)
    account = await link.account(wishes.account)
    async for page in _pages(link, place, account, recursive=wishes.recursive):
        for prefix in page.prefixes:
            out.tell({"prefix": prefix}, f"{'':<19}  {'':>10}  {printable(prefix)}")
        for info in page.objects:
            out.tell(_object_record(info), _object_line(info))
    return 0


async def make_bucket(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    place = parse_remote(wishes.location)
    if place.key:
        raise UsageError(
            "bad-location", f"A bucket is written s3://BUCKET, without “/{place.key}”.", where=wishes.location
        )
    await link.call(c.CreateBucket(bucket=place.bucket, account=await link.account(wishes.account)))
    out.tell({"bucket": place.bucket}, f"Bucket {place.bucket} is made.")
    return 0


async def remove(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    """Deletes page by page: 1,000 keys are listed and deleted before the next are asked for."""
    place = parse_remote(wishes.location)
    if place.is_prefix and not wishes.recursive:
        what = "a whole bucket" if not place.key else "a group of objects"
        raise UsageError(
            "is-a-prefix", f"{wishes.location} is {what}; add --recursive to delete all of it.", where=wishes.location
        )
    account = await link.account(wishes.account)
    if not wishes.recursive:
        deleted, failed = await _delete(link, out, place, account, (place.key,))
    else:
        deleted = failed = 0
        async for page in _pages(link, place, account, recursive=True):
            some = await _delete(link, out, place, account, tuple(info.key for info in page.objects))
            deleted, failed = deleted + some[0], failed + some[1]
    out.tell({"deleted": deleted, "failed": failed}, f"{deleted} {'object' if deleted == 1 else 'objects'} deleted.")
    return 1 if failed else 0


async def list_uploads(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    place = parse_remote(wishes.location)
    account = await link.account(wishes.account)
    found = await link.call(c.ListUploads(bucket=place.bucket, prefix=place.key, account=account))
    for upload in found.uploads:
        record = {"key": upload.key, "upload_id": upload.upload_id, "started_s": upload.started_s}
        out.tell(record, f"{_time(upload.started_s)}  {upload.upload_id}  {printable(upload.key)}")
    return 0


async def _list_buckets(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    for bucket in (await link.call(c.ListBuckets(account=await link.account(wishes.account)))).buckets:
        record = {"bucket": bucket.name, "created_s": bucket.created_s}
        out.tell(record, f"{_time(bucket.created_s)}  {printable(bucket.name)}")
    return 0


async def _pages(link: Link, place: Remote, account: str, *, recursive: bool) -> AsyncIterator[Page]:
    token = ""
    while True:
        page = await link.call(
            c.ListObjects(
                bucket=place.bucket, prefix=place.key, account=account, recursive=recursive, token=token, count=_PAGE
            )
        )
        yield page
        token = page.token
        if not token:
            return


async def _delete(link: Link, out: Output, place: Remote, account: str, keys: tuple[str, ...]) -> tuple[int, int]:
    """How many were deleted and how many were not."""
    if not keys:
        return 0, 0
    result = await link.call(c.DeleteObjects(bucket=place.bucket, keys=keys, account=account))
    for failure in result.failures:
        out.record({"key": failure.key, "error": error_record(failure.error)})
        out.warn(f"{failure.key}: {failure.error.sentence}")
    return result.count, len(result.failures)


def _object_record(info: ObjectInfo) -> dict[str, object]:
    record = {"key": info.key, "size_bytes": info.size_bytes, "etag": info.etag, "modified_s": info.modified_s}
    return record | ({"storage_class": info.storage_class} if info.storage_class else {})


def _object_line(info: ObjectInfo) -> str:
    return f"{_time(info.modified_s)}  {format_size(info.size_bytes):>10}  {printable(info.key)}"


def _time(seconds: float) -> str:
    """Local time to the second; blank where the server does not say."""
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M:%S}" if seconds else " " * 19
