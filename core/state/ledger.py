"""The sums over the queue, by batch and state: changed in the same commit as the rows, and mirrored in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from core.model.transfer import State
from core.state.database import Database

T = TypeVar("T")
LEFT = frozenset({State.QUEUED, State.RUNNING, State.WAITING, State.ASKING})  # what counts as still to be moved


class Tally:
    """What one change does to the sums."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, State], list[int]] = {}
        self.listed = False  # rows came, went or changed their place in a view

    def add(self, batch_id: int, state: State, transfers: int, size_bytes: int, committed_bytes: int) -> None:
        cell = self.cells.setdefault((batch_id, state), [0, 0, 0])
        cell[0] += transfers
        cell[1] += size_bytes
        cell[2] += committed_bytes
        self.listed = self.listed or transfers != 0

    def move(
        self, batch_id: int, old: State, new: State, transfers: int, size_bytes: int, committed_bytes: int
    ) -> None:
        self.add(batch_id, old, -transfers, -size_bytes, -committed_bytes)
        self.add(batch_id, new, transfers, size_bytes, committed_bytes)

    def store(self, connection: sqlite3.Connection) -> None:
        connection.executemany(
            "INSERT INTO tally VALUES (?, ?, ?, ?, ?) ON CONFLICT (batch_id, state) DO UPDATE SET"
            " transfers = transfers + excluded.transfers, size_bytes = size_bytes + excluded.size_bytes,"
            " committed_bytes = committed_bytes + excluded.committed_bytes",
            [(batch, state.value, *cell) for (batch, state), cell in self.cells.items() if any(cell)],
        )


class Ledger:
    """Everything that changes the queue goes through here, so that rows, stored sums and these numbers agree."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.counts: dict[State, int] = dict.fromkeys(State, 0)
        self.left_bytes = 0  # sizes less committed bytes, of what is queued, running, waiting or asking
        self.version = 0  # grows with every commit after which a view may hold other rows or another order

    async def load(self) -> None:
        """Fill the numbers; after an end that was not orderly the stored sums are made anew."""
        rebuild = not self._database.was_clean
        await self._database.write(lambda connection: _sums(connection, rebuild), after=self._set)

    async def _change(self, change: Callable[[sqlite3.Connection, Tally], T]) -> T:
        """Run `change` in the next commit; what it adds to the tally is stored with it."""
        result, _ = await self._database.write(_tallied(change), after=self._follow)
        return result

    def _change_soon(self, change: Callable[[sqlite3.Connection, Tally], T]) -> None:
        self._database.write_soon(_tallied(change), after=self._follow)

    def _set(self, sums: Tally) -> None:
        self.counts = dict.fromkeys(State, 0)
        self.left_bytes = 0
        self._follow((None, sums))

    def _follow(self, outcome: tuple[object, Tally]) -> None:
        tally = outcome[1]
        for (_, state), (transfers, size_bytes, committed_bytes) in tally.cells.items():
            self.counts[state] += transfers
            if state in LEFT:
                self.left_bytes += size_bytes - committed_bytes
        self.version += tally.listed


def _tallied(change: Callable[[sqlite3.Connection, Tally], T]) -> Callable[[sqlite3.Connection], tuple[T, Tally]]:
    def run(connection: sqlite3.Connection) -> tuple[T, Tally]:
        tally = Tally()
        result = change(connection, tally)
        tally.store(connection)
        return result, tally

    return run


def _sums(connection: sqlite3.Connection, rebuild: bool) -> Tally:
    if rebuild:
        connection.execute("DELETE FROM tally")
        connection.execute(
            "INSERT INTO tally SELECT batch_id, state, count(*), sum(size_bytes), sum(committed_bytes)"
            " FROM transfers GROUP BY batch_id, state"
        )
    sums = Tally()
    for batch, state, *cell in connection.execute("SELECT * FROM tally"):
        sums.add(batch, State(state), *cell)
    sums.listed = True
    return sums
