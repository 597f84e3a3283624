"""The queue: transfers are added, taken in order of priority, and moved from state to state as the lifecycle allows."""

from __future__ import annotations

import heapq
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.model.errors import UsageError
from core.model.lifecycle import MOVES, RECOVERY
from core.model.transfer import ENDED, Direction, PartRecord, State, Transfer
from core.state.batches import batch_of
from core.state.ledger import Tally
from core.state.progress import Progress
from core.state.rows import (
    SELECT_PART,
    SELECT_TRANSFER,
    ended_counter,
    from_fields,
    in_states,
    search_name,
    set_ended_counter,
    to_json,
    to_part,
    to_transfer,
)
from core.state.selections import Selections
from core.state.views import Views

_LONGEST_WAIT_S = 24 * 3600.0
_LANE = "direction, source_account, destination_account"
_A_LANE = f"SELECT {_LANE} FROM transfers INDEXED BY transfers_queued WHERE state = 'queued'"


@dataclass(frozen=True, slots=True)
class NewTransfer:
    direction: Direction
    source: str
    source_account: str
    destination: str
    destination_account: str
    size_bytes: int
    source_stamp: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """One transfer on its way to another state; `fields` are columns of Transfer to be set with it."""

    id: int
    new: State
    fields: dict[str, object] = field(default_factory=dict)


