"""What a request means on this machine."""

import os
import sys
from pathlib import Path

import pytest

from core.engine.walk import Found, Passed, walk
from core.model.errors import UsageError
from core.model.location import parse_remote


def walked(
    source: Path | str, to: str = "s3://b/p/", *, container: bool = False, recursive: bool = True
) -> tuple[dict[str, str], Passed]:
    passed = Passed()
    found = list(walk(str(source), parse_remote(to), container=container, recursive=recursive, passed=passed))
    assert len({file.key for file in found}) == len(found)
    return {file.key: file.path for file in found}, passed


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def test_a_folder_keeps_its_name_and_its_contents_do_not(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", "a", "x/b", "x/y/c")
    keys, passed = walked(root)
    assert sorted(keys) == ["p/d/a", "p/d/x/b", "p/d/x/y/c"]
    assert sorted(walked(f"{root}/")[0]) == ["p/a", "p/x/b", "p/x/y/c"]
    assert sorted(walked(root, "s3://b")[0]) == ["d/a", "d/x/b", "d/x/y/c"]
    assert passed.count == 0
    assert keys["p/d/x/b"] == str(root / "x" / "b")


def test_a_file_becomes_the_key_or_goes_into_the_prefix(tmp_path: Path) -> None:
    path = tree(tmp_path, "a") / "a"
    assert list(walked(path, "s3://b/k")[0]) == ["k"]
    assert list(walked(path, "s3://b/k", container=True)[0]) == ["k/a"]
    assert list(walked(path, "s3://b/p/")[0]) == ["p/a"]
    assert list(walked(path, "s3://b")[0]) == ["a"]


def test_sizes_come_along(tmp_path: Path) -> None:
    path = tree(tmp_path, "abc") / "abc"
    assert list(walk(str(path), parse_remote("s3://b"), container=False, recursive=True, passed=Passed())) == [
        Found(str(path), "abc", 3)
    ]


def test_a_folder_must_be_meant(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        walked(tmp_path, recursive=False)
    assert caught.value.code == "is-a-folder"


def test_what_is_named_and_missing_is_still_a_transfer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in ("none", "fifo"):
        assert list(walked(tmp_path / name)[0]) == [f"p/{name}"]


def test_links_that_lead_back_end(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", "a", "x/b")
    (root / "x" / "up").symlink_to(root)
    (root / "self").symlink_to("self")
    (root / "x" / "here").symlink_to(".")
    keys, passed = walked(root)
    assert sorted(keys) == ["p/d/a", "p/d/x/b"]
    assert passed.count == 3


def test_a_folder_is_sent_by_its_own_name_whatever_links_to_it(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", "z/file")
    (root / "a-link").symlink_to("z")
    keys, passed = walked(root)
    assert sorted(keys) == ["p/d/z/file"]
    assert passed.count == 1
    assert "a-link" in passed.reasons[0]


def test_a_link_that_leads_out_is_followed_once(tmp_path: Path) -> None:
    tree(tmp_path / "outside", "f")
    root = tree(tmp_path / "d", "a")
    (root / "one").symlink_to(tmp_path / "outside")
    (root / "two").symlink_to(tmp_path / "outside")
    (root / "file").symlink_to(tmp_path / "outside" / "f")
    keys, passed = walked(root)
    assert sorted(keys) == ["p/d/a", "p/d/file", "p/d/one/f"]
    assert passed.count == 1


def test_what_cannot_be_sent_is_passed_over_with_a_reason(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", "a", "x" * 200 + "/" + "y" * 200 + "/" + "z" * 200 + "/" + "v" * 200 + "/" + "w" * 230)
    os.mkfifo(root / "fifo")
    (root / "dangling").symlink_to("nowhere")
    keys, passed = walked(root)
    assert list(keys) == ["p/d/a"]
    assert passed.count == 3
    assert any("fifo" in reason and "not a regular file" in reason for reason in passed.reasons)
    assert any("dangling" in reason for reason in passed.reasons)
    assert any("1024" in reason for reason in passed.reasons)


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux only")
def test_names_that_are_no_unicode_are_told_and_can_be_shown(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", "a")
    (Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9"))).write_bytes(b"x")
    os.mkfifo(os.fsencode(root) + b"/fifo\xe9")
    folder = os.fsencode(root) + b"/dir\xe9"
    os.mkdir(folder)
    (Path(os.fsdecode(folder)) / "inside").write_bytes(b"x")
    keys, passed = walked(root)
    assert list(keys) == ["p/d/a"]
    assert passed.count == 3
    for reason in passed.reasons:
        reason.encode()


def test_only_the_first_reasons_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "d"
    root.mkdir()
    for number in range(20):
        os.mkfifo(root / f"fifo{number}")
    passed = walked(root)[1]
    assert (passed.count, len(passed.reasons)) == (20, 5)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", "a", "secret/b")
    (root / "secret").chmod(0)
    try:
        keys, passed = walked(root)
    finally:
        (root / "secret").chmod(0o700)
    assert list(keys) == ["p/d/a"]
    assert passed.count == 1
