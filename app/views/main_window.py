"""The main window: puts the parts together and routes their wishes."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QByteArray, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QMainWindow, QSplitter, QVBoxLayout, QWidget

from app import dialogs, text
from app.actions import Act
from app.destination import Destination
from app.intents import Intents, dropped_paths
from app.models.queue_selection import QueueSelection
from app.models.transfer_table import Column, TransferTable
from app.prefs import Prefs
from app.session import Session
from app.theme import ROW_HEIGHT, ROW_HEIGHT_COMPACT, apply_theme
from app.views.sidebar import Sidebar
from app.views.toolbar import Toolbar
from app.views.total_line import TotalLine
from app.views.transfer_view import TransferView
from app.widgets.drop_overlay import DropOverlay
from app.widgets.note_bar import Note, NoteBar
from app.widgets.path_bar import PathBar
from app.widgets.plain import looking
from core.model.errors import ErrorRecord
from core.protocol.commands import StopEngine
from core.protocol.events import Notice
from core.protocol.rows import AccountRow, Filter, TransferRow


class MainWindow(QMainWindow):
    """The frame. Closing it is only announced (`closing`); who owns the loop ends things in order."""

    closing = Signal()
    painted = Signal()

    def __init__(self, session: Session, prefs: Prefs) -> None:
        super().__init__()
        self.session, self.prefs = session, prefs
        self.destination = Destination(session, prefs)
        self.model = TransferTable(session.mirror)
        self.selection = QueueSelection(self.model)
        self.intents = Intents(session, self.destination, self.selection)
        self.toolbar = Toolbar(session, self.intents)
        self.sidebar = Sidebar(session, self.destination)
        self.path = PathBar(session, self.destination)
        self.notes = NoteBar()
        self.transfers = TransferView(session, self.destination, self.intents, self.model, self.selection)
        self.totals = TotalLine(session)
        self._was_painted = False
        self._assemble()
        self._connect()
        self._restore()

    def sizeHint(self) -> QSize:
        return QSize(1100, 700)

    # --- assembly

    def _assemble(self) -> None:
        self.setWindowTitle(text.APP)
        self.setAcceptDrops(True)
        self.setMinimumSize(760, 440)
        main = _column(self.path, self.notes, _rule(), self.transfers)
        self._split = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False, handleWidth=1)
        self._split.addWidget(self.sidebar)
        self._split.addWidget(main)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([self.sidebar.sizeHint().width(), 900])
        whole = _column(self.toolbar, _rule(), self._split, _rule(), self.totals)
        self.setCentralWidget(whole)
        self.overlay = DropOverlay(whole)

    def _connect(self) -> None:
        toolbar, sidebar, path = self.toolbar, self.sidebar, self.path
        toolbar.add_files_asked.connect(self._choose_files)
        toolbar.add_folder_asked.connect(self._choose_folder)
        toolbar.download_asked.connect(
            lambda: dialogs.open_download(self, self.session, self.intents, self.destination)
        )
        toolbar.limit_asked.connect(lambda: dialogs.open_limit(self, self.session, self.intents))
        toolbar.settings_asked.connect(self._open_settings)
        toolbar.new_account_asked.connect(lambda: self._open_account(None))
        toolbar.stop_asked.connect(self._stop_engine)
        toolbar.quit_asked.connect(self.close)
        toolbar.searched.connect(self.transfers.search)
        sidebar.filter_chosen.connect(self._show_filter)
        sidebar.new_account_asked.connect(lambda: self._open_account(None))
        sidebar.edit_account_asked.connect(self._open_account)
        sidebar.remove_account_asked.connect(self._ask_remove)
        path.new_bucket_asked.connect(lambda: dialogs.open_bucket(self, self.session, self.destination))
        path.location_asked.connect(lambda: dialogs.open_location(self, self.destination))
        self.transfers.empty.add_asked.connect(self._choose_files)
        self.transfers.error_asked.connect(self._open_error)
        self.intents.added.connect(self._on_added)
        self.intents.cancel_asked.connect(self._ask_cancel)
        self.session.failed.connect(self.tell_error)
        self.session.noticed.connect(self._on_notice)
        QApplication.styleHints().colorSchemeChanged.connect(lambda _: self.apply_look())

    def _restore(self) -> None:
        self.resize(self.sizeHint())
        for name, put in self._kept().items():
            value = self.prefs.bytes(f"window/{name}")
            if value is not None:
                put[1](value)
        self.transfers.table.by_hand = {
            Column(int(n)) for n in self.prefs.text("window/by-hand").split() if n.isdigit()
        }
        self._fit_rows()

    def _kept(self):
        """What is kept from start to start: how to read it and how to put it back."""
        header = self.transfers.table.horizontalHeader()
        return {
            "geometry": (self.saveGeometry, self.restoreGeometry),
            "split": (self._split.saveState, self._split.restoreState),
            "columns": (header.saveState, header.restoreState),
        }

    def remember(self) -> None:
        """Write down size and columns."""
        for name, (take, _) in self._kept().items():
            self.prefs.put(f"window/{name}", QByteArray(take()))
        self.prefs.put("window/by-hand", " ".join(str(int(column)) for column in sorted(self.transfers.table.by_hand)))
        self.prefs.save()

    def apply_look(self) -> None:
        """Colours and row height as the preferences and the system say now."""
        apply_theme(self.prefs.scheme)
        self._fit_rows()
        self.update()

    def _fit_rows(self) -> None:
        height = ROW_HEIGHT_COMPACT if self.prefs.flag("look/compact") else ROW_HEIGHT
        self.transfers.table.set_row_height(height)

    # --- notes

    def tell(self, note: Note) -> None:
        self.notes.show_note(note)

    def tell_error(self, error: ErrorRecord) -> None:
        """Something failed that has no row of its own."""

        def details() -> None:
            dialogs.open_error(self, error)

        self.tell(Note(error.sentence, "bad", ((text.DETAILS_BUTTON, details),) if error.detail else ()))

    def _on_notice(self, notice: Notice) -> None:
        if notice.kind == "engine-stopping":
            self.tell(Note(notice.sentence, "warn", ((text.START_ENGINE, self.session.start_engine),)))
        else:
            self.tell(Note(notice.sentence, "warn" if notice.kind == "account-held" else "info"))

    def _on_added(self) -> None:
        if not self.prefs.flag("told/background"):
            self.prefs.put_flag("told/background", True)
            self.tell(Note(text.BACKGROUND_NOTE, buttons=((text.GOT_IT, lambda: None),)))

    def _ask_cancel(self, count: int) -> None:
        sure = (text.CANCEL_THEM, lambda: self.intents.act(Act.CANCEL, sure=True))
        self.tell(Note(text.cancel_ask(count), "warn", (sure, (text.LEAVE_THEM, lambda: None))))

    def _ask_remove(self, row: AccountRow) -> None:
        name = row.account.name
        sure = (text.REMOVE_ACCOUNT, lambda: self.intents.remove_account(name))
        self.tell(Note(text.ACCOUNT_REMOVE_ASK.format(name=name), "warn", (sure, (text.KEEP, lambda: None))))

    # --- dialogs

    def _choose_files(self) -> None:
        dialogs.choose_files(self, self.prefs, self.intents.add)

    def _choose_folder(self) -> None:
        dialogs.choose_folder(self, self.prefs, lambda folder: self.intents.add((folder,)))

    def _open_settings(self) -> None:
        dialogs.open_settings(self, self.session, self.intents, self.prefs, self.apply_look)

    def _open_account(self, row: AccountRow | None) -> None:
        dialogs.open_account(self, self.session, self.destination, row)

    def _open_error(self, row: TransferRow) -> None:
        if row.error is not None:
            dialogs.open_error(self, row.error)

    def _show_filter(self, shown: Filter) -> None:
        self.transfers.show_filter(shown)

    def _stop_engine(self) -> None:
        self.session.tasks.start(self._stop_and_close(), "stop the engine")

    async def _stop_and_close(self) -> None:
        async with asyncio.timeout(5):
            await self.session.call(StopEngine())
        self.close()

    # --- drops

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and dropped_paths(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.overlay.reveal(self.destination.words)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        self.overlay.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.overlay.hide()
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.intents.add(dropped_paths(event.mimeData()))

    # --- the window itself

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.overlay.setGeometry(self.centralWidget().rect())

    def paintEvent(self, event) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            self.painted.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.remember()
        self.closing.emit()


def _column(*parts: QWidget) -> QWidget:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for part in parts:
        column.addWidget(part, 1 if isinstance(part, (QSplitter, TransferView)) else 0)
    return box


def _rule() -> QFrame:
    rule = looking(QFrame(), "rule")
    rule.setFixedHeight(1)
    return rule
