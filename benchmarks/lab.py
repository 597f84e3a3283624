"""What the benchmarks share: a throwaway home with its engine, a server, and readings of the processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from core.client.socket import SocketClient
from core.host.endpoint import connect, stop
from core.host.places import find_places
from core.model.account import Account
from core.model.errors import RemoteError
from core.protocol.commands import CreateBucket, GetStatus, PutAccount
from tests.support.servers import Server

ACCOUNT = "lab"
BUCKET = "bench"


@contextlib.asynccontextmanager
async def engine(server: Server | None = None) -> AsyncIterator[tuple[Path, SocketClient]]:
    """A fresh SLUICE_HOME, its engine, and a client of it; with a server also an account and a bucket there."""
    with tempfile.TemporaryDirectory(prefix="sl-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        os.environ["SLUICE_HOME"] = folder
        client = await connect(find_places(), timeout_s=30)
        try:
            if server is not None:
                await client.call(PutAccount(account=account_of(server), secret=server.secret_key, memory_only=True))
                with contextlib.suppress(RemoteError):  # of the measurement before
                    await client.call(CreateBucket(bucket=BUCKET, account=ACCOUNT))
            yield home, client
        finally:
            await client.close()
            await stop(find_places())


def account_of(server: Server) -> Account:
    return Account(
        name=ACCOUNT,
        endpoint=server.endpoint,
        region=server.region,
        access_key=server.access_key,
        ca_file=server.ca_file or "",
    )


def sparse_file(path: Path, size_bytes: int) -> Path:
    """A file of zeros that takes no room: reading it costs what reading a cached file costs."""
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MB (10^6 bytes), 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in fields if line.startswith("Rss:")), 0.0)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, user and system."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def engine_pids(client: SocketClient) -> tuple[int, ...]:
    """The engine and its movers."""
    status = await client.call(GetStatus())
    return (status.pid, *status.movers)


async def peak_rss_mb(client: SocketClient, until: asyncio.Event) -> float:
    """The highest sum of resident memory of engine and movers, sampled ten times a second."""
    peak = 0.0
    while not until.is_set():
        pids = await engine_pids(client)
        peak = max(peak, sum([await asyncio.to_thread(rss_mb, pid) for pid in pids]))
        await asyncio.sleep(0.1)
    return peak


def window(*arguments: str, display: str = "") -> subprocess.Popen[str]:
    """The real window, offscreen or on a display."""
    environment = os.environ | (
        {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"} if display else {"QT_QPA_PLATFORM": "offscreen"}
    )
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )
