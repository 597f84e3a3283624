"""What the engine asks of a mover: small, complete orders that carry no bytes and cross a process as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from core.model.objects import Digests
from core.stores.base import Access


class Pace(msgspec.Struct, frozen=True):
    """A limit an order falls under; orders with the same key share its bytes per second."""

    key: str
    bps: int


class SendObject(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A whole small file as one PutObject. `stamp` is the file's Fingerprint.text, checked before and after."""

    bucket: str
    key: str
    path: str
    size_bytes: int
    stamp: str
    content_type: str = ""
    if_none_match: bool = False
    content_md5: bool = False
    paces: tuple[Pace, ...] = ()


class SendPart(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One part of a file as UploadPart."""

    bucket: str
    key: str
    upload_id: str
    number: int
    path: str
    offset: int
    size_bytes: int
    stamp: str
    checksums: bool = False
    content_md5: bool = False
    paces: tuple[Pace, ...] = ()


class FetchRange(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A range of an object into the same range of a temporary file that exists already."""

    bucket: str
    key: str
    etag: str  # sent as If-Match
    offset: int
    size_bytes: int
    path: str
    md5: bool = False
    paces: tuple[Pace, ...] = ()


class DigestRange(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Read a range of a local file and say what it holds: to prove parts that are kept."""

    path: str
    offset: int
    size_bytes: int
    md5: bool = False


class ReadBack(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Read a range of an object without keeping it: to prove what was sent by another way than the ETag."""

    bucket: str
    key: str
    etag: str
    offset: int
    size_bytes: int
    paces: tuple[Pace, ...] = ()


Order = SendObject | SendPart | FetchRange | DigestRange | ReadBack


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order."""

    digests: Digests
    etag: str = ""
    proof: str = ""


class Mover(Protocol):
    """Carries orders out: in this process, or in a child behind a pipe. Cancelling `run` stops the order."""

    @property
    def pid(self) -> int:
        """Of its process; 0 when it has none of its own."""

    async def run(self, order: Order, access: Access | None, on_bytes: Callable[[int], None]) -> Outcome:
        """Carry out one order. `on_bytes` is told how many more bytes went by, or a negative number when an attempt is
        taken back. Raises the CoreError that ended it; `mover-lost` (retry at once) when the process is gone."""

    def set_pace(self, key: str, bps: int) -> None:
        """Change a limit, also for orders under way."""

    async def close(self) -> None: ...
