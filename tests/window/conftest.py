"""A window over a fake engine, driven on a real qasync loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from app.prefs import Prefs
from app.session import Session
from app.theme import apply_theme
from app.views.main_window import MainWindow
from core.model.errors import ErrorRecord
from tests.support.fake_client import FakeClient

Connect = Callable[[bool], Coroutine[Any, Any, Any]]
PATIENCE_MS = 10_000
STEP_MS = 5


class Desk:
    """Opens windows and runs coroutines on the loop they live on."""

    def __init__(self, loop: QEventLoop, home: Path) -> None:
        self._loop = loop
        self._numbers = itertools.count()
        self._home = home
        self.windows: list[MainWindow] = []
        self.failures: list[ErrorRecord] = []

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Let the window work until this is done."""
        task = self._loop.create_task(work)
        self.until(task.done, "the end of a coroutine")
        return task.result()

    def prefs(self) -> Prefs:
        return Prefs(self._home)

    def window(
        self, connect: Callable[[], Coroutine[Any, Any, Any]], size: tuple[int, int] = (1100, 700)
    ) -> MainWindow:
        """A window that is shown and connecting."""
        session = Session(connect)
        session.failed.connect(self.failures.append)
        window = MainWindow(session, self.prefs())
        window.resize(*size)
        window.show()
        self.windows.append(window)

        session.tasks.start(session.run(), "session")
        return window

    def open(self, client: FakeClient, size: tuple[int, int] = (1100, 700)) -> MainWindow:
        """A window that shows what `client` has."""

        async def connect(_may_start: bool) -> FakeClient:
            return client

        window = self.window(connect, size)
        self.until(lambda: window.destination.bucket and window.session.mirror.seq >= 0, "the first picture")
        return window

    def until(self, true: Callable[[], Any], what: str = "") -> None:
        """Let the window work until something holds."""
        for _ in range(PATIENCE_MS // STEP_MS):
            if true():
                return
            QTest.qWait(STEP_MS)
        raise AssertionError(f"never happened: {what or true}")

    def pause(self, seconds: float) -> None:
        """Let the window work for a moment; for things that must not happen."""
        QTest.qWait(int(seconds * 1000))

    def close(self) -> None:
        for window in self.windows:
            self.run(window.session.close())
            window.hide()
            window.deleteLater()


@pytest.fixture
def desk(qapp: QApplication, tmp_path: Path) -> Iterator[Desk]:
    qapp.setStyle("Fusion")
    apply_theme("light")
    loop = QEventLoop(qapp, already_running=True)  # whoever waits, in Qt's way, runs it
    desk = Desk(loop, tmp_path)
    try:
        yield desk
    finally:
        desk.close()
        loop.stop()
        asyncio.events._set_running_loop(None)
        loop.close()


def urls(*paths: Path | str) -> list[QUrl]:
    return [QUrl.fromLocalFile(str(path)) for path in paths]
