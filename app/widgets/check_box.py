"""A check box drawn in the theme's own style."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox

from app.icons import paint_icon
from app.theme import theme

BOX = 16
GAP = 8


class CheckBox(QCheckBox):
    """Looks aside, a QCheckBox."""

    def sizeHint(self) -> QSize:
        return QSize(BOX + GAP + self.fontMetrics().horizontalAdvance(self.text()) + 4, 24)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(0.5, (self.height() - BOX) / 2 + 0.5, BOX - 1, BOX - 1)
        edge = theme.color("accent" if self.hasFocus() or self.isChecked() else "faint")
        painter.setPen(QPen(edge, 1))
        painter.setBrush(theme.color("accent" if self.isChecked() else "surface"))
        painter.drawRoundedRect(box, 4, 4)
        if self.isChecked():
            paint_icon(painter, "check", box.adjusted(1, 1, -1, -1), theme.color("accent_text"))
        painter.setPen(theme.color("text" if self.isEnabled() else "faint"))
        words = self.rect().adjusted(BOX + GAP, 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        if self.hasFocus():
            base = self.rect().center().y() + 10
            width = self.fontMetrics().horizontalAdvance(self.text())
            painter.fillRect(QRectF(BOX + GAP, base, width, 1), theme.color("accent"))
