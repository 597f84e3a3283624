"""Both palettes fill every token and can be read."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from PySide6.QtGui import QColor

from app.theme import DARK, LIGHT, Tokens, style_sheet

READ_ON = [
    ("text", "surface"), ("text", "window"), ("text", "select"), ("text", "hover"),
    ("muted", "surface"), ("muted", "window"), ("muted", "hover"), ("muted", "quiet_tint"),
    ("accent", "surface"), ("accent", "accent_tint"), ("accent_text", "accent"),
    ("good", "surface"), ("good", "good_tint"), ("warn", "surface"), ("warn", "warn_tint"),
    ("bad", "surface"), ("bad", "bad_tint"),
]  # fmt: skip


def luminance(name: str) -> float:
    """WCAG 2.2, relative luminance."""
    color = QColor(name)
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), READ_ON)
def test_words_can_be_read(tokens: Tokens, ink: str, paper: str):
    assert contrast(getattr(tokens, ink), getattr(tokens, paper)) >= 4.5


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_bars_can_be_told_from_their_track(tokens: Tokens):
    assert contrast(tokens.accent, tokens.track) >= 3
    assert contrast(tokens.accent, tokens.flying) >= 1.8


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_the_style_sheet_has_no_hole(tokens: Tokens):
    assert "$" not in style_sheet(tokens)
    assert all(re.fullmatch(r"#[0-9a-f]{6}", getattr(tokens, field.name)) for field in fields(Tokens))
