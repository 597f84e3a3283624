"""Runs one transfer from its row to its end, and writes down how it ended."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import replace

from core.engine.accounts import Accounts
from core.engine.conflicts import Course, decide, taken
from core.engine.journaling import DatabaseJournal
from core.engine.limits import lane_width, limits_of
from core.engine.live import Live, Running
from core.engine.patience import FOR_EVER, judge
from core.engine.pulse import Pulse
from core.model.account import Account
from core.model.errors import CoreError, ErrorRecord, Retry, describe
from core.model.location import is_remote
from core.model.transfer import Batch, Conflict, Direction, Options, State, Transfer
from core.protocol.rows import Selection
from core.state.transfers import Move, Transfers
from core.stores.base import ObjectStore
from core.transfer.begin import abort
from core.transfer.copy import copy
from core.transfer.crew import Crew
from core.transfer.download import discard, download
from core.transfer.gate import Gate
from core.transfer.job import Job, Proof, Wishes
from core.transfer.orders import Pace
from core.transfer.upload import upload

log = logging.getLogger("sluice.runner")
_NEVER_S = 4e18  # a time that SQLite can hold and nobody will see


class Runner:
    """Owned by the engine; one call of `run` for each running transfer."""

    def __init__(self, transfers: Transfers, accounts: Accounts, crew: Crew, live: Live, pulse: Pulse) -> None:
        self._transfers = transfers
        self._accounts = accounts
        self._crew = crew
        self._live = live
        self._pulse = pulse
        self._batches: dict[int, Batch] = {}

    def forget_batches(self) -> None:
        """Their options changed."""
        self._batches.clear()

    async def batch(self, batch_id: int) -> Batch:
        if batch_id not in self._batches:
            if len(self._batches) > 256:
                self._batches.clear()
            self._batches[batch_id] = await self._transfers.batch(batch_id)
        return self._batches[batch_id]

    async def run(self, transfer: Transfer) -> None:
        """Move it. Cancelled means that whoever cancelled has written the new state already."""
        started_s = time.time()
        changes = self._accounts.changes(account_of(transfer))
        try:
            batch = await self.batch(transfer.batch_id)
            self._enter(transfer, batch.options, started_s)
            await self._carry(transfer, batch)
        except asyncio.CancelledError:
            self._transfers.rested(transfer.id, time.time() - started_s)
            raise
        except CoreError as error:
            await self._ended_badly(transfer, error.record(), changes)
        except Exception as error:
            log.exception("transfer %s", transfer.id)
            await self._ended_badly(transfer, describe(error), changes)
        finally:
            self._live.running.pop(transfer.id, None)
            self._pulse.beat()

    async def clean_up(self, transfer: Transfer) -> None:
        """Take away what a cancelled transfer left, then call it cancelled. A store that is away is asked again."""
        try:
            if transfer.direction is Direction.DOWN:
                await discard(await self._bare_job(transfer, needs_store=False))
            elif transfer.upload_id or transfer.intent.startswith("create@"):
                await abort(await self._bare_job(transfer, needs_store=True))
        except CoreError as error:
            if error.retry is not Retry.NEVER:
                raise
            if error.code not in ("no-bucket", "no-account"):
                await self._move(transfer, State.FAILED, error=error.record())
                return
        if transfer.part_size_bytes or transfer.upload_id:
            await self._transfers.started_over(transfer.id)  # nothing is left to go on from, should it be tried again
        await self._move(transfer, State.CANCELLED, error=None, committed_bytes=0)

    # The way there.

    def _enter(self, transfer: Transfer, options: Options, started_s: float) -> None:
        account = self._accounts.get(account_of(transfer))
        lanes = Gate(lane_width(transfer.direction, self._accounts.settings, options, account))
        self._live.running[transfer.id] = Running(
            transfer, self._live.meter(transfer), lanes, started_s, options, account
        )

    async def _carry(self, transfer: Transfer, batch: Batch) -> None:
        name = account_of(transfer)
        store = await self._accounts.store(name)
        decision = await decide(transfer, batch.options, store)
        while decision.course is Course.GO:
            transfer = await self._redirected(transfer, decision.transfer.destination)
            job = await self._job(transfer, batch, store, replace_target=decision.replace)
            try:
                proof = await self._moved(job)
            except CoreError as error:
                if error.code != "exists" or decision.replace:
                    raise
                transfer = await self._transfers.get(transfer.id)  # the target appeared meanwhile
                decision = await taken(transfer, batch.options, store)
            else:
                self._accounts.reached.add(name)
                await self._finish(transfer, job, proof)
                return
        await (self._skip(transfer) if decision.course is Course.SKIP else self._ask(transfer))

    async def _redirected(self, transfer: Transfer, destination: str) -> Transfer:
        if destination == transfer.destination:
            return transfer
        await self._transfers.redirect(transfer.id, destination)
        return replace(transfer, destination=destination)

    async def _skip(self, transfer: Transfer) -> None:
        if transfer.direction is Direction.DOWN:
            await discard(await self._bare_job(transfer, needs_store=False))
        await self._move(transfer, State.SKIPPED, error=None, question="")

    async def _ask(self, transfer: Transfer) -> None:
        await self._move(transfer, State.ASKING, question="exists")
        self._batches.pop(transfer.batch_id, None)
        if (await self.batch(transfer.batch_id)).options.conflict is not Conflict.ASK:
            # Answered for the whole batch between our look at its policy and our question.
            mine = Selection(ids=(transfer.id,))
            await self._transfers.move_selected(mine, {State.ASKING}, State.QUEUED, {"question": ""})

    async def _moved(self, job: Job) -> Proof:
        match job.transfer.direction:
            case Direction.UP:
                return await upload(job)
            case Direction.DOWN:
                return await download(job)
            case Direction.COPY:
                return await copy(job)

    async def _job(self, transfer: Transfer, batch: Batch, store: ObjectStore, *, replace_target: bool) -> Job:
        running = self._live.running[transfer.id]
        settings, options = self._accounts.settings, batch.options
        account = self._accounts.get(account_of(transfer))
        wishes = Wishes(
            preferred_part_bytes=options.part_size_bytes or settings.part_size_bytes,
            verify=options.verify or settings.verify,
            paces=self._paces(transfer.direction, account, batch),
            replace=replace_target,
            folder_root=_folder_root(transfer, batch),
        )
        return Job(
            transfer=transfer,
            parts=tuple(await self._transfers.parts(transfer.id)) if transfer.part_size_bytes else (),
            wishes=wishes,
            store=store,
            crew=self._crew,
            lanes=running.lanes,
            journal=DatabaseJournal(self._transfers, transfer.id),
            meter=running.meter,
        )

    async def _bare_job(self, transfer: Transfer, *, needs_store: bool) -> Job:
        """Enough of a job for cleaning up."""
        store = await self._accounts.store(account_of(transfer)) if needs_store else None
        return Job(
            transfer=transfer,
            parts=(),
            wishes=Wishes(preferred_part_bytes=0),
            store=store,  # type: ignore[arg-type]  # not touched when it is not needed
            crew=self._crew,
            lanes=Gate(1),
            journal=DatabaseJournal(self._transfers, transfer.id),
            meter=self._live.meter(transfer),
        )

    def _paces(self, direction: Direction, account: Account, batch: Batch) -> tuple[Pace, ...]:
        if direction is Direction.COPY:
            return ()
        limits = limits_of(direction, self._accounts.settings, batch.options, account)
        named = {
            "all": limits.settings_bps,
            f"account:{account.name}": limits.account_bps,
            f"batch:{batch.id}": limits.batch_bps,
        }
        # "all" is always there, so that a limit set later reaches orders that are under way.
        return tuple(self._crew.pace(f"{key}:{direction}", bps) for key, bps in named.items() if bps or key == "all")

    # The ends.

    async def _finish(self, transfer: Transfer, job: Job, proof: Proof) -> None:
        size = job.meter.committed_bytes
        await self._move(
            transfer,
            State.DONE,
            verified_by=proof.verified_by,
            result_etag=proof.etag,
            result_crc64nvme=proof.crc64nvme,
            committed_bytes=size,
            size_bytes=size,
            error=None,
            question="",
        )

    async def _ended_badly(self, transfer: Transfer, error: ErrorRecord, changes: int) -> None:
        """`changes` of the account when the transfer began: keys that came meanwhile must not be waited for."""
        name = account_of(transfer)
        proven = name in self._accounts.reached or transfer.committed_bytes > 0 or bool(transfer.upload_id)
        running = self._live.running.get(transfer.id)
        progressed = running is not None and running.meter.committed_bytes > transfer.committed_bytes
        # A long transfer may be interrupted often, if it gets on; and a night without network is no reason to give up.
        anew = progressed or (transfer.error is not None and transfer.error.retry is not error.retry)
        attempts = 1 if anew else transfer.attempts + 1
        verdict = judge(error, attempts=attempts, proven=proven)
        until_s = min(time.time() + verdict.delay_s, _NEVER_S)
        if verdict.hold_account and not self._has_new_keys(name, error, changes):
            self._accounts.hold(name, error, FOR_EVER if verdict.delay_s == FOR_EVER else until_s)
        fields: dict[str, object] = {"error": error, "attempts": attempts}
        if verdict.state is State.WAITING:
            fields["not_before_s"] = until_s
        await self._move(transfer, verdict.state, **fields)
        if self._has_new_keys(name, error, changes):
            await self._move(transfer, State.QUEUED, attempts=0)

    def _has_new_keys(self, name: str, error: ErrorRecord, changes: int) -> bool:
        return error.retry is Retry.CREDENTIALS and self._accounts.changes(name) != changes

    async def _move(self, transfer: Transfer, new: State, **fields: object) -> None:
        running = self._live.running.get(transfer.id)
        if running is not None:
            fields["active_s"] = transfer.active_s + time.time() - running.started_s
        if new in (State.DONE, State.SKIPPED, State.FAILED, State.CANCELLED):
            fields["ended_s"] = time.time()
        await self._transfers.move([Move(transfer.id, new, fields)])
        self._pulse.beat()


def account_of(transfer: Transfer) -> str:
    """The account whose store the transfer needs."""
    return transfer.destination_account if is_remote(transfer.destination) else transfer.source_account


def _folder_root(transfer: Transfer, batch: Batch) -> str:
    """The folder the user chose for downloads; below it no symbolic link is followed."""
    chosen = batch.destination.rstrip("/") or "/"
    inside = transfer.destination.startswith(os.path.join(chosen, ""))
    return chosen if inside else os.path.dirname(transfer.destination)
