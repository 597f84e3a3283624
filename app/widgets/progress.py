"""The bar: what is committed solid, what is in flight lighter, what is left empty."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPixmap

from app.theme import theme

BAR_HEIGHT = 12
HATCH = 6  # px, the period of the stripes


def paint_bar(painter: QPainter, rect: QRectF, committed: float, flying: float, *, token: str = "accent") -> None:
    """Draw the bar into `rect`; the shares are parts of the whole. One fillRect for each kind of byte."""
    top = rect.center().y() - BAR_HEIGHT / 2
    bar = QRectF(rect.left(), round(top), rect.width(), BAR_HEIGHT)
    painter.fillRect(bar, theme.color("track"))
    solid = round(bar.width() * committed)
    light = round(bar.width() * (committed + flying)) - solid
    if committed > 0 and solid == 0:
        solid = 1  # something is safe, so something is seen
    if light > 0:
        start = QRectF(bar.left() + solid, bar.top(), light, bar.height())
        painter.setBrushOrigin(start.topLeft())
        painter.fillRect(start, _hatched(theme.tokens.flying, theme.tokens.accent))
    if solid > 0:
        painter.fillRect(QRectF(bar.left(), bar.top(), solid, bar.height()), theme.color(token))


@cache
def _hatched(light: str, dark: str) -> QBrush:
    """Slanted stripes, so that "in flight" is told by shape as well as by colour."""
    tile = QPixmap(HATCH, HATCH)
    tile.fill(QColor(light))
    painter = QPainter(tile)
    stripe = QColor(dark)
    stripe.setAlphaF(0.45)
    painter.setPen(Qt.PenStyle.NoPen)
    for y in range(HATCH):
        painter.fillRect((HATCH - y) % HATCH, y, 2, 1, stripe)
        painter.fillRect((HATCH - y) % HATCH - HATCH, y, 2, 1, stripe)
    painter.end()
    return QBrush(tile)
