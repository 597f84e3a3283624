"""A database of its own for every test, and quick ways to fill it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from core.model.transfer import Direction, Options
from core.state.database import Database
from core.state.transfers import NewTransfer, Transfers

Fill = Callable[..., Awaitable[tuple[int, list[int]]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "state.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = await Database.open(path)
    yield database
    await database.close()


@pytest.fixture
async def transfers(database: Database) -> Transfers:
    transfers = Transfers(database)
    await transfers.load()
    return transfers


def new(name: str, size_bytes: int = 100, **others: object) -> NewTransfer:
    """An upload of /src/`name`."""
    facts: dict[str, object] = {
        "direction": Direction.UP,
        "source": f"/src/{name}",
        "source_account": "",
        "destination": f"s3://bucket/{name}",
        "destination_account": "acc",
        "size_bytes": size_bytes,
    }
    return NewTransfer(**(facts | others))


async def fill(transfers: Transfers, count: int, **others: object) -> tuple[int, list[int]]:
    """A batch with `count` queued uploads of 100 bytes: its id and theirs."""
    batch = await transfers.add_batch(
        sources=("/src",),
        source_account="",
        destination="s3://bucket/",
        destination_account="acc",
        recursive=True,
        options=Options(),
        added_s=1.0,
    )
    before = set(await transfers.with_state(set(transfers.counts)))
    await transfers.add(batch.id, [new(f"{batch.id}-{number}", **others) for number in range(count)], added_s=2.0)
    return batch.id, [number for number in await transfers.with_state(set(transfers.counts)) if number not in before]
