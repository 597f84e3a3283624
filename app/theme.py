"""The look in one place: tokens, the light and the dark palette of them, and the style sheet made from both.

Everything sits on a 4-px grid. There is one accent; green, amber and red are calm and always come with a word or a
shape.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

GRID = 4
ROW_HEIGHT = 28
ROW_HEIGHT_COMPACT = 22
BAR_HEIGHT = 44
CONTROL_HEIGHT = 28
RADIUS = 6
ICON_SIZE = 16


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours by what they are for, as `#rrggbb`."""

    window: str  # behind everything: toolbar, sidebar, total line
    surface: str  # the table and fields
    line: str  # hairlines where space alone will not do
    text: str
    muted: str  # second-rank text, still easily read
    faint: str  # placeholders and things that are off
    accent: str
    accent_text: str  # on the accent
    accent_tint: str
    hover: str
    pressed: str
    select: str
    track: str  # an empty progress bar
    flying: str  # in flight: the accent, lighter
    good: str
    good_tint: str
    warn: str
    warn_tint: str
    bad: str
    bad_tint: str
    quiet_tint: str  # behind pills that ask for nothing


LIGHT = Tokens(
    window="#f4f5f7",
    surface="#ffffff",
    line="#e1e4e9",
    text="#1c2127",
    muted="#59636e",
    faint="#8a939e",
    accent="#1667c7",
    accent_text="#ffffff",
    accent_tint="#e3eefb",
    hover="#eceef2",
    pressed="#dfe3e9",
    select="#dbe9fa",
    track="#e4e8ed",
    flying="#8fbbed",
    good="#1b7a48",
    good_tint="#e2f3e9",
    warn="#8d5a00",
    warn_tint="#fcf0d6",
    bad="#b7342a",
    bad_tint="#fbe6e4",
    quiet_tint="#eceef2",
)
DARK = Tokens(
    window="#1a1d21",
    surface="#212529",
    line="#32383f",
    text="#e7eaee",
    muted="#a5afba",
    faint="#77828d",
    accent="#62adf8",
    accent_text="#0d1b2a",
    accent_tint="#1d3650",
    hover="#2a2f35",
    pressed="#353b43",
    select="#274463",
    track="#373e46",
    flying="#33587d",
    good="#66cb92",
    good_tint="#1c3a2a",
    warn="#e2b250",
    warn_tint="#3d3118",
    bad="#f28e84",
    bad_tint="#452422",
    quiet_tint="#2d3339",
)


class Theme:
    """The palette in force. Widgets that paint ask it at paint time, so that a change of scheme reaches them all."""

    def __init__(self) -> None:
        self.tokens = LIGHT

    @property
    def dark(self) -> bool:
        return self.tokens is DARK

    def color(self, token: str) -> QColor:
        return _color(getattr(self.tokens, token))


theme = Theme()


@cache
def _color(name: str) -> QColor:
    return QColor(name)


def wants_dark(wish: str) -> bool:
    """`light` and `dark` are taken at their word; anything else follows the system."""
    if wish in ("light", "dark"):
        return wish == "dark"
    return QApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


def apply_theme(wish: str = "system") -> None:
    """Dress the application; may be called again whenever the wish or the system's scheme changes."""
    theme.tokens = DARK if wants_dark(wish) else LIGHT
    app = QApplication.instance()
    if isinstance(app, QApplication):
        app.setPalette(_palette(theme.tokens))
        app.setStyleSheet(style_sheet(theme.tokens))


def tabular(font: QFont) -> QFont:
    """The same font with digits of one width, so that numbers do not jump."""
    steady = QFont(font)
    steady.setFeature(QFont.Tag("tnum"), 1)
    return steady


def _palette(tokens: Tokens) -> QPalette:
    roles = {
        QPalette.ColorRole.Window: tokens.window,
        QPalette.ColorRole.Base: tokens.surface,
        QPalette.ColorRole.AlternateBase: tokens.window,
        QPalette.ColorRole.Button: tokens.window,
        QPalette.ColorRole.ToolTipBase: tokens.surface,
        QPalette.ColorRole.WindowText: tokens.text,
        QPalette.ColorRole.Text: tokens.text,
        QPalette.ColorRole.ButtonText: tokens.text,
        QPalette.ColorRole.ToolTipText: tokens.text,
        QPalette.ColorRole.PlaceholderText: tokens.faint,
        QPalette.ColorRole.Highlight: tokens.select,
        QPalette.ColorRole.HighlightedText: tokens.text,
        QPalette.ColorRole.Link: tokens.accent,
        QPalette.ColorRole.Accent: tokens.accent,
        QPalette.ColorRole.Mid: tokens.line,
    }
    palette = QPalette()
    for role, name in roles.items():
        palette.setColor(role, QColor(name))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.faint))
    return palette


