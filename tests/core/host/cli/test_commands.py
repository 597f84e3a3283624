"""Every command, against a real engine and a local store."""

import json
import os
from pathlib import Path

import pytest

from tests.core.host.cli.conftest import Sluice

LAB = ("--account", "lab")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    for name in ("one", "two", "sub/drei – ü"):
        (folder / name).write_text(name)
    return folder


def test_a_file_goes_there_and_back(sluice: Sluice, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    (tmp_path / "file").write_bytes(content)
    up = sluice("cp", "file", "s3://bucket/in/", *LAB, "--json")
    assert up.code == 0
    assert sluice.stored("in/file") == content
    (record,) = up.transfers.values()
    assert (record["state"], record["bytes"], record["resent_bytes"]) == ("done", 300_000, 0)
    assert (record["source"], record["destination"]) == (str(tmp_path / "file"), "s3://bucket/in/file")
    assert record["verified_by"]
    assert sluice("cp", "s3://bucket/in/file", "back", *LAB).code == 0
    assert (tmp_path / "back").read_bytes() == content


def test_in_a_pipe_success_says_nothing(sluice: Sluice, tree: Path) -> None:
    said = sluice("cp", "tree/one", "s3://bucket/", *LAB)
    assert (said.code, said.out, said.err) == (0, "", "")


def test_folders_go_whole_and_come_back(sluice: Sluice, tree: Path, tmp_path: Path) -> None:
    for folder in ("tree", "tree/"):
        assert sluice("cp", "-r", folder, "s3://bucket/a/", *LAB, "--json").code == 0
        assert sluice.stored("a/sub/drei – ü") == "sub/drei – ü".encode()
        assert sluice("rm", "-r", "s3://bucket/a/sub/", *LAB).code == 0
    assert sluice("cp", "-r", "tree", "tree/sub", "s3://bucket/b/", *LAB).code == 0
    assert sluice.stored("b/tree/one") == b"one"
    assert sluice.stored("b/sub/drei – ü") == "sub/drei – ü".encode()
    back = sluice("cp", "-r", "s3://bucket/b/tree", "back/", *LAB, "--json")
    assert back.code == 0
    assert {record["state"] for record in back.transfers.values()} == {"done"}
    assert sorted(path.name for path in (tmp_path / "back").rglob("*")) == ["drei – ü", "one", "sub", "two"]


def test_within_a_store_the_store_copies(sluice: Sluice, tree: Path) -> None:
    sluice("cp", "tree/one", "s3://bucket/k", *LAB)
    copied = sluice("cp", "s3://bucket/k", "s3://bucket/l", *LAB, "--json")
    assert copied.code == 0
    assert next(iter(copied.transfers.values()))["direction"] == "copy"
    assert sluice.stored("l") == b"one"


def test_wrong_requests_start_no_engine_and_queue_nothing(home: Path, tree: Path, sluice: Sluice) -> None:
    sluice("agent", "--stop")
    said = sluice("cp", "tree", "missing", "s3://bucket/", *LAB, "--json")
    assert said.code == 2
    assert said.records[0]["error"]["code"] == "is-a-folder"
    assert said.err.startswith("sluice: “tree” is a folder")
    assert said.err.count("\n") == 1
    assert sluice("agent", "--status", "--json").records == [{"running": False}]
    assert sluice("queue").out == ""


@pytest.mark.parametrize("words", [[], ["frob"], ["cp"], ["pause"], ["resume", "1", "--all"], ["account"]])
def test_half_a_command_is_a_usage_error(sluice: Sluice, words: list[str]) -> None:
    said = sluice(*words)
    assert said.code == 2
    assert said.err.startswith("sluice: ")


def test_help_is_no_error(sluice: Sluice) -> None:
    said = sluice("cp", "--help")
    assert said.code == 0
    assert "--on-conflict" in said.out


def test_a_bucket_that_is_not_there_fails(sluice: Sluice, tree: Path) -> None:
    one = sluice("cp", "tree/one", "s3://nowhere/", *LAB, "--json")
    assert one.code == 1
    assert next(iter(one.transfers.values()))["error"]["code"] == "no-bucket"
    assert "sluice: " in sluice("cp", "tree/one", "s3://nowhere/", *LAB).err
    many = sluice("cp", "-r", "tree", "s3://nowhere/", *LAB, "--json")
    assert many.code == 1
    assert many.records[-1]["error"]["code"] == "no-bucket"


def test_an_account_that_is_not_there_is_a_usage_error(sluice: Sluice, tree: Path) -> None:
    said = sluice("cp", "tree/one", "s3://bucket/", "--account", "nobody", "--json")
    assert (said.code, said.records[0]["error"]["code"]) == (2, "no-account")


def test_what_is_passed_over_is_told_and_is_not_done(sluice: Sluice, tree: Path) -> None:
    os.mkfifo(tree / "fifo")
    said = sluice("cp", "-r", "tree", "s3://bucket/", *LAB, "--json")
    assert said.code == 1
    assert "fifo" in said.err
    assert len(said.transfers) == 3


@pytest.mark.parametrize(
    ("policy", "code", "state", "content"),
    [
        ("overwrite", 0, "done", b"new"),
        ("skip", 0, "skipped", b"old"),
        ("rename", 0, "done", b"old"),
        ("ask", 3, "asking", b"old"),
    ],
)
def test_conflicts(sluice: Sluice, tmp_path: Path, policy: str, code: int, state: str, content: bytes) -> None:
    (tmp_path / "f").write_text("old")
    assert sluice("cp", "f", "s3://bucket/", *LAB).code == 0
    (tmp_path / "f").write_text("new")
    said = sluice("cp", "f", "s3://bucket/", *LAB, "--on-conflict", policy, "--json")
    assert said.code == code
    assert next(iter(said.transfers.values()))["state"] == state
    assert sluice.stored("f") == content


def test_listing_and_deleting(sluice: Sluice, tree: Path) -> None:
    sluice("cp", "-r", "tree/", "s3://bucket/p/", *LAB)
    assert [record["bucket"] for record in sluice("ls", *LAB, "--json").records] == ["bucket"]
    grouped = sluice("ls", "s3://bucket/p/", *LAB, "--json").records
    assert [record.get("prefix") or record["key"] for record in grouped] == ["p/sub/", "p/one", "p/two"]
    assert len(sluice("ls", "s3://bucket", "-r", *LAB).out.splitlines()) == 3
    assert sluice("rm", "s3://bucket/p/one", *LAB, "--json").records == [{"deleted": 1, "failed": 0}]
    for whole in ("s3://bucket", "s3://bucket/", "s3://bucket/p/"):
        assert sluice("rm", whole, *LAB).code == 2
    assert len(sluice("ls", "s3://bucket", "-r", *LAB).out.splitlines()) == 2
    assert sluice("rm", "-r", "s3://bucket", *LAB, "--json").records == [{"deleted": 2, "failed": 0}]
    assert sluice("ls", "s3://bucket", "-r", *LAB).out == ""


def test_deleting_goes_by_pages(sluice: Sluice, tmp_path: Path) -> None:
    for number in range(1203):
        (tmp_path / "store" / "bucket" / f"{number:04}").write_text("")
    assert len(sluice("ls", "s3://bucket", *LAB).out.splitlines()) == 1203
    assert sluice("rm", "-r", "s3://bucket/0", *LAB, "--json").records == [{"deleted": 1000, "failed": 0}]
    assert sluice("rm", "-r", "s3://bucket", *LAB, "--json").records == [{"deleted": 203, "failed": 0}]


def test_making_a_bucket(sluice: Sluice, tmp_path: Path) -> None:
    assert sluice("mb", "s3://second", *LAB).code == 0
    assert (tmp_path / "store" / "second").is_dir()
    assert sluice("mb", "s3://second", *LAB, "--json").records[0]["error"]["code"] == "bucket-exists"
    assert sluice("mb", "s3://third/key", *LAB).code == 2


def test_settings_are_shown_and_changed(sluice: Sluice) -> None:
    assert json.loads(sluice("settings", "--json").out)["files_parallel"] == 8
    assert sluice("settings", "set", "limit_up_bps", "30MB", "--json").records == [{"limit_up_bps": 30_000_000}]
    assert sluice("settings", "get", "limit_up_bps").out == "limit_up_bps = 30000000\n"
    for wrong in (["set", "files_parallel", "0"], ["set", "nothing", "1"], ["get", "nothing"]):
        said = sluice("settings", *wrong)
        assert said.code == 2
        assert said.err.count("\n") == 1


def test_accounts_come_and_go(sluice: Sluice, tmp_path: Path) -> None:
    shown = {record["name"]: record for record in sluice("account", "list", "--json").records}
    assert shown["lab"]["kind"] == "local"
    assert shown["lab"]["where"] == str(tmp_path / "store")
    assert "lab" in sluice("account", "list").out
    assert sluice("account", "test", "lab", "--json").code == 0
    assert sluice("account", "remove", "lab").code == 0
    assert sluice("account", "test", "lab").code == 2
    assert sluice("account", "add", "bad", "--endpoint", "localhost").code == 2
    assert sluice("account", "add", "half", "--secret-stdin").code == 2
    assert sluice("account", "add", "environment", "--root", ".").code == 2


def test_a_queue_can_be_worked_without_waiting(sluice: Sluice, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(20_000_000))
    slow = ("--limit-up", "100KB", "--no-wait", "--json")
    assert sluice("cp", "big", "s3://bucket/", *LAB, *slow).records == [{"batch": 1}]
    sluice.until(lambda status: status["counts"])
    assert sluice("pause", "--all", "--wait").code == 0
    (row,) = sluice("queue", "--json").records
    assert (row["state"], row["size_bytes"]) == ("paused", 20_000_000)
    assert "paused" in sluice("queue", "--filter", "paused").out
    assert sluice("queue", "--filter", "moving").out == ""
    number = str(row["id"])
    assert sluice("resume", number, "--json").records == [{"changed": 1}]
    assert sluice("cancel", number, "--wait", "--json").transfers[row["id"]]["state"] == "cancelled"
    assert not (tmp_path / "store" / "bucket" / "big").exists()
    assert sluice("retry", number, "--json").records == [{"changed": 1}]
    assert sluice("cancel", "--all", "--wait").code == 0
    unknown = sluice("pause", "4711", "--json")
    assert (unknown.code, unknown.records[0]["error"]["code"]) == (2, "no-such-transfer")


def test_uploads_that_are_open_are_listed(sluice: Sluice, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(20_000_000))
    sluice("cp", "big", "s3://bucket/", *LAB, "--no-wait", "--limit-up", "100KB")
    sluice.until(lambda status: status["counts"].get("running"))
    assert wait_for_upload(sluice)["key"] == "big"
    sluice("cancel", "--all", "--wait")
    assert sluice("uploads", "s3://bucket", *LAB, "--json").records == []


def wait_for_upload(sluice: Sluice) -> dict[str, object]:
    found: list[dict[str, object]] = []

    def open_now(_: object) -> bool:
        found[:] = sluice("uploads", "s3://bucket", *LAB, "--json").records
        return bool(found)

    sluice.until(open_now)
    return found[0]


def test_the_engine_is_told_of_and_stopped(sluice: Sluice, home: Path) -> None:
    (status,) = sluice("agent", "--status", "--json").records
    assert status["running"] is True
    assert status["home"] == str(home)
    assert f"process {status['pid']}" in sluice("agent", "--status").out
    assert sluice("agent", "--stop", "--json").records == [{"stopped": True}]
    assert sluice("agent", "--stop", "--json").records == [{"stopped": False}]
    assert sluice("agent", "--status").code == 1


def test_the_environment_becomes_an_account(sluice: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    said = sluice("account", "test", "environment", "--json")
    assert said.code == 1
    (row,) = [one for one in sluice("account", "list", "--json").records if one["shown_name"] == "environment"]
    assert (row["access_key"], row["secret"]) == ("AK", "memory")
    assert "environment " in sluice("account", "list").out
    for path in Path(os.environ["SLUICE_HOME"]).rglob("*"):
        assert path.is_dir() or path.is_socket() or b"hush-hush" not in path.read_bytes(), path


def test_keys_are_brought_again_after_the_engine_was_stopped(sluice: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    def secret() -> list[str]:
        rows = sluice("account", "list", "--json").records
        return [row["secret"] for row in rows if row["shown_name"] == "environment"]

    sluice("resume", "--all")
    assert secret() == [], "nothing is sent to an engine that never heard of it"
    sluice("account", "test", "environment")
    sluice("agent", "--stop")
    assert secret() == ["missing"]
    sluice("resume", "--all")
    assert secret() == ["memory"]