class Transfers(Selections, Progress, Views):
    """The queue on disk. Call `load` first; `counts`, `left_bytes` and `version` follow every commit."""

    async def add(self, batch_id: int, items: Sequence[NewTransfer], added_s: float) -> int:
        """Queue transfers (paused ones, where the batch is); those that the batch has already (same source and
        destination) are passed over. Returns how many are new. Raises UsageError `no-such-batch`."""

        def change(connection: sqlite3.Connection, tally: Tally) -> int:
            state = State.PAUSED if batch_of(connection, batch_id).options.paused else State.QUEUED
            before = connection.execute("SELECT coalesce(max(id), 0) FROM transfers").fetchone()[0]
            connection.executemany(_INSERT, (_new_row(batch_id, item, state, added_s) for item in items))
            count, size_bytes = connection.execute(
                "SELECT count(*), coalesce(sum(size_bytes), 0) FROM transfers WHERE id > ?", (before,)
            ).fetchone()
            tally.add(batch_id, state, count, size_bytes, 0)
            return int(count)

        return await self._change(change)

    async def get(self, transfer_id: int) -> Transfer:
        """Raises UsageError `no-such-transfer`."""
        found = await self.get_many([transfer_id])
        if transfer_id not in found:
            raise UsageError("no-such-transfer", f"There is no transfer {transfer_id}.", where=str(transfer_id))
        return found[transfer_id]

    async def get_many(self, ids: Iterable[int]) -> dict[int, Transfer]:
        """Those that exist, in the order asked for."""
        wanted = list(ids)
        return await self._database.read(lambda connection: _get_many(connection, wanted))

    async def parts(self, transfer_id: int) -> list[PartRecord]:
        """In the order of their numbers."""

        def query(connection: sqlite3.Connection) -> list[PartRecord]:
            rows = connection.execute(f"{SELECT_PART} WHERE transfer_id = ? ORDER BY number", (transfer_id,))
            return [to_part(row) for row in rows]

        return await self._database.read(query)

    async def next_queued(
        self,
        limit: int,
        *,
        but: Collection[int] = (),
        held_accounts: Collection[str] = (),
        full_batches: Collection[int] = (),
    ) -> list[Transfer]:
        """What runs next: by priority, then in the order it was added; without what needs one of `held_accounts` or is
        of one of `full_batches`."""
        passed, held = frozenset(but), frozenset(held_accounts)

        def query(connection: sqlite3.Connection) -> list[Transfer]:
            lanes = [lane for lane in _lanes(connection) if not held & _accounts(lane)]
            queues = (_lane_front(connection, lane, limit + len(passed), full_batches) for lane in lanes)
            ids = [number for _, number in heapq.merge(*queues) if number not in passed]
            return list(_get_many(connection, ids[:limit]).values())

        return await self._database.read(query)

    async def due(self, now_s: float) -> list[int]:
        """Waiting transfers whose time has come."""
        return await self._ids(
            "SELECT id FROM transfers WHERE state = 'waiting' AND not_before_s <= ? ORDER BY not_before_s, id", now_s
        )

    async def waiting_for(self, account: str) -> list[int]:
        """Waiting transfers that need this account."""
        return await self._ids(
            "SELECT id FROM transfers WHERE state = 'waiting' AND ?1 IN (source_account, destination_account)"
            " ORDER BY id",
            account,
        )

    async def next_due_s(self) -> float | None:
        """When the next waiting transfer may go on, in seconds since the epoch."""

        def query(connection: sqlite3.Connection) -> float | None:
            found = connection.execute("SELECT min(not_before_s) FROM transfers WHERE state = 'waiting'").fetchone()[0]
            return None if found is None else float(found)

        return await self._database.read(query)

    async def with_state(self, states: Iterable[State]) -> list[int]:
        return await self._ids(f"SELECT id FROM transfers WHERE {in_states(states)} ORDER BY id")

    async def move(self, moves: Sequence[Move]) -> dict[int, State]:
        """Make these moves in one commit; answers with the states that were left. A move that the lifecycle does not
        allow, or of a transfer that is gone, is left out.

        With an ended state come the next `ended_no`, `ended_s` (now, unless given) and, for DONE, everything committed;
        leaving one takes `ended_no` and `ended_s` back.
        """

        def change(connection: sqlite3.Connection, tally: Tally) -> dict[int, State]:
            before = ended = ended_counter(connection)
            left: dict[int, State] = {}
            for move in moves:
                old = _move(connection, tally, move, ended + 1)
                if old is not None:
                    left.setdefault(move.id, old)
                    ended += move.new in ENDED
            if ended != before:
                set_ended_counter(connection, ended)
            return left

        return await self._change(change)

    async def recover(self, now_s: float) -> int:
        """At start-up: what was running when the process died goes back to the queue. Returns how many.

        A waiting time more than a day ahead comes from a clock that was wrong; it ends now.
        """

        def change(connection: sqlite3.Connection, tally: Tally) -> int:
            count = 0
            for old, new in RECOVERY.items():
                for batch, *sums in connection.execute(
                    "SELECT batch_id, count(*), sum(size_bytes), sum(committed_bytes) FROM transfers WHERE state = ?"
                    " GROUP BY batch_id",
                    (old.value,),
                ):
                    tally.move(batch, old, new, *sums)
                update = connection.execute("UPDATE transfers SET state = ? WHERE state = ?", (new.value, old.value))
                count += update.rowcount
            connection.execute(
                "UPDATE transfers SET not_before_s = ?1 WHERE state = 'waiting' AND not_before_s > ?1 + ?2"
                " AND not_before_s < 9e99",  # infinity means: not by time
                (now_s, _LONGEST_WAIT_S),
            )
            return count

        return await self._change(change)

    async def _ids(self, query: str, *values: object) -> list[int]:
        return await self._database.read(lambda connection: [row[0] for row in connection.execute(query, values)])


_INSERT = (
    "INSERT INTO transfers (batch_id, direction, state, priority, size_bytes, name, source, source_account,"
    " destination, destination_account, source_stamp, added_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (batch_id, source, destination) DO NOTHING"
)


def _new_row(batch_id: int, item: NewTransfer, state: State, added_s: float) -> tuple[object, ...]:
    return (
        batch_id,
        item.direction.value,
        state.value,
        item.priority,
        item.size_bytes,
        search_name(item.source, item.destination),
        item.source,
        item.source_account,
        item.destination,
        item.destination_account,
        item.source_stamp,
        added_s,
    )


