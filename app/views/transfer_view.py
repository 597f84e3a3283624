"""The transfers area: a strip of actions, the table or its empty state, and the details below."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import row_text, text
from app.actions import Act
from app.destination import Destination
from app.icons import icon
from app.intents import Intents
from app.mirror import Change
from app.models.queue_selection import QueueSelection
from app.models.transfer_table import TransferTable
from app.session import Session
from app.theme import tabular
from app.views.details import Details
from app.views.empty_state import EmptyState
from app.views.transfer_table_view import ANSWER_KEYS, TransferTableView
from app.widgets.plain import label, looking
from core.protocol.rows import Filter, Order, TransferRow

LOOK_ROWS = 100  # at least; the engine sends at most 500
MARGIN_PAGES = 1  # fetched above and below what is in sight
_ACTS = {
    Act.PAUSE: (text.PAUSE, "pause", "Space"),
    Act.RESUME: (text.RESUME, "play", "Space"),
    Act.RETRY: (text.RETRY, "retry", "Ctrl+R"),
    Act.SOONER: (text.SOONER, "sooner", "Ctrl+Up"),
    Act.LATER: (text.LATER, "later", "Ctrl+Down"),
    Act.CANCEL: (text.CANCEL, "cancel", "Del"),
    Act.REMOVE: (text.REMOVE, "remove", "Del"),
}
_OWN_KEYS = (Act.RETRY, Act.SOONER, Act.LATER)  # Space and Del mean different things by state: the table asks


class TransferView(QWidget):
    """Joins the table's model, selection and widgets to the session."""

    error_asked = Signal(object)  # a TransferRow

    def __init__(
        self,
        session: Session,
        destination: Destination,
        intents: Intents,
        model: TransferTable,
        selection: QueueSelection,
    ) -> None:
        super().__init__()
        looking(self, "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._session, self._destination, self._intents, self._selection = session, destination, intents, selection
        self._model = model
        self.table = TransferTableView(model, selection)
        self.empty = EmptyState()
        self.details = Details()
        self._details_wanted = True
        self.acts = {act: self._action(act) for act in Act}
        self.title, self.number = label(look="title"), label(look="muted")
        self.number.setFont(tabular(self.number.font()))
        self._lay_out()
        self._connect()
        self._refresh()

    # --- making

    def _action(self, act: Act) -> QAction:
        words, icon_name, key = _ACTS[act]
        action = QAction(icon(icon_name), words, self)
        action.setToolTip(text.with_key(words, _native(key)))
        action.setShortcut(key)
        contexts = Qt.ShortcutContext  # this widget never has the focus itself: there a key is only shown
        action.setShortcutContext(contexts.WindowShortcut if act in _OWN_KEYS else contexts.WidgetShortcut)
        action.setEnabled(False)
        action.triggered.connect(lambda: self._intents.act(act))
        self.addAction(action)
        return action

    def _lay_out(self) -> None:
        self._stack = looking(QStackedWidget(), "surface")
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.table)
        self._split = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False, handleWidth=1)
        self._split.addWidget(self._stack)
        self._split.addWidget(self.details)
        self._split.setStretchFactor(0, 1)
        self.details.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._strip())
        column.addWidget(self._split, 1)

    def _strip(self) -> QWidget:
        strip = QWidget()
        strip.setFixedHeight(36)
        row = QHBoxLayout(strip)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(4)
        row.addWidget(self.title)
        row.addSpacing(4)
        row.addWidget(self.number)
        row.addStretch(1)
        for act in Act:
            if act in (Act.SOONER, Act.CANCEL):
                row.addWidget(_gap())
            button = looking(QToolButton(), "icon")
            button.setDefaultAction(self.acts[act])
            button.setAccessibleName(_ACTS[act][0])
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            row.addWidget(button)
        return strip

    def _connect(self) -> None:
        session, table, details, intents = self._session, self.table, self.details, self._intents
        session.queue_changed.connect(self._on_queue)
        self._destination.changed.connect(self._refresh)
        self._selection.chosen_changed.connect(self._on_chosen)
        table.span_changed.connect(self._look)
        table.order_chosen.connect(self._order)
        table.answered.connect(intents.answer)
        table.menu_asked.connect(self._menu)
        table.space_pressed.connect(intents.space)
        table.delete_pressed.connect(intents.delete)
        table.answer_pressed.connect(intents.answer_chosen)
        details.answered.connect(lambda one, answer, batch: intents.answer(one, answer, for_batch=batch))
        details.error_asked.connect(self.error_asked)
        details.closed.connect(self._close_details)
        table.activated.connect(lambda _: self._open_details())

    # --- the window onto the queue

    def _look(self, first: int, count: int) -> None:
        """Fetch what is in sight and a page around it, when it has left what is fetched already."""
        wanted = self._session.wanted
        last = min(first + count, max(self._model.rowCount(), 1))
        if first >= wanted.first and last <= wanted.first + wanted.count:
            return
        margin = max(count * MARGIN_PAGES, (LOOK_ROWS - count) // 2)
        start = max(0, first - margin)
        self._session.look(replace(wanted, first=start, count=min(500, first + count + margin - start)))

    def show_filter(self, shown: Filter) -> None:
        self._look_anew(filter=shown)

    def search(self, words: str) -> None:
        self._look_anew(search=words.strip())

    def _order(self, order: Order, descending: bool) -> None:
        self._look_anew(order=order, descending=descending, keep=True)

    def _look_anew(self, *, keep: bool = False, **changes: object) -> None:
        if not keep:
            self._selection.choose_none()
        self.table.verticalScrollBar().setValue(0)
        self._session.look_again(**changes)
        self._refresh()

    # --- showing

    def _on_queue(self, change: Change) -> None:
        self._model.changed(change)
        if change.view or change.total or change.counts:
            self._refresh()
        if change.rows or change.order or change.view:
            self._refresh_chosen()

    def _refresh(self) -> None:
        """Title, number, and whether there is anything to show."""
        view, mirror = self._session.wanted, self._session.mirror
        self.title.setText(text.FILTER_TITLES[view.filter])
        self._put_number()
        if mirror.total > 0:
            self._stack.setCurrentWidget(self.table)
            return
        if view.filter is Filter.ALL and not view.search:
            self.empty.invite(self._destination.words, self._destination.account, ready=self._destination.known)
        else:
            self.empty.tell(view.filter, view.search)
        self._stack.setCurrentWidget(self.empty)

    def _put_number(self) -> None:
        total, count = self._session.mirror.total, self._selection.chosen.count(self._session.mirror.total)
        words = [text.transfers(total)] if total else []
        if count > 1:
            words.append(text.chosen(count))
        self.number.setText("  ·  ".join(words))

    def _on_chosen(self) -> None:
        self._details_wanted = True
        self._refresh_chosen()

    def _refresh_chosen(self) -> None:
        possible = self._intents.possible() if self._selection.chosen else frozenset()
        for act, action in self.acts.items():
            if action.isEnabled() != (act in possible):
                action.setEnabled(act in possible)
        self._put_number()
        row = self._only()
        if row is not None:
            self.details.show_row(row)
        shown = row is not None and self._details_wanted
        if shown is self.details.isHidden():
            self.details.setVisible(shown)
            if shown and row is not None:  # what was chosen must not vanish behind its own details
                QTimer.singleShot(0, self._keep_in_sight)

    def _keep_in_sight(self) -> None:
        row = self._only()
        if row is not None:
            self.table.scrollTo(self._model.index(self._session.mirror.position(row.id), 0))

    def _only(self) -> TransferRow | None:
        """The chosen transfer, when it is just one and in sight."""
        chosen = self._selection.chosen
        if chosen.everything or len(chosen.ids) != 1:
            return None
        return self._session.mirror.find(next(iter(chosen.ids)))

    def _close_details(self) -> None:
        self._details_wanted = False
        self.details.hide()
        self.table.setFocus()

    def _open_details(self) -> None:
        self._details_wanted = True
        self._refresh_chosen()

    def _menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        row = self._only()
        if row is not None:
            for answer, words in row_text.links(row):
                key = next((_native(key) for key, one in ANSWER_KEYS.items() if one == answer), "")
                menu.addAction(f"{words}\t{key}".rstrip(), partial(self._intents.answer, row.id, answer))
            if row.error is not None:
                menu.addAction(icon("info"), text.SHOW_ERROR, lambda: self.error_asked.emit(row))
            if menu.actions():
                menu.addSeparator()
        for act in Act:
            if act in (Act.SOONER, Act.CANCEL):
                menu.addSeparator()
            menu.addAction(self.acts[act])
        menu.addSeparator()
        menu.addAction(f"{text.SELECT_ALL}\t{_native('Ctrl+A')}", self.table.selectAll)
        menu.popup(point)


def _native(key: str | Qt.Key) -> str:
    """A key as this system writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def _gap() -> QFrame:
    gap = QFrame()
    gap.setFixedWidth(8)
    return gap
