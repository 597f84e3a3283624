"""Blocking file calls as awaitables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, cast

from aiofiles.ospath import wrap  # type: ignore[attr-defined]  # public, but missing from the stubs

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The same function, run in the loop's executor each time it is called."""
    return cast("Callable[P, Awaitable[T]]", wrap(function))
