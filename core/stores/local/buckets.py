"""Buckets: the folders right under the root."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from core.model.errors import LocalError, Retry, Scope
from core.model.objects import Bucket
from core.stores import refusals
from core.stores.local import uploads
from core.stores.local.disk import is_folder, look, make_folder
from core.stores.local.listing import Walk
from core.stores.local.places import BucketPlace, check_new_bucket, is_bucket_name


def find(root: Path, bucket: str) -> BucketPlace:
    """A bucket's place. Raises `no-bucket` (also for a link in the root), `unreachable`."""
    if is_bucket_name(bucket):
        status = look(root / bucket)
        if status is not None and is_folder(status):
            return BucketPlace(root / bucket)
    _check_root(root)
    raise refusals.no_bucket(bucket)


def find_writable(root: Path, bucket: str, key: str | None, prepared: set[str]) -> BucketPlace:
    """A bucket's place with its hidden folders made, and the key looked at. Raises as `find` and `BucketPlace.path` do.

    `prepared` holds the buckets this store has seen: only the first time one is searched for drafts left behind.
    """
    place = find(root, bucket)
    if key is not None:
        place.path(key)
    if bucket not in prepared or not place.drafts.is_dir():
        place.prepare()
        prepared.add(bucket)
    return place


def read_all(root: Path) -> list[Bucket]:
    """All buckets by name. The time of creation is known only where the disk keeps one."""
    _check_root(root)
    found: list[Bucket] = []
    for path in sorted(root.iterdir()):
        status = look(path)
        if status is not None and is_folder(status) and is_bucket_name(path.name):
            found.append(Bucket(path.name, getattr(status, "st_birthtime", 0.0)))
    return found


def create(root: Path, bucket: str) -> None:
    """Raises `bucket-exists`, `bad-location`, `unreachable`."""
    check_new_bucket(bucket)
    _check_root(root)
    try:
        made = make_folder(root / bucket)
    except FileExistsError:
        made = False
    if not made:
        raise refusals.bucket_exists(bucket)


def remove(root: Path, bucket: str) -> None:
    """Remove a bucket that holds no object and no open upload; empty folders in it do not count. Raises
    `bucket-not-empty`, `no-bucket`, `unreachable`."""
    place = find(root, bucket)
    if uploads.read_all(place, "") or any(Walk(place, "", b"", "").keys()):
        raise refusals.bucket_not_empty(bucket)
    try:
        for path in place.folder.iterdir():
            if path != place.hidden:
                _remove_empty(path)
        shutil.rmtree(place.hidden, ignore_errors=True)
        place.folder.rmdir()
    except (FileExistsError, NotADirectoryError):
        raise refusals.bucket_not_empty(bucket) from None
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        raise refusals.bucket_not_empty(bucket) from None


def _remove_empty(folder: Path) -> None:
    """Raises NotADirectoryError for anything but folders: links, devices, files whose names cannot be keys."""
    status = look(folder)
    if status is None or not is_folder(status):
        raise NotADirectoryError(str(folder))
    for path in folder.iterdir():
        _remove_empty(path)
    folder.rmdir()


def _check_root(root: Path) -> None:
    if not root.is_dir():
        raise LocalError(
            "unreachable",
            f"The folder “{root}” of this account is not there; if it is on another disk, connect that.",
            where=str(root),
            retry=Retry.ONLINE,
            scope=Scope.ACCOUNT,
        )
