"""The destination as a path: account › bucket › folder, each part a choice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QCompleter, QHBoxLayout, QLineEdit, QMenu, QSizePolicy, QWidget

from app import text
from app.destination import Destination
from app.icons import icon
from app.session import Session
from app.theme import BAR_HEIGHT
from app.widgets.flat_button import ChoiceButton, FlatButton
from app.widgets.icon_label import IconLabel
from app.widgets.plain import label
from core.model.account import AccountKind
from core.protocol.rows import AccountRow

LONGEST_NAME = 200  # px of an account's or bucket's name


class PathBar(QWidget):
    """Shows and changes a Destination."""

    new_bucket_asked = Signal()
    location_asked = Signal()

    def __init__(self, session: Session, destination: Destination) -> None:
        super().__init__()
        self._session = session
        self._destination = destination
        self.setFixedHeight(BAR_HEIGHT)
        self.account = _choice(text.CHOOSE_ACCOUNT, self._fill_accounts)
        self.bucket = _choice(text.CHOOSE_BUCKET, self._fill_buckets)
        self.account.longest = self.bucket.longest = LONGEST_NAME
        self.bucket.setIcon(icon("bucket", "muted"))
        self.folder = self._folder_field()
        self.new_bucket = FlatButton(text.NEW_BUCKET.rstrip("…"))
        self.new_bucket.setText(text.NEW_BUCKET)
        self.new_bucket.setIcon(icon("plus", "muted"))
        self.new_bucket.clicked.connect(self.new_bucket_asked)
        self._lay_out()
        destination.changed.connect(self.refresh)
        destination.buckets_changed.connect(self.refresh)
        destination.folders_changed.connect(self._offer)
        self.refresh()

    def _folder_field(self) -> QLineEdit:
        field = QLineEdit(placeholderText=text.PREFIX_HINT)
        field.setAccessibleName(text.PREFIX)
        field.setAcceptDrops(False)  # a drop belongs to the window
        field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        field.setMinimumWidth(80)
        self._folders = QStringListModel(self)
        completer = QCompleter(self._folders, field)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseSensitive)
        field.setCompleter(completer)
        field.textEdited.connect(self._destination.complete)
        field.editingFinished.connect(self._typed)
        return field

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 12, 8)
        row.setSpacing(4)
        caption = label(text.UPLOAD_TO, "muted")
        parts = (
            caption,
            self.account,
            IconLabel("chevron", "faint", 12),
            self.bucket,
            IconLabel("chevron", "faint", 12),
            self.folder,
            self.new_bucket,
        )
        for part in parts:
            row.addWidget(part)
        row.setStretchFactor(self.folder, 1)

    # --- showing

    def refresh(self) -> None:
        """Show the destination as it is now."""
        here = self._destination
        row = here.row()
        self.account.put(account_label(here.account) if here.known else "…")
        self.account.setIcon(icon(account_icon(row), "muted"))
        self.account.setAccessibleName(f"{text.CHOOSE_ACCOUNT}: {here.account}")
        waiting = here.loading and not here.bucket
        self.bucket.put(here.bucket or (text.LOADING if waiting else text.NO_BUCKET))
        self.bucket.setToolTip(here.trouble or text.CHOOSE_BUCKET)
        self.bucket.setAccessibleName(f"{text.CHOOSE_BUCKET}: {here.bucket or text.NO_BUCKET}")
        self.folder.setEnabled(bool(here.bucket))
        if not self.folder.hasFocus():
            self.folder.setText(here.prefix)

    def _offer(self, prefixes: list[str]) -> None:
        self._folders.setStringList(prefixes)
        if self.folder.hasFocus() and self.folder.completer() is not None and prefixes:
            self.folder.completer().complete()

    # --- choosing

    def _typed(self) -> None:
        if self.folder.text() != self._destination.prefix:
            self._destination.choose_prefix(self.folder.text())
        self.folder.setText(self._destination.prefix)

    def _fill_accounts(self, menu: QMenu) -> None:
        for row in self._session.accounts:
            name = row.account.name
            shape = "check" if name == self._destination.account else account_icon(row)
            action = menu.addAction(icon(shape, "muted"), _shown(account_label(name)))
            action.triggered.connect(partial(self._choose_account, name))

    def _choose_account(self, name: str, _checked: bool = False) -> None:
        self._destination.choose_account(name)

    def _fill_buckets(self, menu: QMenu) -> None:
        here = self._destination
        group = QActionGroup(menu)
        for name in here.buckets:
            action = menu.addAction(_shown(name))
            _check(action, group, name == here.bucket)
            action.triggered.connect(lambda _=False, name=name: here.choose_bucket(name))
        if here.loading or here.trouble:
            menu.addAction(here.trouble or text.LOADING).setEnabled(False)
        menu.addSeparator()
        menu.addAction(icon("plus", "muted"), text.NEW_BUCKET, self.new_bucket_asked.emit)
        menu.addAction(icon("edit", "muted"), text.OPEN_LOCATION, self.location_asked.emit)
        menu.addAction(icon("retry", "muted"), text.RELOAD_BUCKETS, here.reload)


def account_icon(row: AccountRow | None) -> str:
    return "disk" if row is not None and row.account.kind is AccountKind.LOCAL else "cloud"


def account_label(name: str) -> str:
    return name or text.ENVIRONMENT_ACCOUNT


def _shown(name: str) -> str:
    """A name as a menu's text, where `&` would mark a key."""
    return name.replace("&", "&&")


def _check(action: QAction, group: QActionGroup, checked: bool) -> None:
    action.setCheckable(True)
    action.setChecked(checked)
    group.addAction(action)


def _choice(name: str, fill: Callable[[QMenu], None]) -> ChoiceButton:
    """A button whose menu is made when it opens."""
    button = ChoiceButton(name)
    menu = button.menu()

    def refill() -> None:
        menu.clear()
        fill(menu)

    menu.aboutToShow.connect(refill)
    return button
