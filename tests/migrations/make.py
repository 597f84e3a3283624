"""Writes the stored file of the newest version: `python -m tests.migrations.make`, once for each new version."""

import asyncio
from pathlib import Path

from core.model.errors import RemoteError
from core.model.transfer import Direction, Options, PartRecord, State
from core.state import schema
from core.state.database import Database
from core.state.transfers import Move, NewTransfer, Transfers

_MIB = 1 << 20


async def make(path: Path) -> None:
    """Seven transfers, with something in every table and in most columns."""
    database = await Database.open(path)
    transfers = Transfers(database)
    await transfers.load()
    batch = await transfers.add_batch(
        sources=("/home/me/Fotos", "/home/me/Übung.txt"),
        source_account="",
        destination="s3://bucket/backup/",
        destination_account="Studio",
        recursive=True,
        options=Options(files=3, priority=1),
        added_s=1_700_000_000.0,
    )
    names = ("one.raw", "two.raw", "half.mov", "broken.raw", "left-1.raw", "left-2.raw", "Übung.txt")
    items = [
        NewTransfer(
            Direction.UP, f"/home/me/Fotos/{name}", "", f"s3://bucket/backup/Fotos/{name}", "Studio", 40 * _MIB, "1:2:3"
        )
        for name in names
    ]
    await transfers.add(batch.id, items, 1_700_000_001.0)
    one, two, half, broken, *_ = await transfers.with_state({State.QUEUED})
    await transfers.move(
        [Move(number, State.RUNNING, {"started_s": 1_700_000_002.0}) for number in (one, two, half, broken)]
    )
    await transfers.planned(half, 8 * _MIB, "upload-1", "1:2:3", 40 * _MIB, checksums=True)
    for number in (1, 2):
        part = PartRecord(number, (number - 1) * 8 * _MIB, 8 * _MIB, etag=f"etag-{number}", crc64nvme=2**64 - number)
        await transfers.part_done(half, part)
    transfers.part_started(half, PartRecord(3, 16 * _MIB, 8 * _MIB))
    error = RemoteError("no-bucket", "There is no bucket “bucket”.", request_id="42").record()
    await transfers.move(
        [
            Move(one, State.DONE, {"verified_by": "crc64nvme", "result_etag": "abc"}),
            Move(two, State.DONE, {"verified_by": "md5-etag"}),
            Move(half, State.PAUSED),
            Move(broken, State.FAILED, {"error": error, "attempts": 4}),
        ]
    )
    await database.close()


if __name__ == "__main__":
    folder = Path(__file__).parent / "files"
    folder.mkdir(exist_ok=True)
    asyncio.run(make(folder / f"state-{len(schema.migrations())}.db"))
