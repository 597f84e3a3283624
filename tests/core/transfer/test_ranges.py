"""Ranges of files as bodies and sinks."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.model.errors import LocalError
from core.model.units import MIB
from core.transfer.files import fingerprint_of
from core.transfer.gate import Gate
from core.transfer.orders import Pace
from core.transfer.pace import Paces
from core.transfer.ranges import FileBody, RangeSink
from tests.core.transfer.rig import some_bytes
from tests.support.bodies import digests_of

DATA = some_bytes(3 * MIB + 12345)


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "f").write_bytes(DATA)
    number = os.open(tmp_path / "f", os.O_RDWR)
    yield number
    os.close(number)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(DATA)), st.integers(0, len(DATA)), st.booleans())
async def test_a_body_is_its_range(fd: int, a: int, b: int, md5: bool) -> None:
    start, end = min(a, b), max(a, b)
    flown: list[int] = []
    body = FileBody(fd, start, end - start, pool=Gate(2 * MIB), on_bytes=flown.append)
    pieces = [bytes(piece) async for piece in body.pieces(md5=md5)]
    assert b"".join(pieces) == DATA[start:end]
    assert all(0 < len(piece) <= MIB for piece in pieces)
    assert body.sent() == digests_of(DATA[start:end], md5=md5)
    assert await body.digest(md5=True) == digests_of(DATA[start:end])
    assert sum(flown) == end - start


async def test_a_second_attempt_takes_the_first_one_back(fd: int) -> None:
    flown: list[int] = []
    body = FileBody(fd, 0, len(DATA), pool=Gate(2 * MIB), on_bytes=flown.append)
    async with aclosing(body.pieces(md5=False)) as pieces:
        await anext(pieces)
        await anext(pieces)
    assert sum(flown) == MIB
    assert b"".join([bytes(piece) async for piece in body.pieces(md5=True)]) == DATA
    assert sum(flown) == len(DATA)
    assert body.sent() == digests_of(DATA)


async def test_a_reader_that_stops_gives_its_memory_back(fd: int) -> None:
    pool = Gate(2 * MIB)
    body = FileBody(fd, 0, len(DATA), pool=pool)
    async with aclosing(body.pieces(md5=False)) as pieces:
        await anext(pieces)
        assert pool.inside == MIB
    assert pool.inside == 0


async def test_many_readers_stay_within_the_pool(fd: int) -> None:
    pool, most = Gate(2 * MIB), [0]

    async def read() -> None:
        async for _ in FileBody(fd, 0, len(DATA), pool=pool).pieces(md5=False):
            most[0] = max(most[0], pool.inside)
            await asyncio.sleep(0)

    await asyncio.gather(*(read() for _ in range(8)))
    assert 0 < most[0] <= 2 * MIB
    assert pool.inside == 0


async def test_a_file_that_ends_early_has_changed(fd: int) -> None:
    body = FileBody(fd, 0, len(DATA), pool=Gate(2 * MIB), path="/the/file")
    pieces = body.pieces(md5=False)
    await anext(pieces)
    os.ftruncate(fd, MIB)
    with pytest.raises(LocalError) as caught:
        await anext(pieces)
    assert caught.value.code == "source-changed"
    assert "/the/file" in caught.value.sentence


async def test_a_file_that_is_written_to_has_changed(fd: int) -> None:
    body = FileBody(fd, 0, len(DATA), pool=Gate(2 * MIB), stamp=fingerprint_of(os.fstat(fd)))
    pieces = body.pieces(md5=False)
    await anext(pieces)
    os.utime(fd, ns=(1, 1))
    with pytest.raises(LocalError) as caught:
        await anext(pieces)
    assert caught.value.code == "source-changed"


async def test_a_slow_limit_makes_small_pieces_at_once(fd: int) -> None:
    paces = Paces()
    pace = paces.of([Pace("k", 0)])
    body = FileBody(fd, 0, len(DATA), pool=Gate(2 * MIB), pace=pace)
    pieces = body.pieces(md5=False)
    assert len(await anext(pieces)) == MIB
    paces.set("k", 1_600_000)
    assert len(await anext(pieces)) == 25_000
    await pieces.aclose()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 700_000), max_size=8), st.integers(0, 1000))
async def test_a_sink_writes_to_its_place(fd: int, sizes: list[int], offset: int) -> None:
    os.pwrite(fd, DATA, 0)
    wanted = bytearray(os.pread(fd, 1 << 30, 0))
    flown: list[int] = []
    sink = RangeSink(fd, offset, md5=True, pool=Gate(2 * MIB), on_bytes=flown.append)
    arrived, source = b"", some_bytes(6 * MIB, 3)
    for size in sizes:
        piece = bytearray(source[len(arrived) : len(arrived) + size])
        await sink.write(memoryview(piece))
        arrived += bytes(piece)
        piece[:] = bytes(len(piece))  # the store uses its buffer again
    await sink.flush()
    wanted[offset : offset + len(arrived)] = arrived
    assert os.pread(fd, 1 << 30, 0) == wanted
    assert sink.digests() == digests_of(arrived)
    assert sum(flown) == len(arrived)


async def test_a_sink_without_a_file_only_digests() -> None:
    sink = RangeSink(None, 0, md5=False, pool=Gate(MIB))
    await sink.write(DATA)
    await sink.flush()
    assert sink.digests() == digests_of(DATA, md5=False)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
async def test_a_disk_that_gets_full_is_named() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        sink = RangeSink(full, 0, md5=False, pool=Gate(MIB), path="/the/file")
        with pytest.raises(LocalError) as caught:
            await sink.write(DATA)
    finally:
        os.close(full)
    assert caught.value.code == "disk-full"
    assert "/the/file" in caught.value.sentence


async def test_a_stopped_sink_writes_nothing_after_its_file_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A descriptor that is closed under a writing thread may be another file's a moment later."""
    begun, go_on = threading.Event(), threading.Event()
    write = os.pwrite

    def slow_pwrite(fd: int, data: memoryview, offset: int) -> int:
        begun.set()
        assert go_on.wait(10)
        return write(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", slow_pwrite)
    mine = os.open(tmp_path / "mine", os.O_WRONLY | os.O_CREAT)

    async def receive() -> None:
        try:
            sink = RangeSink(mine, 0, md5=False, pool=Gate(MIB))
            await sink.write(DATA)
            await sink.flush()
        finally:
            os.close(mine)

    task = asyncio.ensure_future(receive())
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0.02)
    (tmp_path / "other").write_bytes(b"precious")
    other = os.open(tmp_path / "other", os.O_RDWR)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    os.close(other)
    assert (tmp_path / "other").read_bytes() == b"precious"
