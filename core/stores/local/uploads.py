"""Open multipart uploads on the disk: a folder for each, and a file for each part that carries its own digests.

A part's file is the part's bytes and, behind them, 24 bytes: its MD5 and its CRC-64/NVME. So a part appears, and is
replaced, by one rename, and after any crash what is listed is whole.

Completing copies the parts into one file. On Linux the kernel does that, on Btrfs and XFS without touching the bytes;
elsewhere it costs reading and writing the whole object once, and room for it twice until the parts are removed.
"""

from __future__ import annotations

import os
import struct
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.model.errors import RemoteError
from core.model.objects import Digests, PartInfo, UploadInfo
from core.stores import refusals, rules
from core.stores.local.disk import O_BINARY, O_NOFOLLOW, make_folder, sync_file, sync_folder
from core.stores.local.drafts import Draft, read_at
from core.stores.local.places import BucketPlace, discard

_TRAILER = struct.Struct(">16sQ")
_ABOUT = "upload.json"


@dataclass(frozen=True, slots=True)
class About:
    """What was said when the upload was opened."""

    key: str
    content_type: str
    started_s: float


_decoder = msgspec.json.Decoder(About)


def open_new(place: BucketPlace, key: str, content_type: str) -> str:
    """Begin an upload; it is on the disk when this returns."""
    upload_id = uuid.uuid4().hex
    folder = place.uploads / upload_id
    make_folder(folder)
    with (folder / _ABOUT).open("xb") as file:
        file.write(msgspec.json.encode(About(key, content_type, time.time())))
        file.flush()
        sync_file(file.fileno())
    sync_folder(folder)
    return upload_id


def find(place: BucketPlace, key: str, upload_id: str) -> About:
    """Raises `no-upload`, also for an upload of another key."""
    about = _about(place, upload_id) if _is_id(upload_id) else None
    if about is None or about.key != key:
        raise refusals.no_upload(key, upload_id)
    return about


def add_part(place: BucketPlace, key: str, upload_id: str, number: int, draft: Draft) -> None:
    """Make a written draft the part with this number. Raises `no-upload` when the upload is gone meanwhile."""
    digests = draft.digest.digests()
    draft.write_plain(_TRAILER.pack(bytes.fromhex(digests.md5), digests.crc64nvme))
    draft.settle()
    find(place, key, upload_id)
    path = _part_path(place, upload_id, number)
    try:
        os.replace(draft.path, path)
        sync_folder(path.parent)
    except FileNotFoundError:
        raise refusals.no_upload(key, upload_id) from None


def read_parts(place: BucketPlace, key: str, upload_id: str) -> list[PartInfo]:
    """All parts, in order. Raises `no-upload`."""
    find(place, key, upload_id)
    try:
        names = os.listdir(place.uploads / upload_id)
    except FileNotFoundError:
        raise refusals.no_upload(key, upload_id) from None
    numbers = sorted(int(name) for name in names if name.isdigit())
    return [rules.part_info(number, part) for number, part in read_some_parts(place, upload_id, numbers).items()]


def read_some_parts(place: BucketPlace, upload_id: str, numbers: Iterable[int]) -> dict[int, Digests]:
    """The parts with these numbers, as far as they are there."""
    kept: dict[int, Digests] = {}
    for number in numbers:
        try:
            with _opened_part(place, upload_id, number) as (_, digests):
                kept[number] = digests
        except FileNotFoundError:
            continue
    return kept


class PartGone(Exception):
    """A part is no longer there, or no longer the one that was looked at."""


@contextmanager
def _opened_part(place: BucketPlace, upload_id: str, number: int) -> Iterator[tuple[int, Digests]]:
    """A part's descriptor and digests; they belong together even if the part is replaced meanwhile."""
    fd = os.open(_part_path(place, upload_id, number), os.O_RDONLY | O_NOFOLLOW | O_BINARY)
    try:
        size_bytes = os.fstat(fd).st_size - _TRAILER.size
        md5, crc64nvme = _TRAILER.unpack(read_at(fd, _TRAILER.size, size_bytes))
        yield fd, Digests(size_bytes, crc64nvme, md5.hex())
    finally:
        os.close(fd)


def copy_part(place: BucketPlace, upload_id: str, number: int, draft: Draft, done: int, wanted: Digests) -> int:
    """Append what follows the first `done` bytes of a part to the draft; returns how many bytes, fewer than are left
    when there are many. Raises PartGone."""
    try:
        with _opened_part(place, upload_id, number) as (fd, digests):
            count = draft.copy(fd, done, wanted.size_bytes - done) if digests == wanted else 0
    except FileNotFoundError:
        count = 0
    if not count:
        raise PartGone
    return count


def abort(place: BucketPlace, key: str, upload_id: str) -> None:
    """Remove an upload of this key; one that is gone is fine."""
    try:
        find(place, key, upload_id)
    except RemoteError:
        return
    throw_away(place, upload_id)


def throw_away(place: BucketPlace, upload_id: str) -> None:
    """Remove an upload: gone at once for everyone, its bytes soon after."""
    grave = place.new_draft()
    try:
        os.replace(place.uploads / upload_id, grave)
    except FileNotFoundError:
        return
    discard(grave)


def read_all(place: BucketPlace, prefix: str) -> list[UploadInfo]:
    """All open uploads under a prefix, by key and age."""
    try:
        ids = os.listdir(place.uploads)
    except FileNotFoundError:
        return []
    found = [(upload_id, _about(place, upload_id)) for upload_id in ids if _is_id(upload_id)]
    uploads = [
        UploadInfo(about.key, upload_id, about.started_s)
        for upload_id, about in found
        if about is not None and about.key.startswith(prefix)
    ]
    return sorted(uploads, key=lambda upload: (upload.key.encode(), upload.started_s))


def _about(place: BucketPlace, upload_id: str) -> About | None:
    try:
        return _decoder.decode((place.uploads / upload_id / _ABOUT).read_bytes())
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None  # or torn while it was being opened: nobody has its id


def _is_id(text: str) -> bool:
    return len(text) == 32 and all(c in "0123456789abcdef" for c in text)


def _part_path(place: BucketPlace, upload_id: str, number: int) -> Path:
    return place.uploads / upload_id / f"{number:05}"
