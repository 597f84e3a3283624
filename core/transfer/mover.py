"""A mover in this process: for tests, and for stores that live in memory."""

from __future__ import annotations

from collections.abc import Callable

from core.stores.base import Access, ByteStore
from core.stores.carriers import open_carrier, renewed
from core.transfer.carry import Porter
from core.transfer.orders import Order, Outcome

POOL_BYTES = 64 << 20  # buffer bytes of one mover


class Carriers:
    """The stores a mover has open, one for each account; a changed access opens a new one."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Access, ByteStore]] = {}
        self._outdated: list[ByteStore] = []

    def of(self, access: Access) -> ByteStore:
        known = self._open.get(access.account.name)
        if known is not None and known[0] == access:
            return known[1]
        if known is not None and renewed(known[1], access):
            self._open[access.account.name] = (access, known[1])
            return known[1]
        if known is not None:
            self._outdated.append(known[1])  # orders may still be using it
        carrier = open_carrier(access)
        self._open[access.account.name] = (access, carrier)
        return carrier

    async def close(self) -> None:
        for carrier in [*self._outdated, *(carrier for _, carrier in self._open.values())]:
            await carrier.close()
        self._open.clear()
        self._outdated.clear()


class InlineMover:
    """Carries orders out on the loop it is called on."""

    def __init__(self, pool_bytes: int = POOL_BYTES) -> None:
        self._porter = Porter(pool_bytes)
        self._carriers = Carriers()

    @property
    def pid(self) -> int:
        return 0  # no process of its own

    async def run(self, order: Order, access: Access | None, on_bytes: Callable[[int], None]) -> Outcome:
        store = self._carriers.of(access) if access is not None else None
        return await self._porter.carry(order, store, on_bytes)

    def set_pace(self, key: str, bps: int) -> None:
        self._porter.paces.set(key, bps)

    async def close(self) -> None:
        await self._carriers.close()
