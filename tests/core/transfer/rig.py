"""One transfer with everything around it but an engine: a store in memory, an inline mover, a journal in memory."""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.model.account import Account, AccountKind
from core.model.errors import RemoteError, Retry
from core.model.transfer import Direction, PartRecord, State, Transfer, Verify
from core.model.units import MIB
from core.stores.memory.contents import contents_of
from core.stores.memory.faults import Course, Fault, Script
from core.stores.memory.store import MemoryStore
from core.transfer.crew import Crew
from core.transfer.gate import Gate
from core.transfer.job import Job, Proof, Wishes
from core.transfer.meter import Meter
from core.transfer.upload import upload
from tests.support import bodies

PART = 5 * MIB  # the least that S3 allows
REFUSED = RemoteError("access-denied", "You may not.", retry=Retry.NEVER)
_ids = itertools.count(1)
some_bytes = functools.lru_cache(maxsize=32)(bodies.some_bytes)


class Recorder(Script):
    """A script of faults that also writes down every call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str, int]] = []

    def begin(self, call: str, key: str = "", number: int = 0) -> Course:
        self.calls.append((call, key, number))
        return super().begin(call, key, number)

    def numbers(self, call: str) -> list[int]:
        return sorted(number for name, _, number in self.calls if name == call)

    def count(self, call: str) -> int:
        return sum(name == call for name, _, _ in self.calls)


@dataclass
class Notes:
    """A journal that outlives its jobs, as the database outlives a process."""

    transfer: Transfer
    parts: dict[int, PartRecord] = field(default_factory=dict)
    acts: list[str] = field(default_factory=list)

    async def planned(
        self, *, part_size_bytes: int, upload_id: str, checksums: bool, source_stamp: str, size_bytes: int
    ) -> None:
        self.transfer = replace(
            self.transfer,
            part_size_bytes=part_size_bytes,
            upload_id=upload_id,
            checksums=checksums,
            source_stamp=source_stamp,
            size_bytes=size_bytes,
            intent="",
        )

    async def started_over(self) -> None:
        self.acts.append("started over")
        self.parts.clear()
        self.transfer = replace(self.transfer, part_size_bytes=0, upload_id="", checksums=False, intent="")

    def part_started(self, part: PartRecord) -> None:
        self.parts.setdefault(part.number, part)

    async def part_done(self, part: PartRecord) -> None:
        self.parts[part.number] = part

    def part_dropped(self, number: int) -> None:
        if number in self.parts and not self.parts[number].done:
            del self.parts[number]

    async def kept(self, numbers: list[int], resent_bytes: int) -> None:
        self.parts = {number: part for number, part in self.parts.items() if number in numbers}
        self.sent_again(resent_bytes)

    def sent_again(self, size_bytes: int) -> None:
        self.transfer = replace(self.transfer, sent_again_bytes=self.transfer.sent_again_bytes + size_bytes)

    async def intent(self, act: str) -> None:
        self.acts.append(act)
        self.transfer = replace(self.transfer, intent=f"{act}@{time.time():.3f}")

    @property
    def done(self) -> list[int]:
        return sorted(number for number, part in self.parts.items() if part.done)


class Rig:
    """A bucket `b` in a store of its own, a folder, and jobs."""

    def __init__(self, folder: Path, *, keeps_checksums: bool = True) -> None:
        self.folder = folder
        self.account = Account(f"rig {next(_ids)}", AccountKind.MEMORY)
        self.script = Recorder()
        contents_of(self.account.name).script = self.script
        self.store = MemoryStore(self.account, keeps_checksums=keeps_checksums)
        self.crew = Crew(processes=0, connections=8)
        self.lanes = Gate(3)
        self.meter = Meter(0, 0)

    def faults(self, *faults: Fault) -> None:
        self.script.add(faults)

    def file(self, size_bytes: int, *, seed: int = 1, name: str = "source.bin") -> Path:
        path = self.folder / name
        path.write_bytes(some_bytes(size_bytes, seed))
        return path

    def upload_of(self, path: Path, key: str = "k") -> Notes:
        return Notes(self._transfer(Direction.UP, str(path), f"s3://b/{key}"))

    def download_of(self, key: str, target: Path) -> Notes:
        return Notes(self._transfer(Direction.DOWN, f"s3://b/{key}", str(target)))

    def copy_of(self, key: str, to: str) -> Notes:
        return Notes(self._transfer(Direction.COPY, f"s3://b/{key}", f"s3://b/{to}"))

    def _transfer(self, direction: Direction, source: str, destination: str) -> Transfer:
        return Transfer(next(_ids), 1, direction, State.RUNNING, source, "", destination, "", 0, added_s=time.time())

    def job(
        self,
        notes: Notes,
        *,
        replace_target: bool = True,
        part_bytes: int = PART,
        verify: Verify = Verify.NORMAL,
        folder_root: str = "",
    ) -> Job:
        """The transfer as a new process would take it up from the journal."""
        self.lanes = Gate(3)
        self.meter = Meter(notes.transfer.size_bytes, 0)
        wishes = Wishes(part_bytes, verify=verify, replace=replace_target, folder_root=folder_root)
        parts = tuple(notes.parts[number] for number in sorted(notes.parts))
        return Job(notes.transfer, parts, wishes, self.store, self.crew, self.lanes, notes, self.meter)

    async def put(self, key: str, data: bytes) -> None:
        await self.store.put_object("b", key, bodies.BytesBody(data))
        self.script.calls.clear()

    async def put_in_parts(self, key: str, data: bytes, part_bytes: int) -> None:
        path = self.folder / "to-be-put"
        path.write_bytes(data)
        await upload(self.job(self.upload_of(path, key), part_bytes=part_bytes))
        path.unlink()
        self.script.calls.clear()

    def held(self, key: str) -> bytes | None:
        thing = contents_of(self.account.name).crate("b").objects.get(key)
        return None if thing is None else thing.data

    def open_uploads(self) -> list[str]:
        return [upload.key for upload in contents_of(self.account.name).crate("b").uploads.values()]

    def at_rest(self) -> bool:
        """Whether nothing is on its way: every lane and connection is free."""
        return self.lanes.inside == 0 and self.crew.connections.inside == 0 and self.meter.flying_bytes == 0


async def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something is so; fail when it never is."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (it may be about anything)
            await asyncio.sleep(0.005)


async def stopped(running: Awaitable[Proof], when: Callable[[], bool]) -> None:
    """Start, cancel as soon as `when` is true, and return when it stands still."""
    task = asyncio.ensure_future(running)
    await eventually(lambda: when() or task.done())
    assert not task.done(), task
    task.cancel()
    results = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)


def fault_on(call: str, numbers: Iterable[int], **how: object) -> list[Fault]:
    return [Fault(call, number=number, **how) for number in numbers]  # type: ignore[arg-type]
