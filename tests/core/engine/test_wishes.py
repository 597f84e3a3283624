"""Pause, resume, cancel, retry, remove: for some and for everything."""

import asyncio
from pathlib import Path

import pytest

from core.model.errors import UsageError
from core.model.transfer import Conflict, Options, State
from core.protocol.commands import (
    AddTransfers,
    AnswerQuestions,
    CancelTransfers,
    ListEnded,
    PauseTransfers,
    RemoveTransfers,
)
from core.protocol.rows import Filter, Selection, View
from core.stores.memory.faults import Fault
from tests.core.engine.bench import EVERYTHING, PART, REFUSED, Bench, until
from tests.support.bodies import some_bytes


async def half_sent(bench: Bench) -> int:
    """An upload with two of its four parts on the server and the others flying."""
    bench.faults(*(Fault("put_part", number=number, times=0, delay_s=30) for number in (3, 4)))
    batch = await bench.upload(bench.file("big", 3 * PART + 5), part_size_bytes=PART)
    await until(lambda: bench.script.count("put_part") == 4)

    async def two_done() -> bool:
        row = await bench.row(batch)
        return row.parts_done == 2

    await until(two_done)
    return batch


async def test_a_pause_keeps_parts_and_a_resume_sends_the_rest(bench: Bench) -> None:
    batch = await half_sent(bench)
    assert await bench.pause() == 1
    row = await bench.row(batch)
    assert (row.state, row.parts, row.parts_done, row.flying_bytes) == (State.PAUSED, 4, 2, 0)
    assert bench.open_uploads() == 1
    assert not bench.engine.live.running
    bench.script.clear()
    bench.script.calls.clear()
    assert await bench.resume() == 1
    await bench.done(batch)
    assert bench.script.count("put_part") == 2
    assert bench.held("big") == some_bytes(3 * PART + 5, 1)
    assert bench.open_uploads() == 0


async def test_pausing_what_waits_and_what_runs(bench: Bench) -> None:
    await bench.settings(files_parallel=1)
    bench.faults(Fault("put_object", delay_s=30))
    batch = await bench.upload(*(bench.file(f"f{number}") for number in range(5)))
    await until(lambda: bench.script.count("put_object") == 1)
    rows = await bench.rows(batch)
    assert await bench.pause(rows[0].id, rows[3].id) == 2
    await bench.rested(batch)
    assert [row.state for row in await bench.rows(batch)] == [
        State.PAUSED,
        State.DONE,
        State.DONE,
        State.PAUSED,
        State.DONE,
    ]
    assert await bench.pause(rows[0].id, rows[1].id) == 0
    assert await bench.resume(*(row.id for row in rows)) == 2
    await bench.done(batch)


async def test_everything_but_some(bench: Bench) -> None:
    await bench.settings(files_parallel=1)
    bench.faults(Fault("put_object", delay_s=30))
    batch = await bench.upload(*(bench.file(f"f{number}") for number in range(5)))
    await until(lambda: bench.script.count("put_object") == 1)
    rows = await bench.rows(batch)
    everything = Selection(everything=True, view=View(batch=batch), but=(rows[0].id,))
    assert (await bench.call(PauseTransfers(selection=everything))).count == 4
    assert await bench.states(batch) == [State.RUNNING, *[State.PAUSED] * 4]
    await bench.cancel()
    await bench.rested(batch)


async def test_quick_fingers_end_in_order(bench: Bench) -> None:
    """Pause and resume in any rhythm: the file arrives, once."""
    batch = await half_sent(bench)
    bench.script.clear()
    for turns in (0, 1, 3, 10, 30):
        await asyncio.gather(bench.pause(), bench.resume(), bench.pause())
        for _ in range(turns):
            await asyncio.sleep(0)
        await bench.resume()
    await bench.done(batch)
    assert bench.held("big") == some_bytes(3 * PART + 5, 1)
    assert bench.open_uploads() == 0


