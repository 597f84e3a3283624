"""A damaged database: set aside untouched, and its readable rows carried over into a new one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from core.state import schema

_BESIDE = ("", "-wal", "-shm")
_PROBES = 20_000  # how many unreadable ranges are split before the rest of a table is given up
_UNREADABLE = (sqlite3.DatabaseError, MemoryError, UnicodeError)  # what a broken file makes of a question

Connect = Callable[..., sqlite3.Connection]


def repair(path: Path, connect: Connect) -> str:
    """Put a new database in the place of the damaged one, which is renamed to `….damaged-<time>`.

    Returns the sentence for the user. Interrupted at any point it is finished, or begun again, by the next start.
    """
    stamp = _free_stamp(path)
    fresh = path.with_name(f"{path.name}.salvaged-{stamp}")
    try:
        count = _build(fresh, path, connect)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _set_aside(path, stamp)
    os.replace(fresh, path)
    _sync_folder(path.parent)
    aside = f"{path.name}.damaged-{stamp}"
    if count == 0:
        return f"The queue's file was damaged. Sluice began a new one; the old one is kept as {aside} in {path.parent}."
    return (
        f"The queue's file was damaged. Sluice recovered {count:,} of its transfers and paused those that had not"
        f" ended; resume the ones that should go on. The damaged file is kept as {aside} in {path.parent}."
    )


def finish(path: Path) -> None:
    """Carry on a repair that was cut off: a salvaged file takes the place once the damaged one has left it."""
    for fresh in sorted(path.parent.glob(f"{path.name}.salvaged-*")):
        if path.exists():
            fresh.unlink()  # a copy that was not complete yet
        else:
            _set_aside(path, fresh.name.removeprefix(f"{path.name}.salvaged-"))
            os.replace(fresh, path)


def _free_stamp(path: Path) -> str:
    base = stamp = time.strftime("%Y%m%d-%H%M%S")
    number = 1
    while any(path.parent.glob(f"{path.name}.*-{stamp}*")):
        number += 1
        stamp = f"{base}-{number}"
    return stamp


def _set_aside(path: Path, stamp: str) -> None:
    for ending in _BESIDE:
        part = path.with_name(path.name + ending)
        if part.exists():
            os.replace(part, path.with_name(f"{path.name}.damaged-{stamp}{ending}"))


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _build(fresh: Path, damaged: Path, connect: Connect) -> int:
    """A complete new database in `fresh`; the number of transfers that were found."""
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    new = connect(fresh)
    try:
        new.execute("PRAGMA journal_mode = MEMORY")  # whatever happens to it, the damaged file is still there
        schema.migrate(new, fresh, schema.migrations())
        new.execute("BEGIN")
        with contextlib.suppress(*_UNREADABLE):
            _carry_over(damaged, new, connect)
        _settle(new)
        new.execute("COMMIT")
        return int(new.execute("SELECT count(*) FROM transfers").fetchone()[0])
    finally:
        new.close()


def _carry_over(damaged: Path, new: sqlite3.Connection, connect: Connect) -> None:
    old = connect(damaged, readonly=True)
    try:
        _tolerate(old)
        for table in ("batches", "transfers", "parts", "counters"):
            with contextlib.suppress(*_UNREADABLE):
                _Table(old, new, table).copy()
    finally:
        old.close()


def _tolerate(old: sqlite3.Connection) -> None:
    """Read what can be read of a schema that is partly broken."""
    with contextlib.suppress(*_UNREADABLE):
        old.execute("PRAGMA writable_schema = ON")


class _Table:
    """Copies one table: from the front to the first damage, from the back to the last, then the middle by halves."""

    def __init__(self, old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
        self._old = old
        self._new = new
        self._key = {"transfers": "id", "batches": "id", "parts": "transfer_id", "counters": "name"}[table]
        mine = _columns(new, table)
        self._columns = [name for name in _columns(old, table) if name in mine]
        names = ", ".join(self._columns)
        self._select = f"SELECT {names} FROM {table} NOT INDEXED"
        marks = ", ".join("?" * len(self._columns))
        replace = "REPLACE" if table == "counters" else "IGNORE"
        self._insert = f"INSERT OR {replace} INTO {table} ({names}) VALUES ({marks})"
        self._probes = _PROBES

    def copy(self) -> None:
        if self._key not in self._columns:
            return
        low, whole = self._run(f"ORDER BY {self._key}", ())
        if whole or self._key == "name":
            return
        high, _ = self._run(f"ORDER BY {self._key} DESC", ())
        last = high if isinstance(high, int) else self._bound()
        self._halve(low if isinstance(low, int) else 0, last)

    def _run(self, tail: str, values: tuple[object, ...]) -> tuple[object, bool]:
        """Copies rows up to the end or the first damage: the last key read, and whether the end was reached."""
        last: object = None
        place = self._columns.index(self._key)
        try:
            for row in self._old.execute(f"{self._select} {tail}", values):
                if isinstance(row[place], (int, str)):
                    last = row[place]
                    self._keep(row)
        except _UNREADABLE:
            return last, False
        return last, True

    def _keep(self, row: tuple[object, ...]) -> None:
        # what the checks of the new table do not take was not a row of ours
        with contextlib.suppress(sqlite3.IntegrityError, UnicodeEncodeError):
            self._new.execute(self._insert, row)

    def _bound(self) -> int:
        """The largest key an index still knows, when the table's own end cannot be read."""
        for source in ("transfers INDEXED BY transfers_state", "sqlite_sequence"):
            column = "seq" if source == "sqlite_sequence" else "id"
            with contextlib.suppress(*_UNREADABLE):
                found = self._old.execute(f"SELECT max({column}) FROM {source}").fetchone()[0]
                if isinstance(found, int) and 0 < found < 1 << 40:
                    return found
        return 1 << 20

    def _halve(self, low: int, high: int) -> None:
        for first, last in self._ranges(low, high):
            _, whole = self._run(f"WHERE {self._key} BETWEEN ? AND ?", (first, last))
            if not whole and first < last:
                middle = (first + last) // 2
                self._pending += [(middle + 1, last), (first, middle)]

    def _ranges(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        self._pending = [(low, high)]
        while self._pending and self._probes > 0:
            self._probes -= 1
            yield self._pending.pop()


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _settle(new: sqlite3.Connection) -> None:
    """Make what was found consistent. None of it runs, or is cancelled (which deletes), before the user has looked."""
    new.execute(
        "INSERT INTO batches (id, sources, source_account, destination, destination_account, recursive, options, state,"
        " added_s) SELECT batch_id, '[]', min(source_account), '', min(destination_account), 0, '{}', 'ready',"
        " min(added_s) FROM transfers WHERE batch_id NOT IN (SELECT id FROM batches) GROUP BY batch_id"
    )
    new.execute("DELETE FROM parts WHERE transfer_id NOT IN (SELECT id FROM transfers)")
    new.execute(
        "UPDATE transfers SET state = 'paused', ended_no = 0"
        " WHERE state IN ('queued', 'running', 'waiting', 'cancelling')"
    )
    new.execute(
        "INSERT INTO counters (name, value) SELECT 'ended', coalesce(max(ended_no), 0) FROM transfers WHERE true"
        " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"
    )
