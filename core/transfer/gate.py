"""How many at once: a counting gate whose width can change while people stand before it, and a pool of buffer bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Gate:
    """Admits `width` units at once, first come first served. A narrower gate takes effect as units come back."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._inside = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def inside(self) -> int:
        return self._inside

    @property
    def width(self) -> int:
        return self._width

    def widen(self, width: int) -> None:
        """Set the width, larger or smaller."""
        self._width = width
        self._admit()

    @asynccontextmanager
    async def passing(self, units: int = 1) -> AsyncIterator[None]:
        """Stay inside with this many units for the length of the block."""
        await self.enter(units)
        try:
            yield
        finally:
            self.leave(units)

    async def enter(self, units: int = 1) -> None:
        if not self._queue and self._fits(units):
            self._inside += units
            return
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((units, ticket))
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():
                self.leave(units)  # admitted and cancelled in the same turn
            else:
                with suppress(ValueError):  # taken out already by who came to admit it
                    self._queue.remove((units, ticket))
                self._admit()
            raise

    def leave(self, units: int = 1) -> None:
        self._inside -= units
        self._admit()

    def _fits(self, units: int) -> bool:
        # Whoever wants more than there is in all passes alone, or would wait for ever.
        return self._inside + units <= self._width or self._inside == 0

    def _admit(self) -> None:
        while self._queue and self._fits(self._queue[0][0]):
            units, ticket = self._queue.popleft()
            if not ticket.done():
                self._inside += units
                ticket.set_result(None)
