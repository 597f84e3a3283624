"""The stores the suite runs against, and what each cannot do, with the reason: measured, not guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest


class Can(StrEnum):
    """Abilities that not every store has."""

    KEEP_CHECKSUMS = "keep a full-object CRC-64/NVME, check it and show it in HEAD"
    KEEP_MULTIPART_CHECKSUMS = "keep one for multipart uploads"
    REFUSE_BAD_CHECKSUM = "refuse bytes that are not those of the checksum sent"
    REFUSE_EXISTING = "refuse a put with If-None-Match: *"
    REFUSE_BAD_MD5 = "refuse bytes that are not those of Content-MD5"
    HOLD_FILE_AND_FOLDER = "hold a and a/b at once"
    HOLD_LOOSE_SLASHES = "hold keys with empty, . and .. segments"
    FULL_FOLDERS = "hold bytes under a key that ends in a slash"
    BOUND_PART_NUMBERS = "refuse part numbers outside 1 to 10,000"
    REFUSE_WRONG_ORDER = "refuse parts named in the wrong order"
    KNOW_STRANGE_UPLOADS = "answer for uploads that are not there"
    CHECK_COPY_SOURCE = "heed a condition on a copy's source"
    COPY_PART_FROM_NOWHERE = "say that the source of a part is missing"
    WRITE_AT_ONCE = "take two writes of one key at once"
    SAY_WHEN_UPLOADS_BEGAN = "say when an upload began"
    COMPLETE_SUBSET = "complete with fewer parts than were uploaded"
    SINGLE_ETAG_OF_COPY = "give a copy of a multipart object the MD5 as ETag"
    PRESIGN = "give out links"
    FORGET_COMPLETED = "say that the parts of a completed upload are gone"
    KEEP_CONTENT_TYPE = "keep the content type"


@dataclass(frozen=True)
class Kind:
    """One store. `server` names the fixture of tests/conftest.py it runs on."""

    name: str
    server: str = ""
    cannot: Mapping[Can, str] = field(default_factory=dict)
    marks: tuple[pytest.MarkDecorator, ...] = ()

    @property
    def tls(self) -> bool:
        return self.server.endswith("_tls")

    def needs(self, ability: Can) -> None:
        """Skip the test where the store lacks an ability."""
        if reason := self.cannot.get(ability):
            pytest.skip(f"{self.name} cannot {ability}: {reason}")


_NO_LINKS = "nothing on this machine serves them"
_A_FOLDER = "a folder cannot hold such names"

_SWIFT: Mapping[Can, str] = {
    Can.KEEP_CHECKSUMS: "s3api checks a checksum and forgets it; HEAD shows none",
    Can.KEEP_MULTIPART_CHECKSUMS: "s3api knows none for multipart uploads",
    Can.FORGET_COMPLETED: "s3api still answers ListParts for a completed upload",
    Can.SINGLE_ETAG_OF_COPY: "s3api keeps the source's ETag",
}
_CEPH: Mapping[Can, str] = {
    Can.KEEP_CHECKSUMS: "Ceph 16.2 has no stored checksums",
    Can.KEEP_MULTIPART_CHECKSUMS: "Ceph 16.2 has no stored checksums",
    Can.COMPLETE_SUBSET: "Ceph 16.2 wants every uploaded part named, InvalidPart otherwise",
    Can.SINGLE_ETAG_OF_COPY: "Ceph keeps the source's ETag",
    Can.BOUND_PART_NUMBERS: "Ceph 16.2 takes parts 0 and 10001",
    Can.REFUSE_WRONG_ORDER: "Ceph 16.2 sorts them itself",
    Can.CHECK_COPY_SOURCE: "Ceph 16.2 ignores x-amz-copy-source-if-match, quoted or not",
}
_MOTO: Mapping[Can, str] = {
    Can.REFUSE_BAD_MD5: "moto accepts a wrong Content-MD5",
    Can.REFUSE_BAD_CHECKSUM: "moto keeps the checksum it is told, without computing it",
    Can.KNOW_STRANGE_UPLOADS: "moto answers 500 for unknown upload ids",
    Can.CHECK_COPY_SOURCE: "moto ignores x-amz-copy-source-if-match",
    Can.COPY_PART_FROM_NOWHERE: "moto answers 404 without an S3 body",
    Can.WRITE_AT_ONCE: "moto answers 500 when its threads meet on one key",
    Can.SAY_WHEN_UPLOADS_BEGAN: "moto says 2010 for each",
    Can.REFUSE_WRONG_ORDER: "moto sorts them itself",
    Can.BOUND_PART_NUMBERS: "moto says NoSuchUpload for part 0",
}

KINDS = (
    Kind("memory", cannot={Can.PRESIGN: _NO_LINKS}),
    Kind(
        "memory-md5",
        cannot={
            Can.PRESIGN: _NO_LINKS,
            Can.KEEP_CHECKSUMS: "opened with keeps_checksums=False",
            Can.KEEP_MULTIPART_CHECKSUMS: "opened with keeps_checksums=False",
        },
    ),
    Kind(
        "local",
        cannot={
            Can.PRESIGN: _NO_LINKS,
            Can.HOLD_FILE_AND_FOLDER: _A_FOLDER,
            Can.HOLD_LOOSE_SLASHES: _A_FOLDER,
            Can.FULL_FOLDERS: _A_FOLDER,
        },
    ),
    Kind("swift", "swift", _SWIFT, (pytest.mark.swift,)),
    Kind("swift-tls", "swift_tls", _SWIFT, (pytest.mark.swift,)),
    Kind("ceph", "ceph", _CEPH, (pytest.mark.ceph,)),
    Kind("ceph-tls", "ceph_tls", _CEPH, (pytest.mark.ceph,)),
    Kind("moto", "moto", _MOTO, (pytest.mark.moto,)),
)
PARAMS: list[Any] = [pytest.param(kind, id=kind.name, marks=kind.marks) for kind in KINDS]
