"""The movers as one: started when first needed, replaced when lost, with one gate for all connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from core.model.errors import LocalError, Retry
from core.stores.base import Access
from core.transfer.gate import Gate
from core.transfer.mover import InlineMover
from core.transfer.orders import DigestRange, Mover, Order, Outcome, Pace
from core.transfer.process import ProcessMover


class Crew:
    """Hands each order to the mover with the least to do, never more at once than there may be connections.

    `processes` is how many children there may be; 0 means one mover in this process.
    """

    def __init__(self, *, processes: int, connections: int) -> None:
        self.connections = Gate(connections)
        self._readers = Gate(2)  # checking local parts takes no connection, but the disk is one
        self._processes = processes
        self._inline = InlineMover()
        self._members: list[ProcessMover] = []
        self._starting: Awaitable[ProcessMover] | None = None
        self._paces: dict[str, int] = {}

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(member.pid for member in self._members if member.alive)

    async def run(self, order: Order, access: Access | None, on_bytes: Callable[[int], None]) -> Outcome:
        """As `Mover.run`, after waiting for a free connection."""
        gate = self._readers if isinstance(order, DigestRange) else self.connections
        async with gate.passing():
            mover = await self._choose(order, access)
            return await mover.run(order, access, on_bytes)

    def set_pace(self, key: str, bps: int) -> None:
        """Change a limit for orders under way and to come."""
        self._paces[key] = bps
        self._inline.set_pace(key, bps)
        for place, member in enumerate(self._members):
            # From now on the first carries all that falls under the limit; the others only finish what they have.
            member.set_pace(key, bps if place == 0 else self._share(bps))

    def pace(self, key: str, bps: int) -> Pace:
        """A limit as it goes into an order."""
        return Pace(key, self._paces.get(key, bps))

    async def close(self) -> None:
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
        await asyncio.gather(self._inline.close(), *(member.close() for member in self._members))
        self._members.clear()

    def _share(self, bps: int) -> int:
        return max(1, bps // max(1, len(self._members))) if bps else 0

    async def _choose(self, order: Order, access: Access | None) -> Mover:
        """The mover with the least to do; for what falls under a limit always the first, so that the limit is exact."""
        in_memory = access is not None and access.account.kind == "memory"
        if self._processes == 0 or in_memory:
            return self._inline
        self._members = [member for member in self._members if member.alive]
        paces = () if isinstance(order, DigestRange) else order.paces
        limited = any(self._paces.get(pace.key, pace.bps) for pace in paces)
        enough = 1 if limited else self._processes
        if len(self._members) < enough and all(member.load for member in self._members):
            await self._grow()
        if limited:
            return self._members[0]
        return min(self._members, key=lambda member: member.load)

    async def _grow(self) -> None:
        """Start one more mover; those who come meanwhile wait for the same one."""
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._hire())
        await asyncio.shield(self._starting)

    async def _hire(self) -> ProcessMover:
        try:
            member = await ProcessMover.start()
        except OSError as error:
            raise LocalError(
                "no-mover",
                "The process that moves bytes could not start and is tried again; close other programs if this stays.",
                detail=str(error),
                retry=Retry.BACKOFF,
            ) from error
        else:
            for key, bps in self._paces.items():  # orders made before a change still carry the old limits
                member.set_pace(key, bps)
            self._members.append(member)
            return member
        finally:
            self._starting = None
