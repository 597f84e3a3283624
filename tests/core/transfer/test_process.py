"""Movers as real child processes: orders, errors, cancels, limits, and kill -9."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.model.account import Account, AccountKind
from core.model.errors import CoreError, LocalError, NetworkError, RemoteError, Retry
from core.model.units import MIB
from core.stores.base import Access
from core.stores.local.store import LocalStore
from core.transfer.crew import Crew
from core.transfer.files import read_fingerprint
from core.transfer.orders import DigestRange, Pace, ReadBack, SendObject
from core.transfer.process import ProcessMover, command
from tests.core.transfer.rig import eventually, some_bytes
from tests.support.bodies import digests_of

DATA = some_bytes(4 * MIB)


def nothing(_: int) -> None:
    """Nobody counts."""


@pytest.fixture
async def access(tmp_path: Path) -> Access:
    account = Account("l", AccountKind.LOCAL, root=str(tmp_path / "store"))
    (tmp_path / "store").mkdir()
    await LocalStore(account).create_bucket("bucket")
    return Access(account)


@pytest.fixture
async def mover() -> AsyncIterator[ProcessMover]:
    process = await ProcessMover.start()
    yield process
    await process.close()


@pytest.fixture
async def make_crew() -> AsyncIterator[Callable[..., Crew]]:
    crews: list[Crew] = []

    def make(**how: int) -> Crew:
        crews.append(Crew(**({"processes": 1, "connections": 8} | how)))
        return crews[-1]

    yield make
    for crew in crews:
        await crew.close()


async def send_order(tmp_path: Path, key: str = "k", *paces: Pace) -> SendObject:
    path = tmp_path / "f"
    if not path.exists():
        path.write_bytes(DATA)
    stamp = (await read_fingerprint(str(path))).text
    return SendObject(bucket="bucket", key=key, path=str(path), size_bytes=len(DATA), stamp=stamp, paces=paces)


async def test_an_order_is_carried_out_in_another_process(mover: ProcessMover, access: Access, tmp_path: Path) -> None:
    flown: list[int] = []
    outcome = await mover.run(await send_order(tmp_path), access, flown.append)
    assert mover.pid != os.getpid()
    assert outcome.digests == digests_of(DATA)
    assert sum(flown) == len(DATA)
    info = await LocalStore(access.account).head("bucket", "k")
    assert (info.size_bytes, info.etag) == (len(DATA), outcome.etag)
    assert mover.load == 0


async def test_errors_cross_as_they_are(mover: ProcessMover, access: Access, tmp_path: Path) -> None:
    with pytest.raises(LocalError) as caught:
        await mover.run(DigestRange(path=str(tmp_path / "none"), offset=0, size_bytes=1), None, nothing)
    assert (caught.value.code, caught.value.where) == ("no-file", str(tmp_path / "none"))
    with pytest.raises(RemoteError) as refused:
        await mover.run(ReadBack(bucket="bucket", key="none", etag="", offset=0, size_bytes=1), access, nothing)
    assert (refused.value.code, refused.value.retry) == ("no-key", Retry.NEVER)
    with pytest.raises(CoreError) as mistake:
        await mover.run(DigestRange(path="a\0b", offset=0, size_bytes=1), None, nothing)
    assert mistake.value.code == "internal"
    assert mover.alive


async def test_many_orders_at_once(mover: ProcessMover, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(DATA)
    spans = [(at * 1000, 1000 + at) for at in range(100)]
    orders = [DigestRange(path=str(path), offset=offset, size_bytes=size) for offset, size in spans]
    outcomes = await asyncio.gather(*(mover.run(order, None, nothing) for order in orders))
    for (offset, size), outcome in zip(spans, outcomes, strict=True):
        assert outcome.digests == digests_of(DATA[offset : offset + size], md5=False)


async def test_a_cancelled_order_stops_and_the_mover_goes_on(
    mover: ProcessMover, access: Access, tmp_path: Path
) -> None:
    flown: list[int] = []
    task = asyncio.ensure_future(
        mover.run(await send_order(tmp_path, "k", Pace("slow", 500_000)), access, flown.append)
    )
    await eventually(lambda: sum(flown) > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert mover.load == 0
    with pytest.raises(RemoteError):
        await LocalStore(access.account).head("bucket", "k")
    await mover.run(await send_order(tmp_path, "k2"), access, nothing)


async def test_a_limit_changes_while_bytes_move(mover: ProcessMover, access: Access, tmp_path: Path) -> None:
    flown: list[int] = []
    order = await send_order(tmp_path, "k", Pace("slow", 20_000))  # would take more than three minutes
    task = asyncio.ensure_future(mover.run(order, access, flown.append))
    await eventually(lambda: sum(flown) > 0)
    mover.set_pace("slow", 0)
    async with asyncio.timeout(20):
        await task
    assert sum(flown) == len(DATA)


@pytest.mark.kill
async def test_a_killed_mover_is_lost_and_says_so(mover: ProcessMover, access: Access, tmp_path: Path) -> None:
    flown: list[int] = []
    orders = [await send_order(tmp_path, f"k{n}", Pace("slow", 100_000)) for n in range(3)]
    tasks = [asyncio.ensure_future(mover.run(order, access, flown.append)) for order in orders]
    await eventually(lambda: sum(flown) > 0)
    os.kill(mover.pid, signal.SIGKILL)
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
    for result in results:
        assert isinstance(result, NetworkError)
        assert (result.code, result.retry) == ("mover-lost", Retry.BACKOFF)
    assert not mover.alive
    with pytest.raises(NetworkError):
        await mover.run(orders[0], access, nothing)


@pytest.mark.kill
async def test_the_crew_replaces_it(make_crew: Callable[..., Crew], access: Access, tmp_path: Path) -> None:
    crew = make_crew()
    await crew.run(await send_order(tmp_path, "k"), access, nothing)
    [first] = crew.pids
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: crew.pids == ())
    await crew.run(await send_order(tmp_path, "k2"), access, nothing)
    [second] = crew.pids
    assert second != first
    assert crew.connections.inside == 0


async def test_movers_are_started_as_they_are_needed(
    make_crew: Callable[..., Crew], access: Access, tmp_path: Path
) -> None:
    crew = make_crew(processes=2)
    assert list(crew.pids) == []
    await crew.run(await send_order(tmp_path, "a"), access, nothing)
    await crew.run(await send_order(tmp_path, "b"), access, nothing)
    assert len(crew.pids) == 1
    orders = [await send_order(tmp_path, f"c{n}") for n in range(6)]
    await asyncio.gather(*(crew.run(order, access, nothing) for order in orders))
    assert len(crew.pids) == 2


async def test_no_more_at_once_than_there_may_be_connections(
    make_crew: Callable[..., Crew], access: Access, tmp_path: Path
) -> None:
    crew, most = make_crew(processes=0, connections=2), [0]

    def look(_: int) -> None:
        most[0] = max(most[0], crew.connections.inside)

    orders = [await send_order(tmp_path, f"c{n}") for n in range(6)]
    await asyncio.gather(*(crew.run(order, access, look) for order in orders))
    assert most[0] == 2
    assert crew.connections.inside == 0


async def test_a_mover_that_comes_later_knows_the_limits_of_now(
    make_crew: Callable[..., Crew], access: Access, tmp_path: Path
) -> None:
    crew = make_crew()
    order = await send_order(tmp_path, "k", crew.pace("all:up", 1000))  # made when the limit was low
    crew.set_pace("all:up", 0)
    async with asyncio.timeout(30):
        await crew.run(order, access, nothing)


async def test_one_mover_carries_all_that_is_limited(
    make_crew: Callable[..., Crew], access: Access, tmp_path: Path
) -> None:
    """With the limit shared out among movers, a lone transfer would get only a part of it."""
    crew = make_crew(processes=3)
    limited = crew.pace("all:up", 50 * MIB)
    assert limited == Pace("all:up", 50 * MIB)
    orders = [await send_order(tmp_path, f"c{n}", limited) for n in range(4)]
    await asyncio.gather(*(crew.run(order, access, nothing) for order in orders))
    assert len(crew.pids) == 1
    crew.set_pace("all:up", 0)
    orders = [await send_order(tmp_path, f"d{n}", crew.pace("all:up", 9)) for n in range(4)]
    await asyncio.gather(*(crew.run(order, access, nothing) for order in orders))
    assert len(crew.pids) > 1


async def test_a_mover_that_cannot_be_started(
    make_crew: Callable[..., Crew], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = make_crew()
    monkeypatch.setattr("core.transfer.process.command", lambda: [str(tmp_path / "none")])
    with pytest.raises(LocalError) as caught:
        await crew.run(DigestRange(path=str(tmp_path), offset=0, size_bytes=0), None, nothing)
    assert (caught.value.code, caught.value.retry) == ("no-mover", Retry.BACKOFF)
    monkeypatch.undo()
    (tmp_path / "f").write_bytes(b"x")
    await crew.run(DigestRange(path=str(tmp_path / "f"), offset=0, size_bytes=1), None, nothing)


async def test_a_mover_ends_with_its_engine(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        *command(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdin is not None
    child.stdin.close()
    assert await asyncio.wait_for(child.wait(), 20) == 0


async def test_a_mover_that_hears_nonsense_ends(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        *command(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    await asyncio.wait_for(child.communicate(b"nonsense\n"), 20)
    assert child.returncode != 0


def test_a_mover_loads_neither_sdk_nor_database_nor_window() -> None:
    script = (
        "import sys, core.transfer.mover_main\n"
        "heavy = ('PySide6', 'aioboto3', 'botocore', 'sqlite3', 'keyring', 'core.state')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


async def test_the_engines_own_program_is_a_mover_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed build has no interpreter to start one with."""
    monkeypatch.setattr("core.transfer.process.command", lambda: [sys.executable, "-m", "core.host.agent", "--mover"])
    (tmp_path / "f").write_bytes(DATA)
    process = await ProcessMover.start()
    try:
        order = DigestRange(path=str(tmp_path / "f"), offset=0, size_bytes=len(DATA))
        assert (await process.run(order, None, nothing)).digests.crc64nvme == digests_of(DATA).crc64nvme
    finally:
        await process.close()
