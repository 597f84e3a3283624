"""Control calls beside the engine's loop: the SDK's thread, started when it is first needed.

A botocore call keeps the CPU for 1 to 60 ms; on the loop that answers commands, eight listings made them wait half a
second. So the SDK has a loop of its own, and callers await it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from core.model.account import Account, Credentials
from core.stores.s3.answers import Target

if TYPE_CHECKING:
    from core.stores.s3.control import Control

T = TypeVar("T")


class Aside:
    """The control calls of one account. Cancelling a caller cancels its call."""

    def __init__(self, account: Account, secret: str) -> None:
        self._account = account
        self._secret = secret
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._control: Control | None = None

    async def call(self, operation: str, target: Target, *, offset_s: float = 0.0, **parameters: Any) -> dict[str, Any]:
        """The parsed answer of an S3 operation by its botocore name. Raises CoreError."""
        return await self._run(lambda control: control.call(operation, target, offset_s, parameters))

    async def resolved(self) -> tuple[Account, Credentials]:
        """The account as files and variables complete it, and keys that are valid now. Raises CoreError."""
        return await self._run(lambda control: control.resolved())

    async def close(self) -> None:
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = self._thread = None
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._wind_up(), loop))
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)

    async def _run(self, work: Callable[[Control], Awaitable[T]]) -> T:
        loop = self._loop or self._start()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._work(work), loop))

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = self._loop = asyncio.new_event_loop()
        name = f"s3-control {self._account.name}"
        self._thread = threading.Thread(target=_serve, args=(loop,), name=name, daemon=True)
        self._thread.start()
        return loop

    async def _work(self, work: Callable[[Control], Awaitable[T]]) -> T:
        if self._control is None:
            from core.stores.s3.control import Control  # loads the SDK

            self._control = Control(self._account, self._secret)
        return await work(self._control)

    async def _wind_up(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._control is not None:
            await self._control.close()
            self._control = None
        await asyncio.sleep(0.01)  # aiohttp's connections close in the turns after


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
