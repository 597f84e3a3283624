"""A state as a pill: a shape and a word on a tint, so that colour never speaks alone."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPixmap

from app.icons import paint_icon
from app.theme import theme

HEIGHT = 20
ICON = 12
PADDING = 8

_TINTS = {"accent": "accent_tint", "good": "good_tint", "warn": "warn_tint", "bad": "bad_tint", "quiet": "quiet_tint"}
_INKS = {"accent": "accent", "good": "good", "warn": "warn", "bad": "bad", "quiet": "muted"}


def pill_width(words: str, metrics: QFontMetricsF) -> float:
    return PADDING + ICON + 4 + metrics.horizontalAdvance(words) + PADDING


def paint_pill(painter: QPainter, rect: QRectF, words: str, icon_name: str, tone: str) -> None:
    """Put the pill down at the left of `rect`, cut to its width."""
    font = painter.font()
    width = min(rect.width(), pill_width(words, QFontMetricsF(font)))
    height = min(HEIGHT, rect.height() - 2)
    scale = painter.device().devicePixelRatioF()
    colors = (theme.color(_INKS[tone]).name(), theme.color(_TINTS[tone]).name())
    pill = _pill(words, icon_name, colors, (width, height), scale, font.key())
    painter.drawPixmap(QPointF(rect.left(), rect.center().y() - height / 2), pill)


@lru_cache(maxsize=256)
def _pill(
    words: str, icon_name: str, colors: tuple[str, str], size: tuple[float, float], scale: float, font_key: str
) -> QPixmap:
    """There are few different pills and many rows, so each is drawn once."""
    width, height = size
    ink, tint = (QColor(name) for name in colors)
    font = QFont()
    font.fromString(font_key)
    pixmap = QPixmap(round(width * scale + 0.5), round(height * scale + 0.5))
    pixmap.setDevicePixelRatio(scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tint)
    box = QRectF(0, 0, width, height)
    painter.drawRoundedRect(box, height / 2, height / 2)
    paint_icon(painter, icon_name, QRectF(PADDING, (height - ICON) / 2, ICON, ICON), ink)
    painter.setPen(ink)
    inner = box.adjusted(PADDING + ICON + 4, 0, -PADDING + 2, 0)
    shown = QFontMetricsF(font).elidedText(words, Qt.TextElideMode.ElideRight, inner.width())
    painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
    painter.end()
    return pixmap
