"""An engine on a home of its own, with inline movers and stores in memory, spoken to as a window would."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from core.client.direct import DirectClient
from core.engine.accounts import TRY_IT_HERE
from core.engine.engine import Engine
from core.host.places import find_places
from core.model.account import Account, AccountKind
from core.model.errors import NetworkError, RemoteError, Retry, Scope
from core.model.transfer import ENDED, BatchState, Options, State, Transfer
from core.protocol.commands import (
    AddTransfers,
    CancelTransfers,
    ChangeSettings,
    Command,
    GetBatch,
    GetTransfer,
    ListTransfers,
    PauseTransfers,
    PutAccount,
    ResumeTransfers,
    RetryTransfers,
)
from core.protocol.rows import BatchRow, Order, Selection, TransferRow, View
from core.stores.memory.contents import contents_of, forget
from core.stores.memory.faults import Fault
from core.stores.memory.store import MemoryStore
from tests.core.transfer.rig import PART, Recorder
from tests.support.bodies import BytesBody, some_bytes

__all__ = ["PART", "TRY_IT_HERE"]
R = TypeVar("R")
EVERYTHING = Selection(everything=True)
RESTING = ENDED | {State.PAUSED, State.ASKING, State.WAITING}
OFFLINE = NetworkError("unreachable", "There is no network.", retry=Retry.ONLINE, scope=Scope.ACCOUNT)
BAD_KEYS = RemoteError("bad-credentials", "The keys are wrong.", retry=Retry.CREDENTIALS, scope=Scope.ACCOUNT)
REFUSED = RemoteError("access-denied", "You may not.")
_numbers = itertools.count(1)


class Bench:
    """The engine can be stopped, killed and started again on the same home; what the stores hold stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.account = f"mem {next(_numbers)}"
        self.script = Recorder()
        self.engine: Engine
        self.client: DirectClient

    async def start(self) -> None:
        self.engine = await Engine.start(find_places(), movers="inline")
        self.client = DirectClient(self.engine)

    async def stop(self) -> None:
        await self.engine.stop()

    async def kill(self) -> None:
        """As a power cut would: what is on disk is all that is left. Nobody gets to write a last word."""
        await self.engine.database.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and _is_engines(task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def call(self, command: Command[R]) -> R:
        return await self.client.call(command)

    async def new_account(self, name: str = "") -> MemoryStore:
        """A store in memory with a bucket `b`, whose faults `script` knows when it is the first."""
        account = Account(name or self.account, AccountKind.MEMORY)
        forget(account.name)
        if not name:
            contents_of(account.name).script = self.script
        store = MemoryStore(account)
        await store.create_bucket("b")
        await self.call(PutAccount(account=account))
        return store

    def faults(self, *faults: Fault) -> None:
        self.script.add(faults)

    async def settings(self, **changes: object) -> None:
        await self.call(ChangeSettings(changes={name: str(value) for name, value in changes.items()}))

    def file(self, name: str, size_bytes: int = 1000, seed: int = 1) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(some_bytes(size_bytes, seed))
        return str(path)

    async def put(self, key: str, data: bytes) -> None:
        await MemoryStore(Account(self.account, AccountKind.MEMORY)).put_object("b", key, BytesBody(data))

    def held(self, key: str) -> bytes | None:
        thing = contents_of(self.account).crate("b").objects.get(key)
        return None if thing is None else thing.data

    def everything(self) -> dict[str, bytes]:
        return {key: thing.data for key, thing in contents_of(self.account).crate("b").objects.items()}

    def keys(self) -> list[str]:
        return sorted(contents_of(self.account).crate("b").objects)

    def open_uploads(self, account: str = "") -> int:
        return len(contents_of(account or self.account).crate("b").uploads)

    # Asking for things.

    async def upload(self, *sources: str, to: str = "s3://b/", account: str | None = None, **options: object) -> int:
        command = AddTransfers(
            sources=sources,
            destination=to,
            destination_account=self.account if account is None else account,
            options=Options(**options),  # type: ignore[arg-type]
        )
        return (await self.call(command)).batch

    async def download(self, *sources: str, to: str, **options: object) -> int:
        command = AddTransfers(
            sources=sources,
            source_account=self.account,
            destination=to,
            options=Options(**options),  # type: ignore[arg-type]
        )
        return (await self.call(command)).batch

    async def pause(self, *ids: int) -> int:
        return (await self.call(PauseTransfers(selection=picked(ids)))).count

    async def resume(self, *ids: int) -> int:
        return (await self.call(ResumeTransfers(selection=picked(ids)))).count

    async def cancel(self, *ids: int) -> int:
        return (await self.call(CancelTransfers(selection=picked(ids)))).count

    async def retry(self, *ids: int) -> int:
        return (await self.call(RetryTransfers(selection=picked(ids)))).count

    # Looking.

    async def rows(self, batch: int = 0) -> list[TransferRow]:
        return list((await self.call(ListTransfers(view=View(batch=batch, order=Order.ADDED, count=10_000)))).rows)

    async def row(self, batch: int) -> TransferRow:
        [row] = await self.rows(batch)
        return row

    async def transfer(self, number: int) -> Transfer:
        return await self.call(GetTransfer(id=number))

    async def states(self, batch: int = 0) -> list[State]:
        return [row.state for row in await self.rows(batch)]

    async def rested(self, batch: int, *, seconds: float = 20) -> BatchRow:
        """The batch when its sources are listed and none of its transfers is on its way."""

        async def is_at_rest() -> bool:
            found = await self.call(GetBatch(batch=batch))
            return found.state is not BatchState.WALKING and not found.counts.keys() - RESTING

        await until(is_at_rest, seconds)
        return await self.call(GetBatch(batch=batch))

    async def done(self, batch: int, *, seconds: float = 20) -> None:
        """Wait for the batch, and fail when anything of it is not done."""

        async def is_done() -> bool:
            found = await self.call(GetBatch(batch=batch))
            return found.state is BatchState.READY and found.counts.keys() <= {State.DONE}

        with contextlib.suppress(TimeoutError):
            await until(is_done, seconds)
        found = await self.call(GetBatch(batch=batch))
        assert found.counts.keys() <= {State.DONE}, [(row.name, row.state, row.error) for row in await self.rows(batch)]
        assert found.state is BatchState.READY, found


def picked(ids: tuple[int, ...]) -> Selection:
    return Selection(ids=ids) if ids else EVERYTHING


def _is_engines(task: asyncio.Task[object]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and "/core/" in code.co_filename


async def until(condition: Callable[[], Awaitable[bool]] | Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so; fail when it never is."""
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)
