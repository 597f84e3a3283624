"""Decides what runs next: by priority and arrival, within the files in parallel, past accounts that are held."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque

from core.engine.accounts import Accounts
from core.engine.live import Live
from core.engine.pulse import Pulse
from core.engine.runner import Runner, account_of
from core.model.errors import CoreError
from core.model.transfer import State, Transfer
from core.state.transfers import Move, Transfers

log = logging.getLogger("sluice.queue")
_AHEAD = 64  # rows fetched at a time
_CLEAN_AGAIN_S = 15.0
_LONGEST_NAP_S = 30.0


class Queue:
    """One loop that starts transfers, one that cleans up after cancelled ones. Owned by the engine."""

    def __init__(self, transfers: Transfers, accounts: Accounts, runner: Runner, live: Live, pulse: Pulse) -> None:
        self._transfers = transfers
        self._accounts = accounts
        self._runner = runner
        self._live = live
        self._pulse = pulse
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ready: deque[Transfer] = deque()
        self._ready_for: tuple[object, ...] = ()
        self._looks = 0
        self._unsettled: set[int] = set()  # ended, but their new state could not be written
        self._clean_after: dict[int, float] = {}  # monotonic seconds, of those that could not be cleaned up yet
        self._loops: list[asyncio.Task[None]] = []

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def start(self) -> None:
        self._loops = [asyncio.ensure_future(self._start_all()), asyncio.ensure_future(self._clean_all())]

    async def stop(self) -> None:
        """Stop everything that runs; the rows stay `running` in the database and go on at the next start."""
        tasks = [*self._loops, *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def halt(self, ids: tuple[int, ...]) -> None:
        """Stop these, whose new state has been written already, and return when they stand still."""
        tasks = [self._tasks[i] for i in ids if i in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def look_again(self) -> None:
        """The order of the queue changed."""
        self._looks += 1
        self._ready.clear()
        self._pulse.beat()

    # Starting.

    async def _start_all(self) -> None:
        while True:
            seen = self._pulse.count
            try:
                await self._settle()
                await self._wake_waiting()
                started = await self._start_some()
            except CoreError as error:  # a full disk under the database, say
                log.error("the queue pauses: %s", error.sentence)
                await asyncio.sleep(2)
                continue
            if not started:
                await self._pulse.after(seen, timeout_s=await self._nap_s())

    async def _nap_s(self) -> float:
        times = [t for t in (await self._transfers.next_due_s(), self._accounts.next_release_s()) if t is not None]
        return min([_LONGEST_NAP_S, *(max(0.05, t - time.time()) for t in times)])

    async def _wake_waiting(self) -> None:
        """Transfers whose pause is over go back into the queue."""
        due = await self._transfers.due(time.time())
        if due:
            await self._transfers.move([Move(i, State.QUEUED, {}) for i in due])
            self._looks += 1
            self._ready.clear()

    async def _settle(self) -> None:
        """What ended while the database could not be written to is still called running there; it runs once more."""
        if self._unsettled:
            lost = self._unsettled & set(await self._transfers.with_state({State.RUNNING})) - self._tasks.keys()
            await self._transfers.move([Move(i, State.QUEUED, {}) for i in lost])
            self._unsettled &= self._tasks.keys()

    async def _start_some(self) -> bool:
        free = self._accounts.settings.files_parallel - len(self._tasks)
        if free <= 0:
            return False
        chosen = [transfer for transfer in await self._next(free) if transfer.id not in self._tasks]
        if not chosen:
            return False
        now_s = time.time()
        moves = [Move(t.id, State.RUNNING, {} if t.started_s else {"started_s": now_s}) for t in chosen]
        moved = await self._transfers.move(moves)
        for transfer in chosen:
            if transfer.id in moved:
                self._launch(transfer)
        return True

    async def _next(self, count: int) -> list[Transfer]:
        """Up to `count` rows that may run now, honouring what batches asked for."""
        chosen: list[Transfer] = []
        running = Counter(running.transfer.batch_id for running in self._live.running.values())
        full = await self._full(running)
        while len(chosen) < count:
            await self._fetch(full, but=[transfer.id for transfer in chosen])
            if not self._ready:
                break
            transfer = self._ready.popleft()
            chosen.append(transfer)
            running[transfer.batch_id] += 1
            full = await self._full(running)
        return chosen

    async def _full(self, running: Counter[int]) -> frozenset[int]:
        """The batches of which as many files run as they asked for."""
        most = {batch_id: (await self._runner.batch(batch_id)).options.files for batch_id in list(running)}
        return frozenset(batch_id for batch_id, files in most.items() if files and running[batch_id] >= files)

    async def _fetch(self, full: frozenset[int], but: list[int]) -> None:
        """See to it that what is ready belongs to none of these batches and to no account that is held."""
        wanted = (frozenset(self._accounts.held), full)
        while not self._ready or self._ready_for != wanted:
            looks = self._looks
            rows = await self._transfers.next_queued(
                _AHEAD, but=[*self._tasks, *but], held_accounts=wanted[0], full_batches=full
            )
            if looks == self._looks:  # else the order changed while we read
                self._ready, self._ready_for = deque(rows), wanted
                return

    def _launch(self, transfer: Transfer) -> None:
        task = asyncio.ensure_future(self._runner.run(transfer))
        self._tasks[transfer.id] = task
        task.add_done_callback(lambda done: self._landed(transfer.id, done))

    def _landed(self, transfer_id: int, task: asyncio.Task[None]) -> None:
        self._tasks.pop(transfer_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("transfer %s could not be written down", transfer_id, exc_info=error)
            self._unsettled.add(transfer_id)
        self._pulse.beat()

    # Cleaning up.

    async def _clean_all(self) -> None:
        """Carry every cancel through, also those that a crash or a lost network interrupted."""
        while True:
            seen = self._pulse.count
            try:
                ids = await self._to_clean()
                await self._clean(ids)
            except CoreError as error:
                log.warning("cleaning up waits: %s", error.sentence)
                await asyncio.sleep(_CLEAN_AGAIN_S)
                continue
            if not ids:
                again_s = min(self._clean_after.values(), default=None)
                await self._pulse.after(seen, None if again_s is None else max(0.05, again_s - time.monotonic()))

    async def _to_clean(self) -> list[int]:
        """What can be cleaned up now: a store that is away does not keep the others waiting."""
        cancelling = await self._transfers.with_state({State.CANCELLING})
        self._clean_after = {i: at for i, at in self._clean_after.items() if i in set(cancelling)}
        now = time.monotonic()
        return [i for i in cancelling if i not in self._tasks and self._clean_after.get(i, now) <= now][:_AHEAD]

    async def _clean(self, ids: list[int]) -> None:
        rows = await self._transfers.get_many(ids)
        results = await asyncio.gather(*(self._runner.clean_up(row) for row in rows.values()), return_exceptions=True)
        for row, result in zip(rows.values(), results, strict=True):
            if result is None:
                continue
            self._clean_after[row.id] = time.monotonic() + _CLEAN_AGAIN_S
            if isinstance(result, CoreError):
                log.warning("cleaning up after %s (%s) waits: %s", row.id, account_of(row), result.sentence)
            else:
                log.error("cleaning up after %s failed", row.id, exc_info=result)
