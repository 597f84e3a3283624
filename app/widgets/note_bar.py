"""A message in its place above the table, with the cure as a button beside it: instead of a modal box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAccessible, QAccessibleEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app import text
from app.widgets.icon_label import IconLabel
from app.widgets.plain import icon_button, label, looking

FADE_MS = 12_000  # after which a plain message leaves by itself
_ICONS = {"info": ("info", "accent"), "warn": ("needs-you", "warn"), "bad": ("cancel", "bad")}


@dataclass(frozen=True, slots=True)
class Note:
    """What is said, how grave it is (info, warn, bad), and what can be done about it."""

    sentence: str
    tone: str = "info"
    buttons: tuple[tuple[str, Callable[[], None]], ...] = ()
    stays: bool = False


class NoteBar(QWidget):
    """Shows one note at a time; the newest wins."""

    def __init__(self) -> None:
        super().__init__()
        self.note: Note | None = None
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 0, 12, 8)
        self._frame = looking(QFrame(), "note")
        outer.addWidget(self._frame)
        row = QHBoxLayout(self._frame)
        row.setContentsMargins(12, 4, 4, 4)
        row.setSpacing(8)
        self._icon = IconLabel("info", "accent")
        self._sentence = label(wrapped=True)
        self._sentence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(4)
        close = icon_button("close", text.CLOSE_NOTE)
        close.clicked.connect(self.dismiss)
        for item in (self._icon, self._sentence):
            row.addWidget(item)
        row.addLayout(self._buttons)
        row.addWidget(close)
        self._fade = QTimer(self, singleShot=True, interval=FADE_MS)
        self._fade.timeout.connect(self.dismiss)
        self.hide()

    def show_note(self, note: Note) -> None:
        self.note = note
        self._icon.show_icon(*_ICONS[note.tone])
        self._sentence.setText(note.sentence)
        self._sentence.setAccessibleName(note.sentence)
        self._frame.setProperty("tone", note.tone)
        self._frame.style().polish(self._frame)
        self._put_buttons(note)
        self.show()
        QAccessible.updateAccessibility(QAccessibleEvent(self._sentence, QAccessible.Event.Alert))
        self._fade.stop() if note.stays or note.buttons else self._fade.start()

    def _put_buttons(self, note: Note) -> None:
        while (item := self._buttons.takeAt(0)) is not None:
            item.widget().deleteLater()
        for words, deed in note.buttons:
            button = QPushButton(words)
            button.clicked.connect(self._doing(deed))
            self._buttons.addWidget(button)

    def _doing(self, deed: Callable[[], None]) -> Callable[[], None]:
        def do() -> None:
            self.dismiss()
            deed()

        return do

    def dismiss(self) -> None:
        self._fade.stop()
        self.note = None
        self.hide()
