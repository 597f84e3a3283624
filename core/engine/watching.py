"""Views onto the queue: a snapshot, then only what changed inside the window, ten times a second at most."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from core.engine.live import Live
from core.engine.pulse import Pulse
from core.engine.window import QueueWindow, bounded
from core.model.errors import ErrorRecord
from core.model.transfer import State
from core.protocol.events import Delta, Notice, Snapshot
from core.protocol.rows import FILTER_STATES, Totals, TransferRow, View
from core.state.transfers import Transfers

Event = Snapshot | Delta | Notice
_News = tuple[str, str, int, str]  # kind, sentence, batch, account
_STEP_S = 0.1
_IDLE_S = 1.0  # rates fall to zero and holds expire without anything else happening


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
        self._view = bounded(view)
        self._window = QueueWindow(shared.transfers, shared.live)
        self._fresh = True
        self._closed = False
        self._seq = 0
        self._seen = -1
        self._told_at = 0.0
        self._told = Scene()
        self.notices: list[_News] = []

    def look(self, view: View) -> None:
        self._view = bounded(view)
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
        totals = self._told.totals
        busy = self._window.stale or bool(self._shared.live.running) or totals.up_bps > 0 or totals.down_bps > 0
        if not busy:
            self._seen = await self._shared.pulse.after(self._seen, _IDLE_S)
        wait_s = self._told_at + _STEP_S - time.monotonic()
        self._seen = self._shared.pulse.count
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        elif busy:
            await asyncio.sleep(_STEP_S)

    async def _event(self) -> Event | None:
        fresh, self._fresh = self._fresh, False
        if not fresh and self.notices:
            kind, sentence, batch, account = self.notices.pop(0)
            self._seq += 1
            return Notice(seq=self._seq, kind=kind, sentence=sentence, batch=batch, account=account)
        view, told = self._view, self._told
        scene = await self._scene(view)
        if self._view is not view and not fresh:
            return None  # the window moved meanwhile: the next event is a snapshot
        self._told = scene
        event = snapshot(self._seq + 1, view, scene) if fresh else difference(self._seq + 1, told, scene)
        self._seq += event is not None
        return event

    async def _scene(self, view: View) -> Scene:
        rows = await self._window.rows(view)
        return Scene(
            total=self._window.total,
            rows=tuple(rows),
            counts=await self._shared.counts(view.batch),
            totals=self._shared.live.totals(self._shared.transfers.left_bytes),
            held=self._shared.held(),
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """What a watch shows at one moment."""

    total: int = 0
    rows: tuple[TransferRow, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    held: dict[str, ErrorRecord] = field(default_factory=dict)


def snapshot(seq: int, view: View, scene: Scene) -> Snapshot:
    return Snapshot(
        seq=seq,
        view=view,
        total=scene.total,
        rows=scene.rows,
        counts=scene.counts,
        totals=scene.totals,
        held=scene.held,
    )


def difference(seq: int, old: Scene, new: Scene) -> Delta | None:
    """What turns one scene into the other; None where they are the same."""
    if old == new:
        return None
    known = {row.id: row for row in old.rows}
    ids = tuple(row.id for row in new.rows)
    return Delta(
        seq=seq,
        total=new.total if new.total != old.total else None,
        ids=ids if ids != tuple(known) else None,
        rows=tuple(row for row in new.rows if known.get(row.id) != row),
        counts=new.counts if new.counts != old.counts else None,
        totals=new.totals if new.totals != old.totals else None,
        held=new.held if new.held != old.held else None,
    )
