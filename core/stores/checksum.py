"""CRC-64/NVME and MD5 over bytes as they pass, and the arithmetic that joins parts to a whole."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from awscrt import checksums

from core.model.objects import Digests

_OF_PARTS = re.compile(r".+-([0-9]{1,5})")


class RunningDigest:
    """Digests of bytes fed in order. Feed it in a worker thread: both algorithms release the GIL."""

    def __init__(self, *, md5: bool = True) -> None:
        self._size_bytes = 0
        self._crc = 0
        # usedforsecurity: the MD5 here is S3's ETag, and must work on FIPS machines too
        self._md5: Any = hashlib.md5(usedforsecurity=False) if md5 else None

    def update(self, data: bytes | memoryview) -> None:
        self._crc = checksums.crc64nvme(data, self._crc)
        if self._md5 is not None:
            self._md5.update(data)
        self._size_bytes += len(data)

    def digests(self) -> Digests:
        return Digests(self._size_bytes, self._crc, self._md5.hexdigest() if self._md5 is not None else "")


class _Piece(Protocol):
    @property
    def size_bytes(self) -> int: ...
    @property
    def crc64nvme(self) -> int: ...


def joined_crc(parts: Iterable[_Piece]) -> int:
    """The CRC of the whole, from those of its parts in their order (CRCs of neighbouring ranges combine)."""
    whole = 0
    for part in parts:
        whole = checksums.combine_crc64nvme(whole, part.crc64nvme, part.size_bytes)
    return whole


def crc_text(crc: int) -> str:
    """As S3 writes it: base64 of the 8 bytes, big-endian."""
    return base64.b64encode(crc.to_bytes(8, "big")).decode()


def multipart_etag(md5s: Sequence[str]) -> str:
    """The ETag that S3 gives an object made of parts with these MD5s: the MD5 of their digests, and their number.

    `-`, which is no object's ETag, where one of them is no MD5. The rule is nowhere promised by AWS but kept
    by it and by every server tested, except for objects under SSE-KMS or SSE-C.
    """
    if not md5s or not all(is_md5(md5) for md5 in md5s):
        return "-"
    joined = b"".join(bytes.fromhex(md5) for md5 in md5s)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(md5s)}"


def etag_parts(etag: str) -> int:
    """The number of parts an ETag tells, 0 for an ETag that is not one of a multipart upload."""
    found = _OF_PARTS.fullmatch(etag)
    return int(found[1]) if found else 0


def is_md5(etag: str) -> bool:
    return len(etag) == 32 and all(c in "0123456789abcdef" for c in etag)
