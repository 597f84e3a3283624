"""The table widget: scrolls over the whole queue and tells which stretch of it is in sight."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QItemSelectionModel, QPoint, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QFontMetricsF, QKeyEvent, QKeySequence, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QMenu, QTableView

from app import text
from app.models.queue_selection import QueueSelection
from app.models.transfer_table import HEADINGS, SORTS, Column, TransferTable
from app.theme import ROW_HEIGHT
from app.widgets.state_pill import pill_width
from app.widgets.transfer_delegate import PAD, TransferDelegate, dress_table
from core.model.transfer import Conflict
from core.protocol.rows import Order

ANSWER_KEYS = {
    Qt.Key.Key_O: Conflict.OVERWRITE,
    Qt.Key.Key_K: Conflict.RENAME,
    Qt.Key.Key_S: Conflict.SKIP,
}
NARROW = 680  # px of table
_GLANCE_MS = 20  # scrolling settles this long before the engine is asked


class TransferTableView(QTableView):
    """One row for each transfer of the filter; only those in sight are ever fetched."""

    span_changed = Signal(int, int)  # first row in sight, number of rows in sight
    order_chosen = Signal(object, bool)  # Order, descending
    answered = Signal(int, str)
    menu_asked = Signal(object)  # a QPoint on the screen
    space_pressed = Signal()
    delete_pressed = Signal()
    answer_pressed = Signal(str)

    def __init__(self, model: TransferTable, selection: QueueSelection) -> None:
        super().__init__()
        self._delegate = TransferDelegate(self)
        dress_table(self, self._delegate)
        self.setModel(model)
        self._selection = selection
        self.setSelectionModel(selection)
        self.setAccessibleName(text.TABLE_NAME)
        self.setAcceptDrops(False)
        self.order, self.descending = Order.QUEUE, False
        self.by_hand: set[Column] = set()  # columns whose width or presence the user has decided
        self._sharing = False
        self._set_up_rows()
        self._set_up_header()
        self._glance = QTimer(self, singleShot=True, interval=_GLANCE_MS)
        self._glance.timeout.connect(self._tell_span)
        self.verticalScrollBar().valueChanged.connect(lambda _: self._glance.start())
        model.rowsInserted.connect(lambda *_: self._glance.start())
        model.rowsRemoved.connect(lambda *_: self._glance.start())

    def _set_up_rows(self) -> None:
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setSelectionModel(QItemSelectionModel(self.model(), self))
        self.set_row_height(ROW_HEIGHT)

    def _set_up_header(self) -> None:
        header = self.horizontalHeader()
        # The header asks its selection model about every row at each repaint: give it one of its own that stays empty.
        header.setSelectionModel(QItemSelectionModel(self.model(), self))
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setSectionsMovable(True)
        header.setMinimumSectionSize(56)
        header.setStretchLastSection(False)
        for column, width in self._fitting().items():
            header.resizeSection(column, width)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._header_menu)
        header.sectionClicked.connect(self._header_clicked)
        header.sectionResized.connect(self._on_resized)

    def _fitting(self) -> dict[Column, int]:
        """Columns that are just as wide as the longest thing they say."""
        metrics = QFontMetricsF(self.font())
        pill = max(pill_width(words, metrics) for words in text.STATES.values())
        return {
            Column.SPEED: int(metrics.horizontalAdvance("888.8 MB/s")) + 2 * PAD + 2,
            Column.LEFT: int(metrics.horizontalAdvance("8 min 88 s")) + 2 * PAD + 2,
            Column.STATE: int(pill) + 2 * PAD + 2,
        }

    def set_row_height(self, height: int) -> None:
        rows = self.verticalHeader()
        rows.setMinimumSectionSize(height)
        rows.setDefaultSectionSize(height)
        self.verticalScrollBar().setSingleStep(height)

    # --- what is in sight

    def span(self) -> tuple[int, int]:
        """The first row in sight and how many fit."""
        height = max(1, self.verticalHeader().defaultSectionSize())
        first = max(0, self.rowAt(0))
        return first, self.viewport().height() // height + 2

    def _tell_span(self) -> None:
        self.span_changed.emit(*self.span())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()
        self._glance.start()

    def _share_width(self) -> None:
        """Narrow windows do without the place, which the details tell; columns sized by hand are left alone."""
        width = self.viewport().width()
        narrow = width < NARROW
        shares = {Column.PROGRESS: (156, 30, 360), Column.PLACE: (96, 18, 280)}
        for column, (least, percent, most) in shares.items():
            if column not in self.by_hand:
                self._resize(column, max(least, min(most, width * percent // 100)))
        if Column.PLACE not in self.by_hand:
            self.setColumnHidden(Column.PLACE, narrow)

    def _resize(self, column: Column, width: int) -> None:
        self._sharing = True
        self.horizontalHeader().resizeSection(column, width)
        self._sharing = False

    def _on_resized(self, section: int, old: int, new: int) -> None:
        hidden_or_shown = not old or not new
        if not (self._sharing or hidden_or_shown) and section != Column.NAME and self.isVisible():
            self.by_hand.add(Column(section))

    # --- sorting and columns

    def _header_clicked(self, section: int) -> None:
        """Up, down, and back to the queue's own order."""
        order = SORTS.get(Column(section))
        if order is None:
            return
        if order is not self.order:
            self.sort_by(order, descending=False)
        elif not self.descending:
            self.sort_by(order, descending=True)
        else:
            self.sort_by(Order.QUEUE, descending=False)

    def sort_by(self, order: Order, *, descending: bool) -> None:
        self.order, self.descending = order, descending
        header = self.horizontalHeader()
        section = next((column for column, one in SORTS.items() if one is order), None)
        header.setSortIndicatorShown(section is not None)
        if section is not None:
            way = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
            header.setSortIndicator(section, way)
        self.order_chosen.emit(order, descending)

    def _header_menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for order in Order:
            action = menu.addAction(text.ORDERS[order], partial(self.sort_by, order, descending=_newest(order)))
            _tick(action, order is self.order)
        menu.addSection(text.COLUMNS)
        for column in Column:
            if column is not Column.NAME:
                action = menu.addAction(HEADINGS[column], partial(self._toggle, column))
                _tick(action, not self.isColumnHidden(column))
        menu.popup(self.horizontalHeader().mapToGlobal(point))

    def _toggle(self, column: Column) -> None:
        self.by_hand.add(column)
        self.setColumnHidden(column, not self.isColumnHidden(column))

    # --- pointer and keys

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self._hover(self.rowAt(int(event.position().y())), event.position())

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hover(-1, QPointF(-1, -1))
        return super().viewportEvent(event)

    def _hover(self, row: int, point: QPointF) -> None:
        link = self._delegate.link_at(point) if row >= 0 else None
        answer = link[1] if link else ""
        before = (self._delegate.hovered_row, self._delegate.hovered_link)
        if (row, answer) == before:
            return
        self._delegate.hovered_row, self._delegate.hovered_link = row, answer
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if link else Qt.CursorShape.ArrowCursor)
        for one in {row, before[0]}:
            if one >= 0:
                self._repaint_row(one)

    def _repaint_row(self, row: int) -> None:
        viewport = self.viewport()
        viewport.update(0, self.rowViewportPosition(row), viewport.width(), self.rowHeight(row))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._delegate.link_at(event.position()) is not None:
            event.accept()  # a link is no selection
            return
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        link = self._delegate.link_at(event.position()) if event.button() == Qt.MouseButton.LeftButton else None
        if link is not None:
            self.answered.emit(link[0].id, link[1])
            event.accept()
            return
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.SelectAll):
            self.selectAll()
        elif event.key() == Qt.Key.Key_Escape:
            self._selection.choose_none()
        elif event.key() in ANSWER_KEYS and not event.modifiers():
            self.answer_pressed.emit(str(ANSWER_KEYS[Qt.Key(event.key())]))
        elif event.key() == Qt.Key.Key_Space:
            self.space_pressed.emit()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def keyboardSearch(self, _typed: str) -> None:
        """Qt would ask every row of the queue for its name; the filter field asks the engine."""

    def selectAll(self) -> None:
        """A flag, not a million indexes."""
        self._selection.choose_all()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_asked.emit(event.globalPos())


def _newest(order: Order) -> bool:
    """Times are most useful with the newest first."""
    return order in (Order.ADDED, Order.ENDED)


def _tick(action: QAction, on: bool) -> None:
    action.setCheckable(True)
    action.setChecked(on)
