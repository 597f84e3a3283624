"""Rules about the window's own source."""

from __future__ import annotations

import re
from pathlib import Path

import app
from app.icons import DRAWINGS, path_of

SOURCES = sorted(Path(app.__file__).parent.rglob("*.py"))


def test_no_dialog_blocks_the_loop():
    nested = re.compile(r"\.exec_?\(|QMessageBox|QInputDialog|getOpenFileName|getExistingDirectory|processEvents")
    assert [f"{path.name}: {found[0]}" for path in SOURCES if (found := nested.search(path.read_text()))] == []


def test_wording_lives_in_one_file():
    shown = re.compile(r"""set(?:Text|ToolTip|PlaceholderText|WindowTitle|AccessibleName)\(\s*f?["']\w{3,}""")
    assert [path.name for path in SOURCES if path.name != "text.py" and shown.search(path.read_text())] == []


def test_every_icon_can_be_drawn_inside_its_field():
    for name in DRAWINGS:
        bounds = path_of(name).boundingRect()
        assert bounds.isValid() or bounds.width() > 0 or bounds.height() > 0, name
        assert bounds.left() >= 1, name
        assert bounds.top() >= 1, name
        assert bounds.right() <= 15, name
        assert bounds.bottom() <= 15, name
