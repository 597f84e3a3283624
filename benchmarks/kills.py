"""Kill -9 of engine, mover and window in turn while 1 GiB goes up and down (arguments: kills, seed)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from core.host.endpoint import stop
from core.host.places import find_places
from core.model.units import GIB
from tests.scenario.killing import Ward, run
from tests.support.servers import Server, start_swift


async def measure(server: Server, direction: str, kills: int, seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="sl-", ignore_cleanup_errors=True) as folder:
        os.environ["SLUICE_HOME"] = folder
        ward = Ward(Path(folder), server, size_bytes=GIB, seed=seed)
        try:
            report = await run(
                ward, (direction,), kills=kills, per_transfer=4, say=lambda text: print(text, flush=True)
            )
        finally:
            await stop(find_places())
    print(f"{direction}: {report}", flush=True)


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    print(f"seed {seed}")
    with contextlib.closing(start_swift()) as daemon:
        for direction in ("up", "down"):
            asyncio.run(measure(daemon.server(), direction, kills, seed))


if __name__ == "__main__":
    main()
