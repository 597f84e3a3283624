"""The part of the queue the window can see, kept equal to the engine's by its events. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass

from core.model.errors import ErrorRecord
from core.protocol.events import Delta, Snapshot
from core.protocol.rows import Totals, TransferRow, View


class GapError(Exception):
    """An event does not follow the one before it; only a fresh Snapshot helps."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one event did, as a view needs to know it. Positions count in the whole filter."""

    view: bool = False  # another filter, order, search or stretch is shown
    total: bool = False
    order: bool = False  # some positions hold other transfers than before
    first: int = -1  # the changed positions, both included; -1 for none
    last: int = -1
    counts: bool = False
    totals: bool = False
    held: bool = False

    @property
    def rows(self) -> bool:
        return self.first >= 0


class Mirror:
    """Rows, counts and totals as the newest event left them."""

    def __init__(self) -> None:
        self.seq = -1
        self.view = View(count=0)
        self.total = 0
        self.rows: list[TransferRow] = []
        self.counts: dict[str, int] = {}
        self.totals = Totals()
        self.held: dict[str, ErrorRecord] = {}
        self._index: dict[int, int] = {}

    def at(self, position: int) -> TransferRow | None:
        """The row at a position of the whole filter, or None where the window does not reach."""
        index = position - self.view.first
        return self.rows[index] if 0 <= index < len(self.rows) else None

    def position(self, transfer_id: int) -> int:
        """Where a transfer stands in the whole filter, or -1 when it is not in sight."""
        index = self._index.get(transfer_id, -1)
        return index if index < 0 else index + self.view.first

    def find(self, transfer_id: int) -> TransferRow | None:
        index = self._index.get(transfer_id, -1)
        return None if index < 0 else self.rows[index]

    def apply(self, event: Snapshot | Delta) -> Change:
        """Take in one event. Raises GapError for a delta that does not fit."""
        if isinstance(event, Snapshot):
            return self._replace(event)
        return self._amend(event)

    def _replace(self, event: Snapshot) -> Change:
        old_ids, old_view, old_total = [row.id for row in self.rows], self.view, self.total
        self.seq = event.seq
        self.view, self.total = event.view, event.total
        self.rows = list(event.rows)
        self.counts, self.totals, self.held = event.counts, event.totals, event.held
        self._reindex()
        same_window = old_view == event.view
        return Change(
            view=not same_window,
            total=old_total != event.total,
            order=not same_window or old_ids != [row.id for row in self.rows],
            first=self.view.first if self.rows else -1,
            last=self.view.first + len(self.rows) - 1 if self.rows else -1,
            counts=True,
            totals=True,
            held=True,
        )

    def _amend(self, event: Delta) -> Change:
        if event.seq != self.seq + 1:
            raise GapError(f"event {event.seq} after {self.seq}")
        touched = self._place(event)
        self.seq = event.seq
        total_changed = event.total is not None and event.total != self.total
        if event.total is not None:
            self.total = event.total
        if event.counts is not None:
            self.counts = event.counts
        if event.totals is not None:
            self.totals = event.totals
        if event.held is not None:
            self.held = event.held
        return Change(
            total=total_changed,
            order=event.ids is not None,
            first=self.view.first + min(touched) if touched else -1,
            last=self.view.first + max(touched) if touched else -1,
            counts=event.counts is not None,
            totals=event.totals is not None,
            held=event.held is not None,
        )

    def _place(self, event: Delta) -> list[int]:
        """Put the delta's rows where they belong; the indexes that look different now."""
        if event.ids is None:
            touched = []
            for row in event.rows:
                index = self._index.get(row.id)
                if index is not None:
                    self.rows[index] = row
                    touched.append(index)
            return touched
        known = {row.id: row for row in self.rows}
        known.update((row.id, row) for row in event.rows)
        try:
            rows = [known[one] for one in event.ids]
        except KeyError as error:
            raise GapError(f"transfer {error} was never shown") from None
        longest = max(len(rows), len(self.rows))
        old, self.rows = self.rows, rows
        self._reindex()
        return [i for i in range(longest) if i >= len(rows) or i >= len(old) or rows[i] is not old[i]]

    def _reindex(self) -> None:
        self._index = {row.id: index for index, row in enumerate(self.rows)}
