"""Files dragged from another program's window, by a real pointer on a real X display, dropped on ours."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.host import endpoint
from core.host.places import find_places
from core.model.transfer import State
from tests.window.test_program import Program, queue, until

pytestmark = pytest.mark.xvfb
SOURCE_AT = (1300, 100)  # beside our window


@pytest.fixture
def dragged(home: Path, display: str, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A file and a folder, shown in a window of their own."""
    file, folder = tmp_path / "clip one.mov", tmp_path / "folder"
    file.write_bytes(os.urandom(200_000))
    folder.mkdir()
    (folder / "inside.txt").write_bytes(b"inside")
    source = subprocess.Popen(
        [sys.executable, "-m", "tests.support.drag_source", *map(str, SOURCE_AT), str(file), str(folder)],
        env=os.environ | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"},
    )
    try:
        yield file, folder
    finally:
        source.kill()
        source.wait()
        asyncio.run(endpoint.stop(find_places()))


def test_dropped_files_and_folders_reach_the_local_store(home: Path, display: str, dragged: tuple[Path, Path]) -> None:
    program = Program(home, display)
    try:
        until(lambda: list(home.rglob("my-first-bucket")))
        until(lambda: program.x("search", "--onlyvisible", "--name", "^Drag source$"))
        x, y = SOURCE_AT[0] + 60, SOURCE_AT[1] + 40
        program.x("mousemove", str(x), str(y), "mousedown", "1")
        for step in range(1, 21):  # a pointer that jumps is not taken for a drag
            program.x("mousemove", str(x + (500 - x) * step // 20), str(y + (400 - y) * step // 20), "sleep", "0.02")
        program.x("sleep", "0.3", "mouseup", "1")
        until(lambda: len(queue()) == 2 and all(row.state is State.DONE for row in queue()))
    finally:
        program.end()
    bucket = next(iter(home.rglob("my-first-bucket")))
    file, _ = dragged
    assert (bucket / "clip one.mov").read_bytes() == file.read_bytes()
    assert (bucket / "folder" / "inside.txt").read_bytes() == b"inside"
