"""Whole trees up and down while everything goes wrong: afterwards both sides are equal, and nothing else is left."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.client.direct import DirectClient
from core.engine import patience
from core.engine.accounts import TRY_IT_HERE
from core.engine.engine import Engine
from core.host.places import find_places
from core.model.account import Account
from core.model.errors import NetworkError, RemoteError, Retry
from core.model.transfer import State
from core.protocol.commands import GetStatus, PutAccount
from core.stores.memory.contents import forget
from core.stores.memory.faults import DROPPED, Fault
from core.transfer import job
from tests.core.engine.bench import OFFLINE, PART, Bench, until
from tests.support.bodies import some_bytes

BUSY = RemoteError("slow-down", "Too fast.", retry=Retry.BACKOFF, after_s=0.01)
BROKEN = NetworkError("timed-out", "No answer came.", retry=Retry.BACKOFF)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(patience, "_FIRST_S", 0.01)
    monkeypatch.setattr(patience, "_LONGEST_S", 0.05)


@pytest.fixture
async def bench(home: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    await bench.start()
    await bench.new_account()
    yield bench
    await bench.stop()
    forget(bench.account)


def plant(root: Path, chance: random.Random, *, small: int, large: int) -> Path:
    """A tree of small files in odd places, some empty, and a few that go in parts."""
    folders = ["", "a", "a/b", "é ü", "with space", "deep/er/and/deeper", "-dash", "a.b"]
    for number in range(small):
        path = root / chance.choice(folders) / f"{number} {chance.choice(['x', 'ß', '+', '%41', '(1)', '=', '#', '?'])}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(some_bytes(chance.choice([0, 1, 100, 70_000]), number))
    for number in range(large):
        (root / f"large {number}").write_bytes(some_bytes(PART * 2 + chance.randrange(PART), 1000 + number))
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def test_a_tree_survives_a_bad_network(bench: Bench, tmp_path: Path) -> None:
    chance = random.Random(1)
    tree = plant(tmp_path / "tree", chance, small=60, large=2)
    for call, size in (("put_object", 0), ("put_part", 2 << 20), ("get_range", 50_000)):
        for _ in range(12):
            error = chance.choice([DROPPED, BUSY, BROKEN, OFFLINE])
            lost = chance.random() < 0.3
            after_bytes = 0 if lost else chance.randrange(size + 1)
            skip = chance.randrange(60)
            bench.faults(Fault(call, skip=skip, after_bytes=after_bytes, error=error, lost_answer=lost))
    for call in ("create_upload", "complete_upload", "list_objects", "head"):
        bench.faults(Fault(call, error=chance.choice([DROPPED, BROKEN]), lost_answer=True))
    for _ in range(2):  # bytes that are turned over on their way
        bench.faults(Fault("put_part", skip=2, after_bytes=12345, corrupt=True))
    await bench.done(await bench.upload(str(tree), part_size_bytes=PART), seconds=60)
    assert {key.removeprefix("tree/"): data for key, data in bench.everything().items()} == contents(tree)
    assert bench.open_uploads() == 0
    await bench.done(await bench.download("s3://b/tree", to=str(tmp_path / "back"), part_size_bytes=PART), seconds=60)
    assert contents(tmp_path / "back" / "tree") == contents(tree)
    assert {row.verified_by for row in await bench.rows()} == {"crc64nvme"}


async def test_a_tree_survives_power_cuts(bench: Bench, tmp_path: Path) -> None:
    """The engine dies again and again, at any moment; parts that were done are not sent again."""
    chance = random.Random(2)
    tree = plant(tmp_path / "tree", chance, small=120, large=2)
    batch = await bench.upload(str(tree), part_size_bytes=PART)
    cuts = 0
    while (await bench.call(GetStatus())).counts != {"done": 122} and cuts < 12:
        bench.faults(Fault("put_object", times=15, skip=5, delay_s=0.02), Fault("put_part", times=2, delay_s=0.03))
        await asyncio.sleep(chance.random() * 0.12)
        await bench.kill()
        bench.script.clear()
        await bench.start()
        cuts += 1
    await bench.done(batch, seconds=60)
    assert cuts > 2
    assert {key.removeprefix("tree/"): data for key, data in bench.everything().items()} == contents(tree)
    assert bench.open_uploads() == 0
    assert len(await bench.rows(batch)) == 122

    batch = await bench.download("s3://b/tree", to=str(tmp_path / "back"), part_size_bytes=PART)
    cuts = 0
    while (await bench.call(GetStatus())).counts != {"done": 244} and cuts < 12:
        bench.faults(Fault("get_range", times=15, skip=5, delay_s=0.02))
        await asyncio.sleep(chance.random() * 0.12)
        await bench.kill()
        bench.script.clear()
        await bench.start()
        cuts += 1
    await bench.done(batch, seconds=60)
    assert cuts > 2
    assert contents(tmp_path / "back" / "tree") == contents(tree)  # and no temporary file
    assert len(await bench.rows(batch)) == 122


async def test_a_tree_survives_restless_fingers(bench: Bench, tmp_path: Path) -> None:
    chance = random.Random(3)
    tree = plant(tmp_path / "tree", chance, small=80, large=2)
    bench.faults(Fault("put_object", times=0, delay_s=0.005), Fault("put_part", times=0, delay_s=0.02))
    batch = await bench.upload(str(tree), part_size_bytes=PART)
    for _ in range(25):
        await asyncio.sleep(chance.random() * 0.05)
        await bench.pause(*chance.choice([(), tuple(range(1, 40))]))
        if chance.random() < 0.3:
            await bench.cancel(*chance.sample(range(1, 83), 5))
        await bench.resume()
        await bench.retry()
        await bench.settings(files_parallel=chance.randint(1, 10), connections=chance.randint(1, 9))
    await until(lambda: not bench.engine.transfers.counts[State.CANCELLING])
    await bench.retry()
    await bench.resume()
    await bench.done(batch, seconds=60)
    assert {key.removeprefix("tree/"): data for key, data in bench.everything().items()} == contents(tree)
    assert bench.open_uploads() == 0


@pytest.mark.kill
async def test_a_tree_survives_its_movers(home: Path, tmp_path: Path) -> None:
    """Real movers on the built-in store, killed with -9 while they carry."""
    chance = random.Random(4)
    tree = plant(tmp_path / "tree", chance, small=40, large=4)
    bench = Bench(tmp_path)
    bench.engine = await Engine.start(find_places())
    bench.client = DirectClient(bench.engine)
    paced = Account("paced", bench.engine.accounts.get(TRY_IT_HERE).kind, root=str(home / "data" / "try-it-here"))
    await bench.call(PutAccount(account=paced))
    killed = 0

    async def killing() -> None:
        nonlocal killed
        while True:
            await asyncio.sleep(0.15)
            for pid in (await bench.call(GetStatus())).movers:
                os.kill(pid, signal.SIGKILL)
                killed += 1

    killer = asyncio.ensure_future(killing())
    batch = await bench.upload(
        str(tree), to="s3://my-first-bucket/", account="paced", part_size_bytes=PART, limit_up_bps=60_000_000
    )
    await until(lambda: killed >= 3)
    killer.cancel()
    await bench.done(batch, seconds=60)
    bucket = home / "data" / "try-it-here" / "my-first-bucket"
    assert contents(bucket / "tree") == contents(tree)
    assert len(await bench.rows(batch)) == 44
    await bench.engine.stop()
