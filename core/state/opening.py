"""Opening the database's file, whatever state it is in: fresh, clean, left by a crash, too new, or damaged."""

from __future__ import annotations

import os
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

from core.model.errors import CoreError, StateError
from core.state import salvage, schema
from core.state.failures import failure, is_damage, primary_code, unreadable

SMALL_BYTES = 4 << 20  # a file up to this size is always checked: that takes a few milliseconds
_BUSY_S = 10.0
_WRITER_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    "cache_size = -32768",  # KiB
    "wal_autocheckpoint = 4000",  # pages, 16 MB: fewer, larger copies back into the file
    "journal_size_limit = 67108864",
    "cell_size_check = ON",
    "trusted_schema = OFF",
    "analysis_limit = 400",
)


@dataclass(frozen=True, slots=True)
class Opened:
    connection: sqlite3.Connection  # the writer's
    was_clean: bool  # closed in an orderly way last time
    notice: str  # for the user, when something had to be repaired


def mark_of(path: Path) -> Path:
    """The file that lies beside the database while it is open; who finds it knows that the last end was not orderly."""
    return path.with_name(path.name + ".open")


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}"
    return sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_S, cached_statements=256
    )


def open_state(path: Path) -> Opened:
    """The database, migrated and ready to write; a damaged file is set aside and what can be read is carried over.

    Raises StateError (`state-too-new`, `state-busy`, `state-unreadable`) or LocalError (`disk-full`, `disk-error`).
    """
    try:
        return _opened(path)
    except sqlite3.Error as error:
        raise failure(error, path) from error
    except OSError as error:
        raise unreadable(path, str(error)) from error


def _opened(path: Path) -> Opened:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    salvage.finish(path)
    mark = mark_of(path)
    suspect = mark.exists() and mark.read_bytes() == b"damaged"
    was_clean = not mark.exists() and not path.with_name(path.name + "-wal").exists()
    _refuse_newer(path)
    _make_private(path)
    notice = ""
    try:
        if suspect:
            raise _Damaged
        connection = _prepared(path, check=not was_clean or path.stat().st_size <= SMALL_BYTES)
    except _Damaged:
        notice = salvage.repair(path, connect)
        was_clean = False
        connection = _prepared(path, check=False)
    mark.touch(mode=0o600)
    mark.write_bytes(b"")
    return Opened(connection, was_clean, notice)


class _Damaged(Exception):
    """The file cannot be used as it is."""


def _refuse_newer(path: Path) -> None:
    """Through a read-only connection, so that the file of a newer version stays as it is."""
    if not path.exists() or path.stat().st_size == 0:
        return
    connection = None
    try:
        connection = connect(path, readonly=True)
        version = schema.version_of(connection)
    except (sqlite3.Error, MemoryError):
        return  # whatever this is, it will be found again
    finally:
        if connection is not None:
            connection.close()
    if version > len(schema.migrations()):
        raise StateError(
            "state-too-new",
            f"This queue was written by a newer Sluice; install that version or move {path} aside.",
            detail=f"version {version}, known up to {len(schema.migrations())}",
            where=str(path),
        )


def _make_private(path: Path) -> None:
    """SQLite gives the files beside it the same permissions."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _prepared(path: Path, *, check: bool) -> sqlite3.Connection:
    """A connection to a file that is right as far as we have looked. Raises _Damaged where it is not."""
    connection = connect(path)
    try:
        _check_header(connection)
        for pragma in _WRITER_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        if sys.platform == "darwin":  # there fsync alone does not reach the platter
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA checkpoint_fullfsync = ON")
        if check:
            _check_all(connection)
        schema.migrate(connection, path, schema.migrations())
        if not schema.our_shape(schema.migrations()).items() <= schema.shape(connection).items():
            raise _Damaged("our tables are not there")
    except BaseException as error:
        connection.close()
        if isinstance(error, Exception) and _means_damage(error, path):
            raise _Damaged from error
        raise
    return connection


def _check_header(connection: sqlite3.Connection) -> None:
    version = schema.version_of(connection)
    foreign = version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
    if foreign or version < 0:
        raise _Damaged("not our file")


def _check_all(connection: sqlite3.Connection) -> None:
    answers = connection.execute("PRAGMA quick_check(1)").fetchall()
    if answers != [("ok",)]:
        raise _Damaged(str(answers))


def _means_damage(error: Exception, path: Path) -> bool:
    """At opening, where nothing of ours can be wrong yet, most complaints of SQLite's are about the file."""
    if isinstance(error, (_Damaged, MemoryError)) or is_damage(error):
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHORT_READ:
        return True
    if primary_code(error) == sqlite3.SQLITE_READONLY:  # the header can forbid writing as well as the file system
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return not isinstance(failure(error, path), CoreError)
