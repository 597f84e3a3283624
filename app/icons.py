"""The icons: thin lines on a 16-px grid, drawn here in one style and tinted with the theme.

Each drawing is a short text: `M x y` moves, `L x y` draws a line, `C` a cubic curve, `Z` closes, `O x y r` is a circle,
`R x y w h r` a rounded box, and `F` before a sub-path fills it.
"""

from __future__ import annotations

from functools import cache, lru_cache

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPainterPath, QPen, QPixmap

from app.theme import theme

LINE_WIDTH = 1.4

DRAWINGS = {
    "plus": "M 8 3 L 8 13 M 3 8 L 13 8",
    "folder": "M 2 12.5 L 2 3.5 L 6.2 3.5 L 7.8 5.5 L 14 5.5 L 14 12.5 Z",
    "up": "M 8 13 L 8 3.2 M 4 7.2 L 8 3.2 L 12 7.2",
    "down": "M 8 3 L 8 12.8 M 4 8.8 L 8 12.8 L 12 8.8",
    "copy": "M 3 8 L 12.5 8 M 9 4.5 L 12.8 8 L 9 11.5",
    "download": "M 8 2.5 L 8 9.8 M 4.8 6.8 L 8 10 L 11.2 6.8 M 3 13.2 L 13 13.2",
    "pause": "M 5.6 3.5 L 5.6 12.5 M 10.4 3.5 L 10.4 12.5",
    "play": "M 5 3.2 L 12.4 8 L 5 12.8 Z",
    "retry": "M 12.9 6.2 C 11.9 3.9 9.9 2.8 7.8 2.9 C 5 3 2.9 5.2 2.9 8 C 2.9 10.8 5.1 13.1 8 13.1"
    " C 10.2 13.1 12 11.9 12.8 9.9 M 13.1 2.9 L 13.1 6.4 L 9.6 6.4",
    "cancel": "O 8 8 5.6 M 6 6 L 10 10 M 10 6 L 6 10",
    "remove": "M 3 4.6 L 13 4.6 M 6 4.6 L 6.4 2.8 L 9.6 2.8 L 10 4.6 M 4.4 4.6 L 5 13.2 L 11 13.2 L 11.6 4.6",
    "sooner": "M 8 13.2 L 8 5.8 M 4.6 9 L 8 5.6 L 11.4 9 M 3.5 2.6 L 12.5 2.6",
    "later": "M 8 2.8 L 8 10.2 M 4.6 7 L 8 10.4 L 11.4 7 M 3.5 13.4 L 12.5 13.4",
    "gear": "O 8 8 2.2 M 8 1.8 L 8 3.6 M 8 12.4 L 8 14.2 M 1.8 8 L 3.6 8 M 12.4 8 L 14.2 8"
    " M 3.6 3.6 L 4.9 4.9 M 11.1 11.1 L 12.4 12.4 M 12.4 3.6 L 11.1 4.9 M 4.9 11.1 L 3.6 12.4 O 8 8 4.4",
    "search": "O 7 7 4.2 M 10.2 10.2 L 13.6 13.6",
    "chevron": "M 6.2 4.5 L 9.8 8 L 6.2 11.5",
    "menu": "M 4.6 6.3 L 8 9.7 L 11.4 6.3",
    "close": "M 4.2 4.2 L 11.8 11.8 M 11.8 4.2 L 4.2 11.8",
    "cloud": "M 4.6 12.4 C 2.9 12.4 1.8 11.2 1.8 9.7 C 1.8 8.3 2.8 7.2 4.2 7 C 4.5 4.9 6 3.5 8 3.5"
    " C 10 3.5 11.5 4.8 11.8 6.7 C 13.3 6.9 14.2 8 14.2 9.5 C 14.2 11.1 13 12.4 11.5 12.4 Z",
    "disk": "R 2 3.5 12 9 1.5 M 2 9.4 L 14 9.4 M 11 11 L 11.8 11",
    "bucket": "M 2.6 4 L 4.2 13.4 L 11.8 13.4 L 13.4 4 M 2.6 4 C 2.6 2.4 13.4 2.4 13.4 4 C 13.4 5.6 2.6 5.6 2.6 4",
    "all": "M 2.5 4 L 13.5 4 M 2.5 8 L 13.5 8 M 2.5 12 L 13.5 12",
    "moving": "M 5.2 12.8 L 5.2 3.4 M 2.4 6.2 L 5.2 3.4 L 8 6.2 M 10.8 3.2 L 10.8 12.6 M 8 9.8 L 10.8 12.6 L 13.6 9.8",
    "waiting": "O 8 8 5.6 M 8 4.8 L 8 8.2 L 10.4 9.6",
    "paused": "O 8 8 5.6 M 6.5 5.8 L 6.5 10.2 M 9.5 5.8 L 9.5 10.2",
    "needs-you": "M 8 2.4 L 14 13 L 2 13 Z M 8 6.4 L 8 9.4 M 8 11.2 L 8 11.3",
    "done": "O 8 8 5.6 M 5.4 8.2 L 7.2 10 L 10.6 6.4",
    "check": "M 3.4 8.4 L 6.6 11.6 L 12.8 4.8",
    "skip": "M 3.5 8 L 12.5 8",
    "limit": "M 2.6 11.8 C 1.4 7.4 4 3.6 8 3.6 C 12 3.6 14.6 7.4 13.4 11.8 M 8 10.6 L 10.8 6.8",
    "info": "O 8 8 5.6 M 8 7.4 L 8 11 M 8 5.1 L 8 5.2",
    "eye": "M 1.8 8 C 4.6 3 11.4 3 14.2 8 C 11.4 13 4.6 13 1.8 8 Z O 8 8 2",
    "drop": "M 8 2 L 8 9.6 M 4.8 6.6 L 8 9.8 L 11.2 6.6 M 2.4 9.4 L 2.4 13.4 L 13.6 13.4 L 13.6 9.4",
    "edit": "M 3 13 L 3.6 10.2 L 10.8 3 L 13 5.2 L 5.8 12.4 Z",
    "power": "M 8 2.4 L 8 8 M 5 4.2 C 1.2 6.6 2.4 13.3 8 13.3 C 13.6 13.3 14.8 6.6 11 4.2",
}


