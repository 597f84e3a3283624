"""Qt's plain widgets as this window wears them: with a look from the style sheet and a name for screen readers."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtWidgets import QLabel, QPushButton, QToolButton, QWidget

from app.icons import icon

W = TypeVar("W", bound=QWidget)


def looking(widget: W, look: str) -> W:
    """The widget itself, with the look of that name."""
    widget.setObjectName(look)
    return widget


def label(words: str = "", look: str = "", *, wrapped: bool = False) -> QLabel:
    found = looking(QLabel(words), look)
    found.setWordWrap(wrapped)
    return found


def icon_button(icon_name: str, name: str, token: str = "muted") -> QToolButton:
    """A button that shows only an icon; its name is its tool tip and what a screen reader says."""
    button = looking(QToolButton(), "icon")
    button.setIcon(icon(icon_name, token))
    button.setToolTip(name)
    button.setAccessibleName(name)
    return button


def push_button(words: str, spoken: str = "") -> QPushButton:
    """A button with words; `spoken` tells a screen reader more than the words do."""
    button = QPushButton(words)
    button.setAccessibleName(spoken or words.rstrip("…"))
    return button
