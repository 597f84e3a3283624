"""Rate limits: token buckets shared by every order that falls under the same key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from core.transfer.orders import Pace

PIECE_BYTES = 1 << 20
_LEAST_PIECE_BYTES = 16 << 10
_LOOK_AGAIN_S = 0.1  # how soon those who wait notice a changed limit
_BURST_S = 0.1  # how much an idle bucket may save up: short, so that a limit is a limit from the first second


class TokenBucket:
    """Lets `bps` bytes a second through; takers are served in the order they came. 0 lets everything through."""

    def __init__(self, bps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free_at = 0.0  # when everything taken so far has been paid for
        self.bps = bps
        self.changes = 0

    def reserve(self, size_bytes: int) -> float:
        """Take tokens and return how many seconds to wait before using them."""
        if self.bps <= 0:
            return 0.0
        now = self._clock()
        self._free_at = max(self._free_at, now - _BURST_S) + size_bytes / self.bps
        return max(0.0, self._free_at - now)

    def change(self, bps: int) -> None:
        """A new limit, in force at once; debts made at the old one are forgotten."""
        if bps != self.bps:
            self.bps = bps
            self._free_at = 0.0
            self.changes += 1


class Paces:
    """The buckets of one mover, by key."""

    def __init__(self) -> None:
        self._buckets: dict[str, TokenBucket] = {}

    def set(self, key: str, bps: int) -> None:
        if key in self._buckets:
            self._buckets[key].change(bps)
        else:
            self._buckets[key] = TokenBucket(bps)

    def of(self, paces: Sequence[Pace]) -> OrderPace:
        """The limits one order falls under. The first order with a key makes its bucket; changes come by `set`."""
        for pace in paces:
            if pace.key not in self._buckets:
                self._buckets[pace.key] = TokenBucket(pace.bps)
        return OrderPace([self._buckets[pace.key] for pace in paces])


class OrderPace:
    """All limits of one order at once."""

    def __init__(self, buckets: Sequence[TokenBucket] = ()) -> None:
        self._buckets = buckets

    @property
    def piece_bytes(self) -> int:
        """How much to move at a time, so that a slow limit still moves several times a second."""
        slowest = min((b.bps for b in self._buckets if b.bps > 0), default=0)
        return PIECE_BYTES if not slowest else max(_LEAST_PIECE_BYTES, min(PIECE_BYTES, slowest // 64))

    async def take(self, size_bytes: int) -> None:
        """Wait until this many bytes may pass. A limit that changes meanwhile counts at once."""
        until_s, seen = self._reserve(size_bytes), self._changes
        while (wait_s := until_s - time.monotonic()) > 0:
            await asyncio.sleep(min(wait_s, _LOOK_AGAIN_S))
            if self._changes != seen:
                until_s, seen = self._reserve(size_bytes), self._changes

    def _reserve(self, size_bytes: int) -> float:
        """The moment (monotonic seconds) from which the bytes may pass."""
        return time.monotonic() + max((bucket.reserve(size_bytes) for bucket in self._buckets), default=0.0)

    @property
    def _changes(self) -> int:
        return sum(bucket.changes for bucket in self._buckets)
