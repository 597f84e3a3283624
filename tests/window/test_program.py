"""The real program on a real X display with its real engine: started, used by keyboard, looked at, ended."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from app.prefs import Prefs
from core.host import endpoint
from core.host.places import find_places
from core.model.transfer import State
from core.protocol.commands import ListTransfers
from core.protocol.rows import TransferRow, View

pytestmark = pytest.mark.xvfb
PATIENCE_S = 30


class Program:
    """The window's process, and the keyboard in front of it."""

    def __init__(self, home: Path, display: str, *options: str) -> None:
        self._env = os.environ | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "SLUICE_HOME": str(home)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.bootstrap", "--theme", "light", "--startup-time", *options],
            env=self._env,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.first_words = self.process.stderr.readline()

    def x(self, *words: str) -> str:
        return subprocess.run(["xdotool", *words], env=self._env, capture_output=True, text=True, check=False).stdout

    def focus(self, title: str) -> None:
        """Without a window manager nobody else hands out the keyboard."""
        until(lambda: self.x("search", "--onlyvisible", "--name", f"^{title}$"))
        window = self.x("search", "--onlyvisible", "--name", f"^{title}$").split()[-1]
        self.x("windowfocus", "--sync", window)

    def photograph(self, picture: Path) -> None:
        """What is on the screen now."""
        subprocess.run(["import", "-silent", "-window", "root", str(picture)], env=self._env, check=True)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


def until(true) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "never happened"
        time.sleep(0.1)


@pytest.fixture
def engine_stopped_after(home: Path) -> Iterator[None]:
    yield
    asyncio.run(endpoint.stop(find_places()))


def queue() -> list[TransferRow]:
    """The queue as the running engine tells it."""

    async def ask() -> list[TransferRow]:
        client = await endpoint.connect(find_places(), spawn=False)
        try:
            return list((await client.call(ListTransfers(view=View()))).rows)
        finally:
            await client.close()

    return asyncio.run(ask())


@pytest.mark.usefixtures("engine_stopped_after")
def test_a_file_is_added_by_keyboard_and_arrives(home: Path, display: str, tmp_path: Path):
    source, picture, beat = tmp_path / "hello.bin", tmp_path / "window.png", tmp_path / "beat.json"
    source.write_bytes(os.urandom(300_000))
    program = Program(home, display, "--heartbeat", str(beat))
    try:
        assert re.fullmatch(r"painted after \d+\.\d+ s\n", program.first_words)
        until(lambda: asyncio.run(endpoint.describe(find_places())) is not None)
        until(lambda: list(home.rglob("my-first-bucket")))
        program.focus("Sluice")
        program.x("key", "ctrl+o")
        program.focus("Add files")
        program.x("type", "--delay", "5", str(source))
        program.x("key", "Return")
        until(lambda: [row for row in queue() if row.state is State.DONE])
        row = queue()[0]
        assert (row.name, row.destination, row.size_bytes) == ("hello.bin", "s3://my-first-bucket/hello.bin", 300_000)
        assert row.verified_by
        time.sleep(0.5)  # the next delta and its repaint
        program.photograph(picture)
        assert_painted(picture)
    finally:
        code = program.end()
    assert code == 0
    assert asyncio.run(endpoint.describe(find_places())) is not None, "closing the window only detaches"
    figures = json.loads(beat.read_text())
    assert figures["n"] > 100
    log = home / "log" / "window.log"
    assert not log.exists() or log.read_text() == ""


@pytest.mark.usefixtures("engine_stopped_after")
def test_a_transfer_is_paused_and_resumed_by_keyboard(home: Path, display: str, tmp_path: Path):
    source = tmp_path / "film.bin"
    source.write_bytes(os.urandom(1 << 20) * 150)  # five seconds of the built-in store
    prefs = Prefs(find_places().config)
    prefs.put_flag("told/background", True)  # the first-time note would move the table down
    prefs.save()
    program = Program(home, display)
    try:
        until(lambda: list(home.rglob("my-first-bucket")))
        program.focus("Sluice")
        program.x("key", "ctrl+o")
        program.focus("Add files")
        program.x("type", "--delay", "5", str(source))
        program.x("key", "Return")
        until(lambda: [row for row in queue() if row.committed_bytes > 0])
        program.focus("Sluice")
        program.x("mousemove", "300", "173", "click", "1", "key", "space")
        until(lambda: queue()[0].state is State.PAUSED)
        kept = queue()[0].committed_bytes
        assert 0 < kept < 150 << 20
        time.sleep(0.5)
        assert queue()[0].committed_bytes == kept, "a pause is a pause"
        program.x("key", "space")
        until(lambda: queue()[0].state is State.DONE)
    finally:
        assert program.end() == 0


def assert_painted(picture: Path) -> None:
    """A picture with a bar, words and a green pill, not an empty rectangle."""
    image = QImage(str(picture))
    assert image.width() >= 640
    colors = {image.pixelColor(x, y).name() for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    assert len(colors) > 40
    assert {"#ffffff", "#f4f5f7", "#1667c7", "#e2f3e9"} <= colors


def test_without_a_display_there_is_a_sentence(home: Path) -> None:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "app"], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("sluice: There is no display")
