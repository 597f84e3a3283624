"""Views onto the queue: what deltas say is what a fresh look shows."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from core.client.direct import DirectWatch
from core.engine.watching import Scene, difference
from core.model.account import Account, AccountKind
from core.model.transfer import Conflict, State
from core.protocol.commands import AnswerQuestions, PrioritiseTransfers, PutAccount, RemoveTransfers
from core.protocol.events import Delta, Notice, Snapshot
from core.protocol.rows import Filter, Order, Selection, Totals, TransferRow, View
from core.stores.memory.faults import DROPPED, Fault
from tests.core.engine.bench import BAD_KEYS, EVERYTHING, PART, REFUSED, Bench, until


class Mirror:
    """What a window knows, from nothing but the events."""

    def __init__(self, watch: DirectWatch) -> None:
        self.watch = watch
        self.seq = 0
        self.events: list[object] = []
        self.notices: list[Notice] = []
        self.view = View()
        self.total = 0
        self.rows: dict[int, TransferRow] = {}
        self.ids: tuple[int, ...] = ()
        self.counts: dict[str, int] = {}
        self.totals = Totals()
        self.held: dict[str, object] = {}

    async def next(self) -> object:
        event = await anext(self.watch)
        assert event.seq == self.seq + 1, "a gap"
        self.seq = event.seq
        self.events.append(event)
        match event:
            case Snapshot():
                self.view, self.total = event.view, event.total
                self.rows = {row.id: row for row in event.rows}
                self.ids = tuple(self.rows)
                self.counts, self.totals, self.held = event.counts, event.totals, dict(event.held)
            case Delta():
                assert any(isinstance(one, Snapshot) for one in self.events)
                self._apply(event)
            case Notice():
                self.notices.append(event)
        return event

    def _apply(self, delta: Delta) -> None:
        self.rows |= {row.id: row for row in delta.rows}
        if delta.ids is not None:
            self.ids = delta.ids
            self.rows = {number: self.rows[number] for number in delta.ids}  # all are known, or this fails
        self.total = delta.total if delta.total is not None else self.total
        self.counts = delta.counts if delta.counts is not None else self.counts
        self.totals = delta.totals if delta.totals is not None else self.totals
        self.held = dict(delta.held) if delta.held is not None else self.held

    @property
    def shown(self) -> tuple[object, ...]:
        return self.total, [self.rows[number] for number in self.ids], self.counts, self.totals, self.held

    async def read_until_quiet(self, quiet_s: float = 0.35) -> None:
        reading = asyncio.ensure_future(self.next())
        while True:
            done, _ = await asyncio.wait([reading], timeout=quiet_s)
            if not done:
                break
            reading.result()
            reading = asyncio.ensure_future(self.next())
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def fresh(bench: Bench, view: View) -> Mirror:
    mirror = Mirror(bench.client.watch(view))
    await mirror.next()
    await mirror.watch.close()
    return mirror


async def test_first_a_snapshot_then_only_what_changed(bench: Bench) -> None:
    await bench.done(await bench.upload(bench.file("a")))
    mirror = Mirror(bench.client.watch(View()))
    assert isinstance(await mirror.next(), Snapshot)
    assert [row.name for row in mirror.rows.values()] == ["a"]
    await bench.done(await bench.upload(bench.file("b")))
    await mirror.read_until_quiet()
    assert all(isinstance(event, Delta) for event in mirror.events[1:])
    assert not any(row.name == "a" for event in mirror.events[1:] for row in event.rows)  # type: ignore[attr-defined]
    assert settled(mirror) == settled(await fresh(bench, View()))
    assert mirror.counts["done"] == 2
    await mirror.watch.close()


async def test_nothing_is_said_when_nothing_happens(bench: Bench) -> None:
    mirror = Mirror(bench.client.watch(View()))
    await mirror.next()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(mirror.watch), 1.3)


async def test_a_slow_reader_gets_one_event_for_all_it_missed(bench: Bench) -> None:
    mirror = Mirror(bench.client.watch(View()))
    await mirror.next()
    for number in range(5):
        await bench.done(await bench.upload(bench.file(f"f{number}")))
    await mirror.next()
    assert len(mirror.events) == 2
    assert mirror.counts["done"] == 5
    assert mirror.total == 5
    await mirror.watch.close()


async def test_looking_elsewhere_gives_a_snapshot_of_there(bench: Bench) -> None:
    batch = await bench.upload(*(bench.file(f"f{number}") for number in range(10)))
    await bench.done(batch)
    mirror = Mirror(bench.client.watch(View(order=Order.NAME, count=3)))
    await mirror.next()
    assert [row.name for row in mirror.rows.values()] == ["f0", "f1", "f2"]
    reading = asyncio.ensure_future(mirror.next())
    await asyncio.sleep(0.02)
    view = View(order=Order.NAME, descending=True, first=2, count=2)
    mirror.watch.look(view)
    assert isinstance(await asyncio.wait_for(reading, 10), Snapshot)
    assert mirror.view == view
    assert [row.name for row in mirror.rows.values()] == ["f7", "f6"]
    assert mirror.total == 10
    mirror.watch.look(View(filter=Filter.PAUSED))
    await mirror.next()
    assert mirror.shown[:2] == (0, [])
    mirror.watch.look(View(search="F3"))
    await mirror.next()
    assert [row.name for row in mirror.rows.values()] == ["f3"]
    await mirror.watch.close()


async def test_a_view_is_kept_within_bounds(bench: Bench) -> None:
    mirror = Mirror(bench.client.watch(View(first=-5, count=10**6)))
    await mirror.next()
    assert (mirror.view.first, mirror.view.count) == (0, 500)
    await mirror.watch.close()


async def test_closing_ends_the_stream(bench: Bench) -> None:
    watch = bench.client.watch(View())
    events: list[object] = []

    async def read() -> None:
        async for event in watch:
            events.append(event)

    reading = asyncio.ensure_future(read())
    await until(lambda: len(events) == 1)
    await watch.close()
    await asyncio.wait_for(reading, 10)
    assert not bench.engine.watching.watches


async def test_progress_is_seen_and_committed_never_goes_back(bench: Bench) -> None:
    bench.faults(
        *(Fault("put_part", number=number, after_bytes=3 << 20, delay_s=0.15) for number in (1, 2, 3)),
        Fault("put_part", number=2, times=2, after_bytes=2 << 20, error=DROPPED),
    )
    mirror = Mirror(bench.client.watch(View()))
    await mirror.next()
    await bench.upload(bench.file("f", 3 * PART), part_size_bytes=PART, parts=1)
    committed, flying = [0], [0]
    while mirror.counts.get("done") != 1:
        await asyncio.wait_for(mirror.next(), 20)
        for row in mirror.rows.values():
            assert row.committed_bytes + row.flying_bytes <= 3 * PART
            committed.append(row.committed_bytes)
            flying.append(row.flying_bytes)
        left = mirror.totals.left_bytes
        assert 0 <= left <= 3 * PART
    assert committed == sorted(committed)
    assert len(set(committed)) >= 3
    assert max(flying) > 0
    while mirror.totals.left_bytes:
        await asyncio.wait_for(mirror.next(), 20)
    await mirror.watch.close()


async def test_accounts_that_are_held_are_shown_and_released(bench: Bench) -> None:
    mirror = Mirror(bench.client.watch(View()))
    await mirror.next()
    bench.faults(Fault("put_object", times=0, error=BAD_KEYS))
    batch = await bench.upload(bench.file("f"))
    while not mirror.held:
        await asyncio.wait_for(mirror.next(), 10)
    bench.script.clear()
    await bench.call(PutAccount(account=Account(bench.account, AccountKind.MEMORY)))
    await bench.done(batch)
    while mirror.held:
        await asyncio.wait_for(mirror.next(), 10)
    await mirror.watch.close()


async def test_notices_come_once_also_to_who_comes_late(bench: Bench) -> None:
    bench.engine.watching.tell("kind", "Early.")
    mirror = Mirror(bench.client.watch(View()))
    await mirror.next()
    await mirror.next()
    bench.engine.watching.tell("kind", "Now.", batch=7)
    await mirror.next()
    assert [(notice.sentence, notice.batch) for notice in mirror.notices] == [("Early.", 0), ("Now.", 7)]
    late = await fresh(bench, View())
    assert late.notices == []
    await mirror.watch.close()


@pytest.mark.parametrize("seed", range(3))
async def test_what_deltas_say_is_what_there_is(bench: Bench, seed: int) -> None:
    """Anything at all happens to the queue while several windows look on, one of them slowly."""
    chance = random.Random(seed)
    bench.faults(
        Fault("put_object", times=0, key="refused", error=REFUSED),
        *(Fault("put_object", skip=chance.randrange(30), delay_s=chance.random() / 5) for _ in range(10)),
        *(Fault("put_object", skip=chance.randrange(30), error=DROPPED, times=6) for _ in range(3)),
    )
    await bench.put("taken", b"theirs")
    views = [
        View(),
        View(filter=Filter.DONE, order=Order.ENDED, descending=True, count=5),
        View(order=Order.SIZE, first=3, count=4),
        View(filter=Filter.NEEDS_YOU, order=Order.STATE),
        View(batch=2, order=Order.NAME),
    ]
    mirrors = [Mirror(bench.client.watch(view)) for view in views]
    for mirror in mirrors:
        await mirror.next()
    readers = [asyncio.ensure_future(read_on(mirror)) for mirror in mirrors]
    slow = Mirror(bench.client.watch(View()))
    for step in range(40):
        await anything(bench, chance, step)
        await asyncio.sleep(chance.choice([0, 0, 0.01, 0.05]))
        if step % 13 == 0:
            await slow.next()
    bench.script.clear()
    await until(lambda: not bench.engine.live.running and not bench.engine.intake.busy)
    await asyncio.sleep(1.2)  # the last rates fall, the last words are written
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await slow.next()
    for mirror in [*mirrors, slow]:
        assert settled(mirror) == settled(await fresh(bench, mirror.view))
        await mirror.watch.close()


def settled(mirror: Mirror) -> tuple[object, ...]:
    total, rows, counts, totals, held = mirror.shown
    quiet = replace(totals, up_bps=0, down_bps=0, left_s=-1.0)  # type: ignore[type-var]
    return total, rows, counts, quiet, held


async def read_on(mirror: Mirror) -> None:
    while True:
        await mirror.next()


async def anything(bench: Bench, chance: random.Random, step: int) -> None:
    rows = await bench.rows()
    some = Selection(ids=tuple(row.id for row in rows if chance.random() < 0.3))
    if step < 4 or chance.random() < 0.3:
        names = [f"f{step}-{number}" for number in range(chance.randint(1, 8))]
        names += [name for name in ("refused", "taken") if chance.random() < 0.3]
        paths = [bench.file(name, chance.randrange(2000)) for name in names]
        policy = chance.choice(list(Conflict))
        await bench.upload(*paths, conflict=policy, priority=chance.randint(-1, 1), files=chance.choice([0, 1, 2]))
        return
    match chance.randrange(8):
        case 0:
            await bench.pause(*some.ids)
        case 1:
            await bench.resume(*some.ids)
        case 2:
            await bench.retry(*some.ids)
        case 3 if some.ids:
            await bench.cancel(*some.ids)
        case 4:
            await bench.call(RemoveTransfers(selection=some))
        case 5:
            await bench.call(PrioritiseTransfers(selection=some, priority=chance.randint(-2, 2)))
        case 6:
            answer = chance.choice([Conflict.SKIP, Conflict.OVERWRITE, Conflict.RENAME])
            await bench.call(AnswerQuestions(selection=EVERYTHING, answer=answer, for_batch=chance.random() < 0.5))
        case _:
            await bench.settings(files_parallel=chance.randint(1, 8))


def test_no_difference_no_event() -> None:
    scene = Scene(total=3, counts={"all": 3})
    assert difference(1, scene, replace(scene)) is None
    assert difference(1, scene, replace(scene, total=4)) == Delta(seq=1, total=4)


async def test_the_queue_is_told_by_state(bench: Bench) -> None:
    bench.faults(Fault("put_object", times=0, key="a", error=REFUSED))
    await bench.rested(await bench.upload(bench.file("a"), bench.file("b")))
    counts = (await fresh(bench, View())).counts
    assert counts == {"all": 2, "moving": 0, "waiting": 0, "paused": 0, "needs-you": 1, "done": 1}
    assert await bench.states() == [State.FAILED, State.DONE]
