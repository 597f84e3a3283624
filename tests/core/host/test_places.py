import os
import stat
from pathlib import Path

import pytest

from core.host.places import MAX_SOCKET_BYTES, find_places
from core.model.errors import StateError

FOLDERS = ("config", "data", "cache", "runtime", "log")


def mode(path: os.PathLike[str]) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_home_holds_everything_for_its_owner_only(tmp_path: Path) -> None:
    places = find_places({"SLUICE_HOME": str(tmp_path / "h")})
    assert places.portable
    assert places.home == str(tmp_path / "h")
    for name in FOLDERS:
        folder = Path(getattr(places, name))
        assert mode(folder) == 0o700
        if name != "runtime":
            assert folder.parent == tmp_path / "h"


def test_without_a_home_the_systems_folders_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    places = find_places({})
    assert not places.portable
    assert places.home == str(places.data)
    assert all(Path(getattr(places, name)).is_relative_to(tmp_path) for name in FOLDERS if name != "runtime")


def test_a_runtime_folder_of_somebody_else_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    places = find_places({})
    assert not Path(places.runtime).is_relative_to(shared)
    assert mode(places.runtime) == 0o700


def test_a_home_too_long_for_a_socket_gets_a_short_folder_of_its_own(tmp_path: Path) -> None:
    homes = [tmp_path / ("x" * 120) / name for name in ("one", "two")]
    found = [find_places({"SLUICE_HOME": str(home)}) for home in homes]
    try:
        for places in found:
            assert len(os.fsencode(places.socket)) <= MAX_SOCKET_BYTES
            assert mode(places.runtime) == 0o700
        assert found[0].runtime != found[1].runtime
        assert find_places({"SLUICE_HOME": str(homes[0])}).runtime == found[0].runtime
    finally:
        for places in found:
            Path(places.runtime).rmdir()


def test_a_short_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    home = {"SLUICE_HOME": str(tmp_path / ("x" * 120))}
    runtime = Path(find_places(home).runtime)
    runtime.rmdir()
    runtime.symlink_to(tmp_path)
    try:
        with pytest.raises(StateError) as caught:
            find_places(home)
        assert caught.value.code == "bad-home"
    finally:
        runtime.unlink()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_short_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    home = {"SLUICE_HOME": str(tmp_path / ("x" * 120))}
    runtime = Path(find_places(home).runtime)
    os.chown(runtime, 12345, 12345)
    try:
        with pytest.raises(StateError) as caught:
            find_places(home)
        assert caught.value.code == "bad-home"
    finally:
        runtime.rmdir()


def test_open_permissions_of_the_sockets_folder_are_closed(tmp_path: Path) -> None:
    home = {"SLUICE_HOME": str(tmp_path)}
    runtime = Path(find_places(home).runtime)
    runtime.chmod(0o777)
    find_places(home)
    assert mode(runtime) == 0o700


def test_a_file_in_the_way_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("")
    with pytest.raises(StateError) as caught:
        find_places({"SLUICE_HOME": str(tmp_path)})
    assert caught.value.code == "bad-home"
    assert "config" in caught.value.sentence
