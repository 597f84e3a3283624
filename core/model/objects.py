"""What a store tells of its buckets, objects, parts and uploads."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bucket:
    name: str
    created_s: float = 0.0  # seconds since the epoch; 0 when the server does not say


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object as HEAD or a listing shows it."""

    key: str
    size_bytes: int
    etag: str = ""  # without quotes
    modified_s: float = 0.0  # seconds since the epoch
    storage_class: str = ""
    version_id: str = ""
    crc64nvme: str = ""  # full-object value, base64 of 8 bytes big-endian, when the server keeps one
    content_type: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; `token` asks for the next one and is empty at the end."""

    objects: tuple[ObjectInfo, ...] = ()
    prefixes: tuple[str, ...] = ()
    token: str = ""


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One part as the server lists it. Parts are numbered from 1."""

    number: int
    size_bytes: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """One multipart upload that is still open."""

    key: str
    upload_id: str
    started_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Digests:
    """What was computed over bytes as they passed: CRC-64/NVME always, MD5 where it was asked for."""

    size_bytes: int
    crc64nvme: int = 0
    md5: str = ""  # lower-case hex


@dataclass(frozen=True, slots=True)
class Stored:
    """The server's answer to bytes it has accepted (PutObject, UploadPart)."""

    etag: str
    digests: Digests
    proof: str = ""  # how this answer proves the bytes: crc64nvme, md5-etag, content-md5, or empty
    version_id: str = ""
