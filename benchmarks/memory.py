"""Resident memory of engine and movers while one file goes up (`python -m benchmarks.memory 1 10`: sizes in GiB)."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

from benchmarks.lab import ACCOUNT, BUCKET, engine, peak_rss_mb, sparse_file
from core.model.transfer import ENDED, State
from core.model.units import GIB
from core.protocol.commands import AddTransfers, GetBatch, ListEnded
from tests.support.servers import Server, start_swift


async def measure(server: Server, size_gib: float) -> None:
    async with engine(server) as (home, client):
        source = sparse_file(home / "big.bin", int(size_gib * GIB))
        done = asyncio.Event()
        sampling = asyncio.ensure_future(peak_rss_mb(client, done))
        started = time.monotonic()
        added = await client.call(
            AddTransfers(sources=(str(source),), destination=f"s3://{BUCKET}/big.bin", destination_account=ACCOUNT)
        )
        while True:
            batch = await client.call(GetBatch(batch=added.batch))
            if batch.counts and all(state in ENDED for state in batch.counts):
                break
            await asyncio.sleep(0.2)
        done.set()
        peak = await sampling
        row = (await client.call(ListEnded(batch=added.batch))).rows[0]
        assert row.state is State.DONE, row
        print(
            f"{size_gib:g} GiB up: engine + movers at most {peak:.0f} MB resident,"
            f" {time.monotonic() - started:.1f} s, verified by {row.verified_by}",
            flush=True,
        )


def main() -> None:
    with contextlib.closing(start_swift()) as daemon:
        for size in [float(text) for text in sys.argv[1:]] or [1.0, 10.0]:
            asyncio.run(measure(daemon.server(), size))


if __name__ == "__main__":
    main()
