"""Local files: opening, fingerprints, errors in words, and the steps that put a finished file in its place."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

from core.model.errors import LocalError, Retry
from core.model.transfer import Fingerprint
from core.transfer.threads import in_thread

_O_BINARY = getattr(os, "O_BINARY", 0)
_O_NONBLOCK = getattr(os, "O_NONBLOCK", 0)


def local_error(error: OSError, path: str) -> LocalError:
    """An operating-system error as one sentence with its cure."""
    name = path or str(error.filename or "")
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return LocalError("no-file", f"“{name}” does not exist (any more).", where=name)
        case errno.EACCES | errno.EPERM:
            return LocalError(
                "no-permission", f"You are not allowed to use “{name}”; change its permissions.", where=name
            )
        case errno.ENOSPC | errno.EDQUOT:
            return LocalError("disk-full", f"The disk holding “{name}” is full; make room and retry.", where=name)
        case errno.EROFS:
            return LocalError("read-only", f"“{name}” is on a disk that can only be read.", where=name)
        case errno.ENAMETOOLONG:
            return LocalError("name-too-long", f"The name “{name[:60]}…” is too long for this disk.", where=name)
        case errno.EISDIR:
            return LocalError("is-a-folder", f"“{name}” is a folder; a file cannot take its place.", where=name)
        case errno.EMFILE | errno.ENFILE:
            return LocalError(
                "too-many-files",
                "Too many files are open; it goes on when some are closed.",
                where=name,
                retry=Retry.BACKOFF,
            )
        case errno.EIO:
            return LocalError("disk-fault", f"The disk could not read or write “{name}”; check it.", where=name)
    return LocalError("file-error", f"“{name}”: {error.strerror or error}.", where=name, detail=repr(error))


def changed_error(path: str) -> LocalError:
    return LocalError(
        "source-changed",
        f"“{path}” changed while it was being sent; it is tried again when it is quiet.",
        where=path,
        retry=Retry.BACKOFF,
    )


def open_source(path: str) -> tuple[int, Fingerprint]:
    """Open a regular file for reading, never blocking on a FIFO. The caller closes it. Raises LocalError."""
    try:
        fd = os.open(path, os.O_RDONLY | _O_NONBLOCK | _O_BINARY)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise not_regular(path) from error
        raise local_error(error, path) from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise not_regular(path)
    return fd, fingerprint_of(status)


def not_regular(path: str) -> LocalError:
    return LocalError(
        "not-a-file",
        f"“{path}” is not a regular file (a folder, FIFO, socket or device), so it cannot be sent.",
        where=path,
    )


def fingerprint_of(status: os.stat_result) -> Fingerprint:
    return Fingerprint(status.st_size, status.st_mtime_ns, status.st_ino)


@in_thread
def read_fingerprint(path: str) -> Fingerprint:
    """Raises LocalError `no-file`, `not-a-file`..."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise local_error(error, path) from error
    if not stat.S_ISREG(status.st_mode):
        raise not_regular(path)
    return fingerprint_of(status)


def temporary_path(destination: str, token: str) -> str:
    """Where a download grows: beside its target, so that the last step is a rename; short, whatever the target's name.

    The same transfer finds the same name again after a restart, also when it now goes to another name in the folder.
    """
    mark = hashlib.sha256(token.encode()).hexdigest()[:16]
    return os.path.join(os.path.dirname(destination), f".sluice-{mark}.part")


@in_thread
def make_folders(root: str, folder: str) -> None:
    """Make `folder`, which lies below `root`, refusing to pass through symbolic links below the root.

    A link planted there would lead the download outside the folder the user chose. Raises LocalError.
    """
    try:
        _make_folder(Path(root), parents=True)
        here = Path(root)
        for name in Path(folder).relative_to(root).parts:
            here = here / name
            _make_folder(here)
            if here.is_symlink():
                raise LocalError(
                    "unsafe-link",
                    f"“{here}” is a link that leads elsewhere; nothing was written through it.",
                    where=str(here),
                )
    except OSError as error:
        raise local_error(error, folder) from error


def _make_folder(path: Path, *, parents: bool = False) -> None:
    try:
        path.mkdir(parents=parents, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        if path.is_symlink():  # a dangling one; whether it is allowed here is for the caller to say
            return
        raise LocalError(
            "not-a-folder",
            f"“{error.filename or path}” is a file where a folder is needed; move it or choose another folder.",
            where=str(path),
        ) from error


@in_thread
def prepare_file(path: str, size_bytes: int) -> int:
    """Make sure a temporary file exists with its full length reserved; returns its length before (-1: it was new).

    Reserving finds a full disk before the first byte travels. Raises LocalError `disk-full`.
    """
    flags = os.O_RDWR | os.O_CREAT | _O_BINARY | getattr(os, "O_NOFOLLOW", 0)
    try:
        before = os.stat(path, follow_symlinks=False).st_size if os.path.lexists(path) else -1
        fd = os.open(path, flags, 0o666)
        try:
            if before != size_bytes:
                os.ftruncate(fd, size_bytes)
            if size_bytes and before != size_bytes and hasattr(os, "posix_fallocate"):
                _reserve(fd, size_bytes)
        except BaseException:
            if before == -1:
                os.unlink(path)
            raise
        finally:
            os.close(fd)
    except OSError as error:
        raise local_error(error, path) from error
    return before


def _reserve(fd: int, size_bytes: int) -> None:
    try:
        os.posix_fallocate(fd, 0, size_bytes)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # file systems that cannot
            raise


@in_thread
def is_free(path: str) -> bool:
    """Whether nothing has this name, not even a dangling link."""
    return not os.path.lexists(path)


@in_thread
def length_of(path: str) -> int:
    """The length of a regular file in bytes, -1 for anything else."""
    return os.path.getsize(path) if os.path.isfile(path) else -1


@in_thread
def refuse_folder(path: str) -> None:
    """Raises LocalError `is-a-folder` when a folder has this name."""
    if os.path.isdir(path) and not os.path.islink(path):
        raise local_error(IsADirectoryError(errno.EISDIR, "is a folder", path), path)


@in_thread
def put_in_place(temporary: str, destination: str, *, replace: bool) -> None:
    """fsync the file, rename it over the target, fsync the folder: after a power cut the old or the new file is there.

    Without `replace` an existing target raises LocalError `exists`.
    """
    try:
        fd = os.open(temporary, os.O_RDWR | _O_BINARY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        if os.path.isdir(destination) and not os.path.islink(destination):
            raise IsADirectoryError(errno.EISDIR, "is a folder", destination)
        if not replace and os.path.lexists(destination):
            raise LocalError("exists", f"“{destination}” exists already.", where=destination)
        os.replace(temporary, destination)
        _sync_folder(os.path.dirname(destination))
    except OSError as error:
        raise local_error(error, destination) from error


def _sync_folder(folder: str) -> None:
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@in_thread
def remove_file(path: str) -> None:
    """Remove a file; one that is gone already is fine."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise local_error(error, path) from error
