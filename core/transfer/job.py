"""What upload, download and copy have in common: the job, its result, and parts moved side by side with retries."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from core.model.errors import CoreError, LocalError, Retry
from core.model.plan import PartPlan
from core.model.transfer import PartRecord, Transfer, Verify
from core.stores.base import ObjectStore
from core.transfer.crew import Crew
from core.transfer.gate import Gate
from core.transfer.journal import Journal
from core.transfer.meter import Meter
from core.transfer.orders import Order, Outcome, Pace

T = TypeVar("T")
PART_TRIES = 5
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 20.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """How this transfer is to be done, settings and the batch's options taken together."""

    preferred_part_bytes: int
    verify: Verify = Verify.NORMAL
    paces: tuple[Pace, ...] = ()
    replace: bool = True  # False: never over something that exists
    folder_root: str = ""  # downloads: the folder below which folders may be made


@dataclass(frozen=True, slots=True)
class Job:
    """Everything one transfer coroutine works with."""

    transfer: Transfer
    parts: tuple[PartRecord, ...]  # as they were recorded before
    wishes: Wishes
    store: ObjectStore
    crew: Crew
    lanes: Gate  # parts of this file at once
    journal: Journal
    meter: Meter

    async def order(self, order: Order, part: int) -> Outcome:
        """Have one order carried out, its bytes counted as part `part` in flight; retried by the error's own fields."""

        async def once() -> Outcome:
            try:
                return await self.crew.run(order, await self.store.access(), lambda n: self.meter.fly(part, n))
            except BaseException:
                self.journal.sent_again(self.meter.drop(part))
                raise

        return await with_retries(once)


@dataclass(frozen=True, slots=True)
class Proof:
    """How a finished transfer's bytes were proven equal on both sides.

    `verified_by` is one of:
    `crc64nvme`    the server keeps this checksum of the whole object, and it equals ours;
    `md5-etag`     the ETag is the MD5 (or the MD5 of the parts' MD5s) of the bytes that went by;
    `content-md5`  the server checked the MD5 of everything it took;
    `read-back`    the object was read again and compared;
    `server-copy`  the server copied it and reports the same size;
    `length`       every byte came from the one version asked for, and the server offers no checksum.
    """

    verified_by: str
    etag: str
    crc64nvme: str = ""


def pause_s(attempt: int, after_s: float | None) -> float:
    """Seconds before attempt `attempt` + 1: what the server asked for, else exponential with full jitter.

    Source: AWS Architecture Blog, “Exponential Backoff And Jitter” (full jitter).
    """
    if after_s is not None:
        return after_s
    return random.uniform(0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(attempt, 10)))


async def with_retries(once: Callable[[], Awaitable[T]], tries: int = PART_TRIES) -> T:
    """Try again what may heal by itself within seconds: only errors from the other side that say so."""
    for attempt in range(tries):
        try:
            return await once()
        except CoreError as error:
            last = attempt == tries - 1
            too_long = (error.after_s or 0.0) > _LONGEST_PAUSE_S  # the queue waits better than a part does
            if last or too_long or error.retry is not Retry.BACKOFF or isinstance(error, LocalError):
                raise
            if error.code != "mover-lost":
                await asyncio.sleep(pause_s(attempt, error.after_s))
    raise AssertionError("unreachable")


async def side_by_side(plans: Iterable[PartPlan], lanes: Gate, move: Callable[[PartPlan], Awaitable[None]]) -> None:
    """Move parts, as many at once as there are lanes. The first failure stops the others and is raised.

    A task exists only for a part that has a lane, so that memory does not grow with the number of parts.
    """

    async def run(plan: PartPlan) -> None:
        await move(plan)

    try:
        async with asyncio.TaskGroup() as group:
            for plan in plans:
                await lanes.enter()
                # Not a `finally` in `run`: a task that is cancelled before its first step never gets there.
                group.create_task(run(plan)).add_done_callback(lambda _: lanes.leave())
    except BaseExceptionGroup as failures:
        raise _first(failures) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What stopped the group: an expected error if there is one, since the rest are its consequences."""
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves.append(_first(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((error for error in leaves if isinstance(error, CoreError)), leaves[0])
