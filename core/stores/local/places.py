"""Which path belongs to which bucket and key, and which keys a folder cannot hold.

A key's segments are folders and a file under the bucket's folder. Refused are

- as `unsafe-key`: empty, `.` and `..` segments, Sluice's own folder, a way through a symbolic link, and on Windows
  backslashes and the names it reserves;
- as `name-too-long`: a segment over 255 bytes;
- as `bad-key`: what S3 could not hold either;
- as `key-conflict`: `a/b` while `a` is an object, and the reverse.

A key that ends in a slash is kept as the folder of that name with a record, so it must be empty. On disks that ignore
case, keys that differ only in case are one file.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from pathlib import Path

from core.model.errors import LocalError, UsageError
from core.stores.local.disk import is_link, look, make_folder
from core.stores.rules import check_object_key

HIDDEN = ".sluice"
MAX_NAME_BYTES = 255
STALE_S = 24 * 3600  # no draft is that old while its writer lives

# docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NEW_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUCKET = re.compile(r"[^\x00-\x20./\\?#%:][^\x00-\x20/\\?#%:]{0,254}")
_BAD_ON_WINDOWS = re.compile(r'[<>:"\\|?*\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)', re.IGNORECASE)


class BucketPlace:
    """The folder of one bucket, known to be there. Its hidden folder is made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.folder = folder
        self.hidden = folder / HIDDEN
        self.drafts = self.hidden / "drafts"
        self.uploads = self.hidden / "uploads"
        self.records = self.hidden / "records"
        self.lock = self.hidden / "lock"

    def prepare(self) -> None:
        """Make the hidden folders, and throw away drafts whose writers were killed long ago."""
        for folder in (self.hidden, self.drafts, self.uploads, self.records):
            make_folder(folder)
        for draft in self.drafts.iterdir():
            status = look(draft)
            if status is not None and time.time() - status.st_mtime > STALE_S:
                discard(draft)

    def new_draft(self) -> Path:
        """A path nobody else uses, on the same disk as the bucket."""
        return self.drafts / uuid.uuid4().hex

    def path(self, key: str) -> Path:
        """Where a key's file or folder is or would be. Raises `unsafe-key`, `name-too-long`, `bad-key`."""
        segments = key_segments(key)
        path = self.folder
        for segment in segments[:-1]:
            path /= segment
            status = look(path)
            if status is None:
                break
            if is_link(status):
                raise unsafe(key, f"its folder {str(path)!r} is a link")
        return self.folder.joinpath(*segments)

    def make_parents(self, key: str, path: Path) -> None:
        """Make the folders a key's file stands in. Raises `key-conflict` where an object is in the way."""
        missing = path.parent
        wanted: list[Path] = []
        while missing != self.folder:
            wanted.append(missing)
            missing = missing.parent
        for folder in reversed(wanted):
            try:
                make_folder(folder)
            except (FileExistsError, NotADirectoryError):
                raise conflict(key, self.key_of(folder)) from None

    def key_of(self, path: Path) -> str:
        """The key of a path under the bucket, without the slash at a folder's end."""
        return path.relative_to(self.folder).as_posix()


def key_segments(key: str) -> list[str]:
    """A key taken apart; a slash at its end is left off. Raises `unsafe-key`, `name-too-long`, `bad-key`."""
    check_object_key(key)
    segments = key.removesuffix("/").split("/")
    for segment in segments:
        if segment in ("", ".", ".."):
            raise unsafe(key, f"a part of it is {segment!r}")
        if len(segment.encode()) > MAX_NAME_BYTES:
            sentence = f"The name “{segment[:40]}…” is longer than the {MAX_NAME_BYTES} bytes a folder can hold."
            raise LocalError("name-too-long", sentence, where=key)
        if os.name == "nt" and _BAD_ON_WINDOWS.search(segment):
            raise unsafe(key, f"Windows does not allow the name {segment!r}")
    if segments[0].lower() == HIDDEN:
        raise unsafe(key, f"{HIDDEN} is Sluice's own folder")
    return segments


def unsafe(key: str, detail: str) -> LocalError:
    return LocalError("unsafe-key", f"A folder cannot safely hold an object named {key!r}.", where=key, detail=detail)


def conflict(key: str, other: str) -> LocalError:
    sentence = f"A folder cannot hold both “{key}” and “{other}”: one of them would have to be a file and a folder."
    return LocalError("key-conflict", sentence, where=key)


def is_bucket_name(name: str) -> bool:
    """True for a folder's name that can stand in an s3:// URL; hidden folders are no buckets."""
    return _BUCKET.fullmatch(name) is not None and name.isprintable()


def check_new_bucket(bucket: str) -> None:
    """Raises UsageError `bad-location` for a name that S3 would not give to a bucket."""
    if not _NEW_BUCKET.fullmatch(bucket):
        raise UsageError(
            "bad-location",
            f"“{bucket}” cannot be a bucket's name; use 3 to 63 lower-case letters, digits, dots and hyphens.",
            where=bucket,
        )


def discard(path: Path) -> None:
    """Remove a draft or a folder of drafts, as far as it goes: what stays is swept up later."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
