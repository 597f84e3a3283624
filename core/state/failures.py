"""What SQLite complains about, as the errors the rest of Sluice knows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from core.model.errors import CoreError, LocalError, Retry, Scope, StateError

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_REFUSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code without its extension (sqlite.org/rescode.html); SQLITE_ERROR where Python gives none."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def is_damage(error: Exception) -> bool:
    """True when the error says that the file's content cannot be right."""
    if isinstance(error, StateError):
        return error.code == "state-damaged"
    if not isinstance(error, sqlite3.Error):
        return False
    return primary_code(error) in _DAMAGED or "decode to UTF-8" in str(error)


def failure(error: Exception, path: Path) -> Exception:
    """The CoreError for what the disk or the file did; anything else is our own mistake and comes back as it is.

    Codes: `disk-full`, `disk-error`, `state-damaged`, `state-busy`, `state-closed`, `state-unreadable`.
    """
    if not isinstance(error, sqlite3.Error):
        return error
    detail = f"{type(error).__name__}: {error} ({getattr(error, 'sqlite_errorname', 'no code')})"
    code = primary_code(error)
    if code == sqlite3.SQLITE_FULL:
        return disk_full(path, detail)
    if code == sqlite3.SQLITE_IOERR:
        return disk_error(path, detail)
    if is_damage(error):
        return damaged(path, detail)
    if code == sqlite3.SQLITE_INTERRUPT:
        return closed(path)
    if code in _BUSY:
        return StateError(
            "state-busy",
            "Another program is holding Sluice's queue; close it and try again.",
            detail=detail,
            where=str(path),
        )
    if code in _REFUSED:
        return unreadable(path, detail)
    return error


def closed(path: Path) -> CoreError:
    return StateError("state-closed", "The queue is being closed; start Sluice again.", where=str(path))


def disk_full(path: Path, detail: str) -> CoreError:
    return LocalError(
        "disk-full",
        f"The disk that holds Sluice's queue ({path.parent}) is full; free some space.",
        detail=detail,
        where=str(path),
        retry=Retry.BACKOFF,
        scope=Scope.ENGINE,
    )


def disk_error(path: Path, detail: str) -> CoreError:
    return LocalError(
        "disk-error",
        f"The disk that holds Sluice's queue ({path.parent}) reported an error; check the disk.",
        detail=detail,
        where=str(path),
        retry=Retry.BACKOFF,
        scope=Scope.ENGINE,
    )


def damaged(path: Path, detail: str) -> CoreError:
    return StateError(
        "state-damaged",
        "The queue's file is damaged; quit and start Sluice again to repair it.",
        detail=detail,
        where=str(path),
        scope=Scope.ENGINE,
    )


def unreadable(path: Path, detail: str) -> CoreError:
    return StateError(
        "state-unreadable",
        f"Sluice may not read and write its queue; check who owns {path}.",
        detail=detail,
        where=str(path),
        scope=Scope.ENGINE,
    )
