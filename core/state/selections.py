"""What the user does to many transfers at once: each wish is one commit, however many rows it concerns."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from core.model.errors import UsageError
from core.model.lifecycle import MOVES, REMOVABLE
from core.model.transfer import ENDED, Conflict, State
from core.protocol.rows import Selection
from core.state.batches import batch_of
from core.state.ledger import Ledger, Tally
from core.state.rows import ended_counter, from_fields, in_states, set_ended_counter, to_json
from core.state.views import where

_OF_PICKED = "id IN (SELECT id FROM picked)"
# Nothing of it is anywhere yet, so there is nothing to take away before it counts as cancelled.
_UNTOUCHED = (
    "state IN ('queued', 'paused', 'waiting') AND attempts = 0 AND active_s = 0 AND started_s = 0"
    " AND upload_id = '' AND intent = '' AND part_size_bytes = 0 AND committed_bytes = 0"
    " AND NOT EXISTS (SELECT 1 FROM parts WHERE transfer_id = transfers.id)"
)


@dataclass(frozen=True, slots=True)
class Moved:
    count: int
    running: tuple[int, ...]  # ids of those that were RUNNING: somebody must stop them


class Selections(Ledger):
    """The part of the queue that carries out what is wished for many transfers."""

    async def move_selected(
        self, selection: Selection, states: Collection[State], new: State, fields: Mapping[str, object] | None = None
    ) -> Moved:
        """Move what is selected and in one of `states` to `new`, where the lifecycle allows it.

        Of what is to be CANCELLING, transfers that were never begun become CANCELLED at once. `ended_no` and `ended_s`
        are set as by `move`; `fields` may not change sizes or places.
        """
        movable = {state for state in states if new in MOVES[state]}
        values = from_fields(fields or {}, but=("size_bytes", "committed_bytes", "source", "destination"))

        def change(connection: sqlite3.Connection, tally: Tally) -> Moved:
            with _picked(connection, selection, movable) as count:
                running = connection.execute(
                    f"SELECT id FROM transfers WHERE state = 'running' AND {_OF_PICKED}"
                ).fetchall()
                if new is State.CANCELLING:
                    _move_picked(connection, tally, State.CANCELLED, values, _UNTOUCHED)
                _move_picked(connection, tally, new, values, in_states(movable))
                return Moved(count, tuple(row[0] for row in running))

        return await self._change(change)

    async def remove_selected(self, selection: Selection) -> int:
        """Forget what is selected and has ended, with its parts."""

        def change(connection: sqlite3.Connection, tally: Tally) -> int:
            with _picked(connection, selection, REMOVABLE) as count:
                for batch, state, *sums in _sums(connection, "true"):
                    tally.add(batch, state, *(-number for number in sums))
                connection.execute(f"DELETE FROM transfers WHERE {_OF_PICKED}")
                return count

        return await self._change(change)

    async def prioritise(self, selection: Selection, priority: int) -> int:
        """Higher numbers run first. Returns how many transfers that have not ended were selected."""

        def change(connection: sqlite3.Connection, tally: Tally) -> int:
            with _picked(connection, selection, frozenset(State) - ENDED) as count:
                update = connection.execute(
                    f"UPDATE transfers SET priority = ?1 WHERE priority <> ?1 AND {_OF_PICKED}", (priority,)
                )
                tally.listed = tally.listed or update.rowcount > 0
                return count

        return await self._change(change)

    async def answer(self, selection: Selection, answer: Conflict, for_batch: bool) -> int:
        """Decide what is asked: the answer is noted and the transfers are queued again.

        `for_batch` makes it the policy of their batches too and answers everything else those ask. Raises UsageError
        `bad-answer` for ASK.
        """
        if answer is Conflict.ASK:
            raise UsageError("bad-answer", "To ask again is no answer; choose overwrite, rename or skip.")
        values = {"answer": answer.value, "question": ""}

        def change(connection: sqlite3.Connection, tally: Tally) -> int:
            with _picked(connection, selection, {State.ASKING}) as count:
                if for_batch:
                    count += _pick_rest_of_batches(connection, answer)
                _move_picked(connection, tally, State.QUEUED, values, "state = 'asking'")
                return count

        return await self._change(change)


@contextmanager
def _picked(connection: sqlite3.Connection, selection: Selection, states: Iterable[State]) -> Iterator[int]:
    """The selected transfers that are in `states`, in a temporary table `picked`; how many."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS picked (id INTEGER PRIMARY KEY)")
    if selection.everything:
        condition, values = where(selection.view, states)
        condition += " AND id NOT IN (SELECT value FROM json_each(?))"
        values.append(to_json(list(selection.but)))
    else:
        condition = f"id IN (SELECT value FROM json_each(?)) AND +{in_states(states)}"
        values = [to_json(list(selection.ids))]
    insert = connection.execute(
        f"INSERT INTO picked (id) SELECT id FROM transfers WHERE {condition} ORDER BY id", values
    )
    yield insert.rowcount
    connection.execute("DELETE FROM picked")  # after an error the savepoint takes it back


def _move_picked(
    connection: sqlite3.Connection, tally: Tally, new: State, values: Mapping[str, Any], condition: str
) -> None:
    """All picked transfers that meet the condition, with one UPDATE."""
    found = _sums(connection, condition)
    for batch, old, *sums in found:
        tally.move(batch, old, new, *sums)
    if not found:
        return
    sets = {**values, "state": new.value}
    if new in ENDED:
        sets = {"ended_s": time.time(), **sets}
        numbering = f", ended_no = id + {_reserve_numbers(connection)}"
    elif any(old in ENDED for _, old, *_ in found):
        sets = {"ended_s": 0.0, **sets}
        numbering = ", ended_no = 0"
    else:
        numbering = ""  # columns that are left alone cost nothing in the indexes
    names = ", ".join(f"{name} = ?" for name in sets)
    connection.execute(
        f"UPDATE transfers SET {names}{numbering} WHERE (+{condition}) AND {_OF_PICKED}", tuple(sets.values())
    )


def _reserve_numbers(connection: sqlite3.Connection) -> int:
    """What must be added to the ids of the picked transfers to make them the next numbers of endings (with gaps)."""
    before = ended_counter(connection)
    first, last = connection.execute("SELECT min(id), max(id) FROM picked").fetchone()
    set_ended_counter(connection, before + 1 + last - first)
    return before + 1 - int(first)


def _sums(connection: sqlite3.Connection, condition: str) -> list[tuple[int, State, int, int, int]]:
    rows = connection.execute(
        "SELECT batch_id, state, count(*), sum(size_bytes), sum(committed_bytes) FROM transfers"
        f" WHERE (+{condition}) AND {_OF_PICKED} GROUP BY batch_id, state"
    )
    return [(batch, State(state), *sums) for batch, state, *sums in rows]


def _pick_rest_of_batches(connection: sqlite3.Connection, answer: Conflict) -> int:
    """Make the answer the policy of the picked transfers' batches, and pick everything else those ask."""
    batches = [
        row[0] for row in connection.execute(f"SELECT DISTINCT batch_id FROM transfers WHERE {_OF_PICKED}").fetchall()
    ]
    for batch_id in batches:
        options = replace(batch_of(connection, batch_id).options, conflict=answer)
        connection.execute("UPDATE batches SET options = ? WHERE id = ?", (to_json(options), batch_id))
    return connection.execute(
        f"INSERT INTO picked (id) SELECT id FROM transfers WHERE state = 'asking' AND NOT {_OF_PICKED}"
        " AND +batch_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (to_json(batches),),
    ).rowcount
