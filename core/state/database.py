"""The queue's database: one writer thread that commits in groups, and readers that see everything committed."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from core.model.errors import StateError
from core.state.failures import closed, failure, is_damage
from core.state.opening import DAMAGED, Opened, connect, mark_of, open_state

T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]
SOON_S = 0.020  # how long a write_soon may wait for company

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Waiting:
    """One change on its way to the disk, and who wants to know."""

    run: Change[Any]
    after: Callable[[Any], None] | None
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any] | None
    result: Any = None
    error: Exception | None = None

    def tell(self) -> None:
        """On its own loop, in the order of the commits."""
        if self.error is None and self.after is not None:
            self.after(self.result)
        if self.future is None:
            if self.error is not None:
                _log.error("a change could not be written: %s", self.error, exc_info=self.error)
        elif not self.future.done():
            if self.error is not None:
                self.future.set_exception(self.error)
            else:
                self.future.set_result(self.result)


class Database:
    """Made by `open`; used from event loops, the work is done in threads of its own."""

    def __init__(self, path: Path, opened: Opened) -> None:
        self.path = path
        self.notice = opened.notice  # what was repaired at opening, in a sentence for the user
        self.was_clean = opened.was_clean
        self.commits = 0  # so far, for those who measure
        self._connection = opened.connection
        self._wake = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._urgent = False
        self._soon_at = 0.0
        self._closing = False
        self._suspect = False  # damage was seen: the next start repairs
        self._closed: asyncio.Future[None] | None = None
        self._readers = {name: _Reader(path, name) for name in ("read", "scan")}
        self._thread = threading.Thread(target=self._work, name="state-writer", daemon=True)
        self._thread.start()

    @classmethod
    async def open(cls, path: Path) -> Database:
        """Open or create the database. A damaged file is set aside and salvaged; `notice` then says so.

        Raises StateError (`state-too-new`, `state-busy`, `state-unreadable`) or LocalError (`disk-full`, `disk-error`).
        """
        return cls(path, await asyncio.to_thread(open_state, path))

    async def write(self, change: Change[T], *, after: Callable[[T], None] | None = None) -> T:
        """Run `change` in the next group commit; returns when it is on disk, raises what it raised.

        `change` gets a connection inside a transaction, must not end it, and may be run a second time when the commit
        of its group failed. `after` is called on this loop with the result, in the order of the commits, also when the
        caller was cancelled meanwhile: a change that was handed over is made. Raises LocalError `disk-full`,
        `disk-error` and StateError `state-damaged`, `state-busy`, `state-closed`.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._enqueue(_Waiting(change, after, loop, future), urgent=True)
        return await future

    def write_soon(self, change: Change[T], *, after: Callable[[T], None] | None = None) -> None:
        """Run `change` with the next commit, 20 ms from now at the latest; an error is logged."""
        self._enqueue(_Waiting(change, after, asyncio.get_running_loop(), None), urgent=False)

    async def read(self, query: Change[T]) -> T:
        """Run a short query on the state of the last commit."""
        return await self._query("read", query)

    async def scan(self, query: Change[T]) -> T:
        """The same for queries that may look at every row; they keep only each other waiting."""
        return await self._query("scan", query)

    async def close(self) -> None:
        """Write what waits, tidy up, close. The file is then complete without those beside it."""
        if self._closed is None:
            loop = asyncio.get_running_loop()
            self._closed = asyncio.ensure_future(asyncio.to_thread(self._end), loop=loop)
        await asyncio.shield(self._closed)

    async def _query(self, reader: str, query: Change[T]) -> T:
        self._check_open()
        try:
            return await self._readers[reader].run(query)
        except Exception as error:
            raise self._told(error) from error

    def _check_open(self) -> None:
        if self._closing:
            raise closed(self.path)

    def _enqueue(self, waiting: _Waiting, *, urgent: bool) -> None:
        with self._wake:
            self._check_open()
            if not self._waiting:
                self._soon_at = time.monotonic() + SOON_S
            self._waiting.append(waiting)
            if urgent and not self._urgent:
                self._urgent = True
                self._wake.notify()
            elif len(self._waiting) == 1:
                self._wake.notify()

    # --- the writer's thread ---------------------------------------------------------------------------------

    def _work(self) -> None:
        while (group := self._take()) is not None:
            self._commit(group)
            _settle(group)

    def _take(self) -> list[_Waiting] | None:
        """All that waits, as soon as somebody is in a hurry or 20 ms are over; None at the end."""
        with self._wake:
            while not (self._urgent or self._closing):
                delay_s = self._soon_at - time.monotonic() if self._waiting else None
                if delay_s is not None and delay_s <= 0:
                    break
                self._wake.wait(delay_s)
            if not self._waiting:
                return None
            group, self._waiting = self._waiting, []
            self._urgent = False
            return group

    def _commit(self, group: list[_Waiting]) -> None:
        """All of the group in one transaction; if that fails as a whole, each alone."""
        try:
            self._transaction(group)
        except Exception as error:
            for waiting in group:
                waiting.result, waiting.error = None, self._told(error)
            if len(group) > 1:
                for waiting in group:
                    self._commit([waiting])

    def _transaction(self, group: list[_Waiting]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for waiting in group:
                waiting.error = None
                self._attempt(waiting)
            connection.execute("COMMIT")
            self.commits += 1
        except BaseException:
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            raise

    def _attempt(self, waiting: _Waiting) -> None:
        connection = self._connection
        connection.execute("SAVEPOINT change")
        try:
            waiting.result = waiting.run(connection)
        except Exception as error:
            if not connection.in_transaction:  # SQLite has undone everything, e.g. because the disk is full
                raise
            connection.execute("ROLLBACK TO change")
            waiting.error = self._told(error)
        connection.execute("RELEASE change")

    def _told(self, error: Exception) -> Exception:
        self._suspect = self._suspect or is_damage(error)
        told = failure(error, self.path)
        if told is not error:
            told.__cause__ = error
        return told

    def _end(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        for reader in self._readers.values():
            reader.close()
        self._tidy_up()
        with suppress(sqlite3.Error):
            self._connection.close()
        if self._suspect:
            mark_of(self.path).write_bytes(DAMAGED)
        elif not self.path.with_name(self.path.name + "-wal").exists():  # the log is merged, nothing is left to be done
            mark_of(self.path).unlink(missing_ok=True)

    def _tidy_up(self) -> None:
        if self._suspect:  # a repair should find the file as it was
            return
        try:
            self._connection.execute("PRAGMA optimize")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            _log.warning("the queue could not be tidied up: %s", self._told(error))


def _settle(group: list[_Waiting]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for waiting in group:
        by_loop.setdefault(waiting.loop, []).append(waiting)
    for loop, mine in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_tell_all, mine)


def _tell_all(group: list[_Waiting]) -> None:
    for waiting in group:
        try:
            waiting.tell()
        except Exception:
            _log.exception("what follows a change failed")
            if waiting.future is not None and not waiting.future.done():
                waiting.future.set_exception(StateError("internal", "Sluice made a mistake; the log has the details."))


class _Reader:
    """A thread with a read-only connection."""

    def __init__(self, path: Path, name: str) -> None:
        self._connection = connect(path, readonly=True)
        self._connection.execute("PRAGMA cache_size = -16384")
        self._closing = False
        self._connection.set_progress_handler(lambda: int(self._closing), 100_000)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"state-{name}")

    async def run(self, query: Change[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, query)

    def _run(self, query: Change[T]) -> T:
        self._connection.execute("BEGIN")  # one view of the data, however many statements
        try:
            return query(self._connection)
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._closing = True  # whoever waits for a long query is told `state-closed`
        self._thread.shutdown()
        self._connection.close()
