"""What cannot be seen from an object's file itself (ETag, CRC, content type), beside it in the hidden folder.

A record names the state of the file it belongs to (size, mtime, inode). It is written before the file takes its place
and carries the entry of the file that is replaced too, so that at every moment, also after a crash, the file that is
there has its entry. A file that was changed behind our back matches no entry: its facts are made up from its state, so
its ETag is new and is no MD5. A record that was torn by a power cut counts as none.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from core.model.transfer import Fingerprint
from core.stores.local.disk import make_folder, sync_file, sync_folder
from core.stores.local.places import BucketPlace

FOLDER = "folder"  # the state of a folder that is kept as an object


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an object beyond its file."""

    etag: str
    crc64nvme: int | None = None  # None: the file was not written by us
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Facts of a file in one state (Fingerprint.text, or FOLDER)."""

    state: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Record:
    key: str  # for people who look into the hidden folder
    entries: list[Entry]


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Record)


def unrecorded(state: Fingerprint) -> Facts:
    """The facts of a file we did not write. The ETag has no dash and no 32 digits, so nobody takes it for an MD5."""
    return Facts(f"stat.{state.size_bytes:x}.{state.mtime_ns:x}.{state.inode:x}")


def read(place: BucketPlace, key: str, state: str) -> Facts | None:
    """The facts that belong to this state of the key's file, or None."""
    for entry in _entries(_path(place, key)):
        if entry.state == state:
            return entry.facts
    return None


def write(place: BucketPlace, key: str, entries: list[Entry], *, lasting: bool = False) -> None:
    """Replace a key's record. `lasting` waits for the disk: worth it where losing it would cost a whole upload."""
    path = Path(_path(place, key))
    make_folder(path.parent)
    draft = place.new_draft()
    with draft.open("xb") as file:
        file.write(msgspec.json.encode(_Record(key, entries)))
        if lasting:
            file.flush()
            sync_file(file.fileno())
    os.replace(draft, path)
    if lasting:
        sync_folder(path.parent)


def remove(place: BucketPlace, key: str) -> None:
    Path(_path(place, key)).unlink(missing_ok=True)


def written_s(place: BucketPlace, key: str) -> float:
    """When the record was written, in seconds since the epoch; 0 without one."""
    try:
        return os.stat(_path(place, key)).st_mtime
    except OSError:
        return 0.0


def are_kept(place: BucketPlace, key: str) -> bool:
    """True when there is a record for the key, of whatever state of its file."""
    return os.path.exists(_path(place, key))


def is_folder_object(place: BucketPlace, key: str) -> bool:
    """True for the key of a folder (with its slash) that is kept as an object."""
    return read(place, key, FOLDER) is not None


def _entries(path: str) -> list[Entry]:
    try:
        with open(path, "rb") as file:
            record: _Record = _decoder.decode(file.read())
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return []
    return record.entries


def _path(place: BucketPlace, key: str) -> str:
    # hashed: a record's path must fit whatever the key, and a key may end in any suffix;
    # text: listings ask for thousands, and pathlib would take most of their time
    name = hashlib.sha256(key.encode()).hexdigest()
    return os.path.join(place.records, name[:2], f"{name[2:40]}.json")
