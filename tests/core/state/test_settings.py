import json
import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.model.account import Account, AccountKind
from core.model.errors import CoreError, StateError
from core.model.settings import Settings
from core.model.transfer import Verify
from core.state.settings import VERSION, SettingsFile

SETTINGS = Settings(files_parallel=3, limit_up_bps=12_345_678_901, verify=Verify.READ_BACK)
ACCOUNTS = [
    Account("Büro", endpoint="https://s3.example.com", access_key="AKIA", limit_down_bps=5),
    Account("Folder", AccountKind.LOCAL, root="/srv/store"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


@pytest.fixture
def file(path: Path) -> SettingsFile:
    return SettingsFile(path)


def test_without_a_file_there_are_the_defaults(file: SettingsFile, path: Path) -> None:
    assert file.load() == (Settings(), [], "")
    assert not path.exists()


def test_what_is_saved_is_loaded(file: SettingsFile, path: Path) -> None:
    file.save(SETTINGS, ACCOUNTS)
    assert file.load() == (SETTINGS, ACCOUNTS, "")
    file.save(Settings(), [])
    assert file.load() == (Settings(), [], "")
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["settings.json", "settings.json.bak"]
    assert SettingsFile(path.with_name("settings.json.bak")).load() == (SETTINGS, ACCOUNTS, "")


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions")
def test_only_the_owner_may_read_it(file: SettingsFile, path: Path) -> None:
    before = os.umask(0)
    try:
        file.save(SETTINGS, ACCOUNTS)
        path.chmod(0o644)
        file.save(SETTINGS, ACCOUNTS)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_link_to_the_file_stays_a_link(file: SettingsFile, path: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    path.parent.mkdir()
    path.symlink_to(real)
    file.save(SETTINGS, ACCOUNTS)
    assert path.is_symlink()
    assert SettingsFile(real).load() == (SETTINGS, ACCOUNTS, "")


def test_a_newer_file_is_refused_and_not_touched(file: SettingsFile, path: Path) -> None:
    path.parent.mkdir()
    content = json.dumps({"version": VERSION + 1, "something": "else"})
    path.write_text(content)
    with pytest.raises(StateError) as error:
        file.load()
    assert error.value.code == "settings-too-new"
    assert str(path) in error.value.sentence
    assert path.read_text() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.json"]


def _good() -> dict:
    return {
        "version": 1,
        "settings": {"files_parallel": 3},
        "accounts": [{"name": "A", "endpoint": "https://s3.example.com"}],
    }


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"settings": {}}',
        json.dumps(_good() | {"version": 0}),
        json.dumps(_good() | {"version": "1"}),
        json.dumps(_good() | {"settings": {"files_parallel": 0}}),
        json.dumps(_good() | {"settings": {"files_parallel": 10**6}}),
        json.dumps(_good() | {"settings": {"part_size_bytes": 1}}),
        json.dumps(_good() | {"settings": {"limit_up_bps": -1}}),
        json.dumps(_good() | {"settings": {"files_parallel": "8"}}),
        json.dumps(_good() | {"settings": {"verify": "sometimes"}}),
        json.dumps(_good() | {"accounts": [{"name": ""}]}),
        json.dumps(_good() | {"accounts": [{"name": "a", "endpoint": "ftp://x"}]}),
        json.dumps(_good() | {"accounts": [{"name": "a"}, {"name": "a"}]}),
        json.dumps(_good() | {"accounts": {"a": {}}}),
        '{"version": 1, "settings": {}, "accounts": [{"name": "\\ud800"}]}',
    ],
)
@pytest.mark.parametrize("with_backup", [True, False])
def test_a_file_without_sense_is_set_aside(file: SettingsFile, path: Path, content: str, with_backup: bool) -> None:
    if with_backup:
        file.save(SETTINGS, ACCOUNTS)
        file.save(Settings(), ACCOUNTS)
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    settings, accounts, notice = file.load()
    assert (settings, accounts) == ((SETTINGS, ACCOUNTS) if with_backup else (Settings(), []))
    (aside,) = path.parent.glob("settings.json.damaged-*")
    assert aside.name in notice
    assert aside.read_text() == content
    file.save(settings, accounts)
    assert file.load() == (settings, accounts, "")


def test_two_damaged_files_are_both_kept(file: SettingsFile, path: Path) -> None:
    path.parent.mkdir()
    for content in ("one", "two"):
        path.write_text(content)
        file.load()
    assert {aside.read_text() for aside in path.parent.glob("settings.json.damaged-*")} == {"one", "two"}


def test_what_a_later_version_adds_is_passed_over(file: SettingsFile, path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps(_good() | {"new": 1, "settings": {"files_parallel": 3, "shine": True}}))
    settings, accounts, notice = file.load()
    assert (settings.files_parallel, [account.name for account in accounts], notice) == (3, ["A"], "")


def test_bytes_that_are_not_text(file: SettingsFile, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"version": 1, "settings": {}, "accounts": [{"name": "\xff"}]}')
    assert "damaged" in file.load()[2]


@pytest.mark.skipif(sys.platform != "linux", reason="a disk that is always full")
def test_a_full_disk_leaves_the_file_as_it_was(file: SettingsFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.save(SETTINGS, ACCOUNTS)
    before = path.read_bytes()
    real = os.open

    def full(name, flags, mode=0o777):
        return real("/dev/full" if str(name).endswith(".tmp") else name, flags & ~os.O_TRUNC & ~os.O_CREAT, mode)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(CoreError) as error:
        file.save(Settings(), [])
    monkeypatch.undo()
    assert error.value.code == "disk-full"
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.tmp"))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where a folder should be")
    with pytest.raises(StateError) as error:
        SettingsFile(tmp_path / "config" / "settings.json").save(SETTINGS, ACCOUNTS)
    assert error.value.code == "settings-not-saved"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_flipped_byte_never_stops_the_start(
    tmp_path_factory: pytest.TempPathFactory, place: float, change: int
) -> None:
    path = tmp_path_factory.mktemp("flip") / "settings.json"
    file = SettingsFile(path)
    file.save(SETTINGS, ACCOUNTS)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= change
    path.write_bytes(content)
    try:
        settings, _, notice = file.load()
    except StateError as error:
        code = error.code
        assert code == "settings-too-new"
        return
    assert 1 <= settings.files_parallel <= 256
    assert bool(notice) == bool(list(path.parent.glob("*.damaged-*")))
