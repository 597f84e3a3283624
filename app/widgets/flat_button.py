"""Flat buttons of our own measure: an icon and a word, and with a small arrow where a menu opens."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QAction, QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QToolButton

from app.icons import paint_icon
from app.theme import CONTROL_HEIGHT, theme

PAD = 8
ICON = 16
ARROW = 12
GAP = 4


class FlatButton(QToolButton):
    """As wide as its icon and words; Qt's own adds room for what is not there."""

    extra = 0  # px for what a subclass paints at the right

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIconSize(QSize(ICON, ICON))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    @classmethod
    def of(cls, action: QAction, look: str = "") -> FlatButton:
        """A button for an action; `look` is a name in the style sheet."""
        button = cls(action.text().rstrip("…"))
        action.setIconText(action.text())  # else Qt takes the dots away
        button.setDefaultAction(action)
        button.setObjectName(look)
        return button

    def sizeHint(self) -> QSize:
        font = QFont(self.font())
        font.setBold(self.objectName() == "primary")  # the style sheet's weight is not the widget's
        metrics = QFontMetrics(font)
        words = self.text().replace("&&", "&")
        width = metrics.horizontalAdvance(words) + 2 * GAP if words else 0
        icon = 0 if self.icon().isNull() else ICON
        return QSize(2 * PAD + icon + width + self.extra, CONTROL_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()


class ChoiceButton(FlatButton):
    """The current choice, and a menu with the others."""

    extra = ARROW

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(QMenu(self))
        self.setObjectName("choice")  # the style sheet keeps room for the arrow
        self.longest = 0  # px of text at most; 0 for no bound
        self.arrow = "faint"

    def put(self, words: str) -> None:
        """Show these words, elided in the middle where they are too long."""
        metrics = QFontMetrics(self.font())
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, self.longest) if self.longest else words
        self.setText(shown.replace("&", "&&"))  # a single & would mark a key
        self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        arrow = QRectF(self.width() - PAD - ARROW + 2, self.height() / 2 - ARROW / 2 + 1, ARROW, ARROW)
        paint_icon(painter, "menu", arrow, theme.color(self.arrow))
