"""Opening the database's file, whatever state it is in: fresh, clean, left by a crash, too new, or damaged."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.model.errors import CoreError, StateError
from core.state import salvage, schema
from core.state.failures import failure, is_damage, primary_code, unreadable

SMALL_BYTES = 4 << 20  # a file up to this size is always checked: that takes a few milliseconds
DAMAGED = b"damaged"  # what the mark says when damage was met while the database was open
_HEADER_BYTES = 512  # SQLite takes a file shorter than its smallest page for an empty one, and would write over it
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

    Raises StateError (`state-too-new`, `state-not-migrated`, `state-busy`, `state-unreadable`) or LocalError
    (`disk-full`, `disk-error`).
    """
    try:
        return _opened(path)
    except sqlite3.Error as error:
        told = failure(error, path)
        raise (told if told is not error else _not_migrated(path, error)) from error
    except OSError as error:
        raise unreadable(path, str(error)) from error


def _opened(path: Path) -> Opened:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    salvage.finish(path)
    mark = mark_of(path)
    was_clean = not mark.exists() and not path.with_name(path.name + "-wal").exists()
    suspect = mark.exists() and mark.read_bytes() == DAMAGED
    _make_private(path)
    notice = ""
    try:
        _look(path, was_clean, suspect)
        connection = _prepared(path)
    except _Damaged:
        notice = salvage.repair(path, connect)
        was_clean = False
        connection = _prepared(path)
    mark.touch(mode=0o600)
    mark.write_bytes(b"")
    return Opened(connection, was_clean, notice)


class _Damaged(Exception):
    """The file cannot be used as it is."""


def _look(path: Path, was_clean: bool, suspect: bool) -> None:
    """Look at the file without changing a byte of it, as a connection that may write would at its end. Raises _Damaged,
    or StateError `state-too-new`."""
    size_bytes = path.stat().st_size
    if 0 < size_bytes < _HEADER_BYTES:
        raise _Damaged("a stump")
    with _damage_told(path), closing(connect(path, readonly=True)) as connection:
        version = schema.version_of(connection)
        if version > len(schema.migrations()):
            raise _too_new(path, version)
        foreign = version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
        if foreign or version < 0 or suspect:
            raise _Damaged("not our file" if not suspect else "damage was seen at work")
        if not schema.our_shape(schema.migrations()[:version]).items() <= schema.shape(connection).items():
            raise _Damaged("our tables are not there")
        if size_bytes <= SMALL_BYTES:
            _check(connection, "integrity_check")
        elif not was_clean:
            _check(connection, "quick_check")  # a third of the time; it leaves out whether the indexes fit the tables


def _check(connection: sqlite3.Connection, pragma: str) -> None:
    connection.execute("PRAGMA cell_size_check = ON")
    answers = connection.execute(f"PRAGMA {pragma}(1)").fetchall()
    if answers != [("ok",)]:
        raise _Damaged(str(answers))


def _too_new(path: Path, version: int) -> StateError:
    return StateError(
        "state-too-new",
        f"This queue was written by a newer Sluice; install that version or move {path} aside.",
        detail=f"version {version}, known up to {len(schema.migrations())}",
        where=str(path),
    )


def _not_migrated(path: Path, error: sqlite3.Error) -> StateError:
    return StateError(
        "state-not-migrated",
        f"This version of Sluice cannot take over the queue of the version before; {path} was left as it was. "
        "Install that version again and report this.",
        detail=str(error),
        where=str(path),
    )


def _make_private(path: Path) -> None:
    """SQLite gives the files beside it the same permissions."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _prepared(path: Path) -> sqlite3.Connection:
    """The writer's connection, after the migrations. Raises _Damaged for a file that does not take it."""
    connection = connect(path)
    try:
        with _damage_told(path):
            for pragma in _WRITER_PRAGMAS:
                connection.execute(f"PRAGMA {pragma}").fetchall()
            if sys.platform == "darwin":  # there fsync alone does not reach the platter
                connection.execute("PRAGMA fullfsync = ON")
                connection.execute("PRAGMA checkpoint_fullfsync = ON")
        schema.migrate(connection, path, schema.migrations())
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if _means_damage(error, path):
            raise _Damaged from error
        raise


def _means_damage(error: Exception, path: Path) -> bool:
    """At opening, where nothing of ours can be wrong yet, most complaints of SQLite's are about the file."""
    if isinstance(error, (_Damaged, MemoryError, UnicodeError)) or is_damage(error):
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHORT_READ:
        return True
    if primary_code(error) == sqlite3.SQLITE_READONLY:  # the header can forbid writing as well as the file system
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return not isinstance(failure(error, path), CoreError)
