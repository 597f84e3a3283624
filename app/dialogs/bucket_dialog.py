"""A new bucket, or one that the account's keys may use but not list."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app import text
from app.destination import Destination
from app.dialogs.form import Form, line
from app.session import Session
from core.model.errors import CoreError


class BucketDialog(Form):
    """Makes a bucket in the destination's account and chooses it."""

    def __init__(self, parent: QWidget, session: Session, destination: Destination) -> None:
        super().__init__(parent, text.NEW_BUCKET.rstrip("…"), width=400)
        self._session, self._destination = session, destination
        self.name = line(hint=text.BUCKET_HINT)
        self.row(text.BUCKET_NAME, self.name)
        self.button(text.CANCEL_DIALOG, self.reject)
        self.ok = self.button(text.CREATE, self.start, primary=True)

    def start(self) -> None:
        self.ok.setEnabled(False)
        self._session.tasks.start(self._create(), "create bucket")

    async def _create(self) -> None:
        try:
            await self._destination.create(self.name.text())
        except CoreError as error:
            self.complain(error.sentence)
            self.ok.setEnabled(True)
            return
        self.accept()


class LocationDialog(Form):
    """Chooses a bucket, and a folder in it, by name."""

    def __init__(self, parent: QWidget, destination: Destination) -> None:
        super().__init__(parent, text.OPEN_LOCATION.rstrip("…"), width=400)
        self._destination = destination
        self.location = line(hint=text.DOWNLOAD_SOURCE_HINT)
        self.row(text.BUCKET_NAME, self.location)
        self.button(text.CANCEL_DIALOG, self.reject)
        self.button(text.USE, self.use, primary=True)

    def use(self) -> None:
        try:
            self._destination.choose(self.location.text())
        except CoreError as error:
            self.complain(error.sentence)
            return
        self.accept()
