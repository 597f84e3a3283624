"""Pure planning: part sizes within S3's limits, the parts of a file, and what is left after a restart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from core.model.errors import UsageError
from core.model.objects import PartInfo
from core.model.transfer import PartRecord
from core.model.units import GIB, MIB, format_size

# Limits of the S3 API: docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_PARTS = 10_000
MIN_PART_BYTES = 5 * MIB
MAX_PART_BYTES = 5 * GIB
MAX_OBJECT_BYTES = MAX_PARTS * MAX_PART_BYTES  # 48.8 TiB, which some pages call 50 TB
MAX_COPY_BYTES = 5 * GIB  # CopyObject's limit; above it UploadPartCopy
DEFAULT_PART_BYTES = 8 * MIB


@dataclass(frozen=True, slots=True)
class PartPlan:
    """One part: its number from 1 and the bytes [offset, offset + size) of the whole."""

    number: int
    offset: int
    size_bytes: int


def part_size(size_bytes: int, preferred_bytes: int = DEFAULT_PART_BYTES) -> int:
    """The one part size for the life of a transfer: max(preferred, size/10,000 rounded up to a MiB).

    Some vendors demand equal parts, so it never changes once an upload is open. Raises UsageError for a file that no
    part size can hold.
    """
    if size_bytes > MAX_OBJECT_BYTES:
        raise UsageError(
            "too-big",
            f"S3 stores objects up to {format_size(MAX_OBJECT_BYTES)}; this one has {format_size(size_bytes)}.",
        )
    least = -(-size_bytes // MAX_PARTS)
    least_mib = -(-least // MIB) * MIB
    return min(max(preferred_bytes, MIN_PART_BYTES, least_mib), MAX_PART_BYTES)


def parts_of(size_bytes: int, part_bytes: int) -> Iterator[PartPlan]:
    """The parts of a file in order, made as they are asked for; an empty file has none."""
    for index in range(part_count(size_bytes, part_bytes)):
        yield part_at(index + 1, size_bytes, part_bytes)


def part_count(size_bytes: int, part_bytes: int) -> int:
    return -(-size_bytes // part_bytes)


def part_at(number: int, size_bytes: int, part_bytes: int) -> PartPlan:
    """The part with this number (from 1)."""
    offset = (number - 1) * part_bytes
    return PartPlan(number, offset, min(part_bytes, size_bytes - offset))


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a restart may keep and what it must send."""

    kept: tuple[PartRecord, ...]
    left: tuple[PartPlan, ...]
    resent_bytes: int  # of what is left, how much had been started before


def reconcile(
    records: Iterable[PartRecord], on_server: Mapping[int, PartInfo] | None, *, size_bytes: int, part_bytes: int
) -> Reconciled:
    """Compare our parts with the server's list: a part is kept only when both sides agree on its size and ETag.

    `on_server` is None where there is no list to compare with (downloads: the parts are in our own temporary file).
    """
    started = {record.number: record for record in records}
    kept: list[PartRecord] = []
    left: list[PartPlan] = []
    resent = 0
    for plan in parts_of(size_bytes, part_bytes):
        record = started.get(plan.number)
        if record is not None and _agrees(record, plan, on_server):
            kept.append(record)
            continue
        left.append(plan)
        if record is not None:
            resent += plan.size_bytes
    return Reconciled(tuple(kept), tuple(left), resent)


def _agrees(record: PartRecord, plan: PartPlan, on_server: Mapping[int, PartInfo] | None) -> bool:
    if not record.done or (record.offset, record.size_bytes) != (plan.offset, plan.size_bytes):
        return False
    if on_server is None:
        return True
    theirs = on_server.get(plan.number)
    return theirs is not None and theirs.size_bytes == record.size_bytes and theirs.etag == record.etag


def guess_part_sizes(size_bytes: int, count: int, preferred_bytes: int = DEFAULT_PART_BYTES) -> list[int]:
    """Part sizes (whole MiB) that split `size_bytes` into `count` parts, likeliest first.

    An ETag `…-N` tells the number of parts but not their size; what uploaders use are whole MiB, and powers of two
    more often than not.
    """
    if count < 1 or size_bytes < 1:
        return []
    if count == 1:
        return [size_bytes]
    low = -(-size_bytes // count)
    high = (size_bytes - 1) // (count - 1)
    first, last = -(-low // MIB), high // MIB
    candidates = [n * MIB for n in range(first, min(last, first + 4096) + 1)]
    return sorted(candidates, key=lambda n: (n != preferred_bytes, (n // MIB).bit_count(), n))
