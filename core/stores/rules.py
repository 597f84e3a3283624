"""S3's rules as plain functions, for the stores that play S3 themselves: keys, parts, ranges, paging."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain

from core.model.errors import UsageError
from core.model.location import check_key
from core.model.objects import Digests, PartInfo
from core.model.plan import MAX_PARTS, MIN_PART_BYTES
from core.stores import refusals
from core.stores.base import Body, CompletePart

MAX_PAGE = 1000  # keys in one answer, docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
_AFTER_ALL = b"\xff"  # no byte of UTF-8 is as high


@asynccontextmanager
async def pieces_of(body: Body, *, md5: bool) -> AsyncIterator[AsyncIterator[bytes | memoryview]]:
    """The body's pieces, ended in an orderly way also when the reader stops half-way."""
    pieces = body.pieces(md5=md5)
    try:
        yield pieces
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()


def check_arrival(key: str, arrived: Digests, body: Body) -> None:
    """Raises IntegrityError `bad-digest` unless what arrived is what the body says it gave out."""
    sent = body.sent()
    same_md5 = not sent.md5 or sent.md5 == arrived.md5
    if (sent.size_bytes, sent.crc64nvme) != (arrived.size_bytes, arrived.crc64nvme) or not same_md5:
        raise refusals.bad_digest(key, f"sent {sent}, arrived {arrived}")
    if arrived.size_bytes != body.size_bytes:
        raise refusals.bad_digest(key, f"{arrived.size_bytes} bytes arrived of {body.size_bytes}")


def check_object_key(key: str) -> None:
    """Raises UsageError `bad-key` for what cannot be an object's key."""
    if not check_key(key):
        raise UsageError("bad-key", "An object's key has at least one character.")


def check_number(key: str, number: int) -> None:
    """Raises `bad-part` for a part number that S3 does not have."""
    if not 1 <= number <= MAX_PARTS:
        raise refusals.bad_part(key, f"part numbers go from 1 to {MAX_PARTS}, not {number}")


def check_parts(key: str, given: Sequence[CompletePart], kept: Mapping[int, Digests]) -> list[Digests]:
    """The parts a complete call names, in order (API_CompleteMultipartUpload.html). Raises `bad-part` for none, a wrong
    order, a part that is missing or has another ETag or CRC, and `entity-too-small`."""
    numbers = [part.number for part in given]
    if not numbers or numbers != sorted(set(numbers)):
        raise refusals.bad_part(key, "parts must be named in ascending order, each once, and there must be one")
    found: list[Digests] = []
    for part in given:
        mine = kept.get(part.number)
        if mine is None or mine.md5 != part.etag or part.crc64nvme not in (0, mine.crc64nvme):
            raise refusals.bad_part(key, f"part {part.number} is {mine}, not {part}")
        found.append(mine)
    for part, mine in zip(given[:-1], found[:-1], strict=True):
        if mine.size_bytes < MIN_PART_BYTES:
            raise refusals.entity_too_small(key, part.number)
    return found


def part_info(number: int, digests: Digests) -> PartInfo:
    return PartInfo(number, digests.size_bytes, digests.md5)


def check_range(key: str, start: int, size_bytes: int, total_bytes: int) -> None:
    """Raises `bad-answer` unless the object has exactly that range; size 0 asks for the whole of an empty object."""
    whole = (start, size_bytes) == (0, total_bytes)
    if start < 0 or size_bytes < 0 or (not whole and (size_bytes == 0 or start + size_bytes > total_bytes)):
        raise refusals.bad_range(key, start, size_bytes, total_bytes)


@dataclass(slots=True)
class Cut:
    """One page's worth of keys, and how to go on."""

    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    token: str = ""  # empty at the end
    rest: Iterator[str] = field(default_factory=lambda: iter(()))  # the keys after this page


def cut_page(keys: Iterator[str], *, prefix: str, delimiter: str, count: int) -> Cut:
    """Take a page from keys that are in byte order and begin with the prefix; those that share the next delimiter are
    rolled up into one prefix."""
    cut = Cut(rest=keys)
    group, last = "", b""
    for key in keys:
        if group and key.startswith(group):
            continue
        if len(cut.keys) + len(cut.prefixes) == min(max(count, 1), MAX_PAGE):
            cut.token = base64.urlsafe_b64encode(last).decode()
            cut.rest = chain([key], keys)
            break
        group = group_of(key, prefix, delimiter)
        if group:
            cut.prefixes.append(group)
            last = group.encode() + _AFTER_ALL
        else:
            cut.keys.append(key)
            last = key.encode()
    return cut


def group_of(key: str, prefix: str, delimiter: str) -> str:
    """The common prefix a key is rolled up into, or an empty string."""
    at = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: at + len(delimiter)] if at >= 0 else ""


def read_token(token: str) -> bytes:
    """What every key of the next page comes after. Raises UsageError `bad-token`."""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise refusals.bad_token(token) from None