def _get_many(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Transfer]:
    rows = connection.execute(f"{SELECT_TRANSFER} WHERE id IN (SELECT value FROM json_each(?))", (to_json(list(ids)),))
    found = {row[0]: row for row in rows}
    return {number: to_transfer(found[number]) for number in ids if number in found}


def _lanes(connection: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    """The combinations of direction and accounts that have something queued, by leaps through the index."""
    lane = connection.execute(f"{_A_LANE} ORDER BY {_LANE} LIMIT 1").fetchone()
    while lane is not None:
        yield lane
        # one at a time: a comparison of all three at once would walk through every row of the lane that was left
        lane = next(filter(None, (_leap(connection, lane[:known]) for known in (3, 2, 1))), None)


def _leap(connection: sqlite3.Connection, lane: tuple[str, ...]) -> tuple[str, str, str] | None:
    """The first lane that equals this one in all but the last of its columns, and is greater in that."""
    columns = _LANE.split(", ")[: len(lane)]
    condition = " AND ".join([*(f"{column} = ?" for column in columns[:-1]), f"{columns[-1]} > ?"])
    found: tuple[str, str, str] | None = connection.execute(
        f"{_A_LANE} AND {condition} ORDER BY {_LANE} LIMIT 1", lane
    ).fetchone()
    return found


def _accounts(lane: tuple[str, str, str]) -> set[str]:
    """The accounts a lane needs; the local side of an upload or a download has none."""
    direction, source, destination = lane
    return {Direction.UP: {destination}, Direction.DOWN: {source}}.get(Direction(direction), {source, destination})


def _lane_front(
    connection: sqlite3.Connection, lane: tuple[str, str, str], count: int, full_batches: Collection[int]
) -> list[tuple[int, int]]:
    others = " AND batch_id NOT IN (SELECT value FROM json_each(?))" if full_batches else ""
    return connection.execute(
        "SELECT -priority, id FROM transfers INDEXED BY transfers_queued WHERE state = 'queued' AND direction = ?"
        f" AND source_account = ? AND destination_account = ?{others} ORDER BY priority DESC, id LIMIT ?",
        (*lane, *([to_json(list(full_batches))] if full_batches else []), count),
    ).fetchall()


def _move(connection: sqlite3.Connection, tally: Tally, move: Move, ended_no: int) -> State | None:
    """The state that was left, or None where the move is not to be made."""
    row = connection.execute(
        "SELECT state, batch_id, size_bytes, committed_bytes, source, destination FROM transfers WHERE id = ?",
        (move.id,),
    ).fetchone()
    old = State(row[0]) if row else None
    if old is None or move.new not in MOVES[old]:
        return None
    _, batch_id, size_bytes, committed_bytes, source, destination = row
    values = from_fields(move.fields)
    if move.new is State.DONE:
        values.setdefault("committed_bytes", values.get("size_bytes", size_bytes))
    if "source" in values or "destination" in values:
        values["name"] = search_name(values.get("source", source), values.get("destination", destination))
    values = {**_consequences(old, move.new), **values, "state": move.new.value}
    if (old in ENDED) != (move.new in ENDED):
        values["ended_no"] = ended_no if move.new in ENDED else 0
    names = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE transfers SET {names} WHERE id = ?", (*values.values(), move.id))
    tally.add(batch_id, old, -1, -size_bytes, -committed_bytes)
    after = values.get("size_bytes", size_bytes), values.get("committed_bytes", committed_bytes)
    tally.add(batch_id, move.new, 1, *after)
    return old


def _consequences(old: State, new: State) -> dict[str, Any]:
    """What changes with a move unless it says otherwise."""
    if new in ENDED:
        settled = {} if new is State.FAILED else {"intent": ""}  # a failed act may still have happened
        return {"ended_s": time.time(), **settled}
    return {"ended_s": 0.0} if old in ENDED else {}