async def test_a_cancel_takes_the_upload_away(bench: Bench) -> None:
    batch = await half_sent(bench)
    assert await bench.cancel() == 1
    await bench.rested(batch)
    assert await bench.states(batch) == [State.CANCELLED]
    assert bench.open_uploads() == 0
    assert bench.held("big") is None


async def test_a_cancel_takes_the_temporary_file_away(bench: Bench, tmp_path: Path) -> None:
    await bench.put("k", some_bytes(3 * PART))
    bench.faults(Fault("get_range", times=0, skip=1, delay_s=30, after_bytes=1 << 20))
    into = tmp_path / "in"
    batch = await bench.download("s3://b/k", to=f"{into}/", part_size_bytes=PART)
    await until(lambda: into.exists() and any(into.iterdir()) and bench.script.count("get_range") == 3)
    await bench.cancel()
    await bench.rested(batch)
    assert list(into.iterdir()) == []


async def test_what_was_never_begun_is_cancelled_at_once(bench: Bench) -> None:
    await bench.settings(files_parallel=1)
    bench.faults(Fault("put_object", delay_s=30))
    batch = await bench.upload(*(bench.file(f"f{number}") for number in range(50)))
    await until(lambda: bench.script.count("put_object") == 1)
    assert await bench.cancel() == 50
    assert (await bench.states(batch)).count(State.CANCELLED) >= 49
    await bench.rested(batch)
    assert set(await bench.states(batch)) == {State.CANCELLED}
    assert bench.keys() == []


async def test_a_cancelled_transfer_can_be_begun_anew(bench: Bench) -> None:
    batch = await half_sent(bench)
    await bench.cancel()
    await bench.rested(batch)
    number = (await bench.row(batch)).id
    cancelled = await bench.transfer(number)
    assert (cancelled.upload_id, cancelled.part_size_bytes, cancelled.committed_bytes) == ("", 0, 0)
    bench.script.clear()
    await bench.retry(number)
    await bench.done(batch)
    assert bench.held("big") == some_bytes(3 * PART + 5, 1)


async def test_cancelling_a_failed_one_cleans_up(bench: Bench) -> None:
    bench.faults(Fault("put_part", number=2, error=REFUSED))
    batch = await bench.upload(bench.file("big", 2 * PART), part_size_bytes=PART)
    await bench.rested(batch)
    assert await bench.states(batch) == [State.FAILED]
    assert bench.open_uploads() == 1
    await bench.cancel()
    await bench.rested(batch)
    assert bench.open_uploads() == 0


async def test_only_what_has_ended_is_removed(bench: Bench) -> None:
    await bench.settings(files_parallel=1)
    await bench.done(await bench.upload(bench.file("a")))
    bench.faults(Fault("put_object", delay_s=30))
    batch = await bench.upload(bench.file("b"), bench.file("c"))
    await until(lambda: len(bench.engine.live.running) == 1)
    assert (await bench.call(RemoveTransfers(selection=EVERYTHING))).count == 1
    assert [row.name for row in await bench.rows()] == ["b", "c"]
    await bench.cancel()
    await bench.rested(batch)


async def test_removing_a_failed_one_cleans_up_first(bench: Bench) -> None:
    bench.faults(Fault("put_part", number=2, error=REFUSED))
    batch = await bench.upload(bench.file("big", 2 * PART), part_size_bytes=PART)
    await bench.rested(batch)
    assert bench.open_uploads() == 1
    assert (await bench.call(RemoveTransfers(selection=EVERYTHING))).count == 1
    assert bench.open_uploads() == 0
    assert await bench.rows() == []


async def test_what_ended_since(bench: Bench) -> None:
    batch = await bench.upload(bench.file("a"), bench.file("b"))
    await bench.done(batch)
    first = await bench.call(ListEnded(batch=batch, count=1))
    assert (first.total, len(first.rows)) == (2, 1)
    second = await bench.call(ListEnded(batch=batch, after=first.rows[0].ended_no))
    assert [row.ended_no for row in second.rows] == [first.rows[0].ended_no + 1]


