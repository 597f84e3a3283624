"""An engine for each test, and pauses that do not keep the suite waiting."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.engine import patience
from core.stores.memory.contents import forget
from core.transfer import job
from tests.core.engine.bench import Bench


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(patience, "_FIRST_S", 0.01)
    monkeypatch.setattr(patience, "_LONGEST_S", 0.05)


@pytest.fixture
async def bench(home: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    await bench.start()
    await bench.new_account()
    yield bench
    await bench.stop()
    forget(bench.account)
