"""Token buckets by a clock that is set by hand."""

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from core.transfer.orders import Pace
from core.transfer.pace import PIECE_BYTES, OrderPace, Paces, TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_no_limit_never_waits() -> None:
    bucket = TokenBucket(0, Clock())
    assert [bucket.reserve(10**12) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_an_idle_bucket_saves_up_a_tenth_of_a_second_and_no_more() -> None:
    clock = Clock()
    bucket = TokenBucket(1000, clock)
    assert bucket.reserve(100) == 0.0
    assert round(bucket.reserve(1000), 6) == 1.0
    clock.now += 3600
    assert bucket.reserve(100) == 0.0
    assert round(bucket.reserve(500), 6) == 0.5


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0, 2)), min_size=1, max_size=40), st.integers(100, 5000))
def test_never_more_than_the_limit_passes(takes: list[tuple[int, float]], bps: int) -> None:
    """Each taker comes some time after the one before and moves its bytes when its wait is over."""
    clock = Clock()
    bucket = TokenBucket(bps, clock)
    moved: list[tuple[float, int]] = []
    for size_bytes, pause_s in takes:
        clock.now += pause_s
        moved.append((clock.now + bucket.reserve(size_bytes), size_bytes))
    assert [when for when, _ in moved] == sorted(when for when, _ in moved)  # first come first served
    for first in range(len(moved)):
        total = 0
        for when, size_bytes in moved[first:]:
            total += size_bytes
            # a piece passes when it has been paid for, so the first one's own size is free
            assert total - moved[first][1] <= bps * (when - moved[first][0] + 0.1) + 1e-3


def test_a_changed_limit_forgets_debts() -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock)
    bucket.reserve(10_000)
    assert bucket.reserve(1) > 900
    bucket.change(1000)
    assert bucket.reserve(50) == 0.0
    bucket.change(0)
    assert bucket.reserve(10**9) == 0.0


def test_setting_the_same_limit_again_forgives_nothing() -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock)
    bucket.reserve(100)
    bucket.change(10)
    assert bucket.reserve(1) > 9


def test_orders_with_one_key_share_and_all_limits_count() -> None:
    paces = Paces()
    one = paces.of([Pace("all:up", 1000), Pace("account:a:up", 500)])
    paces.of([Pace("all:up", 9999)])  # the bucket is there already: its limit changes by `set` only
    assert one.piece_bytes == 16 << 10
    paces.set("all:up", 0)
    paces.set("account:a:up", 0)
    assert one.piece_bytes == PIECE_BYTES
    paces.set("account:a:up", 8_000_000)
    assert one.piece_bytes == 125_000


async def test_nobody_waits_without_limits() -> None:
    await OrderPace().take(10**12)


async def test_a_lifted_limit_frees_those_who_wait() -> None:
    paces = Paces()
    pace = paces.of([Pace("k", 1)])
    waiting = [asyncio.ensure_future(pace.take(1_000_000)) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert not any(task.done() for task in waiting)
    paces.set("k", 0)
    async with asyncio.timeout(10):  # and not the eleven days it was before
        await asyncio.gather(*waiting)


async def test_a_new_limit_holds_for_those_who_wait() -> None:
    paces = Paces()
    pace = paces.of([Pace("k", 1)])
    waiting = asyncio.ensure_future(pace.take(1000))
    await asyncio.sleep(0.01)
    started = time.monotonic()
    paces.set("k", 2000)
    async with asyncio.timeout(10):
        await waiting
    assert time.monotonic() - started >= 0.39  # 1000 bytes less a tenth of a second's, at 2000 a second