async def test_retrying_what_was_skipped_asks_again(bench: Bench) -> None:
    await bench.put("f", b"theirs")
    batch = await bench.upload(bench.file("f"), conflict=Conflict.ASK)
    await bench.rested(batch)
    await bench.call(AnswerQuestions(selection=EVERYTHING, answer=Conflict.SKIP))
    await until(lambda: bench.engine.transfers.counts[State.SKIPPED] == 1)
    assert await bench.retry() == 1
    await until(lambda: bench.engine.transfers.counts[State.ASKING] == 1)
    assert bench.held("f") == b"theirs"


# --- while folders are still being read


async def test_everything_means_what_is_not_listed_yet(bench: Bench, tmp_path: Path) -> None:
    for number in range(3000):
        bench.file(f"many/{number:04}", 1)
    bench.faults(Fault("put_object", times=0, delay_s=30))
    batch = await bench.upload(str(tmp_path / "many"))
    await until(lambda: bool(bench.engine.live.running))
    await bench.cancel()
    found = await bench.rested(batch)
    assert found.counts.keys() == {State.CANCELLED}
    assert not bench.engine.intake.busy


async def test_a_pause_holds_what_is_listed_afterwards(bench: Bench, tmp_path: Path) -> None:
    for number in range(3000):
        bench.file(f"many/{number:04}", 1)
    batch = await bench.upload(str(tmp_path / "many"))
    await until(lambda: bench.engine.transfers.counts[State.QUEUED] > 0)
    await bench.pause()
    await bench.rested(batch)
    await until(lambda: not bench.engine.intake.busy)
    counts = (await bench.rested(batch)).counts
    assert counts.keys() <= {State.PAUSED, State.DONE}
    assert sum(counts.values()) == 3000
    assert counts[State.PAUSED] > 1000
    await bench.cancel()


async def test_cancelling_what_is_done_cancels_no_listing(bench: Bench, tmp_path: Path) -> None:
    for number in range(500):
        bench.file(f"many/{number:04}", 1)
    batch = await bench.upload(str(tmp_path / "many"))
    await bench.call(CancelTransfers(selection=Selection(everything=True, view=View(filter=Filter.PAUSED))))
    await bench.call(CancelTransfers(selection=Selection(everything=True, view=View(search="no such name"))))
    await bench.done(batch, seconds=60)
    assert len(bench.keys()) == 500


# --- refused


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"sources": ()}, "no-source"),
        ({"sources": ("relative",)}, "relative-path"),
        ({"sources": ("/a", "s3://b/k")}, "mixed-sources"),
        ({"sources": ("/a",), "destination": "/b"}, "no-remote"),
        ({"sources": ("s3://b/k",), "destination": "here"}, "relative-path"),
        ({"sources": ("s3://b/p/",), "destination": "/d", "recursive": False}, "is-a-prefix"),
        ({"sources": ("s3://",), "destination": "/d"}, "bad-location"),
        ({"sources": ("/a\0b",)}, "bad-path"),
        ({"sources": ("s3://b/k",), "destination": "/a\0b"}, "bad-path"),
        ({"destination_account": "nobody"}, "no-account"),
        ({"sources": ("s3://b/k",), "destination_account": "", "source_account": "Try it here"}, "two-accounts"),
        ({"options": Options(files=-1)}, "bad-option"),
        ({"options": Options(limit_up_bps=-5)}, "bad-option"),
        ({"options": Options(priority=2**70)}, "bad-option"),
    ],
)
async def test_requests_that_make_no_sense(bench: Bench, how: dict[str, object], code: str) -> None:
    request: dict[str, object] = {"sources": ("/a",), "destination": "s3://b/", "destination_account": bench.account}
    with pytest.raises(UsageError) as caught:
        await bench.engine.handle(AddTransfers(**(request | how)))  # type: ignore[arg-type]
    assert caught.value.code == code
    assert await bench.rows() == []
