"""A home with a real engine in a real agent, and a local store to move files to and from."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.host import endpoint
from core.host.cli import main
from core.host.places import find_places

SOON_S = 60.0


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def transfers(self) -> dict[int, dict[str, Any]]:
        """The last line of each transfer."""
        return {record["id"]: record for record in self.records if "id" in record}


@dataclass
class Sluice:
    """The command line in this process, or in one of its own where it is to be killed or interrupted."""

    root: Path
    capture: pytest.CaptureFixture[str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __call__(self, *words: str) -> Said:
        self.capture.readouterr()
        code = main(words)
        said = self.capture.readouterr()
        return Said(code, said.out, said.err)

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        return process

    def finish(self, process: subprocess.Popen[str]) -> Said:
        out, err = process.communicate(timeout=SOON_S)
        return Said(process.returncode, out, err)

    def kill_engine(self) -> int:
        status = self("agent", "--status", "--json").records[0]
        os.kill(status["pid"], signal.SIGKILL)
        return int(status["pid"])

    def until(self, condition: Callable[[dict[str, Any]], Any]) -> None:
        """Until the engine's status is as wished."""
        deadline = time.monotonic() + SOON_S
        while not condition(self("agent", "--status", "--json").records[0]):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stored(self, key: str) -> bytes:
        return (self.root / "store" / "bucket" / key).read_bytes()


@pytest.fixture
def sluice(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Sluice]:
    """With the account `lab`, its bucket `bucket`, and the folder of this test as the current one."""
    (tmp_path / "store" / "bucket").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    sluice = Sluice(tmp_path, capsys)
    assert sluice("account", "add", "lab", "--root", "store").code == 0
    yield sluice
    for process in sluice.started:
        process.kill()
        process.communicate()
    asyncio.run(endpoint.stop(find_places()))
