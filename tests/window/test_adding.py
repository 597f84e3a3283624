"""Files and folders come in by drop, by dialog and by download; each makes one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QLibraryInfo, QMimeData, QPoint, QPointF, Qt, QUrl, QVersionNumber
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog

from app.dialogs.download_dialog import DownloadDialog
from core.model.account import Account
from core.model.errors import NetworkError, UsageError
from core.model.transfer import Conflict, Options
from core.protocol.commands import AddTransfers, CreateBucket, ListBuckets, ListObjects
from core.protocol.rows import AccountRow
from tests.support.fake_client import FakeClient, row
from tests.window.conftest import Desk, urls

LAB = AccountRow(account=Account(name="Lab", endpoint="https://lab.example", access_key="AK"), secret="keyring")


def enters(x: int, y: int, mime: QMimeData) -> QDragEnterEvent:
    """The event of a drag that comes in; its place is a QPointF since Qt 6.12."""
    place = QPointF(x, y) if QLibraryInfo.version() >= QVersionNumber(6, 12) else QPoint(x, y)
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    return QDragEnterEvent(place, copy, mime, left, Qt.KeyboardModifier.NoModifier)


def drop(window, mime: QMimeData) -> bool:
    """Drag over the window and let go; False when the window did not want it."""
    where, copy, left = QPoint(400, 300), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = enters(where.x(), where.y(), mime)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    if not enter.isAccepted():
        return False
    QApplication.sendEvent(window, QDropEvent(QPointF(where), copy, mime, left, Qt.KeyboardModifier.NoModifier))
    return True


def files(*paths: Path | str) -> QMimeData:
    mime = QMimeData()
    mime.setUrls(urls(*paths))
    return mime


def test_a_first_drop_needs_no_setup(desk: Desk, tmp_path: Path):
    client = FakeClient()
    client.buckets.clear()
    window = desk.open(client)
    assert client.said(CreateBucket) == [CreateBucket(bucket="my-first-bucket", account="Try it here")]
    assert drop(window, files(tmp_path / "a.txt", tmp_path / "folder"))
    desk.until(lambda: client.said(AddTransfers))
    assert client.said(AddTransfers) == [
        AddTransfers(
            sources=(str(tmp_path / "a.txt"), str(tmp_path / "folder")),
            destination="s3://my-first-bucket/",
            destination_account="Try it here",
            options=Options(conflict=Conflict.ASK),
        )
    ]


def test_the_overlay_says_where_a_drop_goes_and_leaves_with_it(desk: Desk, tmp_path: Path):
    window = desk.open(FakeClient())
    window.destination.choose_prefix("2026/raw")
    mime = files(tmp_path)  # the event does not keep it
    enter = enters(9, 9, mime)
    QApplication.sendEvent(window, enter)
    assert window.overlay.isVisible()
    assert window.overlay.place == "my-first-bucket/2026/raw/"
    assert window.overlay.accessibleName() == "Drop to upload to my-first-bucket/2026/raw/"
    drop(window, files(tmp_path))
    assert not window.overlay.isVisible()


def test_what_is_no_local_file_is_not_taken(desk: Desk):
    client = FakeClient()
    window = desk.open(client)
    web, words = QMimeData(), QMimeData()
    web.setUrls([QUrl("https://example.com/a.txt")])
    words.setText("hello")
    assert not drop(window, web)
    assert not drop(window, words)
    assert not client.said(AddTransfers)


def test_names_of_any_kind_arrive_as_they_are(desk: Desk, tmp_path: Path):
    client = FakeClient()
    window = desk.open(client)
    odd = [tmp_path / name for name in ("a b%20c.txt", "Ünï#cödé?.bin", "100%.txt")]
    drop(window, files(*odd, odd[0]))
    desk.until(lambda: client.said(AddTransfers))
    assert client.said(AddTransfers)[0].sources == tuple(str(path) for path in odd)


def test_a_drop_before_the_engine_answers_is_not_lost(desk: Desk, tmp_path: Path):
    import asyncio

    client, ready = FakeClient(), asyncio.Event()

    async def connect(_may_start: bool) -> FakeClient:
        await ready.wait()
        return client

    window = desk.window(connect)
    window.destination.choose_account("Try it here")
    window.destination.choose_bucket("my-first-bucket")
    drop(window, files(tmp_path))
    desk.pause(0.05)
    assert not client.commands
    ready.set()
    desk.until(lambda: client.said(AddTransfers))


def test_without_a_bucket_the_window_says_what_to_do(desk: Desk, tmp_path: Path):
    client = FakeClient()
    client.accounts.append(LAB)
    client.refusals[ListBuckets] = NetworkError("unreachable", "The server cannot be reached.")
    window = desk.open(FakeClient())
    window.destination.bucket = ""
    drop(window, files(tmp_path))
    desk.until(lambda: desk.failures)
    assert desk.failures[0].code == "no-destination"
    assert "Upload to" in window.notes.note.sentence


def test_files_chosen_in_the_dialog_are_added(desk: Desk, tmp_path: Path):
    client = FakeClient()
    window = desk.open(client)
    chosen = tmp_path / "a.txt"
    chosen.write_text("a")
    window.toolbar.add_files.trigger()
    dialog = window.findChild(QFileDialog)
    assert dialog is not None
    dialog.filesSelected.emit([str(chosen)])
    desk.until(lambda: client.said(AddTransfers))
    assert client.said(AddTransfers)[0].sources == (str(chosen),)
    assert window.prefs.text("files/folder") == str(tmp_path)


def test_the_destination_is_chosen_by_account_bucket_and_folder(desk: Desk, tmp_path: Path):
    client = FakeClient()
    client.accounts.append(LAB)
    client.buckets["Lab"] = ["archive", "results"]
    client.prefixes = ("2025/", "2026/")
    window = desk.open(client)
    window.sidebar.places.itemClicked.emit(window.sidebar.places.item(1))
    desk.until(lambda: window.destination.bucket == "archive", "the first bucket of the list")
    window.destination.choose_bucket("results")
    window.path.folder.setFocus()
    window.path.folder.setText("20")
    window.path.folder.textEdited.emit("20")
    desk.until(lambda: client.said(ListObjects))
    assert client.said(ListObjects)[-1].prefix == "20"
    desk.until(lambda: window.path.folder.completer().completionCount() == 2)
    window.path.folder.setText("2026/run 7")
    window.path.folder.editingFinished.emit()
    drop(window, files(tmp_path))
    desk.until(lambda: client.said(AddTransfers))
    command = client.said(AddTransfers)[0]
    assert (command.destination, command.destination_account) == ("s3://results/2026/run 7/", "Lab")


def test_the_destination_is_remembered(desk: Desk):
    client = FakeClient()
    client.accounts.append(LAB)
    client.buckets["Lab"] = ["archive", "results"]
    first = desk.open(client)
    first.destination.choose_account("Lab")
    first.destination.choose_bucket("results")
    first.destination.choose_prefix("x")
    second = desk.open(client)
    assert (second.destination.account, second.destination.words) == ("Lab", "results/x/")
    desk.until(lambda: second.destination.buckets)
    assert second.destination.bucket == "results", "the list does not overrule what was chosen"


def test_a_download_is_an_object_and_a_folder(desk: Desk, tmp_path: Path):
    client = FakeClient([row(1)])
    window = desk.open(client)
    window.toolbar.download.trigger()
    dialog = window.findChild(DownloadDialog)
    assert dialog.source.text() == "s3://my-first-bucket/"
    dialog.source.setText("s3://my-first-bucket/photos/")
    dialog.folder.setText(str(tmp_path / "nowhere"))
    dialog.start()
    desk.until(dialog.trouble.text)
    assert "nowhere" in dialog.trouble.text()
    assert not client.said(AddTransfers)
    dialog.folder.setText(str(tmp_path))
    dialog.start()
    desk.until(lambda: client.said(AddTransfers))
    assert client.said(AddTransfers) == [
        AddTransfers(
            sources=("s3://my-first-bucket/photos/",),
            source_account="Try it here",
            destination=f"{tmp_path}/",
            options=Options(conflict=Conflict.ASK),
        )
    ]


def test_that_transfers_outlive_the_window_is_said_once(desk: Desk, tmp_path: Path):
    client = FakeClient()
    window = desk.open(client)
    window.intents.add([str(tmp_path)])
    desk.until(lambda: window.notes.note)
    assert "background" in window.notes.note.sentence
    window.notes.dismiss()
    window.intents.add([str(tmp_path)])
    desk.until(lambda: len(client.said(AddTransfers)) == 2)
    desk.pause(0.05)
    assert window.notes.note is None


@pytest.mark.parametrize("typed", ["archive/2026", "s3://archive/2026"])
def test_a_bucket_that_is_not_listed_can_be_typed(desk: Desk, typed: str):
    window = desk.open(FakeClient())
    window.destination.choose(typed)
    assert window.destination.remote.url == "s3://archive/2026/"
    with pytest.raises(UsageError):
        window.destination.choose("s3://")
