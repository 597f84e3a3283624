"""Kill -9 of engine, mover and window in turn: what was queued finishes, equal and once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.host.endpoint import stop
from core.host.places import find_places
from tests.scenario.killing import VICTIMS, Ward, run
from tests.support.servers import Server

KILLS = int(os.environ.get("SLUICE_KILLS", "6"))
SIZE_MIB = int(os.environ.get("SLUICE_KILLS_MIB", "256"))
SEED = int(os.environ.get("SLUICE_SEED", "20261120"))


@pytest.mark.swift
@pytest.mark.kill
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("direction", ["up", "down"])
async def test_every_kill_resumes_to_an_equal_object(home: Path, swift: Server, direction: str) -> None:
    ward = Ward(home, swift, size_bytes=SIZE_MIB << 20, seed=SEED)
    try:
        report = await run(ward, (direction,), kills=KILLS, per_transfer=3, say=print)
    finally:
        await stop(find_places())
    assert set(report.kills) >= set(VICTIMS[:2])
    assert sum(report.kills.values()) >= KILLS
