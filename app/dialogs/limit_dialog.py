"""A speed limit of one's own, for each direction."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app import text
from app.dialogs.form import Form, line
from app.intents import Intents
from app.session import Session
from core.model.errors import UsageError
from core.model.units import format_rate, parse_rate


class LimitDialog(Form):
    """Checks what is written before anything is sent."""

    def __init__(self, parent: QWidget, session: Session, intents: Intents) -> None:
        super().__init__(parent, text.LIMIT_TITLE, width=320)
        self._intents = intents
        settings = session.settings
        self.up = line(format_rate(settings.limit_up_bps) if settings.limit_up_bps else "", text.LIMIT_HINT)
        self.down = line(format_rate(settings.limit_down_bps) if settings.limit_down_bps else "", text.LIMIT_HINT)
        self.row(text.LIMIT_UP, self.up)
        self.row(text.LIMIT_DOWN, self.down)
        self.button(text.CANCEL_DIALOG, self.reject)
        self.button(text.APPLY, self.apply, primary=True)

    def apply(self) -> None:
        up, down = (field.text().strip() or "none" for field in (self.up, self.down))
        try:
            parse_rate(up), parse_rate(down)
        except UsageError as error:
            self.complain(error.sentence)
            return
        self._intents.limit(up, down)
        self.accept()
