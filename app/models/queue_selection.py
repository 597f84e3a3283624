"""The table's selection, kept by transfer and not by position: a queue in motion never changes what is chosen."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, Signal

from app.models.transfer_table import Column, TransferTable
from app.selection import ALL, NONE, Chosen
from core.model.transfer import State
from core.protocol.rows import TransferRow

Flag = QItemSelectionModel.SelectionFlag
CHANGES = Flag.Select | Flag.Deselect | Flag.Toggle
MAX_GAPS = 64  # ranges outside the window that are still to be looked up


class QueueSelection(QItemSelectionModel):
    """Follows Qt's selection commands on a set of ids, and shows that set on whatever rows are in sight.

    Rows outside the window have no known id yet; `gap` asks for those of a stretch (position, count), and `fill` brings
    them.
    """

    chosen_changed = Signal()
    gap = Signal(int, int)

    def __init__(self, model: TransferTable) -> None:
        super().__init__(model)
        self._table = model
        self._settled: Chosen = NONE
        self._latest: frozenset[int] = frozenset()
        self._verb = Flag.NoUpdate
        self._current_id = 0
        self.gaps: list[tuple[int, int]] = []
        model.rearranged.connect(self._project)
        self.currentChanged.connect(self._remember_current)

    @property
    def chosen(self) -> Chosen:
        """What is chosen now."""
        if self._verb & Flag.Toggle:
            return self._settled.toggled(self._latest)
        if self._verb & Flag.Select:
            return self._settled.with_(self._latest)
        if self._verb & Flag.Deselect:
            return self._settled.without(self._latest)
        return self._settled

    def choose_all(self) -> None:
        """Everything the filter holds, however many."""
        self._set(ALL)

    def choose_none(self) -> None:
        self._set(NONE)

    def choose(self, *transfer_ids: int) -> None:
        self._set(NONE.with_(transfer_ids))

    def _set(self, chosen: Chosen) -> None:
        self._settled, self._latest, self._verb = chosen, frozenset(), Flag.NoUpdate
        self.gaps.clear()
        self._project()
        self.chosen_changed.emit()

    def rows_in_sight(self) -> Iterator[TransferRow]:
        """The chosen rows the window holds."""
        chosen = self.chosen
        return (row for row in self._table.mirror.rows if row.id in chosen)

    def states(self) -> tuple[frozenset[State], bool]:
        """The states of the chosen rows in sight, and whether there are others out of sight."""
        chosen, mirror = self.chosen, self._table.mirror
        seen = [row for row in mirror.rows if row.id in chosen]
        more = bool(self.gaps) or chosen.count(mirror.total) > len(seen)
        return frozenset(row.state for row in seen), more

    # --- Qt's commands

    def select(self, what: QItemSelection | QModelIndex, command: Flag) -> None:
        if isinstance(what, QModelIndex):
            what = QItemSelection(what, what)
        if command & Flag.Clear:
            self._settled, self._latest, self._verb = NONE, frozenset(), Flag.NoUpdate
            self.gaps.clear()
        if command & CHANGES:
            if not command & Flag.Current:
                self._settled = self.chosen
            self._latest = self._ids_of(what)
            self._verb = command & CHANGES
        super().select(what, command)
        self.chosen_changed.emit()

    def clear(self) -> None:
        super().clear()
        self.choose_none()

    def clearSelection(self) -> None:
        self.choose_none()

    def _ids_of(self, what: QItemSelection) -> frozenset[int]:
        ids: set[int] = set()
        self.gaps.clear()
        view = self._table.mirror.view
        end = view.first + len(self._table.mirror.rows)
        for span in what.toList():
            top, bottom = span.top(), span.bottom()
            for position in range(max(top, view.first), min(bottom + 1, end)):
                ids.add(self._table.mirror.rows[position - view.first].id)
            if len(self.gaps) < MAX_GAPS:
                outside = ((top, min(bottom, view.first - 1)), (max(top, end), bottom))
                self.gaps += [(first, last - first + 1) for first, last in outside if first <= last]
        for first, count in self.gaps:
            self.gap.emit(first, count)
        return frozenset(ids)

    def fill(self, gap: tuple[int, int], ids: list[int]) -> None:
        """The ids of a stretch that was asked for; ignored when the selection has moved on."""
        if gap in self.gaps:
            self.gaps.remove(gap)
            self._latest |= frozenset(ids)
            self._project()
            self.chosen_changed.emit()

    # --- keeping Qt's picture equal to ours

    def _remember_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        row = self._table.transfer(current.row()) if current.isValid() else None
        self._current_id = row.id if row is not None else 0

    def _project(self) -> None:
        """Show the chosen ids on the rows in sight, and keep the keyboard's place on its transfer."""
        picture = QItemSelection()
        chosen, mirror, last_column = self.chosen, self._table.mirror, len(Column) - 1
        index = self._table.index
        start = -1
        limit = self._table.rowCount()
        for position in range(mirror.view.first, min(limit, mirror.view.first + len(mirror.rows)) + 1):
            row = mirror.at(position) if position < limit else None
            inside = row is not None and row.id in chosen
            if inside and start < 0:
                start = position
            elif not inside and start >= 0:
                picture.select(index(start, 0), index(position - 1, last_column))
                start = -1
        super().select(picture, Flag.ClearAndSelect)
        self._follow_current()

    def _follow_current(self) -> None:
        position = self._table.mirror.position(self._current_id) if self._current_id else -1
        if position >= 0 and position < self._table.rowCount() and position != self.currentIndex().row():
            column = max(0, self.currentIndex().column())
            # Silently: hearing of it, the view would scroll after a transfer that only changed its place.
            self.blockSignals(True)
            super().setCurrentIndex(self._table.index(position, column), Flag.NoUpdate)
            self.blockSignals(False)
