"""The queue as a Qt table: as many rows as the filter holds, with words only where the mirror reaches."""

from __future__ import annotations

from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from app import row_text, text
from app.mirror import Change, Mirror
from core.protocol.rows import Order, TransferRow

Index = QModelIndex | QPersistentModelIndex
ROW_ROLE = Qt.ItemDataRole.UserRole  # the TransferRow itself: all a delegate reads
MAX_ROWS = 5_000_000  # Qt's header keeps 16 bytes for each; beyond it a filter or a search finds the rest


class Column(IntEnum):
    NAME = 0
    PLACE = 1
    PROGRESS = 2
    SPEED = 3
    LEFT = 4
    STATE = 5


HEADINGS = {
    Column.NAME: text.COLUMN_NAME,
    Column.PLACE: text.COLUMN_PLACE,
    Column.PROGRESS: text.COLUMN_PROGRESS,
    Column.SPEED: text.COLUMN_SPEED,
    Column.LEFT: text.COLUMN_LEFT,
    Column.STATE: text.COLUMN_STATE,
}
SORTS: dict[Column, Order] = {Column.NAME: Order.NAME, Column.PROGRESS: Order.SIZE, Column.STATE: Order.STATE}
_CELLS = {
    Column.NAME: lambda row: row.name,
    Column.PLACE: row_text.place,
    Column.PROGRESS: row_text.progress,
    Column.SPEED: row_text.speed,
    Column.LEFT: row_text.left,
    Column.STATE: row_text.state,
}
_SPOKEN = _CELLS | {Column.PROGRESS: row_text.spoken_progress}


class TransferTable(QAbstractTableModel):
    """Reads the mirror, which its owner changes and then tells with `changed`."""

    rearranged = Signal()  # positions hold other transfers than before

    def __init__(self, mirror: Mirror) -> None:
        super().__init__()
        self._mirror = mirror
        self._shown = 0

    @property
    def mirror(self) -> Mirror:
        return self._mirror

    def transfer(self, position: int) -> TransferRow | None:
        """The transfer at a row of the table, or None where it has not been fetched."""
        return self._mirror.at(position)

    # --- what changed

    def changed(self, change: Change) -> None:
        """Tell the views what an event did to the mirror: at most one signal for sizes and one for contents."""
        before = self._shown
        self._resize(min(self._mirror.total, MAX_ROWS))
        if change.view:
            self._emit(0, self._shown - 1)
        elif change.rows:
            column = Column.NAME if change.order else Column.PROGRESS
            self._emit(change.first, min(change.last, self._shown - 1), column)
        if change.view or change.order or self._shown != before:
            self.rearranged.emit()

    def _resize(self, count: int) -> None:
        if count > self._shown:
            self.beginInsertRows(QModelIndex(), self._shown, count - 1)
            self._shown = count
            self.endInsertRows()
        elif count < self._shown:
            self.beginRemoveRows(QModelIndex(), count, self._shown - 1)
            self._shown = count
            self.endRemoveRows()

    def _emit(self, first: int, last: int, column: Column = Column.NAME) -> None:
        """One range. A transfer's name and place never change, so those columns are spared unless it has moved."""
        if first <= last:
            self.dataChanged.emit(self.index(first, column), self.index(last, len(Column) - 1))

    # --- Qt's questions

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's signature)
        return 0 if parent.isValid() else self._shown

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole):
        row = self._mirror.at(index.row())
        if row is None:
            return None
        if role == ROW_ROLE:
            return row
        column = Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return _CELLS[column](row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return _SPOKEN[column](row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return row_text.tip(row)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole):
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[Column(section)]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            right = section in (Column.SPEED, Column.LEFT)
            side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None
