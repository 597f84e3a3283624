"""Blocking file calls as awaitables."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, cast

from aiofiles.ospath import wrap  # type: ignore[attr-defined]  # public, but missing from the stubs

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The same function, run in the loop's executor each time it is called.

    A caller who is cancelled waits until the call has returned. Else its descriptor could be closed, and its number
    given to another file, while the thread still writes; or a file could appear after it was thought removed.
    """
    call = cast("Callable[P, Awaitable[T]]", wrap(function))

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await _to_its_end(call(*args, **kwargs))

    return run


async def _to_its_end(call: Awaitable[T]) -> T:
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue  # told already
        raise
