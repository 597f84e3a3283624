"""Kills the engine, a mover or the window with -9 at random moments of a transfer, and looks at what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.session import Session

from core.client.socket import SocketClient
from core.host.endpoint import connect
from core.host.places import find_places
from core.model.account import Account
from core.model.errors import NetworkError
from core.model.transfer import ENDED, State, Transfer
from core.protocol.commands import AddTransfers, GetStatus, GetTransfer, ListTransfers, PutAccount
from core.protocol.rows import View
from tests.support.servers import Server

VICTIMS = ("engine", "mover", "window")
BUCKET = "kills"
ACCOUNT = "lab"


@dataclass(slots=True)
class Report:
    """What the kills did, in figures."""

    kills: dict[str, int] = field(default_factory=dict)
    transfers: int = 0
    resent_bytes: int = 0
    in_flight_bytes: int = 0  # of the parts that were under way at the kills: what may be sent again
    verified_by: set[str] = field(default_factory=set)


class Ward:
    """One home, one server, and a file that goes up or down while its processes die."""

    def __init__(self, home: Path, server: Server, *, size_bytes: int, seed: int) -> None:
        self.home = home
        self.server = server
        self.size_bytes = size_bytes
        self.random = random.Random(seed)
        self.report = Report()
        self.rows = 0
        self._window: subprocess.Popen[bytes] | None = None
        session = Session()
        session.set_credentials(server.access_key, server.secret_key)
        self.s3: Any = session.create_client(
            "s3",
            endpoint_url=server.endpoint,
            region_name=server.region,
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )

    def prepare(self) -> str:
        """A source file of random bytes, a bucket, and keys for the engine; returns the file's SHA-256."""
        digest = hashlib.sha256()
        with (self.home / "source.bin").open("wb") as file:
            left = self.size_bytes
            while left:
                piece = self.random.randbytes(min(left, 8 << 20))
                digest.update(piece)
                file.write(piece)
                left -= len(piece)
        with contextlib.suppress(self.s3.exceptions.BucketAlreadyOwnedByYou, self.s3.exceptions.BucketAlreadyExists):
            self.s3.create_bucket(Bucket=BUCKET)
        credentials = self.home / "credentials"
        credentials.write_text(
            f"[lab]\naws_access_key_id = {self.server.access_key}\naws_secret_access_key = {self.server.secret_key}\n"
        )
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
        return digest.hexdigest()

    def put_object(self) -> None:
        """The source as an object, for downloads that no upload went before."""
        with (self.home / "source.bin").open("rb") as file:
            self.s3.put_object(Bucket=BUCKET, Key="object.bin", Body=file)

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[SocketClient]:
        client = await connect(find_places(), timeout_s=30)
        try:
            yield client
        finally:
            await client.close()

    async def set_up(self) -> None:
        account = Account(
            name=ACCOUNT,
            endpoint=self.server.endpoint,
            region=self.server.region,
            profile="lab",
            ca_file=self.server.ca_file or "",
        )
        async with self.client() as client:
            await client.call(PutAccount(account=account))

    async def transfer(self, direction: str, kills: int) -> Transfer:
        """Move the file once, with so many kills on the way; returns the finished row."""
        transfer_id = await self._begin(direction)
        done = False
        for _ in range(kills):
            await asyncio.sleep(self.random.uniform(0.05, 1.2))
            done = await self._kill(transfer_id) or done
        return await self._wait(transfer_id)

    async def _begin(self, direction: str) -> int:
        target = self.home / "back.bin"
        target.unlink(missing_ok=True)
        up = direction == "up"
        command = AddTransfers(
            sources=(str(self.home / "source.bin"),) if up else (f"s3://{BUCKET}/object.bin",),
            destination=f"s3://{BUCKET}/object.bin" if up else str(target),
            source_account="" if up else ACCOUNT,
            destination_account=ACCOUNT if up else "",
        )
        async with self.client() as client:
            await client.call(command)
            self.rows += 1
            self.report.transfers += 1
            while True:
                rows = await client.call(ListTransfers(view=View(descending=True, count=500)))
                if rows.total == self.rows:
                    return max(row.id for row in rows.rows)
                await asyncio.sleep(0.02)

    async def _kill(self, transfer_id: int) -> bool:
        """Kill one of the processes, in turn. True when the transfer had ended before."""
        victim = VICTIMS[sum(self.report.kills.values()) % len(VICTIMS)]
        async with self.client() as client:
            status = await client.call(GetStatus())
            row = (await client.call(ListTransfers(view=View(descending=True, count=500)))).rows
            mine = next(r for r in row if r.id == transfer_id)
            if mine.state in ENDED:
                return True
            while victim == "mover" and not status.movers:  # an engine that was just killed has none yet
                await asyncio.sleep(0.02)
                status = await client.call(GetStatus())
            if victim != "window":
                transfer = await client.call(GetTransfer(id=transfer_id))
                part = transfer.part_size_bytes or 8 << 20
                self.report.in_flight_bytes += 8 * part  # parts in parallel, as the settings say
            pid = {"engine": status.pid, "mover": (status.movers or (0,))[0], "window": 0}[victim]
            if victim == "window":
                self._kill_window()
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.report.kills[victim] = self.report.kills.get(victim, 0) + 1
        self._look_at_target()
        return False

    def _kill_window(self) -> None:
        if self._window is None or self._window.poll() is not None:
            self._window = subprocess.Popen(
                [sys.executable, "-m", "app"],
                env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._window.wait(1.0)  # up and watching
        self._window.kill()
        self._window.wait()

    def _look_at_target(self) -> None:
        """Under the final name there is nothing or everything."""
        target = self.home / "back.bin"
        if target.exists():
            assert target.stat().st_size == self.size_bytes, "a partial file stands under the final name"

    async def _wait(self, transfer_id: int) -> Transfer:
        while True:
            with contextlib.suppress(NetworkError):
                async with self.client() as client:
                    while True:
                        transfer = await client.call(GetTransfer(id=transfer_id))
                        if transfer.state in ENDED:
                            await self._check_rows(client)
                            return transfer
                        await asyncio.sleep(0.1)
            await asyncio.sleep(0.1)

    async def _check_rows(self, client: SocketClient) -> None:
        rows = await client.call(ListTransfers(view=View(count=1)))
        assert rows.total == self.rows, "a row was lost"

    def check(self, transfer: Transfer, direction: str, sha256: str) -> None:
        """Everything the promise says, of one finished transfer."""
        assert transfer.state is State.DONE, transfer
        assert transfer.verified_by
        assert self._sha256(direction) == sha256
        assert not self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads"), "an upload was left open"
        assert not list(self.home.glob(".sluice-*.part")), "a temporary file was left behind"
        self.report.resent_bytes += transfer.sent_again_bytes
        self.report.verified_by.add(transfer.verified_by)
        assert self.report.resent_bytes <= self.report.in_flight_bytes

    def _sha256(self, direction: str) -> str:
        digest = hashlib.sha256()
        if direction == "up":
            for piece in self.s3.get_object(Bucket=BUCKET, Key="object.bin")["Body"].iter_chunks(1 << 20):
                digest.update(piece)
        else:
            with (self.home / "back.bin").open("rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
        return digest.hexdigest()


async def run(
    ward: Ward, directions: tuple[str, ...], *, kills: int, per_transfer: int, say: Callable[[str], None]
) -> Report:
    """Transfers in turn up and down until there were so many kills."""
    sha256 = ward.prepare()
    if directions[0] == "down":
        ward.put_object()
    await ward.set_up()
    turn = 0
    while sum(ward.report.kills.values()) < kills:
        direction = directions[turn % len(directions)]
        turn += 1
        before = ward.report.resent_bytes
        transfer = await ward.transfer(direction, per_transfer)
        ward.check(transfer, direction, sha256)
        say(
            f"{direction}: kills so far {ward.report.kills}, resent {ward.report.resent_bytes - before} bytes,"
            f" verified by {transfer.verified_by}"
        )
    return ward.report
