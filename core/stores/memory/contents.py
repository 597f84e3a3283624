"""What memory stores hold: buckets, objects, uploads and parts, shared by all openings of one account."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from core.model.objects import Digests, ObjectInfo
from core.stores import refusals
from core.stores.checksum import crc_text
from core.stores.memory.faults import Script


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes with what was computed over them when they came."""

    data: bytes
    digests: Digests


@dataclass(frozen=True, slots=True)
class Thing:
    """One object."""

    data: bytes
    etag: str
    crc64nvme: int
    content_type: str
    modified_s: float

    def info(self, key: str, *, with_crc: bool) -> ObjectInfo:
        crc = crc_text(self.crc64nvme) if with_crc else ""
        return ObjectInfo(
            key, len(self.data), self.etag, self.modified_s, crc64nvme=crc, content_type=self.content_type
        )


@dataclass(slots=True)
class Upload:
    """One open multipart upload."""

    key: str
    content_type: str
    started_s: float = field(default_factory=time.time)
    parts: dict[int, Held] = field(default_factory=dict)


@dataclass(slots=True)
class Crate:
    """One bucket."""

    created_s: float = field(default_factory=time.time)
    objects: dict[str, Thing] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    order: list[bytes] | None = None  # the keys in byte order, while it is known

    def put(self, key: str, data: bytes, etag: str, crc64nvme: int, content_type: str) -> None:
        if key not in self.objects:
            self.order = None
        self.objects[key] = Thing(data, etag, crc64nvme, content_type, time.time())

    def remove(self, key: str) -> None:
        if self.objects.pop(key, None) is not None:
            self.order = None

    def thing(self, key: str, if_match: str = "") -> Thing:
        """Raises `no-key`, `changed`."""
        found = self.objects.get(key)
        if found is None:
            raise refusals.no_key(key)
        if if_match and found.etag != if_match:
            raise refusals.changed(key)
        return found

    def upload(self, key: str, upload_id: str) -> Upload:
        """Raises `no-upload`."""
        found = self.uploads.get(upload_id)
        if found is None or found.key != key:
            raise refusals.no_upload(key, upload_id)
        return found

    def keys(self) -> list[bytes]:
        """All keys in byte order."""
        if self.order is None:
            self.order = sorted(key.encode() for key in self.objects)
        return self.order


@dataclass(slots=True)
class Contents:
    """Everything one account holds, and the faults scripted for it."""

    buckets: dict[str, Crate] = field(default_factory=dict)
    script: Script = field(default_factory=Script)

    def crate(self, bucket: str) -> Crate:
        """Raises `no-bucket`."""
        found = self.buckets.get(bucket)
        if found is None:
            raise refusals.no_bucket(bucket)
        return found


_accounts: dict[str, Contents] = {}


def contents_of(account: str) -> Contents:
    """What the account holds; nothing at first."""
    return _accounts.setdefault(account, Contents())


def forget(account: str) -> None:
    """Throw everything of an account away. Stores that are open keep what they have."""
    _accounts.pop(account, None)
