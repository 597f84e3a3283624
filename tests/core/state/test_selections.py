from dataclasses import replace

import pytest

from core.model.errors import UsageError
from core.model.lifecycle import CANCELLABLE, PAUSABLE, RETRYABLE
from core.model.transfer import Conflict, PartRecord, State
from core.protocol.rows import Filter, Selection, View
from core.state.database import Database
from core.state.selections import Moved
from core.state.transfers import Move, Transfers
from tests.core.state.conftest import fill

ALL = Selection(everything=True)


def _some(transfers: Transfers) -> dict[State, int]:
    return {state: count for state, count in transfers.counts.items() if count}


async def test_pause_and_resume_everything(transfers: Transfers) -> None:
    _, ids = await fill(transfers, 6)
    await transfers.move([Move(n, State.RUNNING) for n in ids[:3]])
    await transfers.move([Move(ids[0], State.DONE), Move(ids[3], State.WAITING)])
    version = transfers.version
    assert await transfers.move_selected(ALL, PAUSABLE, State.PAUSED) == Moved(5, (ids[1], ids[2]))
    assert _some(transfers) == {State.DONE: 1, State.PAUSED: 5}
    assert transfers.left_bytes == 0
    assert transfers.version > version
    assert await transfers.move_selected(ALL, {State.PAUSED}, State.QUEUED) == Moved(5, ())
    assert transfers.left_bytes == 500


async def test_some_ids_and_all_but_some(transfers: Transfers) -> None:
    _, ids = await fill(transfers, 5)
    assert (await transfers.move_selected(Selection(ids=(ids[1], ids[3], 999)), PAUSABLE, State.PAUSED)).count == 2
    assert await transfers.with_state({State.PAUSED}) == [ids[1], ids[3]]
    but = Selection(everything=True, but=(ids[0],))
    assert (await transfers.move_selected(but, PAUSABLE, State.PAUSED)).count == 2
    assert await transfers.with_state({State.QUEUED}) == [ids[0]]


async def test_what_a_view_holds(transfers: Transfers) -> None:
    first, _ = await fill(transfers, 12)
    second, _ = await fill(transfers, 12)
    view = View(filter=Filter.WAITING, search=f"{second}-1", batch=second, first=5, count=1)
    moved = await transfers.move_selected(Selection(everything=True, view=view), PAUSABLE, State.PAUSED)
    assert moved.count == 3, "1, 10 and 11; what part of it is shown does not matter"
    assert (await transfers.counts_of(second))[State.PAUSED] == 3
    assert (await transfers.counts_of(first))[State.PAUSED] == 0
    nothing = replace(view, filter=Filter.DONE)
    assert (await transfers.move_selected(Selection(everything=True, view=nothing), PAUSABLE, State.PAUSED)).count == 0


async def test_an_empty_selection_is_nothing(transfers: Transfers) -> None:
    await fill(transfers, 3)
    assert await transfers.move_selected(Selection(), PAUSABLE, State.PAUSED) == Moved(0, ())
    assert await transfers.remove_selected(Selection()) == 0


async def test_states_that_cannot_go_there_stay(transfers: Transfers) -> None:
    _, ids = await fill(transfers, 3)
    await transfers.move([Move(ids[0], State.RUNNING), Move(ids[0], State.DONE)])
    assert (await transfers.move_selected(ALL, set(State), State.PAUSED)).count == 2
    assert (await transfers.get(ids[0])).state is State.DONE


async def test_cancelling_what_was_never_begun_is_done_at_once(transfers: Transfers) -> None:
    _, ids = await fill(transfers, 9)
    fresh, paused, running, planned, parted, opened, tried, failed, creating = ids
    await transfers.move([Move(running, State.RUNNING), Move(failed, State.RUNNING), Move(paused, State.PAUSED)])
    await transfers.move([Move(failed, State.FAILED), Move(tried, State.WAITING, {"attempts": 1})])
    await transfers.planned(planned, 50, "", "", 100)
    await transfers.part_done(parted, PartRecord(1, 0, 1))
    await transfers.move([Move(opened, State.WAITING, {"upload_id": "u"})])
    await transfers.intent(creating, "create@1.0")
    moved = await transfers.move_selected(ALL, CANCELLABLE, State.CANCELLING)
    assert moved == Moved(9, (running,))
    assert await transfers.with_state({State.CANCELLED}) == [fresh, paused]
    assert set(await transfers.with_state({State.CANCELLING})) == {
        running, planned, parted, opened, tried, failed, creating
    }  # fmt: skip
    rows = await transfers.get_many(ids)
    assert 0 < rows[fresh].ended_no < rows[paused].ended_no
    assert rows[fresh].ended_s > 0
    assert (rows[failed].ended_no, rows[failed].ended_s) == (0, 0.0)
    assert [row.id for row in (await transfers.ended(0, 0, 9))[1]] == [fresh, paused]


