"""Every command and what answers it: the only list of what the engine can do."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from core import __version__
from core.engine.limits import lane_width
from core.engine.pieces import Pieces
from core.model.errors import CoreError, UsageError
from core.model.lifecycle import CANCELLABLE, PAUSABLE, RESUMABLE, RETRYABLE
from core.model.location import is_remote, parse_remote
from core.model.objects import Page
from core.model.settings import Settings, changed
from core.model.transfer import Options, State, Transfer
from core.protocol import commands as c
from core.protocol.rows import BatchRow, CheckRow, Filter, Selection
from core.state.transfers import Move

Handler = Callable[[Pieces, Any], Awaitable[Any]]
HANDLERS: dict[type[Any], Handler] = {}
_MOST = 10**15
_CLEAN_S = 3.0  # so long may removing wait for the cleaning up
H = TypeVar("H", bound=Callable[..., Awaitable[Any]])


def handles(command: type[Any]) -> Callable[[H], H]:
    def register(handler: H) -> H:
        HANDLERS[command] = handler
        return handler

    return register


# The engine as a whole.


@handles(c.GetStatus)
async def _status(engine: Pieces, command: c.GetStatus) -> c.Status:
    return c.Status(
        pid=os.getpid(),
        version=__version__,
        home=str(engine.places.home),
        started_s=engine.started_s,
        counts={state: count for state, count in engine.transfers.counts.items() if count},
        totals=engine.live.totals(engine.transfers.left_bytes),
        movers=engine.crew.pids,
    )


@handles(c.StopEngine)
async def _stop(engine: Pieces, command: c.StopEngine) -> c.Done:
    engine.stopping.set()
    return c.Done()


# Transfers.


@handles(c.AddTransfers)
async def _add(engine: Pieces, command: c.AddTransfers) -> c.Added:
    _check_request(command)
    for account in {command.source_account, command.destination_account}:
        engine.accounts.get(account)
    batch = await engine.transfers.add_batch(
        sources=command.sources,
        source_account=command.source_account,
        destination=command.destination,
        destination_account=command.destination_account,
        recursive=command.recursive,
        options=command.options,
        added_s=time.time(),
    )
    engine.intake.begin(batch)
    engine.pulse.beat()
    return c.Added(batch=batch.id)


def _check_request(command: c.AddTransfers) -> None:
    """Refuse what can be seen to be wrong without looking anywhere. Raises UsageError."""
    if not command.sources:
        raise UsageError("no-source", "There is nothing to transfer: name a file, a folder or an s3:// location.")
    kinds = {is_remote(source) for source in command.sources}
    if len(kinds) > 1:
        raise UsageError("mixed-sources", "Files of this machine and s3:// locations cannot be sources together.")
    from_store, to_store = kinds.pop(), is_remote(command.destination)
    if not from_store and not to_store:
        raise UsageError("no-remote", "One side must be an s3:// location; copying between folders is not done here.")
    for source in command.sources:
        if from_store:
            remote = parse_remote(source)
            if remote.is_prefix and not command.recursive:
                raise UsageError("is-a-prefix", f"{source} names a group of objects; say --recursive.", where=source)
        elif not os.path.isabs(source):
            raise UsageError("relative-path", f"“{source}” must be an absolute path.", where=source)
    if to_store:
        parse_remote(command.destination)
    elif not os.path.isabs(command.destination):
        raise UsageError("relative-path", f"“{command.destination}” must be an absolute path.")
    if from_store and to_store and command.source_account != command.destination_account:
        raise UsageError("two-accounts", "A copy stays within one account; download and upload instead.")
    if any("\0" in place for place in (*command.sources, command.destination)):
        raise UsageError("bad-path", "A path cannot hold a NUL character.")
    _check_options(command.options)


def _check_options(options: Options) -> None:
    numbers = (options.files, options.parts, options.part_size_bytes, options.limit_up_bps, options.limit_down_bps)
    if min(numbers) < 0 or max(numbers) > _MOST or abs(options.priority) > _MOST:
        raise UsageError("bad-option", "Numbers of files, parts and bytes are not negative, and none is endless.")


@handles(c.PauseTransfers)
async def _pause(engine: Pieces, command: c.PauseTransfers) -> c.Changed:
    await _pause_walks(engine, command.selection, paused=True)
    return await _move(engine, command.selection, PAUSABLE, State.PAUSED, {"question": ""})


@handles(c.ResumeTransfers)
async def _resume(engine: Pieces, command: c.ResumeTransfers) -> c.Changed:
    await _pause_walks(engine, command.selection, paused=False)
    return await _move(engine, command.selection, RESUMABLE, State.QUEUED)


async def _pause_walks(engine: Pieces, selection: Selection, *, paused: bool) -> None:
    """What a listing that still goes on will add is meant too."""
    for batch in await engine.transfers.walking():
        if _covers(selection, batch.id) and batch.options.paused != paused:
            await engine.transfers.change_batch_options(batch.id, replace(batch.options, paused=paused))


@handles(c.RetryTransfers)
async def _retry(engine: Pieces, command: c.RetryTransfers) -> c.Changed:
    for name in list(engine.accounts.held):
        engine.accounts.release(name)
    fields: dict[str, object] = {"attempts": 0, "error": None, "not_before_s": 0.0}
    # What was skipped by an answer is asked again; else it would only be skipped again.
    skipped = await _move(
        engine, command.selection, frozenset({State.SKIPPED}), State.QUEUED, fields | {"answer": None}
    )
    others = await _move(engine, command.selection, RETRYABLE - {State.SKIPPED}, State.QUEUED, fields)
    return c.Changed(count=skipped.count + others.count)


@handles(c.CancelTransfers)
async def _cancel(engine: Pieces, command: c.CancelTransfers) -> c.Changed:
    batches = [batch.id for batch in await engine.transfers.walking() if _covers(command.selection, batch.id)]
    await engine.intake.cancel(batches)
    return await _move(engine, command.selection, CANCELLABLE, State.CANCELLING, {"question": ""})


def _covers(selection: Selection, batch_id: int) -> bool:
    """Whether the selection means the whole batch, also what is not listed yet."""
    view = selection.view
    return selection.everything and view.batch in (0, batch_id) and view.filter is Filter.ALL and not view.search


async def _move(
    engine: Pieces,
    selection: Selection,
    states: frozenset[State],
    new: State,
    fields: dict[str, object] | None = None,
) -> c.Changed:
    """The new state is on disk first, then what runs is stopped: so no crash between the two forgets the wish."""
    moved = await engine.transfers.move_selected(selection, states, new, fields)
    if new is not State.QUEUED:
        await engine.queue.halt(moved.running)
    engine.queue.look_again()
    return c.Changed(count=moved.count)


@handles(c.RemoveTransfers)
async def _remove(engine: Pieces, command: c.RemoveTransfers) -> c.Changed:
    await _clean_failed(engine, command.selection)
    count = await engine.transfers.remove_selected(command.selection)
    engine.pulse.beat()
    return c.Changed(count=count)


async def _clean_failed(engine: Pieces, selection: Selection) -> None:
    """A failed transfer may have left an open upload or a temporary file: what leaves the list takes these along.

    Where a server is away its transfers stay on the list, `cancelling`, until that is done.
    """
    moved = await engine.transfers.move_selected(selection, {State.FAILED}, State.CANCELLING)
    engine.pulse.beat()
    deadline = time.monotonic() + _CLEAN_S
    while moved.count and engine.transfers.counts[State.CANCELLING] and time.monotonic() < deadline:
        await engine.pulse.after(engine.pulse.count, timeout_s=0.1)


@handles(c.PrioritiseTransfers)
async def _prioritise(engine: Pieces, command: c.PrioritiseTransfers) -> c.Changed:
    count = await engine.transfers.prioritise(command.selection, command.priority)
    engine.queue.look_again()
    return c.Changed(count=count)


@handles(c.AnswerQuestions)
async def _answer(engine: Pieces, command: c.AnswerQuestions) -> c.Changed:
    count = await engine.transfers.answer(command.selection, command.answer, command.for_batch)
    engine.runner.forget_batches()
    engine.queue.look_again()
    return c.Changed(count=count)


@handles(c.ListTransfers)
async def _list(engine: Pieces, command: c.ListTransfers) -> c.Rows:
    view = command.view
    index = await engine.transfers.index(view)
    rows = await engine.transfers.page(index[view.first : view.first + view.count].tolist())
    now_s = time.time()
    return c.Rows(total=len(index), rows=tuple(engine.live.overlaid(row, now_s) for row in rows))


@handles(c.ListEnded)
async def _ended(engine: Pieces, command: c.ListEnded) -> c.Rows:
    total, rows = await engine.transfers.ended(command.batch, command.after, command.count)
    return c.Rows(total=total, rows=tuple(rows))


@handles(c.GetBatch)
async def _batch(engine: Pieces, command: c.GetBatch) -> BatchRow:
    return await engine.transfers.batch_row(command.batch)


@handles(c.GetTransfer)
async def _transfer(engine: Pieces, command: c.GetTransfer) -> Transfer:
    return await engine.transfers.get(command.id)


# Settings and accounts.


@handles(c.GetSettings)
async def _get_settings(engine: Pieces, command: c.GetSettings) -> Settings:
    return engine.accounts.settings


@handles(c.ChangeSettings)
async def _change_settings(engine: Pieces, command: c.ChangeSettings) -> Settings:
    settings = changed(engine.accounts.settings, command.changes)
    engine.accounts.change_settings(settings)
    engine.crew.connections.widen(settings.connections)
    engine.crew.set_pace("all:up", settings.limit_up_bps)
    engine.crew.set_pace("all:down", settings.limit_down_bps)
    for running in engine.live.running.values():
        running.lanes.widen(lane_width(running.transfer.direction, settings, running.options, running.account))
    engine.pulse.beat()
    return settings


@handles(c.ListAccounts)
async def _accounts(engine: Pieces, command: c.ListAccounts) -> c.Accounts:
    return c.Accounts(accounts=await engine.accounts.rows())


@handles(c.PutAccount)
async def _put_account(engine: Pieces, command: c.PutAccount) -> Any:
    row = await engine.accounts.put(command.account, command.secret, memory_only=command.memory_only)
    account = command.account
    engine.crew.set_pace(f"account:{account.name}:up", account.limit_up_bps)
    engine.crew.set_pace(f"account:{account.name}:down", account.limit_down_bps)
    waiting = await engine.transfers.waiting_for(command.account.name)
    await engine.transfers.move([Move(i, State.QUEUED, {"attempts": 0}) for i in waiting])
    engine.queue.look_again()
    return row


@handles(c.RemoveAccount)
async def _remove_account(engine: Pieces, command: c.RemoveAccount) -> c.Done:
    await engine.accounts.remove(command.name)
    engine.queue.look_again()
    return c.Done()


@handles(c.TestAccount)
async def _test_account(engine: Pieces, command: c.TestAccount) -> c.Checks:
    """Keys first, then the server: each step says what it found, and the first that fails is the last."""
    account = engine.accounts.get(command.name)
    steps: list[CheckRow] = []
    try:
        store = await engine.accounts.store(account.name)
        await store.access()
        steps.append(CheckRow("keys", True, "The keys were found."))
        buckets = await store.list_buckets()
        steps.append(
            CheckRow("server", True, f"The server answers and accepts the keys; it shows {len(buckets)} buckets.")
        )
        engine.accounts.reached.add(account.name)
    except CoreError as error:
        step = "server" if steps else "keys"
        if error.code == "access-denied":
            steps.append(CheckRow(step, True, "The server accepts the keys, but they may not list buckets."))
        else:
            steps.append(CheckRow(step, False, error.sentence))
    return c.Checks(steps=tuple(steps))


# Stores.


@handles(c.ListBuckets)
async def _list_buckets(engine: Pieces, command: c.ListBuckets) -> c.Buckets:
    store = await engine.accounts.store(command.account)
    return c.Buckets(buckets=tuple(await store.list_buckets()))


@handles(c.CreateBucket)
async def _create_bucket(engine: Pieces, command: c.CreateBucket) -> c.Done:
    store = await engine.accounts.store(command.account)
    await store.create_bucket(command.bucket)
    return c.Done()


@handles(c.ListObjects)
async def _list_objects(engine: Pieces, command: c.ListObjects) -> Page:
    store = await engine.accounts.store(command.account)
    return await store.list_objects(
        command.bucket,
        prefix=command.prefix,
        delimiter="" if command.recursive else "/",
        token=command.token,
        count=max(1, min(1000, command.count)),
    )


@handles(c.DeleteObjects)
async def _delete_objects(engine: Pieces, command: c.DeleteObjects) -> c.Deleted:
    if len(command.keys) > 1000:
        raise UsageError("too-many-keys", "Objects are deleted by the thousand at most; send the rest afterwards.")
    store = await engine.accounts.store(command.account)
    failures = await store.delete_objects(command.bucket, command.keys)
    return c.Deleted(
        count=len(command.keys) - len(failures),
        failures=tuple(c.DeleteFailure(key=failure.key, error=failure.error) for failure in failures),
    )


@handles(c.ListUploads)
async def _list_uploads(engine: Pieces, command: c.ListUploads) -> c.Uploads:
    store = await engine.accounts.store(command.account)
    return c.Uploads(uploads=tuple(await store.list_uploads(command.bucket, prefix=command.prefix)))
