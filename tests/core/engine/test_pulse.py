"""The heartbeat."""

import asyncio

from core.engine.pulse import Pulse


async def test_a_beat_wakes_everyone_once() -> None:
    pulse = Pulse()
    waiting = [asyncio.ensure_future(pulse.after(pulse.count)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    pulse.beat()
    assert await asyncio.gather(*waiting) == [1, 1, 1]


async def test_a_beat_before_the_wait_is_not_missed() -> None:
    pulse = Pulse()
    seen = pulse.count
    pulse.beat()
    assert await pulse.after(seen) == 1


async def test_nobody_waits_longer_than_wished() -> None:
    pulse = Pulse()
    assert await pulse.after(pulse.count, timeout_s=0.01) == 0


async def test_who_gives_up_does_not_stop_the_others() -> None:
    pulse = Pulse()
    first, second = (asyncio.ensure_future(pulse.after(0)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    pulse.beat()
    assert await second == 1
