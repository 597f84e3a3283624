"""The keys of a bucket in byte order, folder by folder: never more than the folders on the way are in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core.model.errors import RemoteError
from core.model.objects import ObjectInfo, Page
from core.stores import rules
from core.stores.local import objects, records
from core.stores.local.disk import is_folder, is_link, look
from core.stores.local.places import HIDDEN, BucketPlace

_SLASH = b"/"


class Walk:
    """Keys that begin with a prefix and come after `after` (bytes, empty for all).

    With a delimiter of one slash, folders under the prefix are given as their key with the slash, not entered. Links,
    devices and names that are not Unicode are passed over; a folder that must not be read raises PermissionError rather
    than passing for empty.
    """

    def __init__(self, place: BucketPlace, prefix: str, after: bytes, delimiter: str) -> None:
        self._place = place
        self._prefix = prefix.encode()
        self._after = after
        self._shallow = delimiter == "/"

    def keys(self) -> Iterator[str]:
        start = self._prefix[: self._prefix.rfind(_SLASH) + 1]
        if not self._reachable(start):
            return
        for key in self._folder(start):
            try:
                yield key.decode()
            except UnicodeDecodeError:
                continue

    def _reachable(self, start: bytes) -> bool:
        """False where the prefix names no folder, or one behind a link, or our own."""
        path = self._place.folder
        for segment in start.split(_SLASH)[:-1]:
            if segment in (b"", b".", b"..") or b"\0" in segment:
                return False
            path /= os.fsdecode(segment)
            status = look(path)
            if status is None or not is_folder(status) or path == self._place.hidden:
                return False
        return True

    def _folder(self, folder: bytes) -> Iterator[bytes]:
        if folder and folder.startswith(self._prefix) and folder > self._after and self._is_object(folder):
            yield folder
        for name in sorted(self._names(folder)):
            key = folder + name
            if not name.endswith(_SLASH):
                if key.startswith(self._prefix) and key > self._after:
                    yield key
            elif self._worth_entering(key):
                if self._shallow and key.startswith(self._prefix) and key != self._prefix:
                    if key > self._after and self._holds_any(key):
                        yield key
                else:
                    yield from self._folder(key)

    def _worth_entering(self, folder: bytes) -> bool:
        in_prefix = folder.startswith(self._prefix) or self._prefix.startswith(folder)
        return in_prefix and (folder > self._after or self._after.startswith(folder))

    def _holds_any(self, folder: bytes) -> bool:
        """True when an object is anywhere under a folder: empty folders are no prefixes."""
        if self._is_object(folder):
            return True
        names = self._names(folder)
        return any(not name.endswith(_SLASH) for name in names) or any(self._holds_any(folder + name) for name in names)

    def _is_object(self, folder: bytes) -> bool:
        try:
            return records.is_folder_object(self._place, folder.decode())
        except UnicodeDecodeError:
            return False

    def _names(self, folder: bytes) -> list[bytes]:
        """What a folder holds: files by name, folders with a slash behind, so that they sort as their keys do."""
        names: list[bytes] = []
        try:
            with os.scandir(self._path(folder)) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        names.append(os.fsencode(entry.name))
                    elif entry.is_dir(follow_symlinks=False) and not self._is_passed_over(folder, entry):
                        names.append(os.fsencode(entry.name) + _SLASH)
        except (FileNotFoundError, NotADirectoryError):
            return []  # removed since its own folder was read
        return names

    @staticmethod
    def _is_passed_over(folder: bytes, entry: os.DirEntry[str]) -> bool:
        return (not folder and entry.name == HIDDEN) or is_link(entry.stat(follow_symlinks=False))

    def _path(self, folder: bytes) -> Path:
        return self._place.folder / os.fsdecode(folder)


def read_page(
    place: BucketPlace, keys: Iterator[str], *, prefix: str, delimiter: str, count: int
) -> tuple[Page, Iterator[str]]:
    """One page, and the keys after it. Objects removed since their folder was read are left out."""
    cut = rules.cut_page(keys, prefix=prefix, delimiter=delimiter, count=count)
    found: list[ObjectInfo] = []
    for key in cut.keys:
        with suppress(RemoteError):
            found.append(objects.find_at(place, key, os.path.join(place.folder, key)).info(key))
    return Page(tuple(found), tuple(cut.prefixes), cut.token), cut.rest
