import asyncio
import itertools
import logging
import math
import time
from dataclasses import fields, replace

import pytest

from core.model.errors import LocalError, Retry, Scope, UsageError
from core.model.lifecycle import MOVES
from core.model.transfer import (
    ENDED,
    BatchState,
    Conflict,
    Direction,
    Options,
    PartRecord,
    State,
    Transfer,
    Verify,
)
from core.protocol.rows import Selection, View
from core.state.database import Database
from core.state.transfers import Move, Transfers
from tests.core.state.conftest import fill, new


async def _force(database: Database, transfers: Transfers, transfer_id: int, state: State) -> None:
    """Put a row into a state by a way that the lifecycle may not have."""
    ended_no = 1 if state in ENDED else 0
    await database.write(
        lambda c: c.execute("UPDATE transfers SET state = ?, ended_no = ? WHERE id = ?", (state, ended_no, transfer_id))
    )
    database.was_clean = False  # makes the sums anew
    await transfers.load()


def _some(counts: dict[State, int]) -> dict[State, int]:
    return {state: count for state, count in counts.items() if count}


# Batches.


async def test_a_batch_is_kept_as_asked_for(transfers: Transfers) -> None:
    options = Options(files=2, conflict=Conflict.ASK, verify=Verify.READ_BACK, limit_up_bps=5, priority=-1)
    batch = await transfers.add_batch(
        sources=("/a b/ü", "/c"),
        source_account="",
        destination="s3://bucket/x/",
        destination_account="Büro",
        recursive=False,
        options=options,
        added_s=12.5,
    )
    assert batch == await transfers.batch(batch.id)
    assert (batch.sources, batch.options, batch.recursive, batch.added_s) == (("/a b/ü", "/c"), options, False, 12.5)
    assert await transfers.walking() == [batch]
    changed = replace(options, conflict=Conflict.SKIP)
    await transfers.change_batch_options(batch.id, changed)
    assert (await transfers.batch(batch.id)).options == changed


async def test_the_end_of_a_walk(transfers: Transfers) -> None:
    good, _ = await fill(transfers, 1)
    bad, _ = await fill(transfers, 0)
    error = LocalError("no-file", "“/x” does not exist.", where="/x").record()
    await transfers.finish_walk(good, BatchState.READY, skipped=3)
    await transfers.finish_walk(bad, BatchState.FAILED, error=error)
    assert await transfers.walking() == []
    row = await transfers.batch_row(good)
    assert (row.state, row.skipped, row.error, row.counts, row.size_bytes) == (
        BatchState.READY,
        3,
        None,
        {State.QUEUED: 1},
        100,
    )
    assert (await transfers.batch_row(bad)).error == error


async def test_what_is_not_there_is_named(transfers: Transfers) -> None:
    calls = {
        "no-such-batch": [
            transfers.batch(9),
            transfers.batch_row(9),
            transfers.finish_walk(9, BatchState.READY),
            transfers.change_batch_options(9, Options()),
            transfers.add(9, [new("a")], 1.0),
        ],
        "no-such-transfer": [transfers.get(9)],
    }
    for code, each in calls.items():
        for call in each:
            with pytest.raises(UsageError) as error:
                await call
            assert error.value.code == code
    assert transfers.counts[State.QUEUED] == 0


# Adding.


async def test_a_transfer_is_kept_as_added(transfers: Transfers) -> None:
    batch, _ = await fill(transfers, 0)
    item = new(
        "x",
        direction=Direction.DOWN,
        source="s3://b/key/ü",
        source_account="A",
        destination="/home/ü",
        destination_account="",
        size_bytes=2**45,
        source_stamp="etag",
        priority=-3,
    )
    assert await transfers.add(batch, [item], 77.5) == 1
    (number,) = await transfers.with_state({State.QUEUED})
    assert await transfers.get(number) == Transfer(
        id=number,
        batch_id=batch,
        direction=Direction.DOWN,
        state=State.QUEUED,
        source="s3://b/key/ü",
        source_account="A",
        destination="/home/ü",
        destination_account="",
        size_bytes=2**45,
        priority=-3,
        source_stamp="etag",
        added_s=77.5,
    )


async def test_a_walk_can_be_repeated(transfers: Transfers) -> None:
    batch, _ = await fill(transfers, 0)
    assert await transfers.add(batch, [new("a", 1), new("b", 2), new("a", 1)], 1.0) == 2
    assert await transfers.add(batch, [new("b", 2), new("c", 4), new("b", destination="s3://other/b")], 1.0) == 2
    assert transfers.counts[State.QUEUED] == 4
    assert transfers.left_bytes == 1 + 2 + 4 + 100
    other, _ = await fill(transfers, 0)
    assert await transfers.add(other, [new("a")], 1.0) == 1


