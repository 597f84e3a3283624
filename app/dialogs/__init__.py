"""Dialogs, imported only when one is opened. None of them blocks: each is opened and answers by a signal.

A nested event loop inside the asyncio one would lose other tasks for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QWidget

if TYPE_CHECKING:
    from app.destination import Destination
    from app.intents import Intents
    from app.prefs import Prefs
    from app.session import Session
    from core.model.errors import ErrorRecord
    from core.protocol.rows import AccountRow


def _open(dialog: QDialog) -> QDialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog


def open_settings(
    parent: QWidget, session: Session, intents: Intents, prefs: Prefs, look: Callable[[], None]
) -> QDialog:
    from app.dialogs.settings_dialog import SettingsDialog

    return _open(SettingsDialog(parent, session, intents, prefs, look))


def open_account(parent: QWidget, session: Session, destination: Destination, row: AccountRow | None) -> QDialog:
    from app.dialogs.account_dialog import AccountDialog

    return _open(AccountDialog(parent, session, destination, row))


def open_error(parent: QWidget, error: ErrorRecord) -> QDialog:
    from app.dialogs.error_dialog import ErrorDialog

    return _open(ErrorDialog(parent, error))


def open_download(parent: QWidget, session: Session, intents: Intents, destination: Destination) -> QDialog:
    from app.dialogs.download_dialog import DownloadDialog

    return _open(DownloadDialog(parent, session, intents, destination))


def open_limit(parent: QWidget, session: Session, intents: Intents) -> QDialog:
    from app.dialogs.limit_dialog import LimitDialog

    return _open(LimitDialog(parent, session, intents))


def open_bucket(parent: QWidget, session: Session, destination: Destination) -> QDialog:
    from app.dialogs.bucket_dialog import BucketDialog

    return _open(BucketDialog(parent, session, destination))


def open_location(parent: QWidget, destination: Destination) -> QDialog:
    from app.dialogs.bucket_dialog import LocationDialog

    return _open(LocationDialog(parent, destination))


def choose_files(parent: QWidget, prefs: Prefs, deed: Callable[[list[str]], None]) -> QDialog:
    from app.dialogs.file_choice import files

    return _open(files(parent, prefs, deed))


def choose_folder(parent: QWidget, prefs: Prefs, deed: Callable[[str], None]) -> QDialog:
    from app.dialogs.file_choice import folder

    return _open(folder(parent, prefs, deed))
