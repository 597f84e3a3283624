"""The left edge: filters with their counts, and the places transfers can go to."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app import text
from app.destination import Destination
from app.icons import icon, paint_icon
from app.mirror import Change
from app.session import Session
from app.theme import ROW_HEIGHT, tabular, theme
from app.widgets.path_bar import account_icon, account_label
from app.widgets.plain import icon_button, label
from core.protocol.rows import AccountRow, Filter

WIDTH = 172
ICON_ROLE = Qt.ItemDataRole.UserRole
BADGE_ROLE = Qt.ItemDataRole.UserRole + 1
TONE_ROLE = Qt.ItemDataRole.UserRole + 2
DATA_ROLE = Qt.ItemDataRole.UserRole + 3


class Sidebar(QWidget):
    """Emits what was clicked; shows counts and held accounts as the session tells them."""

    filter_chosen = Signal(object)  # a Filter
    new_account_asked = Signal()
    edit_account_asked = Signal(object)  # an AccountRow
    remove_account_asked = Signal(object)

    def __init__(self, session: Session, destination: Destination) -> None:
        super().__init__()
        self._session = session
        self._destination = destination
        self.setMinimumWidth(136)
        self.filters = self._make_filters()
        self.places = _Entries(text.PLACES)
        self.places.itemClicked.connect(self._place_clicked)
        self.places.itemActivated.connect(self._place_clicked)
        self.places.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.places.customContextMenuRequested.connect(self._place_menu)
        self._lay_out()
        session.queue_changed.connect(self._on_queue)
        session.accounts_changed.connect(self.show_places)
        destination.changed.connect(self.show_places)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 400)

    def _make_filters(self) -> _Entries:
        entries = _Entries(text.TRANSFERS)
        for shown in Filter:
            item = QListWidgetItem(text.FILTERS[shown], entries)
            item.setData(ICON_ROLE, str(shown))
            item.setData(DATA_ROLE, shown)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, text.filter_name(shown, 0))
        entries.setCurrentRow(0)
        entries.fit()
        entries.currentItemChanged.connect(lambda now, _: self.filter_chosen.emit(now.data(DATA_ROLE)))
        return entries

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(4)
        column.addWidget(_heading(text.TRANSFERS))
        column.addWidget(self.filters)
        column.addSpacing(12)
        places = QHBoxLayout()
        places.addWidget(_heading(text.PLACES), 1)
        add = icon_button("plus", text.NEW_ACCOUNT)
        add.clicked.connect(self.new_account_asked)
        places.addWidget(add)
        column.addLayout(places)
        column.addWidget(self.places, 1)

    # --- showing

    def _on_queue(self, change: Change) -> None:
        if change.counts:
            self.show_counts(self._session.mirror.counts)
        if change.held:
            self.show_places()

    def show_counts(self, counts: dict[str, int]) -> None:
        for number, shown in enumerate(Filter):
            item, count = self.filters.item(number), counts.get(shown, 0)
            item.setData(BADGE_ROLE, f"{count:,}" if count else "")
            item.setData(TONE_ROLE, "warn" if shown is Filter.NEEDS_YOU and count else "")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, text.filter_name(shown, count))

    def show_places(self) -> None:
        """The accounts, the chosen one marked, those that wait for something with a warning."""
        held = self._session.mirror.held
        self.places.blockSignals(True)
        self.places.clear()
        for row in self._session.accounts:
            name = row.account.name
            trouble = held.get(name) or row.held
            item = QListWidgetItem(account_label(name), self.places)
            item.setData(ICON_ROLE, account_icon(row))
            item.setData(DATA_ROLE, row)
            item.setData(TONE_ROLE, "held" if trouble else "")
            item.setToolTip(trouble.sentence if trouble else account_label(name))
            if trouble:
                item.setData(Qt.ItemDataRole.AccessibleTextRole, text.held_name(name, trouble.sentence))
            if self._destination.known and name == self._destination.account:
                self.places.setCurrentItem(item)
        self.places.blockSignals(False)

    # --- doing

    def _place_clicked(self, item: QListWidgetItem) -> None:
        self._destination.choose_account(item.data(DATA_ROLE).account.name)

    def _place_menu(self, point: QPoint) -> None:
        item = self.places.itemAt(point)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        row: AccountRow | None = item.data(DATA_ROLE) if item else None
        if row is not None and not row.builtin:
            menu.addAction(icon("edit", "muted"), text.TEST_ACCOUNT, lambda: self.edit_account_asked.emit(row))
            menu.addAction(icon("remove", "muted"), text.REMOVE_ACCOUNT, lambda: self.remove_account_asked.emit(row))
            menu.addSeparator()
        menu.addAction(icon("plus", "muted"), text.NEW_ACCOUNT, self.new_account_asked.emit)
        menu.popup(self.places.viewport().mapToGlobal(point))


def _heading(words: str) -> QLabel:
    found = label(words, "heading")
    found.setContentsMargins(8, 4, 0, 4)
    return found


class _Entries(QListWidget):
    """A short list whose rows are painted as icon, name and count."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setAcceptDrops(False)
        self.setItemDelegate(_EntryDelegate(self))

    def fit(self) -> None:
        """Just as high as its rows."""
        self.setFixedHeight(ROW_HEIGHT * self.count())
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)


class _EntryDelegate(QStyledItemDelegate):
    def __init__(self, entries: _Entries) -> None:
        super().__init__(entries)
        self._entries = entries

    def sizeHint(self, _option: QStyleOptionViewItem, _index) -> QSize:
        return QSize(100, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        rect = QRectF(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._plate(painter, rect, option, selected)
        ink = theme.color("text" if selected else "muted")
        icon_rect = QRectF(rect.left() + 8, rect.center().y() - 8, 16, 16)
        paint_icon(painter, index.data(ICON_ROLE), icon_rect, theme.color("accent") if selected else ink)
        right = self._badge(painter, rect, index)
        words = QRectF(rect.left() + 32, rect.top(), right - rect.left() - 36, rect.height())
        painter.setFont(option.font)
        painter.setPen(theme.color("text"))
        name = index.data(Qt.ItemDataRole.DisplayRole)
        shown = QFontMetricsF(option.font).elidedText(name, Qt.TextElideMode.ElideMiddle, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
        painter.restore()

    def _plate(self, painter: QPainter, rect: QRectF, option: QStyleOptionViewItem, selected: bool) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if selected or hovered:
            painter.setBrush(theme.color("select" if selected else "hover"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 6, 6)
        if option.state & QStyle.StateFlag.State_HasFocus and self._entries.hasFocus():
            painter.fillRect(QRectF(rect.left() + 2, rect.center().y() - 7, 2, 14), theme.color("accent"))

    @staticmethod
    def _badge(painter: QPainter, rect: QRectF, index: QModelIndex) -> float:
        """Paint the count, or the mark of a held account, at the right; where it begins."""
        tone, words = index.data(TONE_ROLE), index.data(BADGE_ROLE)
        if tone == "held":
            paint_icon(
                painter, "needs-you", QRectF(rect.right() - 22, rect.center().y() - 7, 14, 14), theme.color("warn")
            )
            return rect.right() - 24
        if not words:
            return rect.right()
        font = tabular(painter.font())
        if tone:
            font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(theme.color(tone or "muted"))
        area = rect.adjusted(0, 0, -8, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, words)
        return area.right() - QFontMetricsF(font).horizontalAdvance(words)
