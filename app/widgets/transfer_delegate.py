"""Paints the cells of the transfers table from one role, and knows where the links inside a row are."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from app import row_text
from app.icons import icon_pixmap
from app.models.transfer_table import ROW_ROLE, Column
from app.theme import ROW_HEIGHT, tabular, theme
from app.widgets.progress import paint_bar
from app.widgets.state_pill import paint_pill
from core.model.transfer import State
from core.model.units import format_size
from core.protocol.rows import TransferRow

PAD = 8
EDGE = 16  # before the first column
GAP = 12
ICON = 14
WIDE = (Column.PROGRESS, Column.SPEED, Column.LEFT)  # one sentence may run across these
MIN_BAR = 48
LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
# As plain numbers: Python's flag arithmetic would be paid for every cell.
SELECTED = QStyle.StateFlag.State_Selected.value
FOCUSED = QStyle.StateFlag.State_HasFocus.value
Link = tuple[str, QRectF, str]  # answer, where, words


class TransferDelegate(QStyledItemDelegate):
    """One class for all columns: it reads the row itself and paints with as few calls as it can."""

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table
        self.hovered_row = -1
        self.hovered_link = ""

    def sizeHint(self, _option: QStyleOptionViewItem, _index) -> QSize:
        return QSize(80, ROW_HEIGHT)

    # --- where things are

    def wide_rect(self, row_number: int) -> QRectF:
        """The stretch of a row that a sentence may use, in viewport coordinates."""
        table = self._table
        lefts = [table.columnViewportPosition(column) for column in WIDE if not table.isColumnHidden(column)]
        if not lefts:
            return QRectF()
        right = max(
            table.columnViewportPosition(column) + table.columnWidth(column)
            for column in WIDE
            if not table.isColumnHidden(column)
        )
        return QRectF(
            min(lefts), table.rowViewportPosition(row_number), right - min(lefts), table.rowHeight(row_number)
        )

    def links(self, row: TransferRow, row_number: int) -> list[Link]:
        """The links of a row with their places; they stand at the left, before or after the sentence."""
        area = self.wide_rect(row_number).adjusted(PAD, 0, -PAD, 0)
        metrics = QFontMetricsF(self._link_font())
        offered = row_text.links(row)
        width = sum(metrics.horizontalAdvance(words) + GAP for _, words in offered)
        sentence = QFontMetricsF(self._table.font()).horizontalAdvance(row_text.progress(row)) + GAP
        x = area.left() + min(sentence, max(0.0, area.width() - width))
        found: list[Link] = []
        for answer, words in offered:
            advance = metrics.horizontalAdvance(words)
            found.append((answer, QRectF(x, area.top(), advance, area.height()), words))
            x += advance + GAP
        return found

    def link_at(self, point: QPointF) -> tuple[TransferRow, str] | None:
        """The transfer and answer under a point of the viewport."""
        index = self._table.indexAt(point.toPoint())
        row = index.data(ROW_ROLE) if index.isValid() else None
        if row is None or row.state not in (State.ASKING, State.FAILED):
            return None
        for answer, rect, _ in self.links(row, index.row()):
            if rect.adjusted(-4, 0, 4, 0).contains(point):
                return row, answer
        return None

    def _link_font(self) -> QFont:
        font = QFont(self._table.font())
        font.setWeight(QFont.Weight.DemiBold)
        return font

    # --- painting

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        rect = QRectF(option.rect)
        self._background(painter, option, index)
        if row is None:
            self._blank(painter, rect, index)
            return
        painter.save()
        painter.setFont(self._table.font())
        column = index.column()
        if column in WIDE and row.state not in row_text.BARRED:
            self._sentence(painter, rect, row, index.row())
        elif column == Column.PROGRESS:
            self._progress(painter, rect, row)
        elif column == Column.NAME:
            self._name(painter, rect, row)
        elif column == Column.PLACE:
            self._place(painter, rect, row)
        elif column == Column.STATE:
            pill = rect.adjusted(PAD, 0, -PAD, 0)
            paint_pill(painter, pill, row_text.state(row), row_text.STATE_ICONS[row.state], row_text.tone(row))
        else:
            words = row_text.speed(row) if column == Column.SPEED else row_text.left(row)
            self._number(painter, rect, words)
        painter.restore()

    def _background(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        state = option.state.value
        if state & SELECTED:
            painter.fillRect(option.rect, theme.color("select"))
        elif index.row() == self.hovered_row:
            painter.fillRect(option.rect, theme.color("hover"))
        if state & FOCUSED and index.column() == self._table.currentIndex().column():
            rect = QRect(option.rect)
            painter.fillRect(QRect(rect.left(), rect.top() + 4, 2, rect.height() - 8), theme.color("accent"))

    def _blank(self, painter: QPainter, rect: QRectF, index: QModelIndex) -> None:
        """A row the window has not reached yet: a quiet bar where the name will be."""
        if index.column() == Column.NAME:
            painter.fillRect(QRectF(rect.left() + EDGE + 20, rect.center().y() - 4, 120, 8), theme.color("track"))

    def _name(self, painter: QPainter, rect: QRectF, row: TransferRow) -> None:
        scale = painter.device().devicePixelRatioF()
        arrow = icon_pixmap(row_text.DIRECTION_ICONS[row.direction], theme.tokens.muted, ICON, scale)
        painter.drawPixmap(QPointF(rect.left() + EDGE, rect.center().y() - ICON / 2), arrow)
        painter.setPen(theme.color("text"))
        self._text(painter, rect.adjusted(EDGE + ICON + 6, 0, -PAD, 0), row.name, Qt.TextElideMode.ElideMiddle)

    def _place(self, painter: QPainter, rect: QRectF, row: TransferRow) -> None:
        inner = rect.adjusted(PAD, 0, -PAD, 0)
        painter.setPen(theme.color("muted"))
        words, more = row_text.place(row), row_text.place_from(row)
        metrics = QFontMetricsF(painter.font())
        if more and metrics.horizontalAdvance(words + "  " + more) <= inner.width():
            words += "  " + more
        self._text(painter, inner, words, Qt.TextElideMode.ElideMiddle)

    def _progress(self, painter: QPainter, rect: QRectF, row: TransferRow) -> None:
        inner = rect.adjusted(PAD, 0, -PAD, 0)
        painter.setFont(tabular(painter.font()))
        metrics = QFontMetricsF(painter.font())
        percent_room, size_room = metrics.horizontalAdvance("100 %"), metrics.horizontalAdvance("888.8 MiB")
        with_size = inner.width() >= percent_room + size_room + 2 * GAP + MIN_BAR
        room = percent_room + GAP + (size_room + GAP if with_size else 0)
        committed, flying = row_text.shares(row)
        token = "accent" if row.state in (State.RUNNING, State.QUEUED) else "faint"
        paint_bar(painter, inner.adjusted(0, 0, -room, 0), committed, flying, token=token)
        painter.setPen(theme.color("text" if row.state is State.RUNNING else "muted"))
        numbers = inner.adjusted(0, 0, -size_room - GAP if with_size else 0, 0)
        painter.drawText(numbers, RIGHT, f"{row_text.percent(row)} %")
        if with_size:
            painter.setPen(theme.color("muted"))
            painter.drawText(inner, RIGHT, format_size(row.size_bytes))

    def _number(self, painter: QPainter, rect: QRectF, words: str) -> None:
        if not words:
            return
        painter.setFont(tabular(painter.font()))
        painter.setPen(theme.color("text"))
        inner = rect.adjusted(PAD, 0, -PAD, 0)
        painter.drawText(inner, RIGHT, words)

    def _sentence(self, painter: QPainter, rect: QRectF, row: TransferRow, row_number: int) -> None:
        """The part of the wide area that falls into this cell: a sentence, then its links."""
        painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
        area = self.wide_rect(row_number).adjusted(PAD, 0, -PAD, 0)
        links = self.links(row, row_number)
        room = links[0][1].left() - GAP - area.left() if links else area.width()
        painter.setPen(theme.color({State.FAILED: "bad", State.ASKING: "warn"}.get(row.state, "muted")))
        if room > 24:
            sentence = QRectF(area.left(), area.top(), room, area.height())
            self._text(painter, sentence, row_text.progress(row), Qt.TextElideMode.ElideRight)
        painter.setFont(self._link_font())
        painter.setPen(theme.color("accent"))
        for answer, place, words in links:
            painter.drawText(place, LEFT, words)
            if row_number == self.hovered_row and answer == self.hovered_link:
                base = place.center().y() + QFontMetricsF(painter.font()).ascent() / 2 + 2
                painter.fillRect(QRectF(place.left(), base, place.width(), 1), theme.color("accent"))

    @staticmethod
    def _text(painter: QPainter, rect: QRectF, words: str, mode: Qt.TextElideMode) -> None:
        font = painter.font()
        shown = _elided(words, mode, int(rect.width()) + 1, font.key())
        painter.drawText(rect, LEFT, shown)


@lru_cache(maxsize=4096)
def _elided(words: str, mode: Qt.TextElideMode, width: int, font_key: str) -> str:
    font = QFont()
    font.fromString(font_key)
    return QFontMetricsF(font).elidedText(words, mode, width)


def dress_table(table: QTableView, delegate: TransferDelegate) -> None:
    """The measured settings for large tables: no grid, no wrapping, whole rows, scrolling by pixels."""
    table.setItemDelegate(delegate)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setCornerButtonEnabled(False)
    table.setTabKeyNavigation(False)
    table.setMouseTracking(True)
