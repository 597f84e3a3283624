"""An error with everything that is known of it, ready to be copied."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app import text
from app.dialogs.form import Form
from app.widgets.plain import label
from core.model.errors import ErrorRecord


class ErrorDialog(Form):
    """The sentence first, then the facts behind it."""

    def __init__(self, parent: QWidget, error: ErrorRecord) -> None:
        super().__init__(parent, text.ERROR_TITLE, width=520)
        self.error = error
        sentence = label(error.sentence, "title", wrapped=True)
        self.body.insertWidget(0, sentence)
        self.facts = QPlainTextEdit(as_text(error), readOnly=True)
        self.facts.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.facts.setAccessibleName(text.ERROR_DETAIL)
        self.facts.setMinimumHeight(140)
        self.body.addWidget(self.facts, 1)
        self.button(text.COPY_TEXT, self.copy)
        self.button(text.CLOSE, self.accept, primary=True)

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self.error.sentence}\n{self.facts.toPlainText()}")


def as_text(error: ErrorRecord) -> str:
    """The facts, one a line, the detail last."""
    facts = [
        (text.ERROR_CODE, f"{error.kind} {error.code}"),
        (text.ERROR_WHERE, error.where),
        (text.ERROR_REQUEST, error.request_id),
        (text.ERROR_RETRY, text.RETRIES.get(error.retry, "")),
    ]
    lines = [f"{name}: {value}" for name, value in facts if value]
    return "\n".join([*lines, *(["", error.detail] if error.detail else [])])
