"""What our dialogs share: labelled rows, a place for one sentence of trouble, and a row of buttons."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.theme import CONTROL_HEIGHT
from app.widgets.plain import label

WIDTH = 440


class Form(QDialog):
    """A dialog with a form, a line for what is wrong, and buttons at the bottom right."""

    def __init__(self, parent: QWidget, title: str, width: int = WIDTH) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(width)
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(16)
        self.form.setVerticalSpacing(8)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.trouble = label(wrapped=True)
        self.trouble.setProperty("tone", "bad")
        self.trouble.hide()
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        self.body.addLayout(self.form)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(8)
        self.buttons.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 20, 20, 16)
        outer.setSpacing(12)
        outer.addLayout(self.body, 1)
        outer.addWidget(self.trouble)
        outer.addLayout(self.buttons)

    def row(self, words: str, field: QWidget, name: str = "") -> None:
        """A labelled row; the field is named for screen readers after its label."""
        name_label = label(words)
        name_label.setMinimumHeight(CONTROL_HEIGHT)  # beside the first line of its field
        name_label.setBuddy(field)
        if not field.accessibleName():
            field.setAccessibleName(name or words)
        self.form.addRow(name_label, field)

    def show_row(self, field: QWidget, shown: bool) -> None:
        self.form.setRowVisible(field, shown)

    def heading(self, words: str) -> None:
        found = label(words, "heading")
        found.setContentsMargins(0, 8, 0, 0)
        self.form.addRow(found)

    def button(self, words: str, deed: Callable[[], object], *, primary: bool = False) -> QPushButton:
        button = QPushButton(words)
        button.setAutoDefault(primary)
        button.setDefault(primary)
        if primary:
            button.setObjectName("primary")
        button.clicked.connect(lambda _=False: deed())
        self.buttons.addWidget(button)
        return button

    def complain(self, sentence: str) -> None:
        """Say what is wrong, or with an empty sentence that all is well again."""
        self.trouble.setText(sentence)
        self.trouble.setVisible(bool(sentence))


def line(value: str = "", hint: str = "") -> QLineEdit:
    return QLineEdit(value, placeholderText=hint)


def beside(field: QWidget, button: QWidget) -> QWidget:
    """A field with a button at its right, as one row."""
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    row.addWidget(field, 1)
    row.addWidget(button)
    box.setFocusProxy(field)
    return box
