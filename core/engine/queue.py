"""Decides what runs next: by priority and arrival, within the files in parallel, past accounts that are held."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque

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
        self._cleaning: dict[int, asyncio.Task[None]] = {}
        self._ready: deque[Transfer] = deque()
        self._ready_for: tuple[object, ...] = ()
        self._loops: list[asyncio.Task[None]] = []

    @property
    def busy(self) -> bool:
        return bool(self._tasks or self._cleaning)

    def start(self) -> None:
        self._loops = [asyncio.ensure_future(self._start_all()), asyncio.ensure_future(self._clean_all())]

    async def stop(self) -> None:
        """Stop everything that runs; the rows stay `running` in the database and go on at the next start."""
        tasks = [*self._loops, *self._tasks.values(), *self._cleaning.values()]
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
        self._ready.clear()
        self._pulse.beat()

    # Starting.

    async def _start_all(self) -> None:
        while True:
            seen = self._pulse.count
            try:
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
            self._ready.clear()

    async def _start_some(self) -> bool:
        free = self._accounts.settings.files_parallel - len(self._tasks)
        if free <= 0:
            return False
        chosen = await self._next(free)
        if not chosen:
            return False
        now_s = time.time()
        moves = [Move(t.id, State.RUNNING, {} if t.started_s else {"started_s": now_s}) for t in chosen]
        moved = await self._transfers.move(moves)
        for transfer in chosen:
            if transfer.id in moved and transfer.id not in self._tasks:
                self._launch(transfer)
        return True

    async def _next(self, count: int) -> list[Transfer]:
        """Up to `count` rows that may run now, honouring what batches asked for."""
        held = frozenset(self._accounts.held)
        if not self._ready or self._ready_for != (held,):
            rows = await self._transfers.next_queued(_AHEAD, but=list(self._tasks), held_accounts=held)
            self._ready, self._ready_for = deque(rows), (held,)
        chosen: list[Transfer] = []
        left: deque[Transfer] = deque()
        per_batch: dict[int, int] = {}
        for running in self._live.running.values():
            per_batch[running.transfer.batch_id] = per_batch.get(running.transfer.batch_id, 0) + 1
        while self._ready and len(chosen) < count:
            transfer = self._ready.popleft()
            most = (await self._runner.batch(transfer.batch_id)).options.files
            if most and per_batch.get(transfer.batch_id, 0) >= most:
                left.append(transfer)
                continue
            per_batch[transfer.batch_id] = per_batch.get(transfer.batch_id, 0) + 1
            chosen.append(transfer)
        self._ready.extendleft(reversed(left))
        return chosen

    def _launch(self, transfer: Transfer) -> None:
        task = asyncio.ensure_future(self._runner.run(transfer))
        self._tasks[transfer.id] = task
        task.add_done_callback(lambda done: self._landed(transfer.id, done))

    def _landed(self, transfer_id: int, task: asyncio.Task[None]) -> None:
        self._tasks.pop(transfer_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("transfer %s could not be written down", transfer_id, exc_info=error)
        self._pulse.beat()

    # Cleaning up.

    async def _clean_all(self) -> None:
        """Carry every cancel through, also those that a crash or a lost network interrupted."""
        while True:
            seen = self._pulse.count
            try:
                ids = [i for i in await self._transfers.with_state({State.CANCELLING}) if i not in self._tasks]
                await self._clean(ids[:_AHEAD])
            except CoreError as error:
                log.warning("cleaning up waits: %s", error.sentence)
                await asyncio.sleep(_CLEAN_AGAIN_S)
                continue
            if not ids:
                await self._pulse.after(seen)

    async def _clean(self, ids: list[int]) -> None:
        rows = await self._transfers.get_many(ids)
        results = await asyncio.gather(*(self._runner.clean_up(row) for row in rows.values()), return_exceptions=True)
        for row, result in zip(rows.values(), results, strict=True):
            if isinstance(result, CoreError):
                log.warning("cleaning up after %s (%s) waits: %s", row.id, account_of(row), result.sentence)
            elif isinstance(result, BaseException):
                log.error("cleaning up after %s failed", row.id, exc_info=result)
        if any(isinstance(result, BaseException) for result in results):
            await asyncio.sleep(_CLEAN_AGAIN_S)
