"""A combo box with the theme's own arrow."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox

from app.icons import paint_icon
from app.theme import theme

ARROW = 12


class ComboBox(QComboBox):
    """Looks aside, a QComboBox."""

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        arrow = QRectF(self.width() - ARROW - 8, self.height() / 2 - ARROW / 2, ARROW, ARROW)
        paint_icon(painter, "menu", arrow, theme.color("muted"))
