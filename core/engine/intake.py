"""Turns requests into rows of the queue, while the first of them are moving already."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from core.engine.accounts import Accounts
from core.engine.live import Live
from core.engine.patience import judge
from core.engine.pulse import Pulse
from core.engine.sources import Sources
from core.engine.walk import Passed
from core.model.errors import CoreError, ErrorRecord, Retry, describe
from core.model.location import is_remote
from core.model.transfer import Batch, BatchState, State
from core.state.transfers import NewTransfer, Transfers

log = logging.getLogger("sluice.intake")
_FIRST_ROWS = 64  # so that something moves at once
_ROWS = 1000


Tell = Callable[[str, str, int], None]


class Intake:
    """One task for each batch that is still being listed. A walk that a crash cut short is simply done again."""

    def __init__(
        self,
        transfers: Transfers,
        accounts: Accounts,
        live: Live,
        pulse: Pulse,
        tell: Tell,
        added: Callable[[], None],  # called when rows came that may run before others
    ) -> None:
        self._transfers = transfers
        self._accounts = accounts
        self._sources = Sources(accounts)
        self._live = live
        self._pulse = pulse
        self._tell = tell
        self._added = added
        self._walks: dict[int, asyncio.Task[None]] = {}

    @property
    def busy(self) -> bool:
        return bool(self._walks)

    def begin(self, batch: Batch) -> None:
        task = asyncio.ensure_future(self._run(batch))
        self._walks[batch.id] = task
        self._live.walking = len(self._walks)
        task.add_done_callback(lambda _: self._ended(batch.id))

    async def stop(self) -> None:
        """Stop listing; batches stay `walking` in the database and are taken up at the next start."""
        tasks = list(self._walks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def cancel(self, batch_ids: list[int]) -> None:
        """Stop listing these for good."""
        for batch_id in batch_ids:
            task = self._walks.get(batch_id)
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await self._transfers.finish_walk(batch_id, BatchState.CANCELLED)

    def _ended(self, batch_id: int) -> None:
        self._walks.pop(batch_id, None)
        self._live.walking = len(self._walks)
        self._pulse.beat()

    async def _run(self, batch: Batch) -> None:
        attempt, before = 0, Retry.NEVER
        while True:
            try:
                passed = Passed()
                await self._list(batch, passed)
            except CoreError as error:
                attempt, before = attempt + 1 if error.retry is before else 1, error.retry
                if not await self._endure(batch, error, attempt):
                    return
            except Exception as error:
                log.exception("batch %s", batch.id)
                await self._fail(batch, describe(error))
                return
            else:
                await self._transfers.finish_walk(
                    batch.id, BatchState.READY, error=_passed_record(passed), skipped=passed.count
                )
                if passed.count:
                    self._tell("batch-skipped", _passed_sentence(passed), batch.id)
                return

    async def _endure(self, batch: Batch, error: CoreError, attempt: int) -> bool:
        """Wait for what the error asks for; False when the batch has failed."""
        account = batch.source_account if is_remote(batch.sources[0]) else batch.destination_account
        verdict = judge(error.record(), attempts=attempt, proven=account in self._accounts.reached)
        if verdict.state is State.FAILED:
            await self._fail(batch, error.record())
            return False
        until_s = time.time() + verdict.delay_s
        if verdict.hold_account:
            self._accounts.hold(account, error.record(), until_s)
            self._pulse.beat()
            if error.retry is Retry.CREDENTIALS:
                self._tell("account-held", error.sentence, batch.id)
            while account in self._accounts.held:
                await self._pulse.after(self._pulse.count, timeout_s=1.0)
        else:
            await asyncio.sleep(verdict.delay_s)
        return True

    async def _fail(self, batch: Batch, error: ErrorRecord) -> None:
        await self._transfers.finish_walk(batch.id, BatchState.FAILED, error=error)
        self._tell("batch-failed", error.sentence, batch.id)

    async def _list(self, batch: Batch, passed: Passed) -> None:
        waiting: list[NewTransfer] = []
        most = _FIRST_ROWS
        async for row in self._sources.rows(batch, passed):
            waiting.append(row)
            if len(waiting) >= most:
                await self._add(batch, waiting)
                waiting, most = [], _ROWS
        if waiting:
            await self._add(batch, waiting)

    async def _add(self, batch: Batch, rows: list[NewTransfer]) -> None:
        await self._transfers.add(batch.id, rows, time.time())
        self._added()


def _passed_sentence(passed: Passed) -> str:
    more = f" and {passed.count - 1} more" if passed.count > 1 else ""
    return f"Passed over: {passed.reasons[0]}{more}."


def _passed_record(passed: Passed) -> ErrorRecord | None:
    if not passed.count:
        return None
    return ErrorRecord(
        kind="LocalError", code="passed-over", sentence=_passed_sentence(passed), detail="\n".join(passed.reasons)
    )
