"""The queue against a model of it that is too simple to be wrong: a dictionary."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from core.model.lifecycle import MOVES, REMOVABLE
from core.model.transfer import ENDED, Conflict, Direction, Options, PartRecord, State
from core.protocol.rows import FILTER_STATES, Filter, Order, Selection, View
from core.state.database import Database
from core.state.ledger import LEFT
from core.state.rows import folded
from core.state.transfers import Move, NewTransfer, Transfers

NAMES = st.sampled_from(["a", "A", "b", "ab", "Ba", "é", "É", "e\u0301", "10", "9"])
SELECTIONS = st.one_of(
    st.builds(Selection, ids=st.lists(st.integers(1, 30), max_size=6).map(tuple)),
    st.builds(
        Selection,
        everything=st.just(True),
        but=st.lists(st.integers(1, 30), max_size=3).map(tuple),
        view=st.builds(
            View, filter=st.sampled_from(Filter), search=st.sampled_from(["", "", "a", "É"]), batch=st.integers(0, 2)
        ),
    ),
)


@dataclass
class Row:
    id: int
    batch: int
    state: State
    name: str
    size_bytes: int
    priority: int
    destination: str
    committed_bytes: int = 0
    ended_no: int = 0
    planned: bool = False
    parts: dict[int, int] = field(default_factory=dict)
    answer: Conflict | None = None


def _matches(row: Row, view: View) -> bool:
    return (
        row.state in FILTER_STATES[view.filter]
        and view.batch in (0, row.batch)
        and folded(view.search) in folded(row.name)
    )


def _stage(state: State) -> int:
    if state in (State.RUNNING, State.ASKING, State.CANCELLING):
        return 0
    return 1 if state in (State.QUEUED, State.WAITING, State.PAUSED) else 2


_KEYS = {
    Order.QUEUE: lambda row: (_stage(row.state), -row.priority, -row.id if _stage(row.state) == 2 else row.id),
    Order.NAME: lambda row: (folded(row.name), row.id),
    Order.SIZE: lambda row: (row.size_bytes, row.id),
    Order.STATE: lambda row: (list(State).index(row.state), -row.priority, row.id),
    Order.ADDED: lambda row: row.id,
    Order.ENDED: lambda row: (row.ended_no, row.id),
}


def _sorted(rows: list[Row], order: Order, descending: bool) -> list[int]:
    """What has not ended has no place in the order of endings and comes last, whichever way."""
    if order is Order.ENDED:
        ended = _plain([row for row in rows if row.ended_no], order, descending)
        return ended + _plain([row for row in rows if not row.ended_no], order, descending)
    return _plain(rows, order, descending)


def _plain(rows: list[Row], order: Order, descending: bool) -> list[int]:
    return [row.id for row in sorted(rows, key=_KEYS[order], reverse=descending)]


class Queue(RuleBasedStateMachine):
    rows_known = Bundle("rows_known")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.runner = asyncio.Runner()
        self.rows: dict[int, Row] = {}
        self.gone: set[int] = set()
        self.highest_end = 0
        self.do(self.open())

    def do(self, awaitable):
        async def run():
            return await awaitable

        return self.runner.run(run())

    async def open(self) -> None:
        self.database = await Database.open(Path(self.folder) / "state.db")
        self.transfers = Transfers(self.database)
        await self.transfers.load()

    def teardown(self) -> None:
        self.do(self.database.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    @initialize()
    def batches(self) -> None:
        for _ in range(2):
            self.do(
                self.transfers.add_batch(
                    sources=("/",),
                    source_account="",
                    destination="s3://b",
                    destination_account="",
                    recursive=True,
                    options=Options(),
                    added_s=0.0,
                )
            )

    def selected(self, selection: Selection, states) -> list[Row]:
        if not selection.everything:
            return [row for row in self.rows.values() if row.id in selection.ids and row.state in states]
        return [
            row
            for row in self.rows.values()
            if _matches(row, selection.view) and row.id not in selection.but and row.state in states
        ]

    def moved(self, row: Row, new: State) -> None:
        row.state = new
        if new not in ENDED:
            row.ended_no = 0

    @rule(
        target=rows_known,
        batch=st.integers(1, 2),
        items=st.lists(st.tuples(NAMES, st.integers(0, 5), st.integers(-1, 1), st.integers(0, 3)), max_size=5),
    )
    def add(self, batch: int, items: list[tuple[str, int, int, int]]):
        new = [
            NewTransfer(Direction.UP, f"/{name}", "", f"s3://{place}/{name}", "", size, priority=priority)
            for name, size, priority, place in items
        ]
        known = {(row.batch, row.name, row.destination) for row in self.rows.values()}
        expected: list[NewTransfer] = []
        for item in new:
            key = (batch, item.source[1:], item.destination)
            if key not in known:
                known.add(key)
                expected.append(item)
        assert self.do(self.transfers.add(batch, new, 1.0)) == len(expected)
        ids = self.do(self.transfers.with_state(State))
        fresh = [number for number in ids if number not in self.rows]
        assert len(fresh) == len(expected)
        assert not self.gone & set(fresh)
        for number, item in zip(fresh, expected, strict=True):
            self.rows[number] = Row(
                number, batch, State.QUEUED, item.source[1:], item.size_bytes, item.priority, item.destination
            )
        return multiple(*fresh)

    @rule(number=rows_known, new=st.sampled_from(State))
    def move(self, number: int, new: State) -> None:
        row = self.rows.get(number)
        result = self.do(self.transfers.move([Move(number, new)]))
        if row is None or new not in MOVES[row.state]:
            assert result == {}
            return
        assert result == {number: row.state}
        self.moved(row, new)
        if new is State.DONE:
            row.committed_bytes = row.size_bytes

    @rule(number=rows_known, part=st.integers(1, 3), size=st.integers(0, 3))
    def part(self, number: int, part: int, size: int) -> None:
        self.do(self.transfers.part_done(number, PartRecord(part, 0, size)))
        if number in self.rows:
            row = self.rows[number]
            row.committed_bytes += size - row.parts.get(part, 0)
            row.parts[part] = size

    @rule(number=rows_known, numbers=st.sets(st.integers(1, 3)))
    def keep(self, number: int, numbers: set[int]) -> None:
        self.do(self.transfers.kept(number, numbers, 1))
        if number in self.rows:
            row = self.rows[number]
            row.parts = {part: size for part, size in row.parts.items() if part in numbers}
            row.committed_bytes = sum(row.parts.values())

    @rule(number=rows_known)
    def start_over(self, number: int) -> None:
        self.do(self.transfers.started_over(number))
        if number in self.rows:
            row = self.rows[number]
            row.committed_bytes, row.planned, row.parts = 0, False, {}

    @rule(number=rows_known, size=st.integers(0, 9))
    def plan(self, number: int, size: int) -> None:
        self.do(self.transfers.planned(number, 4, "u", "stamp", size))
        if number in self.rows:
            self.rows[number].size_bytes = size
            self.rows[number].planned = True

    @rule(
        selection=SELECTIONS,
        states=st.sets(st.sampled_from(State)),
        new=st.sampled_from(sorted(set(State) - {State.DONE})),
    )
    def move_many(self, selection: Selection, states: set[State], new: State) -> None:
        expected = self.selected(selection, {state for state in states if new in MOVES[state]})
        moved = self.do(self.transfers.move_selected(selection, states, new))
        assert moved.count == len(expected)
        assert set(moved.running) == {row.id for row in expected if row.state is State.RUNNING}
        at_once = {State.QUEUED, State.PAUSED, State.WAITING}
        for row in expected:
            fresh = row.state in at_once and not (row.planned or row.parts or row.committed_bytes)
            self.moved(row, State.CANCELLED if new is State.CANCELLING and fresh else new)

    @rule(selection=SELECTIONS)
    def remove(self, selection: Selection) -> None:
        expected = self.selected(selection, REMOVABLE)
        assert self.do(self.transfers.remove_selected(selection)) == len(expected)
        for row in expected:
            del self.rows[row.id]
            self.gone.add(row.id)

    @rule(selection=SELECTIONS, priority=st.integers(-2, 2))
    def prioritise(self, selection: Selection, priority: int) -> None:
        expected = self.selected(selection, set(State) - ENDED)
        assert self.do(self.transfers.prioritise(selection, priority)) == len(expected)
        for row in expected:
            row.priority = priority

    @rule(selection=SELECTIONS, for_batch=st.booleans())
    def answer(self, selection: Selection, for_batch: bool) -> None:
        expected = self.selected(selection, {State.ASKING})
        if for_batch:
            batches = {row.batch for row in expected}
            expected = [row for row in self.rows.values() if row.state is State.ASKING and row.batch in batches]
        assert self.do(self.transfers.answer(selection, Conflict.SKIP, for_batch)) == len(expected)
        for row in expected:
            row.state, row.answer = State.QUEUED, Conflict.SKIP

    @rule()
    def recover(self) -> None:
        running = [row for row in self.rows.values() if row.state is State.RUNNING]
        assert self.do(self.transfers.recover(5.0)) == len(running)
        for row in running:
            row.state = State.QUEUED

    @rule(mark=st.booleans())
    def restart(self, mark: bool) -> None:
        self.do(self.database.close())
        if mark:
            (Path(self.folder) / "state.db.open").touch()
        self.do(self.open())
        assert self.database.notice == ""

    @invariant()
    def numbers_agree(self) -> None:
        rows = self.rows.values()
        for batch in (0, 1, 2):
            mine = [row for row in rows if batch in (0, row.batch)]
            expected = {state: sum(row.state is state for row in mine) for state in State}
            assert self.do(self.transfers.counts_of(batch)) == expected
            if batch:
                shown = self.do(self.transfers.batch_row(batch))
                assert shown.counts == {state: count for state, count in expected.items() if count}
                assert shown.size_bytes == sum(row.size_bytes for row in mine)
                assert shown.committed_bytes == sum(row.committed_bytes for row in mine)
        assert self.transfers.left_bytes == sum(
            row.size_bytes - row.committed_bytes for row in rows if row.state in LEFT
        )

    @invariant()
    def rows_agree(self) -> None:
        stored = self.do(self.transfers.get_many(self.rows))
        assert stored.keys() == self.rows.keys()
        new_ends = []
        for number, row in self.rows.items():
            found = stored[number]
            assert (found.state, found.priority, found.size_bytes, found.committed_bytes, found.answer) == (
                row.state, row.priority, row.size_bytes, row.committed_bytes, row.answer
            )  # fmt: skip
            assert {part.number: part.size_bytes for part in self.do(self.transfers.parts(number))} == row.parts
            assert (found.ended_no > 0) == (row.state in ENDED)
            if found.ended_no != row.ended_no:
                new_ends.append(found.ended_no)
                row.ended_no = found.ended_no
        assert len(set(new_ends)) == len(new_ends)
        assert all(number > self.highest_end for number in new_ends), "numbers of endings only grow"
        self.highest_end = max([self.highest_end, *new_ends])

    @rule(
        view=st.builds(
            View,
            filter=st.sampled_from(Filter),
            search=st.sampled_from(["", "", "a", "É", "b"]),
            order=st.sampled_from(Order),
            descending=st.booleans(),
            batch=st.integers(0, 2),
        )
    )
    def look(self, view: View) -> None:
        expected = _sorted([row for row in self.rows.values() if _matches(row, view)], view.order, view.descending)
        assert list(self.do(self.transfers.index(view))) == expected
        assert [row.id for row in self.do(self.transfers.page(expected[::2]))] == expected[::2]

    @rule(batch=st.integers(0, 2), after=st.integers(0, 20), count=st.integers(1, 5))
    def look_at_ends(self, batch: int, after: int, count: int) -> None:
        ended = sorted((row.ended_no, row.id) for row in self.rows.values() if row.ended_no and batch in (0, row.batch))
        total, page = self.do(self.transfers.ended(batch, after, count))
        assert total == len(ended)
        assert [(row.ended_no, row.id) for row in page] == [end for end in ended if end[0] > after][:count]

    @rule(limit=st.integers(1, 5), but=st.sets(st.integers(1, 10), max_size=3))
    def take(self, limit: int, but: set[int]) -> None:
        queued = [row for row in self.rows.values() if row.state is State.QUEUED and row.id not in but]
        expected = _plain(queued, Order.QUEUE, False)[:limit]
        assert [row.id for row in self.do(self.transfers.next_queued(limit, but=but))] == expected


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