async def test_retry_takes_endings_back(transfers: Transfers) -> None:
    _, ids = await fill(transfers, 4)
    await transfers.move_selected(ALL, CANCELLABLE, State.CANCELLING)
    await transfers.move_selected(
        Selection(ids=tuple(ids[:2])), RETRYABLE, State.QUEUED, {"attempts": 0, "error": None}
    )
    rows = await transfers.get_many(ids)
    assert [rows[n].ended_no > 0 for n in ids] == [False, False, True, True]
    await transfers.move_selected(ALL, CANCELLABLE, State.CANCELLING)
    later = await transfers.get_many(ids)
    assert later[ids[0]].ended_no > rows[ids[3]].ended_no


@pytest.mark.parametrize("name", ["size_bytes", "committed_bytes", "destination", "state", "id"])
async def test_sizes_and_places_are_not_for_many(transfers: Transfers, name: str) -> None:
    await fill(transfers, 2)
    with pytest.raises(ValueError, match="cannot be set"):
        await transfers.move_selected(ALL, PAUSABLE, State.PAUSED, {name: 1})


async def test_remove_takes_only_what_has_ended(database: Database, transfers: Transfers) -> None:
    batch, ids = await fill(transfers, 4)
    await transfers.part_done(ids[0], PartRecord(1, 0, 100))
    await transfers.move([Move(n, State.RUNNING) for n in ids[:2]])
    await transfers.move([Move(ids[0], State.DONE), Move(ids[1], State.FAILED)])
    assert await transfers.remove_selected(ALL) == 2
    assert await transfers.with_state(set(State)) == ids[2:]
    assert _some(transfers) == {State.QUEUED: 2}
    assert await transfers.parts(ids[0]) == []
    row = await transfers.batch_row(batch)
    assert (row.counts, row.size_bytes, row.committed_bytes) == ({State.QUEUED: 2}, 200, 0)
    assert await transfers.ended(0, 0, 10) == (0, [])


async def test_priorities(transfers: Transfers) -> None:
    _, ids = await fill(transfers, 4)
    await transfers.move([Move(ids[0], State.RUNNING), Move(ids[0], State.DONE)])
    version = transfers.version
    assert await transfers.prioritise(Selection(ids=(ids[0], ids[3])), 7) == 1
    assert transfers.version > version
    assert [row.id for row in await transfers.next_queued(9)] == [ids[3], ids[1], ids[2]]
    version = transfers.version
    assert await transfers.prioritise(Selection(ids=(ids[3],)), 7) == 1
    assert transfers.version == version, "nothing changed its place"


async def _asking(transfers: Transfers, ids: list[int]) -> None:
    await transfers.move([Move(n, State.RUNNING) for n in ids])
    await transfers.move([Move(n, State.ASKING, {"question": "exists"}) for n in ids])


async def test_an_answer_for_some(transfers: Transfers) -> None:
    batch, ids = await fill(transfers, 4)
    await _asking(transfers, ids[:3])
    assert [row.answers for row in await transfers.page(ids[2:])] == [("overwrite", "rename", "skip"), ()]
    assert await transfers.answer(Selection(ids=(ids[0], ids[3])), Conflict.RENAME, for_batch=False) == 1
    row = await transfers.get(ids[0])
    assert (row.state, row.answer, row.question) == (State.QUEUED, Conflict.RENAME, "")
    assert transfers.counts[State.ASKING] == 2
    assert (await transfers.batch(batch)).options.conflict is Conflict.OVERWRITE


async def test_an_answer_for_the_batch(transfers: Transfers) -> None:
    first, ids = await fill(transfers, 4)
    second, others = await fill(transfers, 2)
    await _asking(transfers, ids[:3] + others)
    assert await transfers.answer(Selection(ids=(ids[0],)), Conflict.SKIP, for_batch=True) == 3
    assert await transfers.with_state({State.ASKING}) == others
    assert {row.answer for row in (await transfers.get_many(ids[:3])).values()} == {Conflict.SKIP}
    assert (await transfers.get(ids[3])).answer is None
    assert (await transfers.batch(first)).options.conflict is Conflict.SKIP
    assert (await transfers.batch(second)).options.conflict is Conflict.OVERWRITE


async def test_asking_is_no_answer(transfers: Transfers) -> None:
    with pytest.raises(UsageError) as error:
        await transfers.answer(ALL, Conflict.ASK, for_batch=False)
    assert error.value.code == "bad-answer"
