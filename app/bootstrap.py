"""Starts the window: paint first, connect to the engine afterwards, and end everything in order."""

from __future__ import annotations

import argparse
import asyncio
import logging
import logging.handlers
import os
import signal
import sys
import time
from pathlib import Path

os.environ["QT_API"] = "pyside6"  # qasync takes the first binding it finds

from PySide6.QtCore import QLibraryInfo, QLocale, Qt, QTimer, QTranslator
from PySide6.QtWidgets import QApplication

from core.model.errors import CoreError, describe
from core.model.places import Places

log = logging.getLogger("app")
SHUT_S = 6.0


def main(argv: list[str]) -> int:
    """Run the window until it is closed. `argv` begins with the program's name. Returns the process's exit code."""
    started_s = time.perf_counter()
    options = _parser().parse_args(argv[1:])
    from core.host.places import find_places

    try:
        places = find_places()
    except CoreError as error:
        sys.stderr.write(f"sluice: {error.sentence}\n")
        return 1
    if not _has_display():
        sys.stderr.write(
            "sluice: There is no display to open a window on; the command line works without: sluice --help\n"
        )
        return 1
    _keep_log(places)
    app = QApplication(argv[:1])
    app.setApplicationName("sluice")
    app.setDesktopFileName("sluice")
    app.setQuitOnLastWindowClosed(False)
    _translate(app)
    from qasync import QEventLoop

    loop = QEventLoop(app)
    with loop:
        return loop.run_until_complete(Program(app, places, options, started_s).run())


class Program:
    """One run of the window."""

    def __init__(self, app: QApplication, places: Places, options: argparse.Namespace, started_s: float) -> None:
        self._app, self._places, self._options, self._started_s = app, places, options, started_s
        self._end = asyncio.Event()

    async def run(self) -> int:
        from app.prefs import Prefs
        from app.session import Session
        from app.theme import apply_theme
        from app.views.main_window import MainWindow

        prefs = Prefs(self._places.config)
        self._app.setStyle("Fusion")
        apply_theme(self._options.theme or prefs.scheme)
        self.session = Session(self._connect)
        self.window = MainWindow(self.session, prefs)
        self._catch()
        self.window.closing.connect(self._end.set)
        self.window.painted.connect(self._on_painted, Qt.ConnectionType.QueuedConnection)
        self.window.show()
        try:
            await self._end.wait()
        finally:
            await self._shut()
        return 0

    # --- the start

    def _on_painted(self) -> None:
        """The window is on the screen: now there is time for everything else."""
        if self._options.startup_time:
            sys.stderr.write(f"painted after {time.perf_counter() - self._started_s:.3f} s\n")
        from app.icons import app_icon

        self._app.setWindowIcon(app_icon())
        self.session.tasks.start(self.session.run(), "session")
        if self._options.heartbeat:
            from app.heartbeat import Heartbeat

            self.session.tasks.start(Heartbeat(self._options.heartbeat).run(), "heartbeat")
        if self._options.screenshot:
            QTimer.singleShot(self._options.after, self._shoot)

    async def _connect(self, may_start: bool):
        from core.host import endpoint

        return await endpoint.connect(self._places, spawn=may_start)

    def _shoot(self) -> None:
        self.window.grab().save(self._options.screenshot)

    # --- what nobody expected

    def _catch(self) -> None:
        """Whatever escapes is logged and said in the window; qasync would only print it."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_loop_error)
        sys.excepthook = lambda kind, error, trace: self._unexpected(error)
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self._end.set)
            except NotImplementedError:
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._end.set))

    def _on_loop_error(self, _loop: object, context: dict) -> None:
        error = context.get("exception")
        if error is None:
            log.error("the event loop says: %s", context.get("message"))
        else:
            self._unexpected(error)

    def _unexpected(self, error: BaseException) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._end.set()
            return
        log.error("unexpected", exc_info=error)
        self.session.failed.emit(describe(error))

    # --- the end

    async def _shut(self) -> None:
        """Hide at once, then let go of the engine within a time limit."""
        self.window.remember()
        self.window.hide()
        try:
            async with asyncio.timeout(SHUT_S):
                await self.session.close()
        except TimeoutError:
            log.warning("closing took longer than %s s", SHUT_S)
        sys.excepthook = sys.__excepthook__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sluice", description="The Sluice window.")
    parser.add_argument("--theme", choices=("system", "light", "dark"), help=argparse.SUPPRESS)
    parser.add_argument("--heartbeat", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--screenshot", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--after", metavar="MS", type=int, default=1500, help=argparse.SUPPRESS)
    parser.add_argument("--startup-time", action="store_true", help=argparse.SUPPRESS)
    return parser


def _has_display() -> bool:
    """Qt aborts the process where there is none; a sentence is kinder."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _keep_log(places: Places) -> None:
    handler = logging.handlers.RotatingFileHandler(
        Path(places.log) / "window.log", maxBytes=1_000_000, backupCount=1, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)


def _translate(app: QApplication) -> None:
    """Our wording and Qt's own in the system's language, where there is a translation."""
    folders = {"sluice": str(Path(__file__).parents[1] / "resources" / "translations")}
    folders["qtbase"] = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    for name, folder in folders.items():
        translator = QTranslator(app)
        if translator.load(QLocale(), name, "_", folder):
            app.installTranslator(translator)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
