"""One engine per home: a lock the system takes back by itself when its holder dies."""

from __future__ import annotations

import os
import sys
import time
from pathlib import PurePath

_FAR = 1 << 30  # Windows locks bytes; one far behind the text leaves that readable


class InstanceLock:
    """Held from `acquire` until `release`, or until the process ends in whatever way."""

    def __init__(self, path: PurePath) -> None:
        self._path = path
        self._fd = -1

    def acquire(self, wait_s: float = 0.0) -> bool:
        """True when the lock is ours now. Waits at most `wait_s` seconds for another holder. Raises OSError."""
        deadline = time.monotonic() + wait_s
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        while not _try_lock(fd):
            if time.monotonic() >= deadline:
                os.close(fd)
                return False
            time.sleep(0.02)
        self._fd = fd
        os.ftruncate(fd, 0)
        os.write(fd, b"%d\n" % os.getpid())  # for people who look
        return True

    def release(self) -> None:
        """The file stays: removing it would let two holders lock two files of one name."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_locked(path: PurePath) -> bool:
    """Whether somebody holds the lock just now; takes it for an instant to find out."""
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(fd)
    finally:
        os.close(fd)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> bool:
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(fd, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
