"""A heartbeat that others can wait for: something has changed since you last looked."""

from __future__ import annotations

import asyncio


class Pulse:
    """Counts changes. Any number of tasks may wait for the next one; none is woken twice for the same."""

    def __init__(self) -> None:
        self.count = 0
        self._next: asyncio.Future[None] | None = None

    def beat(self) -> None:
        self.count += 1
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

    async def after(self, count: int, timeout_s: float | None = None) -> int:
        """Wait until there were more changes than `count`, or for so long; returns the number now."""
        if self.count > count:
            return self.count
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._next], timeout=timeout_s)
        return self.count
