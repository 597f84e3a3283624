"""DeleteObjects by our own signed request, and single deletes where a server or a key wants them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from core.model.errors import CoreError, ErrorRecord
from core.stores.base import DeleteError
from core.stores.rules import check_object_key
from core.stores.s3.answers import Refusal, Target, not_s3, refused
from core.stores.s3.exchange import Exchange, Refused, Request
from core.stores.s3.listing import NotXml, read_fields

MOST_KEYS = 1000
_AT_ONCE = 16
# characters that XML 1.0 cannot hold, not even as references
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCES = {"\r": "&#13;"}  # which a parser would otherwise read as a line feed
# how servers without DeleteObjects answer
_NO_BATCHES = frozenset({400, 405, 501})


async def delete_keys(exchange: Exchange, bucket: str, keys: Sequence[str]) -> list[DeleteError]:
    """Delete these keys; absent ones count as deleted. Raises CoreError when nothing was done, as for `no-bucket`."""
    plain = [key for key in keys if key and not _NOT_XML.search(key)]
    odd = [key for key in keys if not key or _NOT_XML.search(key)]
    failed = await _singly(exchange, bucket, odd)
    for start in range(0, len(plain), MOST_KEYS):
        failed += await _batch(exchange, bucket, plain[start : start + MOST_KEYS])
    return failed


async def delete_key(exchange: Exchange, bucket: str, key: str) -> None:
    """Delete one key; one that is absent counts as deleted. Raises CoreError."""
    check_object_key(key)  # without a key it would be the bucket that is deleted
    try:
        async with exchange.answer(Request("DELETE", Target(bucket, key))):
            return
    except Refused as no:
        error = no.error()
        if error.code != "no-key":
            raise error from None


async def _batch(exchange: Exchange, bucket: str, keys: list[str]) -> list[DeleteError]:
    listed = "".join(f"<Object><Key>{escape(key, _REFERENCES)}</Key></Object>" for key in keys)
    data = (
        '<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Quiet>true</Quiet>{listed}</Delete>"
    ).encode()
    md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    target = Target(bucket)
    headers = {"Content-MD5": md5, "Content-Type": "application/xml"}
    request = Request("POST", target, (("delete", ""),), headers, data)
    try:
        async with exchange.answer(request) as response:
            return _failures(bucket, await response.read())
    except NotXml as problem:
        raise not_s3(target, f"DeleteObjects: {problem}") from None
    except Refused as no:
        if no.refusal.status not in _NO_BATCHES:
            raise no.error() from None
        return await _singly(exchange, bucket, keys)


def _failures(bucket: str, answer: bytes) -> list[DeleteError]:
    root, _, errors = read_fields(answer, "Error")
    if root != "DeleteResult":
        raise NotXml(f"expected <DeleteResult>, not <{root}>")
    return [_failure(bucket, fields) for fields in errors if fields.get("Code") != "NoSuchKey"]


def _failure(bucket: str, fields: dict[str, str]) -> DeleteError:
    key = fields.get("Key", "")
    refusal = Refusal(200, fields.get("Code", ""), fields.get("Message", ""))
    return DeleteError(key, refused(refusal, Target(bucket, key)).record())


async def _singly(exchange: Exchange, bucket: str, keys: Sequence[str]) -> list[DeleteError]:
    """A few at a time. What would fail for every key (no such bucket, bad keys) is raised."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(key: str) -> ErrorRecord | None:
        async with gate:
            try:
                await delete_key(exchange, bucket, key)
            except CoreError as error:
                return error.record()
            return None

    records = await asyncio.gather(*(one(key) for key in keys))
    failed = [DeleteError(key, record) for key, record in zip(keys, records, strict=True) if record is not None]
    for failure in failed:
        if failure.error.code == "no-bucket" or failure.error.scope != "item":
            raise failure.error.revive()
    return failed
