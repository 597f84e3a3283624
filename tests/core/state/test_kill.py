"""Whatever was acknowledged is there after kill -9, at any moment."""

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.state.database import Database
from core.state.transfers import Transfers

ROOT = Path(__file__).parents[3]
pytestmark = [pytest.mark.kill, pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")]
ROUNDS = 20


async def test_no_acknowledged_row_is_lost(path: Path) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    told: list[str] = []
    for number in range(ROUNDS):
        told += _run_and_kill(path, number, after_s=chance.uniform(0.0, 0.25))
        await _check(path, told, f"seed {seed}, round {number}")
    assert sum(line.startswith("done") for line in told) > ROUNDS, "the writer hardly wrote"


def _run_and_kill(path: Path, number: int, *, after_s: float) -> list[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.core.state.writer", str(path), str(number)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        killer = threading.Timer(after_s, writer.send_signal, [signal.SIGKILL])
        killer.start()
        lines = writer.stdout.read().split("\n")
        killer.join()
    return lines[:-1]  # the last one may be cut off


async def _check(path: Path, told: list[str], context: str) -> None:
    database = await Database.open(path)
    assert database.notice == "", context
    transfers = Transfers(database)
    await transfers.load()
    rows = await database.read(
        lambda c: c.execute("SELECT id, source, state, committed_bytes, ended_no FROM transfers").fetchall()
    )
    by_state = await database.read(lambda c: dict(c.execute("SELECT state, count(*) FROM transfers GROUP BY state")))
    await database.close()
    words = [line.split() for line in told]
    assert {word[1] for word in words if word[0] == "added"} <= {row[1] for row in rows}, context
    done = {row[0] for row in rows if row[2] == "done"}
    assert {int(word[1]) for word in words if word[0] == "done"} <= done, context
    committed = {row[0] for row in rows if row[3] == 10}
    assert {int(word[1]) for word in words if word[0] == "part"} <= committed, context
    assert {state.value: count for state, count in transfers.counts.items() if count} == by_state, context
    numbers = [row[4] for row in rows if row[4]]
    assert len(set(numbers)) == len(numbers) == len(done), context


async def test_after_a_kill_the_next_start_knows(path: Path) -> None:
    _run_and_kill(path, 0, after_s=0.05)
    database = await Database.open(path)
    assert not database.was_clean
    await database.close()
    database = await Database.open(path)
    assert database.was_clean
    await database.close()
