"""A process that writes until it is killed: it prints what was acknowledged, and nothing before."""

import asyncio
import sys
from pathlib import Path

from core.model.transfer import Direction, Options, PartRecord, State
from core.state.database import Database
from core.state.transfers import Move, NewTransfer, Transfers


async def main(path: Path, round_no: int) -> None:
    transfers = Transfers(await Database.open(path))
    await transfers.load()
    batch = await transfers.add_batch(
        sources=("/src",),
        source_account="",
        destination="s3://b/",
        destination_account="a",
        recursive=True,
        options=Options(),
        added_s=1.0,
    )
    print("ready", flush=True)
    await asyncio.gather(*(_write(transfers, batch.id, f"{round_no}-{task}") for task in range(4)))


async def _write(transfers: Transfers, batch: int, name: str) -> None:
    for number in range(1_000_000):
        source = f"/src/{name}-{number}"
        item = NewTransfer(Direction.UP, source, "", f"s3://b/{name}-{number}", "a", 10)
        await transfers.add(batch, [item], 1.0)
        print("added", source, flush=True)
        (queued,) = await transfers.next_queued(1)
        if await transfers.move([Move(queued.id, State.RUNNING)]):
            await transfers.part_done(queued.id, PartRecord(1, 0, 10, done=True))
            print("part", queued.id, flush=True)
            await transfers.move([Move(queued.id, State.DONE)])
            print("done", queued.id, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
