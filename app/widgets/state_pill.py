"""A state as a pill: a shape and a word on a tint, so that colour never speaks alone."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

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
    """Draw the pill at the left of `rect`, cut to its width."""
    metrics = QFontMetricsF(painter.font())
    width = min(rect.width(), pill_width(words, metrics))
    height = min(HEIGHT, rect.height() - 2)
    box = QRectF(rect.left(), rect.center().y() - height / 2, width, height)
    ink = theme.color(_INKS[tone])
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(_TINTS[tone]))
    painter.drawRoundedRect(box, height / 2, height / 2)
    paint_icon(painter, icon_name, QRectF(box.left() + PADDING, box.center().y() - ICON / 2, ICON, ICON), ink)
    painter.setPen(ink)
    inner = box.adjusted(PADDING + ICON + 4, 0, -PADDING + 2, 0)
    shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, inner.width())
    painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
    painter.restore()