async def test_ids_are_not_used_twice(transfers: Transfers) -> None:
    _, ids = await fill(transfers, 3)
    await transfers.move([Move(ids[-1], State.RUNNING), Move(ids[-1], State.DONE)])
    assert await transfers.remove_selected(Selection(ids=(ids[-1],))) == 1
    _, later = await fill(transfers, 1)
    assert later[0] > ids[-1]


# Taking.


async def test_next_queued_goes_by_priority_then_age(transfers: Transfers) -> None:
    batch, _ = await fill(transfers, 0)
    priorities = [0, 5, -1, 5, 0, 9]
    await transfers.add(batch, [new(f"{n}", priority=p) for n, p in enumerate(priorities)], 1.0)
    found = await transfers.next_queued(10)
    assert [row.source for row in found] == [f"/src/{n}" for n in (5, 1, 3, 0, 4, 2)]
    assert await transfers.next_queued(2, but=[found[0].id, found[2].id]) == [found[1], found[3]]


async def test_held_accounts_are_passed_over(transfers: Transfers) -> None:
    """The local side of an upload or download has no account; an empty one elsewhere is the AWS environment."""
    batch, _ = await fill(transfers, 0)
    items = {
        "up-a": new("up-a", destination_account="a"),
        "up-env": new("up-env", destination_account=""),
        "down-b": new("down-b", direction=Direction.DOWN, source_account="b", destination_account=""),
        "down-env": new("down-env", direction=Direction.DOWN, source_account="", destination_account=""),
        "copy-a-c": new("copy-a-c", direction=Direction.COPY, source_account="a", destination_account="c"),
    }
    await transfers.add(batch, list(items.values()), 1.0)
    for count in range(4):
        for held in itertools.combinations(["a", "b", "c", ""], count):
            needs = {"up-a": {"a"}, "up-env": {""}, "down-b": {"b"}, "down-env": {""}, "copy-a-c": {"a", "c"}}
            expected = [name for name in items if not needs[name] & set(held)]
            found = await transfers.next_queued(10, held_accounts=held)
            assert [row.source.removeprefix("/src/") for row in found] == expected


async def test_many_held_rows_cost_nothing(database: Database, transfers: Transfers) -> None:
    """Counted in SQLite's own steps, since times depend on the machine."""
    batch, _ = await fill(transfers, 0)
    steps: list[int] = []
    for count in (100, 20_000):
        await transfers.add(batch, [new(f"held-{count}-{n}", destination_account="held") for n in range(count)], 1.0)
        await transfers.add(batch, [new(f"free-{count}", destination_account="free")], 1.0)
        counter = itertools.count()
        reader = database._readers["read"]._connection
        reader.set_progress_handler(lambda counter=counter: next(counter) * 0, 10)
        found = await transfers.next_queued(1, held_accounts={"held"})
        reader.set_progress_handler(None, 0)
        assert [row.destination_account for row in found] == ["free"]
        steps.append(next(counter))
    assert steps[1] <= steps[0] * 2 + 10


async def test_waiting_rows_come_back_in_time(transfers: Transfers) -> None:
    _, ids = await fill(transfers, 4)
    await transfers.move(
        [Move(n, State.WAITING, {"not_before_s": t}) for n, t in zip(ids, (30.0, 10.0, 20.0, 1e12), strict=True)]
    )
    assert await transfers.next_due_s() == 10.0
    assert await transfers.due(9.9) == []
    assert await transfers.due(20.0) == [ids[1], ids[2]]
    await transfers.move([Move(n, State.QUEUED) for n in ids[:3]])
    assert await transfers.next_due_s() == 1e12
    await transfers.move([Move(ids[3], State.QUEUED)])
    assert await transfers.next_due_s() is None


# Moving.


@pytest.mark.parametrize("old", State)
async def test_only_legal_moves_are_made(database: Database, transfers: Transfers, old: State) -> None:
    _, ids = await fill(transfers, len(State))
    for number, new_state in zip(ids, State, strict=True):
        await _force(database, transfers, number, old)
        before = await transfers.get(number)
        version = transfers.version
        result = await transfers.move([Move(number, new_state, {"attempts": 7})])
        after = await transfers.get(number)
        if new_state in MOVES[old]:
            assert result == {number: old}
            assert (after.state, after.attempts) == (new_state, 7)
            assert transfers.version > version
        else:
            assert result == {}
            assert after == before
            assert transfers.version == version
        await _force(database, transfers, number, State.PAUSED)


async def test_a_list_of_moves_is_one_commit(database: Database, transfers: Transfers) -> None:
    _, ids = await fill(transfers, 50)
    before = database.commits
    moves = [Move(n, State.RUNNING) for n in ids] + [
        Move(ids[0], State.DONE),
        Move(ids[1], State.QUEUED),
        Move(999, State.DONE),
    ]
    assert await transfers.move(moves) == dict.fromkeys(ids, State.QUEUED)
    assert database.commits - before == 1
    assert _some(transfers.counts) == {State.RUNNING: 48, State.DONE: 1, State.QUEUED: 1}
    assert transfers.left_bytes == 49 * 100


