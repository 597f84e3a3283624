"""Waits until transfers have come to rest, tells how they end, and survives an engine that does not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field

from core.client.client import Watch
from core.host.cli.goals import Goal, Standing
from core.host.cli.link import Link
from core.host.cli.output import Output, transfer_record
from core.host.cli.progress import Mirror, Progress
from core.model.errors import CoreError, ErrorRecord, NetworkError, Retry
from core.model.transfer import ENDED, State
from core.protocol import commands as c

DONE, FAILED, PAUSED, INTERRUPTED = 0, 1, 3, 130
_LOOK_S = 1.0  # at the latest, should no event come
_HELD_S = 1.0  # so long must an account stand still for its keys to be called held
_HALT_S = 30.0


@dataclass
class Waiting:
    """One wait for one goal."""

    link: Link
    goal: Goal
    out: Output
    progress: Progress
    ends: Counter[State] = field(default_factory=Counter)
    told_passed_over: int = 0
    held_since_s: float = 0.0
    held: ErrorRecord | None = None

    async def run(self, interrupted: asyncio.Event) -> int:
        """The exit code, once everything has come to rest, or an interruption has paused it."""
        work = asyncio.create_task(self._to_rest())
        stop = asyncio.create_task(interrupted.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return await self._told(work.result())
            await _cancelled(work)
            return await self._pause(interrupted)
        finally:
            await _cancelled(work, stop)
            self.progress.close()

    async def _to_rest(self) -> Standing:
        while True:
            try:
                return await self._watched()
            except NetworkError as error:
                if error.code != "engine-lost":
                    raise
                await self.link.find_again(error)

    async def _watched(self) -> Standing:
        mirror = Mirror()
        watch = await self.link.watch(self.goal.view)
        following = asyncio.create_task(mirror.follow(watch))
        try:
            while True:
                await self._tell_ended()
                standing = await self.goal.standing(self.link)
                self._tell_passed_over(standing)
                self.progress.show(standing, mirror)
                if standing.at_rest or self._held(standing, mirror):
                    await self._tell_ended()
                    return standing
                await mirror.news(_LOOK_S)
                if following.done():
                    following.result()  # raises why
        finally:
            await _closed(watch, following)

    async def _tell_ended(self) -> None:
        while rows := await self.goal.ended(self.link):
            for row in rows:
                self.ends[row.state] += 1
                self.progress.ended(row)

    def _tell_passed_over(self, standing: Standing) -> None:
        """Once, when the listing is complete."""
        if standing.passed_over > self.told_passed_over and not standing.walking:
            self.told_passed_over = standing.passed_over
            self.out.warn(standing.passed_why or f"{standing.passed_over} sources were passed over.")

    def _held(self, standing: Standing, mirror: Mirror) -> bool:
        """True when an account has waited for new keys for a while: nothing will happen before somebody sees to it."""
        for name, error in mirror.held.items():
            concerned = standing.accounts is None or name in standing.accounts
            if concerned and standing.stands_still and error.retry is Retry.CREDENTIALS:
                self.held_since_s = self.held_since_s or time.monotonic()
                self.held = error
                return time.monotonic() - self.held_since_s >= _HELD_S
        self.held_since_s, self.held = 0.0, None
        return False

    async def _told(self, standing: Standing) -> int:
        """The last words about all that has not ended, and the exit code for all together."""
        self.progress.close()
        if not standing.at_rest or _unfinished(standing.counts):
            await self._tell_left()
        if standing.error is not None:
            self.out.failure(standing.error.revive())
        elif self.held is not None and not standing.at_rest:
            self.out.warn(f"{self.held.sentence} The transfers wait for that.")
        elif standing.counts[State.ASKING]:
            self.out.warn("A target exists; answer in the window, or copy again with --on-conflict.")
        elif standing.counts[State.PAUSED]:
            self.out.warn("What is paused goes on with: sluice resume --all")
        return FAILED if self.held is not None and not standing.at_rest else exit_code(standing, self.ends)

    async def _tell_left(self) -> None:
        async for row in self.goal.left(self.link):
            self.out.record(transfer_record(row))

    async def _pause(self, interrupted: asyncio.Event) -> int:
        """Pause all of it, also what a listing that is still going on will add; a second Ctrl-C is not waited for."""
        interrupted.clear()
        pausing = asyncio.create_task(self._paused())
        stop = asyncio.create_task(interrupted.wait())
        try:
            await asyncio.wait({pausing, stop}, timeout=_HALT_S, return_when=asyncio.FIRST_COMPLETED)
            self.progress.close()
            if pausing.done():
                left = pausing.result()
                again = str(left[0]) if len(left) == 1 else "--all"
                self.out.warn(f"Paused. Go on with: sluice resume {again}")
            else:
                self.out.warn("Not everything could be paused in time; look with: sluice queue")
        except CoreError as error:
            self.out.failure(error)
        finally:
            await _cancelled(pausing, stop)
        return INTERRUPTED

    async def _paused(self) -> list[int]:
        """The ids of some that are paused now: two are enough to tell one from many."""
        while True:
            await self.link.call(c.PauseTransfers(selection=self.goal.selection))
            standing = await self.goal.standing(self.link)
            if standing.at_rest or (not standing.walking and standing.stands_still):
                break
            await asyncio.sleep(0.1)
        await self._tell_ended()
        ids: list[int] = []
        async for row in self.goal.left(self.link):
            self.out.record(transfer_record(row))
            if len(ids) < 2:
                ids.append(row.id)
        return ids


def exit_code(standing: Standing, ends: Counter[State]) -> int:
    """0 when all is done or skipped; 1 when something failed; else 3, for something waits for somebody.

    `ends` counts what has ended while we waited: the whole queue may hold failures of last week.
    """
    if ends[State.FAILED] or ends[State.CANCELLED] or standing.error is not None or standing.passed_over:
        return FAILED
    return PAUSED if _unfinished(standing.counts) else DONE


def _unfinished(counts: Counter[State]) -> int:
    return sum(count for state, count in counts.items() if state not in ENDED)


async def _cancelled(*tasks: asyncio.Task[object]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _closed(watch: Watch, following: asyncio.Task[None]) -> None:
    await _cancelled(following)
    with contextlib.suppress(CoreError):
        await watch.close()
