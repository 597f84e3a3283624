"""Waiting for a copy while it is interrupted, paused, or loses its engine."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.host.cli.conftest import Sluice

SLOW = ("s3://bucket/", "--account", "lab", "--limit-up", "4MB", "--part-size", "5MiB", "--json")


@pytest.fixture
def big(tmp_path: Path) -> bytes:
    content = os.urandom(12_000_000)
    (tmp_path / "big").write_bytes(content)
    return content


def moving(status: dict[str, dict[str, object]]) -> bool:
    return bool(status["counts"].get("running")) and bool(status["totals"]["up_bps"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_pauses_and_says_how_to_go_on(sluice: Sluice, big: bytes, number: signal.Signals) -> None:
    copy = sluice.start("cp", "big", *SLOW)
    sluice.until(moving)
    copy.send_signal(number)
    said = sluice.finish(copy)
    assert said.code == 130
    (record,) = said.transfers.values()
    assert record["state"] == "paused"
    assert said.err == f"sluice: Paused. Go on with: sluice resume {record['id']}\n"
    resumed = sluice("resume", str(record["id"]), "--wait", "--json")
    assert resumed.code == 0
    assert resumed.transfers[record["id"]]["state"] == "done"
    assert sluice.stored("big") == big


def test_a_pause_from_elsewhere_ends_the_wait(sluice: Sluice, big: bytes) -> None:
    copy = sluice.start("cp", "big", *SLOW)
    sluice.until(moving)
    sluice("pause", "--all")
    said = sluice.finish(copy)
    assert said.code == 3
    assert [record["state"] for record in said.transfers.values()] == ["paused"]


def test_a_cancel_from_elsewhere_is_a_failure(sluice: Sluice, big: bytes) -> None:
    copy = sluice.start("cp", "big", *SLOW)
    sluice.until(moving)
    sluice("cancel", "--all")
    said = sluice.finish(copy)
    assert said.code == 1
    assert [record["state"] for record in said.transfers.values()] == ["cancelled"]


@pytest.mark.kill
def test_a_killed_engine_is_started_again_and_the_copy_goes_on(sluice: Sluice, big: bytes) -> None:
    copy = sluice.start("cp", "big", *SLOW)
    sluice.until(moving)
    first = sluice.kill_engine()
    said = sluice.finish(copy)
    assert said.code == 0, said.err
    assert [record["state"] for record in said.transfers.values()] == ["done"]
    assert sluice("agent", "--status", "--json").records[0]["pid"] != first
    assert sluice.stored("big") == big


@pytest.mark.kill
def test_a_killed_command_line_takes_nothing_with_it(sluice: Sluice, big: bytes) -> None:
    copy = sluice.start("cp", "big", *SLOW)
    sluice.until(moving)
    copy.kill()
    copy.wait()
    (record,) = sluice("queue", "--json").records
    assert sluice("resume", str(record["id"]), "--wait").code == 0
    assert sluice.stored("big") == big


def test_progress_comes_between_and_only_the_ends_carry_an_id(sluice: Sluice, big: bytes) -> None:
    said = sluice("cp", "big", *SLOW)
    progress = [record["progress"] for record in said.records if "progress" in record]
    assert len(progress) >= 2
    assert progress[-1]["size_bytes"] == len(big)
    assert [record["state"] for record in said.records if "id" in record] == ["done"]


def test_many_files_are_each_told_once(sluice: Sluice, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(1500):  # more than a page of those that have ended
        (tmp_path / "many" / str(number)).write_text("x")
    said = sluice("cp", "-r", "many/", "s3://bucket/", "--account", "lab", "--json")
    assert said.code == 0
    ids = [record["id"] for record in said.records if "id" in record]
    assert len(ids) == len(set(ids)) == 1500


def test_a_reader_that_has_seen_enough_is_no_error(sluice: Sluice, tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / "store" / "bucket" / f"{number:04}").write_text("")
    listing = sluice.start("ls", "s3://bucket", "--account", "lab", "--json")
    assert listing.stdout is not None
    assert json.loads(listing.stdout.readline())["key"] == "0000"
    listing.stdout.close()
    assert listing.wait(60) == 141
    assert listing.stderr is not None
    assert listing.stderr.read() == ""
    listing.stderr.close()


def test_on_a_terminal_there_are_bars(sluice: Sluice, big: bytes) -> None:
    ours, theirs = pty.openpty()
    words = ["cp", "big", *SLOW[:-1]]
    with subprocess.Popen([sys.executable, "-m", "app", *words], stdout=subprocess.PIPE, stderr=theirs) as copy:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how a pty says that its other end is closed
            while piece := os.read(ours, 4096):
                shown += piece
        assert copy.stdout is not None
        assert copy.stdout.read() == b""
    os.close(ours)
    text = shown.decode()
    assert copy.returncode == 0
    assert "↑ big" in text
    assert "0 of 1 done" in text
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.rstrip().splitlines()[-1])  # without what moves the cursor
    assert last.startswith("1 of 1 done, 11.4 MiB in ")
