"""The line at the bottom: speeds, their history, what is left, and how the engine is."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app import text
from app.mirror import Change
from app.session import Link, Session
from app.theme import tabular, theme
from app.widgets.elided_label import ElidedLabel
from app.widgets.icon_label import IconLabel
from app.widgets.speed_graph import SpeedGraph
from core.model.units import format_duration, format_rate, format_size
from core.protocol.rows import Totals

HEIGHT = 32
_LINKS = {
    Link.STARTING: (text.ENGINE_STARTING, "warn"),
    Link.CONNECTED: (text.ENGINE_READY, "good"),
    Link.STOPPED: (text.ENGINE_STOPPED, "warn"),
    Link.LOST: (text.ENGINE_LOST, "bad"),
}


class TotalLine(QWidget):
    """Follows the session's totals and link."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setFixedHeight(HEIGHT)
        self.up = _Speed("up", text.UP_NAME)
        self.down = _Speed("down", text.DOWN_NAME)
        self.graph = SpeedGraph()
        self.left = ElidedLabel("muted")
        self.left.setFont(tabular(self.left.font()))
        self.lamp = _Lamp()
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(16)
        for part in (self.up, self.down, self.graph):
            row.addWidget(part)
        row.addWidget(self.left, 1)
        row.addWidget(self.lamp)
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self._tick)
        self._clock.start()
        session.queue_changed.connect(self._on_queue)
        session.link_changed.connect(self.show_link)
        self.show_totals(session.mirror.totals)
        self.show_link()

    def _on_queue(self, change: Change) -> None:
        if change.totals:
            self.show_totals(self._session.mirror.totals)

    def _tick(self) -> None:
        totals = self._session.mirror.totals
        connected = self._session.link is Link.CONNECTED
        self.graph.add(totals.up_bps if connected else 0.0, totals.down_bps if connected else 0.0)

    def show_totals(self, totals: Totals) -> None:
        self.up.show_rate(totals.up_bps)
        self.down.show_rate(totals.down_bps)
        self.left.put(_left(totals) if self._session.link is Link.CONNECTED else "")

    def show_link(self) -> None:
        words, tone = _LINKS[self._session.link]
        trouble = self._session.trouble
        self.lamp.tell(words, tone, trouble.sentence if trouble else "")
        self.show_totals(self._session.mirror.totals if self._session.link is Link.CONNECTED else Totals())


def _left(totals: Totals) -> str:
    if totals.left_bytes <= 0 and not totals.moving:
        words = text.NOTHING_LEFT
    else:
        duration = format_duration(totals.left_s) if totals.left_s >= 0 else ""
        words = text.all_done_in(format_size(totals.left_bytes), duration)
    return f"{words}  ·  {text.READING}" if totals.walking else words


class _Speed(QWidget):
    """An arrow and a rate in a fixed width, so that nothing beside it moves."""

    def __init__(self, icon_name: str, name: str) -> None:
        super().__init__()
        self._name = name
        self._icon = IconLabel(icon_name, "faint", 14)
        self._icon_name = icon_name
        self.rate = QLabel()
        self.rate.setFont(tabular(self.rate.font()))
        self.rate.setMinimumWidth(int(QFontMetricsF(self.rate.font()).horizontalAdvance("888.8 MB/s")) + 2)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self._icon)
        row.addWidget(self.rate)
        self.show_rate(0.0)

    def show_rate(self, rate_bps: float) -> None:
        words = format_rate(rate_bps)
        token = ("accent" if self._icon_name == "up" else "good") if rate_bps > 0 else "faint"
        if words != self.rate.text():
            self.rate.setText(words)
            self.setAccessibleName(f"{self._name}: {words}")
        self._icon.show_icon(self._icon_name, token)


class _Lamp(QWidget):
    """The engine's state: a shape of its own for each, and a word."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self._tone = "", "warn"

    def tell(self, words: str, tone: str, why: str) -> None:
        self.words, self._tone = words, tone
        self.setToolTip(why or words)
        self.setAccessibleName(f"{words} {why}".strip())
        self.setFixedSize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(int(QFontMetricsF(self.font()).horizontalAdvance(self.words)) + 20, HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = theme.color(self._tone)
        dot = QRectF(2, self.height() / 2 - 4, 8, 8)
        if self._tone == "good":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(dot)
        else:
            painter.setPen(color)
            painter.drawEllipse(dot) if self._tone == "warn" else painter.drawRect(dot)
        painter.setPen(theme.color("muted" if self._tone == "good" else self._tone))
        painter.drawText(self.rect().adjusted(18, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.words)
