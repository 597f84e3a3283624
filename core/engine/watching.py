"""Views onto the queue: a snapshot, then only what changed inside the window, ten times a second at most."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import deque
from collections.abc import AsyncIterator, Callable

from core.engine.live import Live
from core.engine.pulse import Pulse
from core.model.errors import ErrorRecord
from core.model.transfer import State
from core.protocol.events import Delta, Notice, Snapshot
from core.protocol.rows import FILTER_STATES, Totals, TransferRow, View
from core.state.transfers import Transfers

Event = Snapshot | Delta | Notice
_News = tuple[str, str, int, str]  # kind, sentence, batch, account
_STEP_S = 0.1
_IDLE_S = 1.0  # rates fall to zero without anything else happening
_MOST_ROWS = 500


class Watching:
    """What all watches share."""

    def __init__(
        self, transfers: Transfers, live: Live, pulse: Pulse, held: Callable[[], dict[str, ErrorRecord]]
    ) -> None:
        self.transfers = transfers
        self.live = live
        self.pulse = pulse
        self.held = held
        self.watches: set[EngineWatch] = set()
        self._unheard: deque[_News] = deque(maxlen=20)  # told while nobody watched

    def open(self, view: View) -> EngineWatch:
        watch = EngineWatch(self, view)
        watch.notices.extend(self._unheard)
        self._unheard.clear()
        self.watches.add(watch)
        return watch

    def tell(self, kind: str, sentence: str, *, batch: int = 0, account: str = "") -> None:
        """A notice to everyone who watches; kept for the first to come where nobody does."""
        news = (kind, sentence, batch, account)
        for watch in self.watches:
            watch.notices.append(news)
        if not self.watches:
            self._unheard.append(news)
        self.pulse.beat()

    async def counts(self, batch: int) -> dict[str, int]:
        by_state = await self.transfers.counts_of(batch) if batch else self.transfers.counts
        return counts_by_filter(by_state)


def counts_by_filter(by_state: dict[State, int]) -> dict[str, int]:
    return {name: sum(by_state.get(state, 0) for state in states) for name, states in FILTER_STATES.items()}


class EngineWatch:
    """One view. It builds an event only when asked for one: a slow reader skips what it missed, and nothing queues."""

    def __init__(self, shared: Watching, view: View) -> None:
        self._shared = shared
        self._view = _bounded(view)
        self._fresh = True
        self._closed = False
        self._seq = 0
        self._seen = -1
        self._told_at = 0.0
        self._index: array[int] = array("q")
        self._index_for: tuple[object, ...] = ()
        self._index_at = 0.0
        self._index_took_s = 0.0
        self._rows: dict[int, TransferRow] = {}
        self._ids: tuple[int, ...] = ()
        self._total = -1
        self._counts: dict[str, int] = {}
        self._totals = Totals()
        self._held: dict[str, ErrorRecord] = {}
        self._stored: dict[int, TransferRow] = {}
        self._stored_for: tuple[object, ...] = ()
        self.notices: list[_News] = []

    def look(self, view: View) -> None:
        self._view = _bounded(view)
        self._fresh = True
        self._shared.pulse.beat()

    async def close(self) -> None:
        self._closed = True
        self._shared.watches.discard(self)
        self._shared.pulse.beat()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while True:
            if not self._fresh and not self.notices and not self._closed:
                await self._change()
            event = None if self._closed else await self._event()
            if event is not None:
                self._told_at = time.monotonic()
                return event
            if self._closed:
                raise StopAsyncIteration

    async def _change(self) -> None:
        """Wait until something changed, and never tell more often than every tenth of a second."""
        stale = self._index_for[1:] != (self._shared.transfers.version,)
        busy = stale or bool(self._shared.live.running) or self._totals.up_bps > 0 or self._totals.down_bps > 0
        if not busy:
            self._seen = await self._shared.pulse.after(self._seen, None if not self._held else _IDLE_S)
        wait_s = self._told_at + _STEP_S - time.monotonic()
        self._seen = self._shared.pulse.count
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        elif busy:
            await asyncio.sleep(_STEP_S)

    async def _event(self) -> Event | None:
        if self._fresh:
            self._fresh = False
            return await self._snapshot()
        if self.notices:
            kind, sentence, batch, account = self.notices.pop(0)
            self._seq += 1
            return Notice(seq=self._seq, kind=kind, sentence=sentence, batch=batch, account=account)
        return await self._delta()

    async def _snapshot(self) -> Snapshot:
        view = self._view
        rows = await self._window(view)
        self._rows = {row.id: row for row in rows}
        self._ids = tuple(row.id for row in rows)
        self._total = len(self._index)
        self._counts = await self._shared.counts(view.batch)
        self._totals = self._shared.live.totals(self._shared.transfers.left_bytes)
        self._held = self._shared.held()
        self._seq += 1
        return Snapshot(
            seq=self._seq,
            view=view,
            total=self._total,
            rows=tuple(rows),
            counts=self._counts,
            totals=self._totals,
            held=self._held,
        )

    async def _delta(self) -> Delta | None:
        view = self._view
        rows = await self._window(view)
        if self._view is not view:
            return None  # the window moved meanwhile: the next event is a snapshot
        ids = tuple(row.id for row in rows)
        changed = tuple(row for row in rows if self._rows.get(row.id) != row)
        counts = await self._shared.counts(view.batch)
        totals = self._shared.live.totals(self._shared.transfers.left_bytes)
        held = self._shared.held()
        total = len(self._index)
        news = {
            "total": total if total != self._total else None,
            "ids": ids if ids != self._ids else None,
            "counts": counts if counts != self._counts else None,
            "totals": totals if totals != self._totals else None,
            "held": held if held != self._held else None,
        }
        self._rows = {row.id: row for row in rows}
        self._ids, self._total = ids, total
        self._counts, self._totals, self._held = counts, totals, held
        if not changed and all(value is None for value in news.values()):
            return None
        self._seq += 1
        return Delta(seq=self._seq, rows=changed, **news)  # type: ignore[arg-type]

    async def _window(self, view: View) -> list[TransferRow]:
        await self._refresh_index(view)
        ids = self._index[view.first : view.first + view.count].tolist()
        wanted = (self._shared.transfers.version, tuple(ids))
        if wanted != self._stored_for:
            self._stored = {row.id: row for row in await self._shared.transfers.page(ids)}
            self._stored_for = wanted
        now_s = time.time()
        return [self._shared.live.overlaid(self._stored[i], now_s) for i in ids if i in self._stored]

    async def _refresh_index(self, view: View) -> None:
        """Sort and filter again when the queue changed; the longer that takes the rarer it is done."""
        key = (view.filter, view.search, view.order, view.descending, view.batch)
        version = self._shared.transfers.version
        if self._index_for == (key, version):
            return
        rested = time.monotonic() - self._index_at >= 5 * self._index_took_s
        if self._index_for[:1] == (key,) and not rested:
            return
        started = time.monotonic()
        self._index = await self._shared.transfers.index(view)
        self._index_at = time.monotonic()
        self._index_took_s = self._index_at - started
        self._index_for = (key, version)


def _bounded(view: View) -> View:
    if view.first < 0 or not 0 <= view.count <= _MOST_ROWS:
        first, count = max(0, view.first), max(0, min(_MOST_ROWS, view.count))
        return View(view.filter, view.search, view.order, view.descending, first, count, view.batch)
    return view
