"""The heartbeat sees a loop that stands still."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from app.heartbeat import Heartbeat


async def test_a_blocked_loop_shows_in_the_figures(tmp_path: Path):
    out = tmp_path / "beat.json"
    heart = Heartbeat(str(out))
    task = asyncio.create_task(heart.run())
    await asyncio.sleep(0.1)
    time.sleep(0.2)  # noqa: ASYNC251  (the fault that is to be seen)
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    figures = json.loads(out.read_text())
    assert set(figures) == {"p50_ms", "p99_ms", "max_ms", "n"}
    assert figures["max_ms"] >= 150
    assert figures["p50_ms"] < figures["max_ms"]
    assert figures["n"] == len(heart.lateness_ms) > 5


def test_nothing_measured_is_said_plainly():
    assert Heartbeat("-").figures() == {"p50_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0, "n": 0}
