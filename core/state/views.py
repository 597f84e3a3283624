"""The queue as it is looked at: ids in an order, pages of rows, and what ended since."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from core.model.plan import part_count
from core.model.transfer import ENDED, Conflict, Direction, State
from core.protocol.rows import FILTER_STATES, Order, TransferRow, View
from core.state.batches import Batches
from core.state.rows import error_from, folded, in_states, last_segment, to_json

ANSWERS = (Conflict.OVERWRITE.value, Conflict.RENAME.value, Conflict.SKIP.value)
_ids = msgspec.json.Decoder(list[int])
_STATE_RANK = "CASE state " + " ".join(f"WHEN '{state}' THEN {rank}" for rank, state in enumerate(State)) + " END"

# What moves or asks is looked at first, then what waits its turn, then what has ended, the newest on top.
_STAGE = (
    "CASE WHEN state IN ('running', 'asking', 'cancelling') THEN 0"
    " WHEN state IN ('queued', 'waiting', 'paused') THEN 1 ELSE 2 END"
)
_TURN = f"{_STAGE}, priority DESC, CASE WHEN {_STAGE} = 2 THEN -id ELSE id END"
_TURN_BACK = f"{_STAGE} DESC, priority, CASE WHEN {_STAGE} = 2 THEN id ELSE -id END"

# Every order ends with the id, so that equal rows stay where they are. Those that the index by state holds whole are
# answered from it alone: a twentieth of the table's size.
_ORDERS = {
    Order.QUEUE: (_TURN, _TURN_BACK),
    Order.NAME: ("name, id", "name DESC, id DESC"),
    Order.SIZE: ("size_bytes, id", "size_bytes DESC, id DESC"),
    Order.STATE: (f"{_STATE_RANK}, priority DESC, id", f"{_STATE_RANK} DESC, priority, id DESC"),
    Order.ADDED: ("id", "id DESC"),
    Order.ENDED: ("ended_no = 0, ended_no, id", "ended_no DESC, id DESC"),
}
_IN_INDEX = frozenset({Order.QUEUE, Order.STATE, Order.ADDED})


class Views(Batches):
    """The part of the queue that is read for display."""

    async def index(self, view: View) -> array[int]:
        """The ids of everything the view's filter, search and batch let through, in its order.

        `first` and `count` do not matter here.
        """
        condition, values = where(view)
        covered = view.order in _IN_INDEX and not view.search
        query = (
            f"SELECT CAST(group_concat(id) AS BLOB) FROM (SELECT id FROM transfers"
            f"{' INDEXED BY transfers_state' if covered else ''} WHERE {condition}"
            f" ORDER BY {_ORDERS[view.order][view.descending]})"
        )

        # One long text instead of a million rows: Python's lock is then let go once, not fought over a million times.
        def run(connection: sqlite3.Connection) -> array[int]:
            found: bytes | None = connection.execute(query, values).fetchone()[0]
            return array("q", _ids.decode(b"[" + found + b"]") if found else ())

        return await self._database.scan(run)

    async def page(self, ids: Sequence[int]) -> list[TransferRow]:
        """The stored facts of these transfers, in this order; those that are gone are left out."""

        def query(connection: sqlite3.Connection) -> list[TransferRow]:
            found = {
                row[0]: row
                for row in connection.execute(
                    f"{_SELECT_ROW} WHERE id IN (SELECT value FROM json_each(?))", (to_json(list(ids)),)
                )
            }
            return [_to_row(found[number]) for number in ids if number in found]

        return await self._database.read(query)

    async def ended(self, batch: int, after: int, count: int) -> tuple[int, list[TransferRow]]:
        """How many of a batch (0: of all) have ended, and up to `count` of those that ended after number `after`."""
        in_batch = " AND batch_id = ?" if batch else ""
        values = [after, *([batch] if batch else []), count]

        def query(connection: sqlite3.Connection) -> tuple[int, list[TransferRow]]:
            total = connection.execute(
                f"SELECT coalesce(sum(transfers), 0) FROM tally WHERE {in_states(ENDED)}{in_batch}", values[1:-1]
            ).fetchone()[0]
            rows = connection.execute(
                f"{_SELECT_ROW} WHERE id IN (SELECT id FROM transfers INDEXED BY transfers_ended WHERE ended_no > 0"
                f" AND ended_no > ?{in_batch} ORDER BY ended_no LIMIT ?) ORDER BY ended_no",
                values,
            )
            return int(total), [_to_row(row) for row in rows]

        return await self._database.read(query)


def where(view: View, states: Iterable[State] | None = None) -> tuple[str, list[object]]:
    """The condition for what a view holds (and is in `states`), with its values."""
    wanted = FILTER_STATES[view.filter]
    condition, values = in_states(wanted if states is None else wanted & frozenset(states)), list[object]()
    if view.batch:
        condition += " AND +batch_id = ?"  # the plus keeps SQLite off the index that is about uniqueness
        values.append(view.batch)
    if view.search:
        condition += " AND instr(name, ?) > 0"
        values.append(folded(view.search))
    return condition, values


_SELECT_ROW = (
    "SELECT id, batch_id, direction, state, source, destination, size_bytes, committed_bytes, part_size_bytes,"
    " priority, error, question, verified_by, active_s, sent_again_bytes, added_s, ended_s, ended_no FROM transfers"
)


def _to_row(row: tuple[Any, ...]) -> TransferRow:
    (number, batch, direction, state, source, destination, size_bytes, committed_bytes, part_size_bytes, priority,
     error, question, verified_by, active_s, sent_again_bytes, added_s, ended_s, ended_no) = row  # fmt: skip
    state = State(state)
    return TransferRow(
        id=number,
        batch=batch,
        direction=Direction(direction),
        state=state,
        name=last_segment(source),
        source=source,
        destination=destination,
        size_bytes=size_bytes,
        committed_bytes=committed_bytes,
        # all parts but the last have one size, so the bytes tell how many are done
        parts=part_count(size_bytes, part_size_bytes) if part_size_bytes else 0,
        parts_done=part_count(committed_bytes, part_size_bytes) if part_size_bytes else 0,
        priority=priority,
        error=error_from(error),
        question=question,
        answers=ANSWERS if state is State.ASKING else (),
        verified_by=verified_by,
        seconds=active_s,
        resent_bytes=sent_again_bytes,
        added_s=added_s,
        ended_s=ended_s,
        ended_no=ended_no,
    )
