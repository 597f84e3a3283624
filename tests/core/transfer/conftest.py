"""A rig for one transfer, and retries that do not keep the suite waiting."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from core.stores.memory.contents import forget
from core.transfer import job
from tests.core.transfer.rig import Rig


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_FIRST_PAUSE_S", 0.001)


@pytest.fixture
async def make_rig(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Rig]]]:
    rigs: list[Rig] = []

    async def make(**how: bool) -> Rig:
        rig = Rig(tmp_path, **how)
        await rig.store.create_bucket("b")
        rigs.append(rig)
        return rig

    yield make
    for rig in rigs:
        await rig.crew.close()
        forget(rig.account.name)


@pytest.fixture
async def rig(make_rig: Callable[..., Awaitable[Rig]]) -> Rig:
    return await make_rig()


@pytest.fixture
async def md5_rig(make_rig: Callable[..., Awaitable[Rig]]) -> Rig:
    """A server that keeps no CRC."""
    return await make_rig(keeps_checksums=False)
