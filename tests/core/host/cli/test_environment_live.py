"""The AWS environment against real servers: keys in variables are all it takes."""

import os
from pathlib import Path

import pytest

from tests.core.host.cli.conftest import Sluice
from tests.support.servers import Server


def enter(monkeypatch: pytest.MonkeyPatch, server: Server, *, secret: str = "") -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret or server.secret_key)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    monkeypatch.setenv("AWS_REGION", server.region)


@pytest.mark.moto
def test_a_round_trip(sluice: Sluice, moto: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    enter(monkeypatch, moto)
    content = os.urandom(300_000)
    (tmp_path / "f").write_bytes(content)
    assert sluice("mb", "s3://cli-round-trip").code == 0
    up = sluice("cp", "f", "s3://cli-round-trip/x/", "--json")
    assert up.code == 0, up.err
    assert next(iter(up.transfers.values()))["verified_by"]
    assert [one["key"] for one in sluice("ls", "s3://cli-round-trip", "-r", "--json").records] == ["x/f"]
    assert sluice("cp", "s3://cli-round-trip/x/f", "g").code == 0
    assert (tmp_path / "g").read_bytes() == content
    assert sluice("rm", "-r", "s3://cli-round-trip", "--json").records == [{"deleted": 1, "failed": 0}]


@pytest.mark.swift
def test_wrong_keys_wait_for_right_ones(
    sluice: Sluice, swift: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    enter(monkeypatch, swift)
    assert sluice("mb", "s3://cli-keys").code == 0
    (tmp_path / "f").write_bytes(os.urandom(300_000))
    enter(monkeypatch, swift, secret="wrong")
    said = sluice("cp", "f", "s3://cli-keys/", "--json")
    assert said.code == 1
    (waiting,) = said.transfers.values()
    assert (waiting["state"], waiting["error"]["code"]) == ("waiting", "bad-credentials")
    enter(monkeypatch, swift)
    done = sluice("resume", str(waiting["id"]), "--wait", "--json")
    assert done.code == 0
    assert done.transfers[waiting["id"]]["state"] == "done"


@pytest.mark.swift
@pytest.mark.kill
def test_a_waiting_copy_brings_its_keys_to_the_next_engine(
    sluice: Sluice, swift: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    enter(monkeypatch, swift)
    assert sluice("mb", "s3://cli-kill").code == 0
    (tmp_path / "f").write_bytes(os.urandom(3_000_000))
    copy = sluice.start("cp", "f", "s3://cli-kill/", "--limit-up", "1MB", "--json")
    sluice.until(lambda status: status["totals"]["up_bps"])
    sluice.kill_engine()
    said = sluice.finish(copy)
    assert said.code == 0, said.err
    assert [one["state"] for one in said.transfers.values()] == ["done"]
