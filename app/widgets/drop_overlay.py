"""What lies over the window while something is dragged above it: where a drop will go."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app import text
from app.icons import paint_icon
from app.theme import theme


class DropOverlay(QWidget):
    """Covers its parent, lets the pointer through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.place = ""
        self.hide()

    def reveal(self, place: str) -> None:
        """Show where a drop goes; an empty place says that one must be chosen first."""
        self.place = place
        self.setAccessibleName(f"{text.DROP_TO} {place}" if place else text.DROP_NOWHERE)
        self.setGeometry(self.parentWidget().rect())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = QColor(theme.color("window"))
        veil.setAlphaF(0.88)
        painter.fillRect(self.rect(), veil)
        frame = QRectF(self.rect()).adjusted(16.5, 16.5, -16.5, -16.5)
        painter.setPen(QPen(theme.color("accent"), 2, Qt.PenStyle.DashLine))
        painter.setBrush(theme.color("accent_tint"))
        painter.drawRoundedRect(frame, 12, 12)
        middle = frame.center()
        paint_icon(painter, "drop", QRectF(middle.x() - 24, middle.y() - 64, 48, 48), theme.color("accent"))
        self._words(painter, frame, middle.y())

    def _words(self, painter: QPainter, frame: QRectF, middle: float) -> None:
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        painter.setFont(font)
        painter.setPen(theme.color("muted"))
        line = QRectF(frame.left() + 24, middle, frame.width() - 48, 24)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text.DROP_TO if self.place else text.DROP_NOWHERE)
        font.setPointSizeF(font.pointSizeF() * 1.25)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(theme.color("text"))
        shown = painter.fontMetrics().elidedText(self.place, Qt.TextElideMode.ElideMiddle, int(line.width()))
        painter.drawText(line.translated(0, 28), Qt.AlignmentFlag.AlignCenter, shown)
