"""The top of the window: adding, the whole queue, the speed limit, search, and everything else behind the gear."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QSizePolicy, QToolButton, QWidget

from app import text
from app.icons import icon
from app.intents import Intents
from app.session import Session
from app.theme import BAR_HEIGHT
from app.widgets.flat_button import ChoiceButton, FlatButton
from app.widgets.plain import icon_button
from core.model.units import format_rate

LIMITS = ("1 MB/s", "5 MB/s", "10 MB/s", "25 MB/s", "50 MB/s", "100 MB/s")
TYPING_MS = 200


class Toolbar(QWidget):
    """Buttons and keys; what they mean is decided elsewhere."""

    add_files_asked = Signal()
    add_folder_asked = Signal()
    download_asked = Signal()
    limit_asked = Signal()
    settings_asked = Signal()
    new_account_asked = Signal()
    stop_asked = Signal()
    quit_asked = Signal()
    searched = Signal(str)

    def __init__(self, session: Session, intents: Intents) -> None:
        super().__init__()
        self._session = session
        self._intents = intents
        self.setFixedHeight(BAR_HEIGHT + 4)
        self.add_files = self._action(text.ADD_FILES, "plus", "Ctrl+O", self.add_files_asked.emit, text.ADD_TIP)
        self.add_folder = self._action(text.ADD_FOLDER, "folder", "Ctrl+Shift+O", self.add_folder_asked.emit)
        self.download = self._action(text.DOWNLOAD, "download", "Ctrl+D", self.download_asked.emit, text.DOWNLOAD_TIP)
        self.pause_all = self._action(text.PAUSE_ALL, "pause", "Ctrl+Shift+P", intents.pause_all)
        self.resume_all = self._action(text.RESUME_ALL, "play", "Ctrl+Shift+R", intents.resume_all)
        self.limit = self._limit_button()
        self.search = self._search_field()
        self.menu = self._menu_button()
        self._lay_out()
        session.settings_changed.connect(self._show_limit)
        self._show_limit()

    def _action(self, words: str, icon_name: str, key: str, deed, tip: str = "") -> QAction:
        action = QAction(icon(icon_name), words, self)
        action.setShortcut(QKeySequence(key))
        native = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(text.with_key(tip or words.rstrip("…"), native) if native else tip or words)
        action.triggered.connect(deed)
        self.addAction(action)
        return action

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(4)
        row.addLayout(self._add_buttons())
        row.addSpacing(4)
        row.addWidget(FlatButton.of(self.download))
        row.addSpacing(8)
        row.addWidget(FlatButton.of(self.pause_all))
        row.addWidget(FlatButton.of(self.resume_all))
        row.addSpacing(8)
        row.addWidget(self.limit)
        row.addStretch(1)
        row.addWidget(self.search, 100)
        row.addWidget(self.menu)

    def _add_buttons(self) -> QHBoxLayout:
        """Add files, and the other ways to add under the arrow at its side."""
        pair = QHBoxLayout()
        pair.setSpacing(1)
        self.add_files.setIcon(icon("plus", "accent_text"))
        add = FlatButton.of(self.add_files, "primary")
        more = ChoiceButton(text.ADD_MORE)
        more.setObjectName("primary-more")
        more.arrow = "accent_text"
        more.menu().addActions([self.add_files, self.add_folder])
        pair.addWidget(add)
        pair.addWidget(more)
        return pair

    # --- the limit

    def _limit_button(self) -> ChoiceButton:
        button = ChoiceButton(text.LIMIT_NAME)
        button.setIcon(icon("limit"))
        menu = button.menu()
        menu.addAction(text.LIMIT_NONE, lambda: self._intents.limit("none", "none"))
        menu.addSeparator()
        for rate in LIMITS:
            menu.addAction(rate, partial(self._intents.limit, rate, rate))
        menu.addSeparator()
        menu.addAction(text.LIMIT_CUSTOM, self.limit_asked.emit)
        return button

    def _show_limit(self) -> None:
        settings = self._session.settings
        up, down = (format_rate(bps) if bps else "" for bps in (settings.limit_up_bps, settings.limit_down_bps))
        self.limit.put(text.limit_button(up, down))

    # --- the search

    def _search_field(self) -> QLineEdit:
        field = QLineEdit(placeholderText=text.SEARCH, clearButtonEnabled=True)
        field.setAccessibleName(text.SEARCH_NAME)
        field.setAcceptDrops(False)
        field.setMaximumWidth(280)
        field.setMinimumWidth(96)
        field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        field.addAction(icon("search", "faint"), QLineEdit.ActionPosition.LeadingPosition)
        focus = QAction(self)
        focus.setShortcut(QKeySequence.StandardKey.Find)
        focus.triggered.connect(field.setFocus)
        self.addAction(focus)
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._typing.timeout.connect(lambda: self.searched.emit(field.text()))
        field.textChanged.connect(lambda _: self._typing.start())
        return field

    # --- the rest

    def _menu_button(self) -> QToolButton:
        button = icon_button("gear", text.MENU, "text")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(button)
        menu.addAction(self._action(text.SETTINGS, "gear", "Ctrl+,", self.settings_asked.emit))
        menu.addAction(self._action(text.NEW_ACCOUNT, "plus", "Ctrl+N", self.new_account_asked.emit))
        menu.addSeparator()
        menu.addAction(self._action(text.STOP_AND_QUIT, "power", "", self.stop_asked.emit))
        menu.addAction(self._action(text.QUIT, "close", "Ctrl+Q", self.quit_asked.emit))
        button.setMenu(menu)
        return button
