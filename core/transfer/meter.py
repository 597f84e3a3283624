"""What has moved and how fast: committed bytes, bytes in flight, and a rate over the last seconds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_WINDOW_S = 4.0
_STEP_S = 0.25
_LEAST_S = 0.5  # the first bytes after a rest say little of a rate


class Rate:
    """Bytes per second over a short window; a rate that has stopped falls to zero within it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])
        self._total = 0

    def add(self, size_bytes: int) -> None:
        now = self._clock()
        if now - self._samples[-1][0] > _WINDOW_S:  # after a rest only the new bytes count
            self._samples = deque([(now, self._total)])
        self._total += size_bytes
        if now - self._samples[-1][0] >= _STEP_S:
            self._samples.append((now, self._total))
            self._trim(now)

    def bps(self) -> float:
        now = self._clock()
        if now - self._samples[-1][0] > _WINDOW_S:
            return 0.0
        self._trim(now)
        start_s, before = self._samples[0]
        return (self._total - before) / max(now - start_s, _LEAST_S)

    def _trim(self, now: float) -> None:
        while len(self._samples) > 1 and now - self._samples[1][0] >= _WINDOW_S:
            self._samples.popleft()


class Meter:
    """Progress of one transfer. Committed never goes back; in flight does when an attempt is taken back."""

    def __init__(self, size_bytes: int, committed_bytes: int, rates: tuple[Rate, ...] = ()) -> None:
        self.size_bytes = size_bytes
        self.committed_bytes = committed_bytes
        self.parts = 0
        self.parts_done = 0
        self.rate = Rate()
        self._rates = rates
        self._flying: dict[int, int] = {}

    @property
    def flying_bytes(self) -> int:
        return max(0, sum(self._flying.values()))

    @property
    def left_s(self) -> float:
        """Seconds left at the present rate, -1 when it cannot be told."""
        bps = self.rate.bps()
        left = self.size_bytes - self.committed_bytes - self.flying_bytes
        return left / bps if bps > 1 else -1.0

    def fly(self, part: int, size_bytes: int) -> None:
        """More bytes of a part went out, or (negative) an attempt was taken back."""
        self._flying[part] = self._flying.get(part, 0) + size_bytes
        if size_bytes > 0:
            self.rate.add(size_bytes)
            for rate in self._rates:
                rate.add(size_bytes)

    def drop(self, part: int) -> int:
        """An attempt ended without success; returns the bytes that had gone out."""
        return max(0, self._flying.pop(part, 0))

    def commit(self, part: int, size_bytes: int) -> None:
        self._flying.pop(part, None)
        self.committed_bytes += size_bytes
        self.parts_done += 1

    def restart(self, *, committed_bytes: int, parts: int, parts_done: int) -> None:
        """A new plan: what of it is there already."""
        self._flying.clear()
        self.committed_bytes = committed_bytes
        self.parts, self.parts_done = parts, parts_done
