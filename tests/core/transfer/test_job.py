"""Retries, and parts side by side."""

import asyncio

import pytest

from core.model.errors import CoreError, LocalError, NetworkError, RemoteError, Retry
from core.model.plan import PartPlan
from core.transfer.gate import Gate
from core.transfer.job import PART_TRIES, pause_s, side_by_side, with_retries

PLANS = [PartPlan(number, number - 1, 1) for number in range(1, 21)]


class Failing:
    """Fails so often, then answers with the number of the call."""

    def __init__(self, times: int, error: CoreError) -> None:
        self.calls, self._times, self._error = 0, times, error

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._times:
            raise self._error
        return self.calls


async def test_what_heals_is_tried_again() -> None:
    once = Failing(2, NetworkError("unreachable", "x", retry=Retry.BACKOFF))
    assert await with_retries(once) == 3


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (RemoteError("no-key", "x"), 1),
        (NetworkError("unreachable", "x", retry=Retry.ONLINE), 1),
        (RemoteError("bad-credentials", "x", retry=Retry.CREDENTIALS), 1),
        (LocalError("too-many-files", "x", retry=Retry.BACKOFF), 1),
        (RemoteError("slow-down", "x", retry=Retry.BACKOFF, after_s=600), 1),
        (RemoteError("slow-down", "x", retry=Retry.BACKOFF, after_s=0.0), PART_TRIES),
        (NetworkError("mover-lost", "x", retry=Retry.BACKOFF), PART_TRIES),
    ],
)
async def test_what_does_not_heal_is_not(error: CoreError, calls: int) -> None:
    once = Failing(99, error)
    with pytest.raises(CoreError) as caught:
        await with_retries(once)
    assert caught.value is error
    assert once.calls == calls


def test_pauses_grow_and_stay_bounded() -> None:
    assert pause_s(3, 7.5) == 7.5
    assert all(0 <= pause_s(attempt, None) <= 20 for attempt in range(2000))


@pytest.mark.parametrize("width", [1, 3, 50])
async def test_every_part_is_moved_once_and_never_too_many_at_once(width: int) -> None:
    lanes, moved, most = Gate(width), list[int](), [0]

    async def move(plan: PartPlan) -> None:
        most[0] = max(most[0], lanes.inside)
        await asyncio.sleep(0)
        moved.append(plan.number)

    await side_by_side(PLANS, lanes, move)
    assert sorted(moved) == [plan.number for plan in PLANS]
    assert most[0] == min(width, len(PLANS))
    assert lanes.inside == 0


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("bad", [1, 4, 20])
async def test_the_first_failure_stops_the_rest(width: int, bad: int) -> None:
    lanes, begun = Gate(width), list[int]()

    async def move(plan: PartPlan) -> None:
        begun.append(plan.number)
        await asyncio.sleep(0)
        if plan.number == bad:
            raise RemoteError("access-denied", "x")
        if plan.number > bad:
            await asyncio.sleep(60)

    with pytest.raises(RemoteError):
        await side_by_side(PLANS, lanes, move)
    assert len(begun) < bad + width
    assert lanes.inside == 0


async def test_the_expected_error_wins_over_its_consequences() -> None:
    both = asyncio.Event()

    async def move(plan: PartPlan) -> None:
        if plan.number == 1:
            await both.wait()
            raise ValueError("a mistake")
        both.set()
        raise RemoteError("slow-down", "x")

    with pytest.raises(RemoteError):
        await side_by_side(PLANS[:2], Gate(2), move)


async def test_our_own_mistakes_come_through() -> None:
    async def move(plan: PartPlan) -> None:
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        await side_by_side(PLANS, Gate(2), move)


@pytest.mark.parametrize("turns", range(12))
async def test_stopping_at_any_moment_leaves_the_lanes_free(turns: int) -> None:
    lanes, inside = Gate(2), set[int]()

    async def move(plan: PartPlan) -> None:
        inside.add(plan.number)
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        finally:
            inside.discard(plan.number)

    task = asyncio.ensure_future(side_by_side(PLANS, lanes, move))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not inside
    assert lanes.inside == 0


async def test_parts_are_not_all_tasks_at_once() -> None:
    lanes, drawn = Gate(2), list[int]()

    def plans():
        for plan in PLANS:
            drawn.append(plan.number)
            yield plan

    release = asyncio.Event()

    async def move(plan: PartPlan) -> None:
        await release.wait()

    task = asyncio.ensure_future(side_by_side(plans(), lanes, move))
    await asyncio.sleep(0.01)
    assert len(drawn) == 3  # two that move, one that waits for a lane
    release.set()
    await task
