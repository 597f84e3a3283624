"""Settings, accounts, limits and buckets."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QLineEdit

from app import dialogs
from core.model.account import Account, AccountKind
from core.model.errors import StateError, UsageError
from core.protocol.commands import ChangeSettings, CreateBucket, PutAccount, TestAccount
from core.protocol.rows import AccountRow, CheckRow
from tests.support.fake_client import FakeClient
from tests.window.conftest import Desk

SECRET = "wJalrXUtnFEMI/K7MDENG"
LAB = AccountRow(account=Account(name="Lab", endpoint="https://lab.example", access_key="AK"), secret="keyring")


def put(field: QLineEdit, words: str) -> None:
    field.setText(words)
    field.editingFinished.emit()


def test_settings_are_in_force_field_by_field(desk: Desk):
    client = FakeClient()
    window = desk.open(client)
    dialog = dialogs.open_settings(window, window.session, window.intents, window.prefs, window.apply_look)
    put(dialog.fields["files_parallel"], "3")
    put(dialog.fields["part_size_bytes"], "16 MiB")
    put(dialog.fields["limit_up_bps"], "2 MB/s")
    desk.until(lambda: client.settings.limit_up_bps == 2_000_000)
    assert (client.settings.files_parallel, client.settings.part_size_bytes) == (3, 16 << 20)
    dialog.verify.setCurrentIndex(1)
    dialog.verify.activated.emit(1)
    desk.until(lambda: client.settings.verify == "read-back")
    count = len(client.said(ChangeSettings))
    put(dialog.fields["files_parallel"], "3")
    desk.pause(0.02)
    assert len(client.said(ChangeSettings)) == count, "leaving a field as it was changes nothing"


def test_a_refused_setting_is_explained_and_the_old_one_stays(desk: Desk):
    client = FakeClient()
    window = desk.open(client)
    dialog = dialogs.open_settings(window, window.session, window.intents, window.prefs, window.apply_look)
    put(dialog.fields["part_size_bytes"], "1 KiB")
    desk.until(dialog.trouble.text)
    assert "part_size_bytes" in dialog.trouble.text()
    assert client.settings.part_size_bytes == 8 << 20
    put(dialog.fields["part_size_bytes"], "9 MiB")
    desk.until(lambda: not dialog.trouble.isVisible())


def test_a_new_account_is_saved_and_its_secret_forgotten(desk: Desk, tmp_path: Path):
    client = FakeClient()
    client.buckets["Studio"] = ["archive"]
    window = desk.open(client)
    dialog = dialogs.open_account(window, window.session, window.destination, None)
    dialog.preset.setCurrentText("MinIO")
    dialog.preset.activated.emit(dialog.preset.currentIndex())
    dialog.name.setText("Studio")
    dialog.access_key.setText("AK")
    dialog.secret.setText(SECRET)
    assert dialog.secret.echoMode() is QLineEdit.EchoMode.Password
    dialog.save(testing=False)
    desk.until(lambda: client.said(PutAccount))
    command = client.said(PutAccount)[0]
    assert command.account == Account(
        name="Studio", endpoint="http://127.0.0.1:9000", region="us-east-1", path_style=True, access_key="AK"
    )
    assert command.secret == SECRET
    desk.until(lambda: window.destination.words == "archive/")
    assert SECRET not in repr(client.accounts)
    window.remember()
    assert SECRET not in (tmp_path / "window.ini").read_text()


def test_testing_an_account_shows_each_step(desk: Desk):
    client = FakeClient()
    client.accounts.append(LAB)
    client.checks = (CheckRow("TLS", True, "Fine."), CheckRow("keys", False, "The server does not know this key."))
    window = desk.open(client)
    dialog = dialogs.open_account(window, window.session, window.destination, LAB)
    assert dialog.name.isReadOnly()
    dialog.save(testing=True)
    desk.until(lambda: dialog.checks.count() == 6)
    assert client.said(PutAccount)[0].secret is None, "an empty field keeps the stored secret"
    assert client.said(TestAccount) == [TestAccount(name="Lab")]
    words = [dialog.checks.itemAtPosition(line, 2).widget().text() for line in (0, 1)]
    assert words == ["Fine.", "The server does not know this key."]
    assert dialog.isVisible()


def test_without_a_keyring_the_secret_can_be_kept_for_this_run(desk: Desk):
    client = FakeClient()
    client.refusals[PutAccount] = StateError("no-keyring", "No keyring can be used here.")
    window = desk.open(client)
    dialog = dialogs.open_account(window, window.session, window.destination, None)
    assert not dialog.memory_only.isVisible()
    dialog.name.setText("Lab")
    dialog.secret.setText(SECRET)
    dialog.save(testing=False)
    desk.until(dialog.memory_only.isVisible)
    assert dialog.trouble.text() == "No keyring can be used here."
    assert dialog.secret.text() == SECRET, "not yet stored, so not yet cleared"
    client.refusals.clear()
    dialog.memory_only.setChecked(True)
    dialog.save(testing=False)
    desk.until(lambda: len(client.said(PutAccount)) == 2)
    assert client.said(PutAccount)[1].memory_only


def test_a_folder_can_be_an_account(desk: Desk, tmp_path):
    client = FakeClient()
    window = desk.open(client)
    dialog = dialogs.open_account(window, window.session, window.destination, None)
    dialog.preset.setCurrentIndex(dialog.preset.count() - 1)
    dialog.preset.activated.emit(dialog.preset.currentIndex())
    assert not dialog.endpoint.isVisible()
    dialog.name.setText("Disk")
    dialog.root.setText(str(tmp_path))
    dialog.save(testing=False)
    desk.until(lambda: client.said(PutAccount))
    assert client.said(PutAccount)[0].account == Account(name="Disk", kind=AccountKind.LOCAL, root=str(tmp_path))


def test_a_limit_is_checked_before_it_is_sent(desk: Desk):
    client = FakeClient()
    window = desk.open(client)
    dialog = dialogs.open_limit(window, window.session, window.intents)
    dialog.up.setText("fast")
    dialog.apply()
    assert "fast" in dialog.trouble.text()
    dialog.up.setText("300 kB/s")
    dialog.apply()
    desk.until(lambda: client.settings.limit_up_bps == 300_000)
    assert client.settings.limit_down_bps == 0


def test_a_bucket_is_made_and_chosen(desk: Desk):
    client = FakeClient()
    window = desk.open(client)
    dialog = dialogs.open_bucket(window, window.session, window.destination)
    client.refusals[CreateBucket] = UsageError("bad-bucket", "A bucket's name has at least 3 letters.")
    dialog.name.setText("x")
    dialog.start()
    desk.until(dialog.trouble.text)
    assert dialog.ok.isEnabled()
    client.refusals.clear()
    dialog.name.setText("film-2026")
    dialog.start()
    desk.until(lambda: window.destination.bucket == "film-2026")
    desk.until(lambda: "film-2026" in window.destination.buckets)
