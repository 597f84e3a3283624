"""Finds what a request means on this machine: files under folders, each with the key it will have."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from core.model.errors import CoreError, UsageError
from core.model.location import Remote, check_key


@dataclass(frozen=True, slots=True)
class Found:
    """One file to send."""

    path: str
    key: str
    size_bytes: int


@dataclass(slots=True)
class Passed:
    """What was passed over, with the first few reasons."""

    count: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, reason: str) -> None:
        self.count += 1
        if len(self.reasons) < 5:
            self.reasons.append(reason.encode("utf-8", "backslashreplace").decode())  # a name may be no Unicode


def walk(source: str, target: Remote, *, container: bool, recursive: bool, passed: Passed) -> Iterator[Found]:
    """The files `source` stands for. A folder keeps its name unless it is written with a slash at its end.

    Symbolic links are followed, but each folder is sent once, if possible by its own name, so that loops end. A named
    source that cannot be sent (missing, a FIFO) is still yielded: its transfer then fails with the reason, where the
    user sees it.
    """
    contents_only = source.endswith("/")
    path = source.rstrip("/") or "/"
    if os.path.isdir(path):
        if not recursive:
            raise UsageError(
                "is-a-folder", f"“{path}” is a folder; say that it may be sent whole (--recursive).", where=path
            )
        base = target if contents_only else target.joined(os.path.basename(path))
        yield from _folder(path, base, passed)
        return
    key = target.joined(os.path.basename(path)).key if container or target.is_prefix else target.key
    try:
        size = os.stat(path).st_size
    except OSError:
        size = 0
    yield Found(path, check_key(key), size)


def _folder(root: str, base: Remote, passed: Passed) -> Iterator[Found]:
    seen: set[tuple[int, int]] = set()
    todo, links = [(root, "")], list[tuple[str, str]]()
    while todo or links:
        folder, relative = todo.pop() if todo else links.pop(0)  # links last: what they lead to may have its own name
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                passed.add(f"{folder}: the same folder is sent by another name")
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            passed.add(f"{folder}: {error.strerror}")
            continue
        folders: list[tuple[str, str]] = []
        for entry in ordered:
            name = f"{relative}/{entry.name}" if relative else entry.name
            try:
                if entry.is_dir():
                    (links if entry.is_symlink() else folders).append((entry.path, name))
                elif (found := _file(entry, base, name, passed)) is not None:
                    yield found
            except OSError as error:
                passed.add(f"{entry.path}: {error.strerror}")
        todo.extend(reversed(folders))


def _file(entry: os.DirEntry[str], base: Remote, name: str, passed: Passed) -> Found | None:
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        passed.add(f"{entry.path}: not a regular file")
        return None
    try:
        key = check_key(base.joined(name).key)
    except CoreError as error:
        passed.add(f"{entry.path!r}: {error.sentence}")
        return None
    return Found(entry.path, key, status.st_size)
