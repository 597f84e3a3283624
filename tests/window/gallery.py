"""Shows the window with transfers of every kind, to look at it: `python -m tests.window.gallery --help`.

Needs no engine. With --out it saves a picture and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from dataclasses import replace
from pathlib import Path

os.environ["QT_API"] = "pyside6"

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from app.prefs import Prefs
from app.session import Session
from app.theme import apply_theme
from app.views.main_window import MainWindow
from core.model.account import Account
from core.model.errors import ErrorRecord, Retry
from core.model.transfer import Direction, State
from core.protocol.rows import AccountRow, CheckRow, Totals, TransferRow
from tests.support.fake_client import FakeClient, row

GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10
DENIED = ErrorRecord(
    kind="RemoteError",
    code="access-denied",
    sentence="The server refuses this key to write here; ask for s3:PutObject on the bucket “lab-results”.",
    detail="PUT /lab-results/runs/2026-11/sample-0042.h5\n403 AccessDenied",
    where="s3://lab-results/runs/2026-11/sample-0042.h5",
    request_id="tx00000f3c9e1b2a",
)
BUSY = ErrorRecord(
    kind="RemoteError",
    code="slow-down",
    sentence="The server asks for a pause; next attempt in 40 s.",
    retry=Retry.BACKOFF,
)


def rows() -> list[TransferRow]:
    """Some forty transfers: every state, long and short names, up, down and copied."""
    home = os.path.expanduser("~")
    film = [
        row(1, State.RUNNING, name="A001_C003_0412QX.mov", size_bytes=41 * GIB, committed_bytes=17 * GIB,
            flying_bytes=3 * GIB, rate_bps=84e6, left_s=245, parts=5248, parts_done=2176, priority=1, seconds=212,
            destination="s3://studio-archive/2026/wedding-0412/raw/A001_C003_0412QX.mov"),
        row(2, State.RUNNING, name="A001_C004_0412QX.mov", size_bytes=38 * GIB, committed_bytes=2 * GIB,
            flying_bytes=1 * GIB, rate_bps=31.4e6, left_s=1190, parts=4864, parts_done=256,
            destination="s3://studio-archive/2026/wedding-0412/raw/A001_C004_0412QX.mov"),
        row(3, State.RUNNING, name="proxies.zip", direction=Direction.DOWN, size_bytes=3 * GIB,
            committed_bytes=2_400 * MIB, flying_bytes=64 * MIB, rate_bps=31e6, left_s=19,
            source="s3://studio-archive/2026/wedding-0412/proxies.zip", destination=f"{home}/Desktop/proxies.zip"),
        row(4, State.RUNNING, name="tiny.json", size_bytes=812, flying_bytes=812),
        row(5, State.ASKING, name="notes.pdf", size_bytes=1_300 * KIB, question="exists",
            answers=("overwrite", "rename", "skip"), destination="s3://studio-archive/2026/wedding-0412/notes.pdf"),
        row(6, State.ASKING, name="a very long name that somebody gave to a scan, signed, final, final (2).pdf",
            size_bytes=14 * MIB, question="exists", answers=("overwrite", "rename", "skip"),
            destination="s3://studio-archive/contracts/a very long name.pdf"),
        row(7, State.FAILED, name="sample-0042.h5", size_bytes=900 * MIB, committed_bytes=300 * MIB, error=DENIED,
            destination="s3://lab-results/runs/2026-11/sample-0042.h5"),
        row(8, State.FAILED, name="gone.txt", size_bytes=14, error=replace(
            DENIED, sentence="The file is no longer there.", code="missing", detail=""),
            destination="s3://lab-results/gone.txt"),
        row(9, State.WAITING, name="backup-2026-11-19.tar.zst", size_bytes=212 * GIB, committed_bytes=80 * GIB,
            error=BUSY, destination="s3://backup/backup-2026-11-19.tar.zst"),
        row(10, State.PAUSED, name="Urlaub Österreich 2025 – Höhepunkte.mkv", size_bytes=7 * GIB,
            committed_bytes=5 * GIB, destination="s3://studio-archive/private/Urlaub.mkv"),
        row(11, State.PAUSED, name="iso-images.img", size_bytes=2 * GIB, committed_bytes=0),
        row(12, State.CANCELLING, name="wrong-folder.tar", size_bytes=5 * GIB, committed_bytes=1 * GIB),
        row(13, State.DONE, name="A001_C001_0412QX.mov", size_bytes=40 * GIB, committed_bytes=40 * GIB,
            verified_by="crc64nvme", seconds=402, parts=5120, parts_done=5120,
            destination="s3://studio-archive/2026/wedding-0412/raw/A001_C001_0412QX.mov"),
        row(14, State.DONE, name="cover.jpg", size_bytes=3 * MIB, committed_bytes=3 * MIB, verified_by="md5-etag"),
        row(15, State.DONE, name="photos.zip", direction=Direction.DOWN, size_bytes=640 * MIB,
            committed_bytes=640 * MIB, verified_by="crc64nvme", source="s3://studio-archive/photos.zip",
            destination=f"{home}/Downloads/photos.zip"),
        row(16, State.DONE, name="index.html", direction=Direction.COPY, size_bytes=14 * KIB, committed_bytes=14 * KIB,
            verified_by="server-copy", source="s3://www/index.html", destination="s3://www-mirror/index.html"),
        row(17, State.SKIPPED, name="readme.md", size_bytes=4 * KIB),
        row(18, State.CANCELLED, name="old-draft.docx", size_bytes=220 * KIB),
    ]  # fmt: skip
    queued = [
        row(n, State.QUEUED, name=f"DSC_{4200 + n}.NEF", size_bytes=(23 + n % 7) * MIB,
            destination=f"s3://studio-archive/2026/wedding-0412/stills/DSC_{4200 + n}.NEF")
        for n in range(19, 43)
    ]  # fmt: skip
    return film + queued


def client(full: bool = True) -> FakeClient:
    """A fake engine with a life of its own."""
    fake = FakeClient(rows() if full else ())
    fake.accounts += [
        AccountRow(account=Account(name="Lab (Ceph)", endpoint="https://rgw.lab.example", access_key="AKLAB"),
                   secret="keyring"),
        AccountRow(account=Account(name="Studio (R2)", endpoint="https://1234.r2.cloudflarestorage.com", region="auto",
                                   access_key="AKR2"), secret="keyring"),
    ]  # fmt: skip
    fake.buckets["Studio (R2)"] = ["studio-archive", "backup", "www"]
    fake.held = {
        "Lab (Ceph)": replace(DENIED, sentence="The key of this account was refused; check it in the account.")
    }
    fake.totals = (
        Totals(up_bps=115.4e6, down_bps=31e6, moving=4, left_bytes=270 * GIB, left_s=2520) if full else Totals()
    )
    fake.checks = (
        CheckRow("name", True, "rgw.lab.example is 192.0.2.7."),
        CheckRow("TLS", True, "The certificate is valid until 2027-03-01."),
        CheckRow("keys", True, "The keys are accepted."),
        CheckRow("buckets", False, "The keys may not list buckets; type the bucket's name instead."),
    )
    return fake


async def show(app: QApplication, options: argparse.Namespace) -> None:
    fake = client(full=not options.empty)

    async def connect(_may_start: bool) -> FakeClient:
        return fake

    prefs = Prefs(Path(tempfile.mkdtemp()))
    prefs.put("look/scheme", options.theme)
    app.setStyle("Fusion")
    apply_theme(options.theme)
    session = Session(connect)
    window = MainWindow(session, prefs)
    width, height = options.size.split("x")
    window.resize(int(width), int(height))
    window.show()
    ended = asyncio.Event()
    window.closing.connect(ended.set)
    if options.link != "none":
        session.tasks.start(session.run(), "session")
    for second in range(120):
        wave = 1 + 0.4 * ((second * 37) % 11) / 11
        busy = 0 if options.empty else 1
        window.totals.graph.add(busy * 90e6 * wave * (second > 30), busy * 30e6 / wave * (second > 60))
    await asyncio.sleep(0.5)
    await stage(window, session, options.show)
    await asyncio.sleep(0.4)
    if options.out:
        shown = app.activeWindow() if options.dialog_only else window
        (shown or window).grab().save(options.out)
        window.close()
    await ended.wait()
    await session.close()


async def stage(window: MainWindow, session: Session, what: str) -> None:
    """Bring the window into a situation worth a look."""
    if what == "details":
        window.selection.choose(1)
    elif what == "asking":
        window.selection.choose(6)
    elif what == "failed":
        window.selection.choose(7)
    elif what == "all":
        window.transfers.table.selectAll()
    elif what == "overlay":
        window.overlay.reveal(window.destination.words)
    elif what == "brake":
        window.intents.cancel_asked.emit(1204)
    elif what == "note":
        window.intents.added.emit()
    elif what == "settings":
        window._open_settings()
    elif what == "account":
        window._open_account(session.accounts[1])
        await asyncio.sleep(0.1)
        window.findChild(QApplication.activeWindow().__class__).save(testing=True)
    elif what == "new-account":
        window._open_account(None)
    elif what == "download":
        window.toolbar.download_asked.emit()
    elif what == "limit":
        window.toolbar.limit_asked.emit()
    elif what == "bucket":
        window.path.new_bucket_asked.emit()
    elif what == "error":
        from app import dialogs

        dialogs.open_error(window, DENIED)
    elif what == "needs":
        window.sidebar.filters.setCurrentRow(4)
    elif what == "menu":
        window.toolbar.limit.menu().popup(window.toolbar.limit.mapToGlobal(window.toolbar.limit.rect().bottomLeft()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--theme", default="light", choices=("light", "dark", "system"))
    parser.add_argument("--size", default="1100x700")
    parser.add_argument("--out", default="")
    parser.add_argument("--show", default="", help="details, asking, failed, all, overlay, settings, account...")
    parser.add_argument("--link", default="ok", choices=("ok", "none"))
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--dialog-only", action="store_true")
    options = parser.parse_args()
    app = QApplication([])
    app.setAttribute(Qt.ApplicationAttribute.AA_DontShowIconsInMenus, False)
    app.setQuitOnLastWindowClosed(False)
    loop = QEventLoop(app)
    with loop:
        loop.run_until_complete(show(app, options))


if __name__ == "__main__":
    main()
