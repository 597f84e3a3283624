"""Two minutes of speed as a small painted line: uploads above, downloads thinner."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import text
from app.theme import theme

SAMPLES = 120  # one a second


class SpeedGraph(QWidget):
    """Keeps the newest samples and paints them scaled to the highest."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(text.HISTORY_NAME)
        self.setToolTip(text.HISTORY_NAME)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.ups: deque[float] = deque([0.0] * SAMPLES, SAMPLES)
        self.downs: deque[float] = deque([0.0] * SAMPLES, SAMPLES)

    def sizeHint(self) -> QSize:
        return QSize(SAMPLES, 20)

    def add(self, up_bps: float, down_bps: float) -> None:
        """One second more; nothing is painted while nothing moves."""
        quiet = not (up_bps or down_bps or any(self.ups) or any(self.downs))
        self.ups.append(up_bps)
        self.downs.append(down_bps)
        if not quiet:
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        highest = max(*self.ups, *self.downs)
        base = self.height() - 0.5
        painter.setPen(QPen(theme.color("line"), 1))
        painter.drawLine(QPointF(0, base), QPointF(self.width(), base))
        if highest <= 0:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._series(painter, self.ups, highest, theme.color("accent"), filled=True)
        self._series(painter, self.downs, highest, theme.color("good"), filled=False)

    def _series(self, painter: QPainter, values: deque[float], highest: float, color: QColor, *, filled: bool) -> None:
        if not any(values):
            return
        step, height = self.width() / (SAMPLES - 1), self.height() - 2
        points = [QPointF(i * step, 1 + height * (1 - value / highest)) for i, value in enumerate(values)]
        if filled:
            tint = QColor(color)
            tint.setAlphaF(0.15)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tint)
            ends = [QPointF(self.width(), self.height()), QPointF(0, self.height())]
            painter.drawPolygon(QPolygonF([*points, *ends]))
        painter.setPen(QPen(color, 1.4 if filled else 1.0))
        painter.drawPolyline(QPolygonF(points))