def style_sheet(tokens: Tokens) -> str:
    """The style sheet with every `$token` filled in."""
    sheet = _SHEET
    for field in sorted(fields(tokens), key=lambda one: -len(one.name)):
        sheet = sheet.replace(f"${field.name}", getattr(tokens, field.name))
    return sheet


_SHEET = """
QWidget { outline: none; }
QToolTip { background: $surface; color: $text; border: 1px solid $line; padding: 4px; }

QFrame#rule { background: $line; border: none; }
QWidget#surface, QStackedWidget#surface { background: $surface; }
QLabel#heading { color: $muted; font-weight: 600; }
QLabel#muted { color: $muted; }
QLabel#title { font-weight: 600; }
QLabel[tone="good"] { color: $good; }
QLabel[tone="warn"] { color: $warn; }
QLabel[tone="bad"] { color: $bad; }

QPushButton, QToolButton {
    border: 1px solid transparent; border-radius: 6px; padding: 3px 8px; min-height: 20px;
    background: transparent; color: $text;
}
QToolButton#icon { padding: 3px; min-width: 20px; }
QPushButton { background: $surface; border-color: $line; padding: 3px 12px; }
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:pressed, QToolButton:pressed, QToolButton:open { background: $pressed; }
QPushButton:focus, QToolButton:focus { border-color: $accent; }
QPushButton:disabled, QToolButton:disabled { color: $faint; background: transparent; }
QPushButton#primary, QToolButton#primary {
    background: $accent; color: $accent_text; border-color: $accent; font-weight: 600;
}
QPushButton#primary:hover, QToolButton#primary:hover { border-color: $text; }
QPushButton#primary:focus, QToolButton#primary:focus { border-color: $text; }
QPushButton#primary:disabled { background: $track; color: $faint; border-color: $track; }
QToolButton::menu-indicator { image: none; width: 0; }
QToolButton#choice { padding-right: 20px; }
QToolButton#primary { border-top-right-radius: 0; border-bottom-right-radius: 0; }
QToolButton#primary-more {
    background: $accent; border-color: $accent; border-top-left-radius: 0; border-bottom-left-radius: 0;
}
QToolButton#primary-more:hover, QToolButton#primary-more:focus { border-color: $text; }

QLineEdit, QComboBox {
    background: $surface; color: $text; border: 1px solid $line; border-radius: 6px; padding: 2px 8px; min-height: 22px;
    selection-background-color: $accent; selection-color: $accent_text;
}
QLineEdit:focus, QComboBox:focus { border-color: $accent; }
QLineEdit:disabled { color: $faint; background: $window; }
QLineEdit QToolButton { min-height: 0; min-width: 0; padding: 0; border: none; background: transparent; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox QAbstractItemView {
    background: $surface; border: 1px solid $line; selection-background-color: $select; selection-color: $text;
}
QPlainTextEdit { background: $surface; color: $text; border: 1px solid $line; border-radius: 6px; padding: 4px; }

QMenu { background: $surface; border: 1px solid $line; border-radius: 6px; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 8px; border-radius: 4px; color: $text; }
QMenu::item:selected { background: $select; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
QMenu::icon { padding-left: 6px; }
QMenu::indicator { width: 14px; height: 14px; padding-left: 6px; }

QListWidget { background: transparent; border: none; }
QListWidget::item { border: none; }

QTableView { background: $surface; border: none; gridline-color: transparent; }
QHeaderView { background: $surface; border: none; }
QHeaderView::section {
    background: $surface; color: $muted; border: none; border-bottom: 1px solid $line; padding: 0 8px; height: 28px;
}
QHeaderView::section:first { padding-left: 16px; }
QHeaderView::section:hover { color: $text; }

QSplitter::handle { background: $line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }

QScrollBar { background: transparent; border: none; }
QScrollBar:vertical { width: 12px; }
QScrollBar:horizontal { height: 12px; }
QScrollBar::handle { background: $pressed; border-radius: 3px; margin: 3px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: $faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QFrame#note { border-radius: 6px; background: $accent_tint; }
QFrame#note[tone="warn"] { background: $warn_tint; }
QFrame#note[tone="bad"] { background: $bad_tint; }

QDialog { background: $window; }
QCheckBox { spacing: 8px; }
"""