@cache
def path_of(name: str) -> QPainterPath:
    """The drawing as a path on a 16 by 16 field."""
    words = DRAWINGS[name].split()
    path = QPainterPath()
    at = 0

    def take(count: int) -> list[float]:
        nonlocal at
        numbers = [float(word) for word in words[at : at + count]]
        at += count
        return numbers

    while at < len(words):
        verb = words[at]
        at += 1
        if verb == "M":
            path.moveTo(*take(2))
        elif verb == "L":
            path.lineTo(*take(2))
        elif verb == "C":
            path.cubicTo(*take(6))
        elif verb == "O":
            x, y, radius = take(3)
            path.addEllipse(QPointF(x, y), radius, radius)
        elif verb == "R":
            x, y, width, height, radius = take(5)
            path.addRoundedRect(QRectF(x, y, width, height), radius, radius)
        else:
            path.closeSubpath()
    return path


def paint_icon(painter: QPainter, name: str, rect: QRectF, color: QColor) -> None:
    """Draw an icon centred in `rect`, as large as fits."""
    side = min(rect.width(), rect.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.center().x() - side / 2, rect.center().y() - side / 2)
    painter.scale(side / 16, side / 16)
    pen = QPen(color, LINE_WIDTH, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path_of(name))
    painter.restore()


@lru_cache(maxsize=256)
def icon_pixmap(name: str, color: str, side: int, scale: float) -> QPixmap:
    """An icon ready to be put down: for rows, where stroking a path each time would cost most of a repaint."""
    pixmap = QPixmap(round(side * scale), round(side * scale))
    pixmap.setDevicePixelRatio(scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_icon(painter, name, QRectF(0, 0, side, side), QColor(color))
    painter.end()
    return pixmap


class _Engine(QIconEngine):
    """Paints at the moment of use, so that icons follow the theme and any scale factor."""

    def __init__(self, name: str, token: str) -> None:
        super().__init__()
        self._name = name
        self._token = token

    def paint(self, painter: QPainter, rect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        token = "faint" if mode == QIcon.Mode.Disabled else self._token
        paint_icon(painter, self._name, QRectF(rect), theme.color(token))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, pixmap.rect(), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._token)


@cache
def icon(name: str, token: str = "text") -> QIcon:
    """An icon in the colour of a theme token."""
    return QIcon(_Engine(name, token))


def app_icon() -> QIcon:
    """The program's own mark: water held by a gate, in the accent."""
    result = QIcon()
    for side in (16, 32, 64, 128):
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        _paint_mark(painter, side)
        painter.end()
        result.addPixmap(pixmap)
    return result


def _paint_mark(painter: QPainter, side: int) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(side / 64, side / 64)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor("#1667c7"))
    painter.drawRoundedRect(QRectF(2, 2, 60, 60), 14, 14)
    pen = QPen(QColor("#ffffff"), 5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    mark = QPainterPath()
    mark.moveTo(32, 14)
    mark.lineTo(32, 38)
    mark.moveTo(22, 28)
    mark.lineTo(32, 38)
    mark.lineTo(42, 28)
    mark.moveTo(14, 49)
    mark.cubicTo(20, 44, 26, 44, 32, 49)
    mark.cubicTo(38, 54, 44, 54, 50, 49)
    painter.drawPath(mark)
