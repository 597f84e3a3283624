"""Download: an object or a prefix, and the folder it goes to."""

from __future__ import annotations

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QPushButton, QWidget

from app import text
from app.destination import Destination
from app.dialogs.file_choice import pick_folder
from app.dialogs.form import Form, beside, line
from app.intents import Intents
from app.session import Session
from app.widgets.combo_box import ComboBox
from app.widgets.path_bar import account_label
from core.model.errors import CoreError


class DownloadDialog(Form):
    """Starts at the window's destination, since what one has just uploaded is what one fetches first."""

    def __init__(self, parent: QWidget, session: Session, intents: Intents, destination: Destination) -> None:
        super().__init__(parent, text.DOWNLOAD_TITLE, width=480)
        self._session, self._intents = session, intents
        self.account = ComboBox()
        for row in session.accounts:
            self.account.addItem(account_label(row.account.name), row.account.name)
        self.account.setCurrentIndex(max(0, self.account.findData(destination.account)))
        here = destination.remote
        self.source = line(here.url if here is not None else "", text.DOWNLOAD_SOURCE_HINT)
        self.folder = line(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation))
        self.folder.setAccessibleName(text.DOWNLOAD_FOLDER)
        browse = QPushButton(text.BROWSE)
        browse.clicked.connect(lambda: pick_folder(self, self.folder.text(), self.folder.setText))
        self.row(text.DOWNLOAD_ACCOUNT, self.account)
        self.row(text.DOWNLOAD_SOURCE, self.source)
        self.row(text.DOWNLOAD_FOLDER, beside(self.folder, browse))
        self.button(text.CANCEL_DIALOG, self.reject)
        self.ok = self.button(text.DOWNLOAD_START, self.start, primary=True)
        self.source.setFocus()

    def start(self) -> None:
        self.ok.setEnabled(False)
        self._session.tasks.start(self._start(), "start download")

    async def _start(self) -> None:
        account = self.account.currentData() or ""
        try:
            await self._intents.download(self.source.text(), account, self.folder.text().strip())
        except CoreError as error:
            self.complain(error.sentence)
            self.ok.setEnabled(True)
            return
        self.accept()
