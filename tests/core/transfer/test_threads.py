"""Blocking calls in threads are waited for, also by those who are cancelled."""

import asyncio
import threading

import pytest

from core.transfer.threads import in_thread


async def test_the_answer_and_the_error_come_back() -> None:
    @in_thread
    def divide(a: int, b: int) -> float:
        assert threading.current_thread() is not threading.main_thread()
        return a / b

    assert await divide(6, b=3) == 2
    with pytest.raises(ZeroDivisionError):
        await divide(1, 0)


async def test_nothing_goes_on_behind_the_back_of_who_is_cancelled() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    @in_thread
    def write() -> None:
        begun.set()
        assert go_on.wait(10)
        ended.set()

    task = asyncio.ensure_future(write())
    await asyncio.to_thread(begun.wait, 10)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.01)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_an_error_after_a_cancel_is_not_lost_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    begun, go_on = threading.Event(), threading.Event()

    @in_thread
    def fail() -> None:
        begun.set()
        assert go_on.wait(10)
        raise OSError("late")

    task = asyncio.ensure_future(fail())
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0.01)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert caplog.records == []
