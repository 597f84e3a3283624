"""Starting, stopping, dying and starting again on the same home."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.client.direct import DirectClient
from core.engine.engine import Engine, mover_count
from core.host.places import find_places
from core.model.errors import ProtocolError, StateError
from core.model.transfer import ENDED, Conflict, State
from core.protocol.commands import AnswerQuestions, Command, Done, GetSettings, GetStatus, ListAccounts, StopEngine
from core.protocol.events import Notice, Snapshot
from core.protocol.rows import View
from core.state.transfers import Move
from core.stores.memory.faults import Fault
from core.transfer.process import ProcessMover
from tests.core.engine.bench import BAD_KEYS, EVERYTHING, OFFLINE, PART, REFUSED, TRY_IT_HERE, Bench, until
from tests.support.bodies import some_bytes


class Unheard(Command[Done], frozen=True, tag=True):
    """A command that no engine knows."""


async def test_an_unknown_command_is_refused(bench: Bench) -> None:
    with pytest.raises(ProtocolError) as caught:
        await bench.engine.handle(Unheard())
    assert caught.value.code == "unknown-command"


async def test_who_it_is(bench: Bench, home: Path) -> None:
    status = await bench.call(GetStatus())
    assert (status.pid, status.home, status.counts, status.movers) == (os.getpid(), str(home), {}, ())
    assert 1 <= mover_count() <= 4


async def test_a_stop_is_a_wish_that_the_host_carries_out(bench: Bench) -> None:
    assert not bench.engine.stopping.is_set()
    await bench.call(StopEngine())
    assert bench.engine.stopping.is_set()
    await bench.call(GetStatus())  # it still answers


async def test_stopping_leaves_no_task_and_no_thread(home: Path, tmp_path: Path) -> None:
    threads = threading.active_count()
    bench = Bench(tmp_path)
    await bench.start()
    await bench.new_account()
    bench.faults(Fault("put_part", times=0, delay_s=30))
    await bench.upload(bench.file("f", 2 * PART), part_size_bytes=PART)
    watch = bench.client.watch(View())
    await until(lambda: bench.script.count("put_part") > 0)
    await bench.stop()
    assert [event async for event in watch] == []
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("state-")]
    assert names == []
    assert threading.active_count() <= threads + 32  # the loop's own executor


# --- the state of another day


async def test_newer_settings_are_refused_in_a_sentence(home: Path) -> None:
    places = find_places()
    Path(places.config, "settings.json").write_text('{"version": 99, "settings": {}, "accounts": []}')
    with pytest.raises(StateError) as caught:
        await Engine.start(places, movers="inline")
    assert caught.value.code == "settings-too-new"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("state-")]
    Path(places.config, "settings.json").unlink()
    await (await Engine.start(places, movers="inline")).stop()  # nothing was left locked


async def test_a_newer_queue_is_refused_in_a_sentence(home: Path) -> None:
    places = find_places()
    await (await Engine.start(places, movers="inline")).stop()
    with sqlite3.connect(Path(places.data, "state.db")) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(StateError) as caught:
        await Engine.start(places, movers="inline")
    assert caught.value.code == "state-too-new"


async def test_damaged_settings_are_set_aside_and_told(home: Path) -> None:
    places = find_places()
    Path(places.config, "settings.json").write_text("{ half a sett")
    engine = await Engine.start(places, movers="inline")
    watch = engine.watch(View())
    assert isinstance(await anext(watch), Snapshot)
    notice = await anext(watch)
    assert isinstance(notice, Notice)
    assert notice.kind == "state-notice"
    assert "damaged" in notice.sentence
    assert [path.name for path in Path(places.config).iterdir() if "damaged" in path.name]
    await engine.stop()


async def test_a_damaged_queue_is_salvaged_and_told(bench: Bench, home: Path) -> None:
    await bench.done(await bench.upload(*(bench.file(f"f{number}") for number in range(50))))
    await bench.stop()
    database = home / "data" / "state.db"
    content = bytearray(database.read_bytes())
    content[3 * 4096 : 3 * 4096 + 2000] = b"\xff" * 2000
    database.write_bytes(content)
    await bench.start()
    watch = bench.engine.watch(View())
    events = [await anext(watch) for _ in range(2)]
    assert any(isinstance(event, Notice) and event.kind == "state-notice" for event in events)
    await bench.call(GetSettings())
    await bench.done(await bench.upload(bench.file("after")))
    assert set(await bench.states()) <= {State.DONE, State.QUEUED, State.PAUSED}


# --- going on


@pytest.fixture(params=["stop", "kill"])
def end(request: pytest.FixtureRequest) -> str:
    """How the engine ends: in order, or as by a power cut."""
    return str(request.param)


async def ended_and_started(bench: Bench, end: str) -> None:
    await (bench.stop() if end == "stop" else bench.kill())
    bench.script.clear()
    bench.script.calls.clear()
    await bench.start()


async def test_an_upload_goes_on_where_it_was(bench: Bench, end: str) -> None:
    bench.faults(*(Fault("put_part", number=number, times=0, delay_s=30) for number in (3, 4)))
    batch = await bench.upload(bench.file("f", 4 * PART), part_size_bytes=PART)

    async def two_done() -> bool:
        return [row.parts_done for row in await bench.rows(batch)] == [2]

    await until(two_done)
    await ended_and_started(bench, end)
    await bench.done(batch)
    assert bench.held("f") == some_bytes(4 * PART, 1)
    assert bench.script.numbers("put_part") == [3, 4]
    assert bench.open_uploads() == 0
    row = await bench.row(batch)
    assert row.resent_bytes <= 2 * PART
    assert row.verified_by == "crc64nvme"


async def test_a_download_goes_on_where_it_was(bench: Bench, tmp_path: Path, end: str) -> None:
    data = some_bytes(4 * PART, 9)
    await bench.put("k", data)
    bench.faults(Fault("get_range", times=0, skip=2, delay_s=30))
    batch = await bench.download("s3://b/k", to=str(tmp_path / "in" / "f"), part_size_bytes=PART)

    async def two_done() -> bool:
        return [row.parts_done for row in await bench.rows(batch)] == [2]

    await until(two_done)
    await ended_and_started(bench, end)
    await bench.done(batch)
    assert (tmp_path / "in" / "f").read_bytes() == data
    assert bench.script.count("get_range") == 2
    assert os.listdir(tmp_path / "in") == ["f"]


async def test_wishes_outlive_the_engine(bench: Bench, end: str) -> None:
    await bench.settings(files_parallel=1, connections=5)
    await bench.put("taken", b"theirs")
    asking = await bench.upload(bench.file("taken"), conflict=Conflict.ASK)
    await until(lambda: bench.engine.transfers.counts[State.ASKING] == 1)
    bench.faults(Fault("put_object", times=0, delay_s=30))
    batch = await bench.upload(*(bench.file(f"f{number}") for number in range(4)))
    await until(lambda: bench.engine.transfers.counts[State.RUNNING] == 1)
    rows = await bench.rows(batch)
    await bench.pause(rows[0].id, rows[1].id)
    await bench.cancel(rows[2].id)
    await ended_and_started(bench, end)
    assert (await bench.call(GetSettings())).connections == 5
    assert bench.account in [row.account.name for row in (await bench.call(ListAccounts())).accounts]
    await bench.rested(batch)
    assert await bench.states(batch) == [State.PAUSED, State.PAUSED, State.CANCELLED, State.DONE]
    assert await bench.states(asking) == [State.ASKING]
    await bench.call(AnswerQuestions(selection=EVERYTHING, answer=Conflict.OVERWRITE))
    await bench.done(asking)
    assert bench.held("taken") == some_bytes(1000, 1)


async def test_a_cancel_is_carried_through_after_a_restart(bench: Bench, end: str) -> None:
    bench.faults(Fault("put_part", times=0, delay_s=30), Fault("abort_upload", times=0, error=OFFLINE))
    batch = await bench.upload(bench.file("f", 2 * PART), part_size_bytes=PART)
    await until(lambda: bench.script.count("put_part") > 0)
    await bench.cancel()
    await until(lambda: bench.script.count("abort_upload") > 0)
    assert await bench.states(batch) == [State.CANCELLING]
    await ended_and_started(bench, end)
    await bench.rested(batch)
    assert await bench.states(batch) == [State.CANCELLED]
    assert bench.open_uploads() == 0


async def test_keys_that_were_waited_for_are_tried_again(bench: Bench, end: str) -> None:
    bench.faults(Fault("put_object", times=0, error=BAD_KEYS))
    batch = await bench.upload(bench.file("f"))
    await bench.rested(batch)
    assert await bench.states(batch) == [State.WAITING]
    await ended_and_started(bench, end)
    await bench.done(batch)


async def test_what_had_ended_stays_ended(bench: Bench, end: str) -> None:
    bench.faults(Fault("put_object", key="bad", error=REFUSED, times=0))
    batch = await bench.upload(bench.file("bad"), bench.file("good"))
    await bench.rested(batch)
    before = await bench.rows(batch)
    await ended_and_started(bench, end)
    await asyncio.sleep(0.05)
    assert [(row.name, row.state, row.error, row.ended_no) for row in await bench.rows(batch)] == [
        (row.name, row.state, row.error, row.ended_no) for row in before
    ]
    assert bench.script.count("put_object") == 0


async def test_small_files_are_not_asked_about_twice_after_a_crash(bench: Bench, end: str) -> None:
    """Their bytes are there, and the word that they are was not written: that is no conflict with somebody else."""
    bench.faults(Fault("put_object", error=OFFLINE, lost_answer=True))
    batch = await bench.upload(bench.file("f"), conflict=Conflict.ASK)
    await until(lambda: bench.held("f") is not None)
    await ended_and_started(bench, end)
    await bench.done(batch)
    assert bench.script.count("put_object") == 0


async def test_a_disk_that_is_full_for_a_while_loses_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An end that could not be written is not the end: the transfer runs once more when writing works again."""
    move, failures = bench.engine.transfers.move, 2

    async def full_disk(moves: Sequence[Move]) -> dict[int, State]:
        nonlocal failures
        if failures and any(one.new in ENDED for one in moves):
            failures -= 1
            raise StateError("disk-full", "The disk is full.")
        return await move(moves)

    monkeypatch.setattr(bench.engine.transfers, "move", full_disk)
    batch = await bench.upload(bench.file("f"))
    await bench.done(batch)
    assert failures == 0
    assert bench.script.count("put_object") == 2


async def test_with_real_movers(home: Path, tmp_path: Path) -> None:
    engine = await Engine.start(find_places())
    bench = Bench(tmp_path)
    bench.engine = engine
    bench.client = DirectClient(engine)
    batch = await bench.upload(bench.file("f", 2 * PART), to="s3://my-first-bucket/", account=TRY_IT_HERE)
    await bench.done(batch, seconds=60)
    [pid] = (await bench.call(GetStatus())).movers[:1]
    assert pid != os.getpid()
    members: list[ProcessMover] = engine.crew._members
    await engine.stop()
    assert members == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
