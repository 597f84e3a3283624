"""Settings: the engine's are changed live, field by field; the window's own are kept beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from PySide6.QtWidgets import QLineEdit, QWidget

from app import text
from app.dialogs.form import Form, line
from app.intents import Intents
from app.prefs import Prefs
from app.session import Session
from app.widgets.check_box import CheckBox
from app.widgets.combo_box import ComboBox
from app.widgets.plain import label
from core.model.errors import CoreError
from core.model.settings import Settings
from core.model.transfer import Verify
from core.model.units import format_rate, format_size
from core.protocol.commands import ChangeSettings

_FIELDS = {
    "files_parallel": (text.FILES_PARALLEL, "8"),
    "parts_parallel": (text.PARTS_PARALLEL, "8"),
    "connections": (text.CONNECTIONS, "24"),
    "part_size_bytes": (text.PART_SIZE, "8 MiB"),
    "limit_up_bps": (text.LIMIT_UP, text.LIMIT_HINT),
    "limit_down_bps": (text.LIMIT_DOWN, text.LIMIT_HINT),
}


class SettingsDialog(Form):
    """Each field is sent when it is left; a refusal is said below and the field keeps what was typed."""

    def __init__(
        self, parent: QWidget, session: Session, intents: Intents, prefs: Prefs, look: Callable[[], None]
    ) -> None:
        super().__init__(parent, text.SETTINGS_TITLE, width=480)
        self._session, self._intents, self._prefs, self._look = session, intents, prefs, look
        self.fields: dict[str, QLineEdit] = {}
        self.verify = ComboBox()
        self._sent: dict[str, str] = {}
        self._make_engine_part()
        self._make_look_part()
        self.body.insertWidget(0, label(text.SETTINGS_LIVE, "muted", wrapped=True))
        self.button(text.CLOSE, self.accept, primary=True)
        session.settings_changed.connect(self._show)
        self._show()

    # --- making

    def _make_engine_part(self) -> None:
        self.heading(text.GROUP_TRANSFERS)
        for name in ("files_parallel", "parts_parallel", "connections", "part_size_bytes"):
            self._field(name)
        for verify, words in text.VERIFY_NAMES.items():
            self.verify.addItem(words, verify)
        self.verify.activated.connect(lambda _: self._send("verify", str(self.verify.currentData())))
        self.row(text.VERIFY, self.verify)
        self.heading(text.GROUP_LIMITS)
        self._field("limit_up_bps")
        self._field("limit_down_bps")

    def _field(self, name: str) -> None:
        words, hint = _FIELDS[name]
        field = line(hint=hint)
        field.editingFinished.connect(lambda: self._send(name, field.text().strip()))
        self.fields[name] = field
        self.row(words, field)

    def _make_look_part(self) -> None:
        self.heading(text.GROUP_LOOK)
        self.scheme = ComboBox()
        for scheme, words in text.SCHEMES.items():
            self.scheme.addItem(words, scheme)
        self.scheme.setCurrentIndex(self.scheme.findData(self._prefs.scheme))
        self.scheme.activated.connect(lambda _: self._put_look("look/scheme", self.scheme.currentData()))
        self.row(text.SCHEME, self.scheme)
        self.compact = CheckBox(text.COMPACT)
        self.compact.setChecked(self._prefs.flag("look/compact"))
        self.compact.toggled.connect(lambda on: self._put_look("look/compact", "yes" if on else "no"))
        self.form.addRow("", self.compact)

    def _put_look(self, name: str, value: str) -> None:
        self._prefs.put(name, value)
        self._look()

    # --- showing and sending

    def _show(self) -> None:
        settings = self._session.settings
        for name, field in self.fields.items():
            written = _written(settings, name)
            self._sent[name] = written
            if not field.hasFocus():
                field.setText(written)
        self.verify.setCurrentIndex(self.verify.findData(Verify(settings.verify)))

    def _send(self, name: str, value: str) -> asyncio.Task[None] | None:
        if self._sent.get(name) == value:
            return None
        self._sent[name] = value
        return self._session.tasks.start(self._change(name, value or "none"), f"change {name}")

    async def _change(self, name: str, value: str) -> None:
        try:
            settings = await self._session.call(ChangeSettings(changes={name: value}))
        except CoreError as error:
            self.complain(error.sentence)
            self._sent.pop(name, None)
            return
        self.complain("")
        self._session.put_settings(settings)


def _written(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if name.startswith("limit_"):
        return format_rate(value) if value else text.NO_LIMIT_WORD
    return format_size(value) if name.endswith("_bytes") else str(value)
