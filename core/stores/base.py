"""The one interface every store has, in two halves.

`ByteStore` carries bytes and the calls that come in thousands; it is all that a mover process loads. `ObjectStore` adds
the control calls and lives in the engine. Every store passes one conformance suite (`tests/conformance`).

Errors are CoreErrors with these codes, whatever the store: `no-bucket`, `no-key`, `no-upload`, `bucket-exists`,
`bucket-not-empty`, `changed` (If-Match failed), `exists` (If-None-Match failed), `access-denied`, `bad-credentials`,
`expired-credentials`, `clock-skew`, `slow-down`, `server-fault`, `unsupported`, `bad-answer` (not an S3 answer),
`entity-too-small`, `bad-part`, `bad-digest`, `bad-key`, `bad-name`, `too-big`, `archived`, `quota`, `refused`,
`unreachable`, `timed-out`, `tls`, `proxy`; and `source-changed` for a body that is not what it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.model.account import Account, Credentials
from core.model.errors import ErrorRecord
from core.model.objects import Bucket, Digests, ObjectInfo, Page, PartInfo, Stored, UploadInfo


class Body(Protocol):
    """Bytes to be sent: a range of a file, readable as often as a retry needs it."""

    size_bytes: int

    async def digest(self, *, md5: bool) -> Digests:
        """Read everything once, without sending it: for checksums that must stand in a header."""

    def pieces(self, *, md5: bool) -> AsyncIterator[bytes | memoryview]:
        """Read everything from the start, in pieces of at most 1 MiB, paced and counted. A piece is valid until the
        next one is asked for."""

    def sent(self) -> Digests:
        """Digests of what the last run of `pieces` gave out."""


class Sink(Protocol):
    """Takes bytes as they arrive, in order."""

    async def write(self, data: bytes | memoryview) -> None: ...


@dataclass(frozen=True, slots=True)
class Access:
    """All that a mover needs to use a store: the account, keys that are valid now, what was learned of the server."""

    account: Account
    credentials: Credentials | None = None  # None: anonymous, or a store without keys
    checksums: bool = False  # the server keeps CRC-64/NVME and checks it
    clock_offset_s: float = 0.0  # server's clock minus ours


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came with the bytes of a ranged read."""

    etag: str
    total_bytes: int  # of the whole object


@dataclass(frozen=True, slots=True)
class NewUpload:
    upload_id: str
    checksums: bool  # the server agreed to keep a full-object CRC-64/NVME for it


@dataclass(frozen=True, slots=True)
class CompletePart:
    number: int
    etag: str
    crc64nvme: int = 0


@dataclass(frozen=True, slots=True)
class DeleteError:
    key: str
    error: ErrorRecord


class ByteStore(Protocol):
    """Carries bytes. Safe to use from many tasks of one loop at once."""

    async def put_object(
        self,
        bucket: str,
        key: str,
        body: Body,
        *,
        content_type: str = "",
        if_none_match: bool = False,
        content_md5: bool = False,
    ) -> Stored:
        """Store a whole object, replacing what was there; with `if_none_match` raises `exists` where it can tell.

        The object appears whole or not at all. `Stored.proof` says what the answer proves: `crc64nvme` when the server
        keeps that checksum, `content-md5` when it was asked to check one, `md5-etag` when its ETag is the MD5 of the
        bytes sent. A mismatch raises IntegrityError `bad-digest`.
        """

    async def put_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        body: Body,
        *,
        checksums: bool = False,
        content_md5: bool = False,
    ) -> Stored:
        """Store a part; the same number again replaces it. `checksums`: the upload was created with them."""

    async def get_range(
        self, bucket: str, key: str, sink: Sink, *, start: int, size_bytes: int, if_match: str = ""
    ) -> Fetched:
        """Feed exactly `size_bytes` bytes from `start` to the sink, of the version with that ETag (else `changed`).

        An answer that is shorter, longer, not the range asked for, or encoded raises; it never passes as the range. An
        empty object is read with start 0 and size 0.
        """

    async def head(self, bucket: str, key: str) -> ObjectInfo:
        """An object's facts, with `crc64nvme` where the server keeps a full-object one. Raises `no-key`."""

    async def close(self) -> None: ...


class ObjectStore(ByteStore, Protocol):
    """A store with its control calls. Owned by the engine."""

    async def access(self) -> Access:
        """What a mover needs just now; keys are refreshed when they are about to expire. Raises `bad-credentials`."""

    async def list_buckets(self) -> list[Bucket]: ...

    async def create_bucket(self, bucket: str) -> None:
        """Raises `bucket-exists` when it is there already (also when it is one's own)."""

    async def delete_bucket(self, bucket: str) -> None:
        """Raises `bucket-not-empty`, `no-bucket`."""

    async def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", token: str = "", count: int = 1000
    ) -> Page:
        """One page in the byte order of the keys."""

    async def delete_objects(self, bucket: str, keys: Sequence[str]) -> list[DeleteError]:
        """Delete up to 1,000 keys; absent ones count as deleted. Returns what could not be deleted."""

    async def copy_object(
        self, bucket: str, key: str, source_bucket: str, source_key: str, *, if_match: str = ""
    ) -> ObjectInfo:
        """Copy up to 5 GiB inside the store."""

    async def create_upload(self, bucket: str, key: str, *, content_type: str = "") -> NewUpload: ...

    async def copy_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        source_bucket: str,
        source_key: str,
        *,
        start: int,
        size_bytes: int,
        if_match: str = "",
    ) -> Stored:
        """Make a part of a range of an object that is already in the store."""

    async def list_parts(self, bucket: str, key: str, upload_id: str) -> list[PartInfo]:
        """All parts the server has, however many pages it takes. Raises `no-upload` when the id is gone, by whatever
        name the server calls that."""

    async def complete_upload(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[CompletePart], *, crc64nvme: str = ""
    ) -> ObjectInfo:
        """Make the object of its parts and return it as HEAD shows it afterwards. A lost answer is not an error: on
        `no-upload` the object is looked at, and accepted when its ETag is the one these parts make."""

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Throw an upload away; one that is gone already is fine."""

    async def list_uploads(self, bucket: str, *, prefix: str = "") -> list[UploadInfo]:
        """All open multipart uploads under a prefix."""

    async def presign_get(self, bucket: str, key: str, *, expires_s: int) -> str:
        """A link that reads the object for a while without keys. Raises `unsupported` where there is no such thing."""
