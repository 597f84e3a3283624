"""What the table's place shows while there is nothing in it: an invitation, or a plain sentence."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app import text
from app.icons import icon, paint_icon
from app.theme import theme
from app.widgets.plain import label, looking, push_button
from core.protocol.rows import Filter


class EmptyState(QWidget):
    """Inviting when the whole queue is empty, brief when only a filter is."""

    add_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        looking(self, "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._inviting = True
        self.title = QLabel(text.DROP_HERE, alignment=Qt.AlignmentFlag.AlignCenter)
        font = self.title.font()
        font.setPointSizeF(font.pointSizeF() * 1.4)
        self.title.setFont(font)
        self.line = label(look="muted", wrapped=True)
        self.line.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.button = looking(push_button(text.ADD_FILES), "primary")
        self.button.setIcon(icon("plus", "accent_text"))
        self.button.setToolTip(text.ADD_TIP)
        self.button.clicked.connect(self.add_asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(40, 24, 40, 24)
        column.setSpacing(8)
        column.addStretch(1)
        column.addSpacing(56)  # the painted arrow
        column.addWidget(self.title)
        column.addWidget(self.line)
        column.addSpacing(8)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def invite(self, place: str, account: str, *, ready: bool) -> None:
        """Nothing in the whole queue: drop something. `ready` is False until the engine has told what there is."""
        self._inviting = True
        self.title.setText(text.DROP_HERE)
        where = text.drop_where(place, account) if place else text.DROP_NOWHERE
        self.line.setText(where if ready else text.DROP_ANYTHING)
        self.button.show()
        self.update()

    def tell(self, shown: Filter, search: str) -> None:
        """Nothing in this filter."""
        self._inviting = False
        self.title.setText("")
        self.line.setText(text.NOTHING_FOUND.format(search=search) if search else text.NOTHING_IN[shown])
        self.button.hide()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._inviting:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("line"), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(16.5, 12.5, -16.5, -16.5), 10, 10)
        top = self.title.geometry().top() - 52
        paint_icon(painter, "drop", QRectF(self.width() / 2 - 22, top, 44, 44), theme.color("accent"))
