"""The disk's side: blocking calls in threads, what its errors mean, making things last, and one lock per bucket."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from core.model.errors import LocalError, Retry, Scope
from core.model.transfer import Fingerprint

P = ParamSpec("P")
T = TypeVar("T")

O_BINARY = getattr(os, "O_BINARY", 0)
O_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
O_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # a FIFO in a file's place must not stop us


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in the loop's executor, to its end also when cancelled.

    A thread cannot be stopped: whoever cleans up after a cancelled call (closes its file, takes its buffer back) must
    know that it is over. So these calls are short, and cancelling waits for them.
    """
    call = asyncio.get_running_loop().run_in_executor(None, partial(function, *args, **kwargs))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        while not call.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([call])
        if not call.cancelled():
            call.exception()  # looked at, so that nobody reports it as forgotten
        raise


async def on_disk(where: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread; its OSErrors come out as LocalErrors about `where`."""
    with told_plainly(where):
        return await in_thread(function, *args, **kwargs)


@contextmanager
def told_plainly(where: str) -> Iterator[None]:
    """OSErrors of the block as LocalErrors with codes: `disk-full`, `access-denied`, `disk-fault`, `file-error`..."""
    try:
        yield
    except OSError as error:
        raise _plain(error, where) from error


def _plain(error: OSError, where: str) -> LocalError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return LocalError(
                "disk-full",
                f"The disk is full, so “{where}” could not be stored; it goes on when there is room.",
                where=where,
                detail=str(error),
                retry=Retry.BACKOFF,
                scope=Scope.ACCOUNT,
            )
        case errno.EACCES | errno.EPERM:
            sentence = f"You are not allowed to use “{where}” in this folder; change its permissions."
            return LocalError("access-denied", sentence, where=where, detail=str(error))
        case errno.EROFS:
            sentence = f"“{where}” is on a disk that can only be read."
            return LocalError("access-denied", sentence, where=where, detail=str(error))
        case errno.ENAMETOOLONG:
            sentence = f"The name “{where[:60]}…” is longer than this disk allows."
            return LocalError("name-too-long", sentence, where=where, detail=str(error))
        case errno.EMFILE | errno.ENFILE:
            sentence = "Too many files are open; it goes on when some are closed."
            return LocalError("too-many-files", sentence, where=where, retry=Retry.BACKOFF)
        case errno.EIO:
            sentence = f"The disk could not read or write “{where}”; check it."
            return LocalError("disk-fault", sentence, where=where, detail=str(error))
    return LocalError("file-error", f"“{where}”: {error.strerror or error}.", where=where, detail=repr(error))


def look(path: Path | str) -> os.stat_result | None:
    """What is at a path, not followed if it is a link; None for nothing."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_link(status: os.stat_result) -> bool:
    """A symbolic link, or a Windows junction, which lstat shows as a folder."""
    junction = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None)
    return stat.S_ISLNK(status.st_mode) or (junction is not None and getattr(status, "st_reparse_tag", 0) == junction)


def is_folder(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and not is_link(status)


def fingerprint_of(status: os.stat_result) -> Fingerprint:
    return Fingerprint(status.st_size, status.st_mtime_ns, status.st_ino)


def sync_file(fd: int) -> None:
    """Wait until a file's bytes are on the disk itself."""
    if sys.platform == "darwin":
        import fcntl

        with suppress(OSError):  # not every file system knows it
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            return
    os.fsync(fd)


def sync_folder(path: Path) -> None:
    """Wait until a folder's entries (new, renamed) are on the disk; Windows does this by itself."""
    if sys.platform == "win32":
        return
    fd = os.open(path, os.O_RDONLY | O_NOFOLLOW)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path) -> bool:
    """Make a folder last, unless it is there. Raises FileExistsError for anything else in its place."""
    try:
        path.mkdir()
    except FileExistsError:
        status = look(path)
        if status is None or not is_folder(status):
            raise
        return False
    sync_folder(path.parent)
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file against other threads and processes; the system lets go of it when its holder dies."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | O_NOFOLLOW | O_BINARY, 0o666)
    try:
        _take(fd)
        yield
    finally:
        os.close(fd)


if sys.platform == "win32":
    import msvcrt

    def _take(fd: int) -> None:
        while True:
            with suppress(OSError):
                msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
                return
            time.sleep(0.002)

else:
    import fcntl

    def _take(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX)
