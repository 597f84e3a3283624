import os
import socket
from pathlib import Path

import pytest

from core.host.cli.parse import parse
from core.host.cli.request import transfer_request
from core.model.errors import UsageError
from core.model.transfer import Conflict, Verify
from core.model.units import MIB
from core.protocol.commands import AddTransfers


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_text("a")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("b")
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


def request(*words: str) -> AddTransfers:
    return transfer_request(parse(["cp", *words]))


def test_local_sources_become_absolute(files: Path) -> None:
    asked = request("a", "folder", "s3://b/k/", "-r")
    assert asked.sources == (str(files / "a"), str(files / "folder"))
    assert asked.destination == "s3://b/k/"
    assert asked.recursive


def test_a_slash_at_the_end_keeps_its_meaning(files: Path) -> None:
    assert request("folder/", "s3://b/", "-r").sources == (f"{files}/folder/",)
    assert request("s3://b/k", "new/").destination == f"{files}/new/"
    assert request("s3://b/k", "new").destination == f"{files}/new"
    assert request("s3://b/k", ".").destination == str(files)


def test_dots_behind_a_link_mean_what_the_system_means(files: Path) -> None:
    (files / "deep" / "er").mkdir(parents=True)
    (files / "deep" / "x").write_text("the right one")
    (files / "x").write_text("the wrong one")
    (files / "link").symlink_to(files / "deep" / "er")
    assert Path(request("link/../x", "s3://b/").sources[0]).read_text() == "the right one"


def test_a_link_keeps_its_own_name(files: Path) -> None:
    (files / "link").symlink_to(files / "a")
    assert request("link", "s3://b/").sources == (f"{files}/link",)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["missing", "s3://b/"], "no-such-file", "“missing” does not exist"),
        (["a/below", "s3://b/"], "no-such-file", "Not a directory"),
        (["folder", "s3://b/"], "is-a-folder", "--recursive"),
        (["fifo", "s3://b/"], "not-a-file", "a pipe"),
        (["fifo", "s3://b/", "-r"], "not-a-file", "a pipe"),
        (["/dev/null", "s3://b/"], "not-a-file", "a device"),
        (["s3://b/k", "/dev/null"], "not-a-file", "a device"),
        (["-", "s3://b/"], "not-a-file", "stream"),
        (["s3://b/k", "-"], "not-a-file", "stream"),
        (["a", "folder"], "no-remote", "s3://"),
        (["a", "s3://b/k", "s3://c/"], "mixed-sources", "together"),
        (["s3://b", "."], "is-a-prefix", "--recursive"),
        (["s3://b/p/", "."], "is-a-prefix", "--recursive"),
        (["s3:/b/k", "."], "bad-location", "s3://bucket/key"),
        (["s3:///k", "."], "bad-location", "names no bucket"),
        (["a", "s3://"], "bad-location", "names no bucket"),
        (["a", "s3://b/" + "k" * 1025], "bad-key", "1024"),
        (["s3://b/p/", "a", "-r"], "not-a-folder", "“a” is a file"),
        (["s3://b/k", "s3://b/l", "a"], "not-a-folder", "“a” is a file"),
        (["a", "folder/a", "s3://b/"], "same-name", "would become one"),
        (["s3://b/x/k", "s3://b/y/k", "."], "same-name", "would become one"),
        ([b"\xff".decode("utf-8", "surrogateescape"), "s3://b/"], "bad-key", "Unicode"),
        (["a"], "usage", "DESTINATION"),
        (["a", "s3://b/", "--files", "0"], "bad-setting", "between 1 and"),
        (["a", "s3://b/", "--parts", "many"], "bad-setting", "whole number"),
        (["a", "s3://b/", "--part-size", "1MiB"], "bad-setting", "between"),
        (["a", "s3://b/", "--limit-up", "fast"], "bad-size", "“fast”"),
        (["a", "s3://b/", "--on-conflict", "shrug"], "usage", "shrug"),
        (["a", "s3://b/", "--frobnicate"], "usage", "--frobnicate"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(files: Path, words: list[str], code: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        request(*words)
    assert caught.value.code == code
    assert says in caught.value.sentence


def test_a_socket_is_no_file(files: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(files / "s"))
        with pytest.raises(UsageError) as caught:
            request("s", "s3://b/")
    assert "a socket" in caught.value.sentence


def test_wishes_become_options(files: Path) -> None:
    words = ["--files", "3", "--parts", "4", "--part-size", "16MiB", "--limit-up", "30MB/s", "--limit-down", "1MB"]
    words += ["--on-conflict", "skip"]
    options = request("a", "s3://b/", *words, "--verify", "read-back").options
    assert (options.files, options.parts, options.part_size_bytes) == (3, 4, 16 * MIB)
    assert (options.limit_up_bps, options.limit_down_bps) == (30_000_000, 1_000_000)
    assert (options.conflict, options.verify) == (Conflict.SKIP, Verify.READ_BACK)


def test_without_wishes_the_settings_decide_and_a_copy_overwrites(files: Path) -> None:
    options = request("a", "s3://b/").options
    assert (options.files, options.parts, options.part_size_bytes, options.limit_up_bps) == (0, 0, 0, 0)
    assert (options.conflict, options.verify) == (Conflict.OVERWRITE, None)


def test_one_folder_or_prefix_stands_for_its_contents(files: Path) -> None:
    assert request("folder", "s3://b/", "-r").sources == (f"{files}/folder/",)
    assert request("s3://b/p", "new", "-r").sources == ("s3://b/p/",)
    assert request("a", "s3://b/", "-r").sources == (f"{files}/a",)