async def test_what_ends_gets_the_next_number(transfers: Transfers) -> None:
    batch, ids = await fill(transfers, 3)
    a, b, c = ids
    before_s = time.time()
    await transfers.move([Move(n, State.RUNNING) for n in ids])
    await transfers.move([Move(b, State.DONE), Move(a, State.FAILED)])
    await transfers.move([Move(c, State.SKIPPED, {"ended_s": 5.0})])
    rows = await transfers.get_many(ids)
    assert rows[b].ended_no < rows[a].ended_no < rows[c].ended_no
    assert rows[a].ended_s >= before_s
    assert rows[c].ended_s == 5.0
    assert rows[b].committed_bytes == 100, "done means all of it"
    total, page = await transfers.ended(batch, rows[b].ended_no, 10)
    assert (total, [row.id for row in page]) == (3, [a, c])
    await transfers.move([Move(a, State.QUEUED)])
    again = await transfers.get(a)
    assert (again.ended_no, again.ended_s) == (0, 0.0)
    await transfers.move([Move(a, State.RUNNING), Move(a, State.DONE)])
    assert (await transfers.get(a)).ended_no > rows[c].ended_no


async def test_a_move_sets_any_field(transfers: Transfers) -> None:
    _, (number,) = await fill(transfers, 1)
    error = LocalError(
        "disk-full", "Full.", detail="bad name \udcff", retry=Retry.BACKOFF, scope=Scope.ENGINE, after_s=2.5
    )
    values = {
        "size_bytes": 500,
        "committed_bytes": 200,
        "priority": 4,
        "error": error.record(),
        "question": "exists",
        "answer": Conflict.RENAME,
        "destination": "s3://bucket/other name",
        "upload_id": "u",
        "started_s": 4.0,
        "active_s": 1.5,
    }
    await transfers.move([Move(number, State.RUNNING, values)])
    row = await transfers.get(number)
    assert row.error is not None
    assert row.error.detail == "bad name \\udcff", "text that is not Unicode is still told"
    assert row.error.after_s == 2.5
    assert {name: getattr(row, name) for name in values if name != "error"} == {
        k: v for k, v in values.items() if k != "error"
    }
    assert transfers.left_bytes == 300
    assert list(await transfers.index(View(search="OTHER NAME"))) == [number]
    await transfers.move([Move(number, State.ASKING, {"error": None, "answer": None})])
    row = await transfers.get(number)
    assert (row.error, row.answer) == (None, None)


@pytest.mark.parametrize("name", ["id", "batch_id", "state", "ended_no", "name", "nonsense; DROP TABLE transfers"])
async def test_other_columns_are_not_for_moves(transfers: Transfers, name: str) -> None:
    _, (number,) = await fill(transfers, 1)
    with pytest.raises(ValueError, match="cannot be set"):
        await transfers.move([Move(number, State.RUNNING, {name: 1})])
    assert (await transfers.get(number)).state is State.QUEUED


async def test_every_field_of_a_transfer_has_a_column(transfers: Transfers) -> None:
    _, (number,) = await fill(transfers, 1)
    assert [field.name for field in fields(await transfers.get(number))] == [field.name for field in fields(Transfer)]


# Recovering.


async def test_recovery_after_a_crash(path, database: Database, transfers: Transfers) -> None:
    _, ids = await fill(transfers, 6)
    await transfers.move([Move(n, State.RUNNING) for n in ids[:4]])
    await transfers.move(
        [
            Move(ids[0], State.CANCELLING),
            Move(ids[1], State.WAITING, {"not_before_s": 1000.0 + 10 * 86400}),
            Move(ids[4], State.WAITING, {"not_before_s": math.inf}),
            Move(ids[5], State.WAITING, {"not_before_s": 1500.0}),
        ]
    )
    await database.close()
    again = await Database.open(path)
    transfers = Transfers(again)
    await transfers.load()
    assert await transfers.recover(1000.0) == 2
    assert _some(transfers.counts) == {State.CANCELLING: 1, State.WAITING: 3, State.QUEUED: 2}
    rows = await transfers.get_many(ids)
    assert [rows[n].not_before_s for n in (ids[1], ids[4], ids[5])] == [1000.0, math.inf, 1500.0]
    assert await transfers.recover(1000.0) == 0
    await again.close()


