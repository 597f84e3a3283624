"""The gate: how many at once, whoever comes, goes, or gives up."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.transfer.gate import Gate


async def turn(count: int = 3) -> None:
    """Let everyone who can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_as_many_as_it_is_wide() -> None:
    gate = Gate(2)
    await gate.enter()
    await gate.enter()
    third = asyncio.ensure_future(gate.enter())
    await turn()
    assert not third.done()
    gate.leave()
    await turn()
    assert third.done()
    assert gate.inside == 2


async def test_first_come_first_served() -> None:
    gate, order = Gate(1), list[int]()

    async def pass_by(number: int) -> None:
        async with gate.passing():
            order.append(number)
            await turn()

    await asyncio.gather(*(pass_by(number) for number in range(10)))
    assert order == list(range(10))
    assert gate.inside == 0


async def test_a_large_one_is_not_overtaken_by_small_ones() -> None:
    gate = Gate(10)
    await gate.enter(8)
    large = asyncio.ensure_future(gate.enter(5))
    await turn()
    small = asyncio.ensure_future(gate.enter(1))
    await turn()
    assert not small.done()
    gate.leave(8)
    await turn()
    assert large.done()
    assert small.done()


async def test_more_than_there_is_in_all_passes_alone() -> None:
    gate = Gate(4)
    await gate.enter(100)
    other = asyncio.ensure_future(gate.enter(1))
    await turn()
    assert not other.done()
    gate.leave(100)
    await turn()
    assert other.done()


async def test_a_wider_gate_admits_at_once_and_a_narrower_one_as_they_leave() -> None:
    gate = Gate(1)
    tasks = [asyncio.ensure_future(gate.enter()) for _ in range(5)]
    await turn()
    gate.widen(4)
    await turn()
    assert [task.done() for task in tasks] == [True] * 4 + [False]
    gate.widen(2)
    gate.leave()
    gate.leave()
    await turn()
    assert not tasks[4].done()
    gate.leave()
    await turn()
    assert tasks[4].done()
    assert gate.inside == 2


async def test_who_gives_up_in_the_turn_of_being_admitted_leaks_nothing() -> None:
    gate = Gate(1)
    await gate.enter()
    waiting = asyncio.ensure_future(gate.enter())
    await turn()
    gate.leave()  # admitted...
    waiting.cancel()  # ...and cancelled before it could see that
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert gate.inside == 0
    await gate.enter()


async def test_who_gives_up_just_before_being_admitted_leaks_nothing() -> None:
    gate = Gate(1)
    await gate.enter()
    waiting = asyncio.ensure_future(gate.enter())
    after = asyncio.ensure_future(gate.enter())
    await turn()
    waiting.cancel()
    gate.leave()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await turn()
    assert after.done()
    assert gate.inside == 1


async def test_a_large_one_that_gives_up_lets_the_small_ones_pass() -> None:
    gate = Gate(10)
    await gate.enter(8)
    large, small = asyncio.ensure_future(gate.enter(5)), asyncio.ensure_future(gate.enter(2))
    await turn()
    assert not small.done()
    large.cancel()
    await turn()
    assert small.done()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 6))
def test_whatever_happens_the_units_add_up(seed: int, width: int) -> None:
    asyncio.run(_crowd(random.Random(seed), width))


async def _crowd(chance: random.Random, width: int) -> None:
    gate, inside, widest = Gate(width), dict[int, int](), [width]

    async def visit(number: int, units: int) -> None:
        async with gate.passing(units):
            inside[number] = units
            assert sum(inside.values()) <= widest[0] or len(inside) == 1
            try:
                await turn(chance.randrange(4))
            finally:
                del inside[number]

    tasks = []
    for number in range(40):
        tasks.append(asyncio.ensure_future(visit(number, chance.randint(1, 8))))
        await turn(chance.randrange(3))
        if chance.random() < 0.3:
            chance.choice(tasks).cancel()
        if chance.random() < 0.2:
            new = chance.randint(1, 8)
            widest[0] = max(new, sum(inside.values()), gate.inside)  # those inside may stay
            gate.widen(new)
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results), results
    assert gate.inside == 0
