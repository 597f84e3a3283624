"""Objects on the disk: finding them, putting a finished draft in an object's place, removing them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.model.errors import CoreError, RemoteError
from core.model.objects import ObjectInfo
from core.model.transfer import Fingerprint
from core.stores import refusals
from core.stores.base import DeleteError
from core.stores.checksum import crc_text
from core.stores.local import records
from core.stores.local.disk import fingerprint_of, is_folder, locked, look, make_folder, sync_folder, told_plainly
from core.stores.local.drafts import Draft
from core.stores.local.places import BucketPlace, conflict, unsafe
from core.stores.local.records import FOLDER, Entry, Facts


@dataclass(frozen=True, slots=True)
class Found:
    """An object with its file's state."""

    state: Fingerprint
    facts: Facts
    modified_s: float

    def info(self, key: str) -> ObjectInfo:
        crc = "" if self.facts.crc64nvme is None else crc_text(self.facts.crc64nvme)
        facts = self.facts
        return ObjectInfo(
            key, self.state.size_bytes, facts.etag, self.modified_s, crc64nvme=crc, content_type=facts.content_type
        )


def find(place: BucketPlace, key: str) -> Found:
    """An object as it is now. Raises `no-key`."""
    return find_at(place, key, place.path(key))


def find_at(place: BucketPlace, key: str, path: Path | str) -> Found:
    """The same, for a path that is known to be safe."""
    if key.endswith("/"):
        return _find_folder(place, key, path)
    found, before = _look_at(place, key, path), None
    # while our own writers replace the file again and again, its record may be a step ahead of what we saw
    while found.facts.crc64nvme is None and found.state != before and records.are_kept(place, key):
        before, found = found.state, _look_at(place, key, path)
    return found


def _look_at(place: BucketPlace, key: str, path: Path | str) -> Found:
    status = look(path)
    if status is None or not stat.S_ISREG(status.st_mode):
        raise refusals.no_key(key)
    return describe(place, key, status)


def describe(place: BucketPlace, key: str, status: os.stat_result) -> Found:
    """The object whose file has this status."""
    state = fingerprint_of(status)
    facts = records.read(place, key, state.text) or records.unrecorded(state)
    return Found(state, facts, status.st_mtime)


def _find_folder(place: BucketPlace, key: str, path: Path | str) -> Found:
    status = look(path)
    facts = records.read(place, key, FOLDER)
    if status is None or not is_folder(status) or facts is None:
        raise refusals.no_key(key)
    return Found(Fingerprint(0, 0, status.st_ino), facts, records.written_s(place, key))


def check_free(place: BucketPlace, key: str) -> None:
    """Raises `exists` when there is such an object."""
    try:
        find(place, key)
    except RemoteError:
        return
    raise refusals.exists(key)


def install(
    place: BucketPlace,
    key: str,
    draft: Draft,
    facts: Facts,
    *,
    only_new: bool = False,
    check: Callable[[], None] = lambda: None,
    lasting: bool = False,
) -> None:
    """Put a written draft in its key's place: whole or not at all, and on the disk when this returns.

    `check` runs under the bucket's lock and may refuse. Raises `exists` (with `only_new`), `key-conflict`,
    `unsafe-key`.
    """
    if key.endswith("/"):
        _install_folder(place, key, draft, facts, only_new=only_new)
        return
    path = place.path(key)
    entry = Entry(draft.settle().text, facts)
    with locked(place.lock):
        check()
        place.make_parents(key, path)
        replaced = _replaced(place, key, path)
        if replaced and only_new:
            raise refusals.exists(key)
        records.write(place, key, [*replaced, entry], lasting=lasting)
        os.replace(draft.path, path)
    sync_folder(path.parent)


def _replaced(place: BucketPlace, key: str, path: Path) -> list[Entry]:
    """The entry of the file that is about to be replaced, if there is one."""
    status = look(path)
    if status is None:
        return []
    if is_folder(status):
        _clear_empty(place, key, path)
        return []
    if not stat.S_ISREG(status.st_mode):
        raise unsafe(key, "a link or a device is in its place")
    found = describe(place, key, status)
    return [Entry(found.state.text, found.facts)]


def _clear_empty(place: BucketPlace, key: str, folder: Path) -> None:
    """An empty folder that is no object may make way for a file."""
    if records.is_folder_object(place, f"{key}/"):
        raise conflict(key, f"{key}/")
    try:
        folder.rmdir()
    except OSError:
        raise conflict(key, f"{key}/…") from None


def _install_folder(place: BucketPlace, key: str, draft: Draft, facts: Facts, *, only_new: bool) -> None:
    """Keep an empty object whose key ends in a slash, as a folder with a record."""
    path = place.path(key)
    if draft.settle().size_bytes:
        raise unsafe(key, "its key ends in a slash, so it can only be a folder, and a folder holds no bytes")
    with locked(place.lock):
        if only_new and records.is_folder_object(place, key):
            raise refusals.exists(key)
        place.make_parents(key, path)
        try:
            make_folder(path)
        except FileExistsError:
            raise conflict(key, key.removesuffix("/")) from None
        records.write(place, key, [Entry(FOLDER, facts)], lasting=True)


def remove_some(place: BucketPlace, keys: Sequence[str]) -> list[DeleteError]:
    """Remove objects under one hold of the bucket's lock; returns what could not be removed."""
    failures: list[DeleteError] = []
    with locked(place.lock):
        for key in keys:
            try:
                with told_plainly(key):
                    _remove(place, key)
            except CoreError as error:
                failures.append(DeleteError(key, error.record()))
    return failures


def _remove(place: BucketPlace, key: str) -> None:
    """Remove an object, if there is one, and the folders that become empty by it."""
    path = place.path(key)
    status = look(path)
    if key.endswith("/"):
        records.remove(place, key)
        _prune(place, path)
    elif status is not None and stat.S_ISREG(status.st_mode):
        path.unlink()
        records.remove(place, key)
        _prune(place, path.parent)


def _prune(place: BucketPlace, folder: Path) -> None:
    while folder != place.folder and not records.is_folder_object(place, place.key_of(folder) + "/"):
        try:
            folder.rmdir()
        except OSError:
            return  # not empty, or not there
        folder = folder.parent