async def test_the_numbers_are_the_same_after_a_restart(path, database: Database, transfers: Transfers) -> None:
    _, ids = await fill(transfers, 10)
    await transfers.move([Move(n, State.RUNNING) for n in ids[:5]])
    await transfers.part_done(ids[0], PartRecord(1, 0, 60))
    await transfers.move([Move(ids[1], State.DONE)])
    expected = transfers.counts, transfers.left_bytes
    await database.close()
    for was_clean in (True, False):
        if not was_clean:
            path.with_name("state.db.open").touch()
        again = await Database.open(path)
        assert again.was_clean is was_clean
        loaded = Transfers(again)
        await loaded.load()
        assert (loaded.counts, loaded.left_bytes) == expected
        await again.close()


async def test_a_failed_write_leaves_the_numbers_alone(database: Database, transfers: Transfers) -> None:
    batch, _ = await fill(transfers, 1)
    before = dict(transfers.counts), transfers.left_bytes, transfers.version
    pages = await database.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await database.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchall())
    with pytest.raises(LocalError) as error:
        await transfers.add(batch, [new(f"x{n}") for n in range(5000)], 1.0)
    assert error.value.code == "disk-full"
    assert (transfers.counts, transfers.left_bytes, transfers.version) == before
    await database.write(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchall())
    assert await transfers.add(batch, [new(f"x{n}") for n in range(5000)], 1.0) == 5000
    assert transfers.counts[State.QUEUED] == 5001


# Parts.


async def test_parts_and_committed_bytes(transfers: Transfers, caplog: pytest.LogCaptureFixture) -> None:
    _, (number,) = await fill(transfers, 1, size_bytes=250)
    await transfers.move([Move(number, State.RUNNING)])
    await transfers.planned(number, 100, "upload", "stamp", 260, checksums=True)
    row = await transfers.get(number)
    assert (row.part_size_bytes, row.upload_id, row.source_stamp, row.size_bytes, row.checksums) == (
        100,
        "upload",
        "stamp",
        260,
        True,
    )
    assert transfers.left_bytes == 260
    done = [PartRecord(n, (n - 1) * 100, 100, True, f"e{n}", 2**64 - n, f"m{n}") for n in (1, 2)]
    for part in done:
        transfers.part_started(number, replace(part, done=False))
    transfers.part_started(number, PartRecord(3, 200, 60))
    await asyncio.gather(*(transfers.part_done(number, part) for part in done))
    await transfers.part_done(number, done[0])  # told twice, counted once
    transfers.part_started(number, replace(done[0], done=False, etag=""))  # a part that is done stays done
    transfers.sent_again(number, 30)
    await transfers.intent(number, "complete")
    assert await transfers.parts(number) == [*done, PartRecord(3, 200, 60)]
    row = await transfers.get(number)
    assert (row.committed_bytes, row.sent_again_bytes) == (200, 30)
    assert transfers.left_bytes == 60
    (shown,) = await transfers.page([number])
    assert (shown.parts, shown.parts_done, shown.resent_bytes) == (3, 2, 30)
    assert await transfers.intents() == {number: "complete"}

    await transfers.kept(number, [2], 160)
    assert await transfers.parts(number) == [done[1]]
    row = await transfers.get(number)
    assert (row.committed_bytes, row.sent_again_bytes) == (100, 190)
    assert transfers.left_bytes == 160

    await transfers.started_over(number)
    row = await transfers.get(number)
    assert (row.committed_bytes, row.upload_id, row.part_size_bytes, row.checksums) == (0, "", 0, False)
    assert await transfers.parts(number) == []
    assert await transfers.intents() == {}
    assert transfers.left_bytes == 260
    assert not caplog.records


async def test_notes_on_a_transfer_that_is_gone(transfers: Transfers, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        transfers.part_started(5, PartRecord(1, 0, 10))
        transfers.sent_again(5, 10)
        await transfers.part_done(5, PartRecord(1, 0, 10))
        await transfers.planned(5, 1, "", "", 10)
        await transfers.kept(5, [1], 1)
        await transfers.started_over(5)
    assert await transfers.parts(5) == []
    assert transfers.left_bytes == 0
    assert not caplog.records


async def test_a_part_that_ended_badly_is_dropped(transfers: Transfers) -> None:
    _, (number,) = await fill(transfers, 1)
    await transfers.part_done(number, PartRecord(1, 0, 50))
    transfers.part_started(number, PartRecord(2, 50, 50))
    transfers.part_dropped(number, 1)
    transfers.part_dropped(number, 2)
    await transfers.intent(number, "x")
    assert [part.number for part in await transfers.parts(number)] == [1]


async def test_time_spent_and_a_new_name(transfers: Transfers) -> None:
    _, (number,) = await fill(transfers, 1)
    transfers.rested(number, 1.5)
    transfers.rested(number, 2.0)
    await transfers.redirect(number, "s3://bucket/Neuer Name")
    row = await transfers.get(number)
    assert (row.active_s, row.destination) == (3.5, "s3://bucket/Neuer Name")
    assert list(await transfers.index(View(search="neuer n"))) == [number]
