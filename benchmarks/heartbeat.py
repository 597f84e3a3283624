"""How late the window's loop answers while 20,000 small files are queued and 2 GiB are moving."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path

from benchmarks.lab import ACCOUNT, BUCKET, engine, sparse_file, window
from core.client.socket import SocketClient
from core.model.transfer import ENDED
from core.model.units import GIB
from core.protocol.commands import AddTransfers, GetBatch
from tests.support.servers import Server, start_swift


async def measure(server: Server, files: int) -> None:
    async with engine(server) as (home, client):
        folder = home / "small"
        folder.mkdir()
        for number in range(files):
            (folder / f"{number:05}").write_bytes(b"x" * 1000)
        big = [str(sparse_file(home / f"big-{number}.bin", GIB)) for number in range(2)]
        beats = home / "beats.json"
        process = window("--heartbeat", str(beats), display=os.environ.get("DISPLAY", ""))
        try:
            await asyncio.sleep(3)
            added = await client.call(
                AddTransfers(sources=tuple(big), destination=f"s3://{BUCKET}/big/", destination_account=ACCOUNT)
            )
            await client.call(
                AddTransfers(sources=(str(folder),), destination=f"s3://{BUCKET}/", destination_account=ACCOUNT)
            )
            await _until_ended(client, added.batch)
            await asyncio.sleep(5.5)
        finally:
            process.terminate()
            process.wait(20)
        print(f"{files} small files queued, 2 GiB moving:", _figures(beats))


def _figures(beats: Path) -> dict[str, float]:
    figures: dict[str, float] = json.loads(beats.read_text())
    return figures


async def _until_ended(client: SocketClient, batch: int) -> None:
    while True:
        row = await client.call(GetBatch(batch=batch))
        if row.counts and all(state in ENDED for state in row.counts):
            return
        await asyncio.sleep(0.2)


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with contextlib.closing(start_swift()) as daemon:
        asyncio.run(measure(daemon.server(), files))


if __name__ == "__main__":
    main()
