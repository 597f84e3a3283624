"""What runs next, and what waits for what."""

import asyncio

import pytest

from core.engine import queue
from core.model.account import Account, AccountKind
from core.model.errors import RemoteError, Retry
from core.model.transfer import State
from core.protocol.commands import GetStatus, ListAccounts, PrioritiseTransfers, PutAccount, RemoveAccount
from core.protocol.rows import Selection
from core.stores.memory.faults import DROPPED, Fault
from tests.core.engine.bench import BAD_KEYS, OFFLINE, PART, REFUSED, Bench, until


def order_of(bench: Bench) -> list[str]:
    return [key for call, key, _ in bench.script.calls if call == "put_object"]


async def blocked(bench: Bench) -> int:
    """One file at a time, and one that takes its time: so that others have to wait in a row."""
    await bench.settings(files_parallel=1)
    bench.faults(Fault("put_object", key="first", delay_s=0.4))
    batch = await bench.upload(bench.file("first"))
    await until(lambda: bench.script.count("put_object") == 1)
    return batch


async def test_files_run_in_the_order_they_came(bench: Bench) -> None:
    await bench.settings(files_parallel=1)
    names = [f"f{number:02}" for number in range(20)]
    await bench.done(await bench.upload(*(bench.file(name) for name in names)))
    assert order_of(bench) == names
    assert bench.keys() == names


async def test_what_matters_more_runs_first(bench: Bench) -> None:
    await blocked(bench)
    low = await bench.upload(bench.file("low"), priority=-1)
    normal = await bench.upload(bench.file("normal"))
    high = await bench.upload(bench.file("high"), priority=5)
    for batch in (low, normal, high):
        await bench.done(batch)
    assert order_of(bench) == ["first", "high", "normal", "low"]


async def test_a_later_wish_overtakes_rows_that_were_read_ahead(bench: Bench) -> None:
    await bench.settings(files_parallel=1)
    bench.faults(Fault("put_object", times=0, delay_s=0.03))
    many = await bench.upload(*(bench.file(f"f{number:02}") for number in range(30)))
    await until(lambda: bench.script.count("put_object") >= 3)
    urgent = await bench.upload(bench.file("urgent"), priority=1)
    await bench.done(urgent)
    assert bench.script.count("put_object") < 20
    bench.script.clear()
    await bench.done(many)


async def test_priorities_change_while_they_wait(bench: Bench) -> None:
    await blocked(bench)
    batch = await bench.upload(*(bench.file(name) for name in ("a", "b", "c")))
    await until(lambda: bench.engine.transfers.counts[State.QUEUED] == 3)
    last = (await bench.rows(batch))[-1]
    assert last.name == "c"
    await bench.call(PrioritiseTransfers(selection=Selection(ids=(last.id,)), priority=9))
    await bench.done(batch)
    assert order_of(bench) == ["first", "c", "a", "b"]


async def test_a_batch_may_want_few_files_at_once(bench: Bench) -> None:
    bench.faults(Fault("put_object", times=0, delay_s=0.01))
    most = 0

    async def look() -> bool:
        nonlocal most
        most = max(most, len(bench.engine.live.running))
        return bench.script.count("put_object") == 12

    batch = await bench.upload(*(bench.file(f"f{number}") for number in range(12)), files=2)
    await until(look)
    await bench.done(batch)
    assert most == 2


async def test_a_full_batch_does_not_keep_others_waiting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_AHEAD", 4)
    bench.faults(Fault("put_object", key="slow00", delay_s=30))
    slow = await bench.upload(*(bench.file(f"slow{number:02}") for number in range(20)), files=1)
    await until(lambda: bench.script.count("put_object") == 1)
    await bench.done(await bench.upload(bench.file("quick")))
    assert bench.keys() == ["quick"]
    assert (await bench.states(slow)).count(State.QUEUED) == 19
    await bench.cancel()
    await bench.rested(slow)


async def test_more_files_at_once_from_now_on(bench: Bench) -> None:
    await bench.settings(files_parallel=1)
    bench.faults(Fault("put_object", times=0, delay_s=30))
    await bench.upload(*(bench.file(f"f{number}") for number in range(6)))
    await until(lambda: bench.script.count("put_object") == 1)
    await asyncio.sleep(0.05)
    assert len(bench.engine.live.running) == 1
    await bench.settings(files_parallel=4)
    await until(lambda: bench.script.count("put_object") == 4)
    await bench.cancel()


# --- waiting


async def test_wrong_keys_hold_the_account_until_it_is_put_again(bench: Bench) -> None:
    await bench.new_account("other")
    bench.faults(Fault("put_object", times=0, error=BAD_KEYS))
    batch = await bench.upload(*(bench.file(f"f{number}") for number in range(20)))
    await until(lambda: bench.account in bench.engine.accounts.held)
    await bench.done(await bench.upload(bench.file("elsewhere"), account="other"))
    await until(lambda: not bench.engine.live.running)
    assert 1 <= bench.script.count("put_object") <= 8  # those that ran already, and no more
    states = await bench.states(batch)
    assert set(states) == {State.WAITING, State.QUEUED}
    [held] = [row.held for row in (await bench.call(ListAccounts())).accounts if row.held]
    assert held.code == "bad-credentials"
    bench.script.clear()
    await bench.call(PutAccount(account=Account(bench.account, AccountKind.MEMORY)))
    await bench.done(batch)


async def test_without_network_everything_waits_and_goes_on_by_itself(bench: Bench) -> None:
    await bench.done(await bench.upload(bench.file("before")))
    bench.faults(Fault("put_object", times=30, error=OFFLINE))
    batch = await bench.upload(*(bench.file(f"f{number}") for number in range(4)))
    await bench.done(batch)
    assert all(row.error is None for row in await bench.rows(batch))


async def test_an_endpoint_that_never_answered_fails_after_a_few_tries(bench: Bench) -> None:
    bench.faults(Fault("put_object", times=0, error=OFFLINE))
    batch = await bench.upload(bench.file("f"))
    await until(lambda: bench.engine.transfers.counts[State.FAILED] == 1)
    assert bench.script.count("put_object") == 3
    row = await bench.row(batch)
    assert row.error is not None
    assert row.error.code == "unreachable"


async def test_what_does_not_heal_fails_in_the_end_and_can_be_retried(bench: Bench) -> None:
    bench.faults(Fault("put_object", times=0, error=DROPPED))
    batch = await bench.upload(bench.file("f"))
    await until(lambda: bench.engine.transfers.counts[State.FAILED] == 1)
    number = (await bench.row(batch)).id
    assert (await bench.transfer(number)).attempts == 5
    bench.script.clear()
    assert await bench.retry(number) == 1
    await bench.done(batch)
    assert (await bench.transfer(number)).error is None


async def test_a_server_that_says_when_is_asked_then(bench: Bench) -> None:
    busy = RemoteError("slow-down", "Later.", retry=Retry.BACKOFF, after_s=120)
    bench.faults(Fault("put_object", error=busy))
    batch = await bench.upload(bench.file("f"))
    found = await bench.rested(batch)
    assert found.counts == {State.WAITING: 1}
    number = (await bench.row(batch)).id
    waiting = await bench.transfer(number)
    assert 100 < waiting.not_before_s - waiting.started_s < 140
    await bench.retry(number)  # at once
    await bench.done(batch)


async def test_progress_earns_patience(bench: Bench) -> None:
    """Six interruptions are too many for a transfer that stands still, and none too many for one that gets on."""
    bench.faults(*(Fault("put_part", number=number, times=5, error=DROPPED) for number in range(1, 8)))
    batch = await bench.upload(bench.file("f", 7 * PART), part_size_bytes=PART, parts=1)
    await bench.done(batch)


# --- cleaning up


async def test_a_store_that_is_away_does_not_keep_other_cancels_waiting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_AHEAD", 1)
    await bench.new_account("other")
    bench.faults(Fault("abort_upload", times=0, error=OFFLINE), Fault("put_part", times=0, delay_s=30))
    first = await bench.upload(bench.file("a", PART + 1), part_size_bytes=PART)
    await until(lambda: bench.open_uploads() == 1 and bench.script.count("put_part") > 0)
    await bench.cancel()
    await until(lambda: bench.script.count("abort_upload") > 0)
    second = await bench.upload(bench.file("g", 2 * PART), account="other", part_size_bytes=PART, limit_up_bps=1000)
    await until(lambda: bench.open_uploads("other") == 1)
    await bench.cancel(*(row.id for row in await bench.rows(second)))
    await until(lambda: bench.engine.transfers.counts[State.CANCELLED] == 1)
    assert bench.open_uploads("other") == 0
    assert await bench.states(first) == [State.CANCELLING]
    assert bench.engine.busy


async def test_a_cancel_that_is_refused_for_good_says_so(bench: Bench) -> None:
    bench.faults(Fault("abort_upload", times=0, error=REFUSED), Fault("put_part", times=0, delay_s=30))
    batch = await bench.upload(bench.file("a", PART + 1), part_size_bytes=PART)
    await until(lambda: bench.script.count("put_part") > 0)
    await bench.cancel()
    await until(lambda: bench.engine.transfers.counts[State.FAILED] == 1)
    row = await bench.row(batch)
    assert row.error is not None
    assert row.error.code == "access-denied"


async def test_an_account_that_is_gone_ends_its_transfers_in_a_sentence(bench: Bench) -> None:
    await blocked(bench)
    batch = await bench.upload(bench.file("f"))
    await bench.call(RemoveAccount(name=bench.account))
    await bench.rested(batch)
    row = await bench.row(batch)
    assert row.state is State.FAILED
    assert row.error is not None
    assert row.error.code == "no-account"


async def test_the_status_counts(bench: Bench) -> None:
    await bench.done(await bench.upload(bench.file("f")))
    status = await bench.call(GetStatus())
    assert status.counts == {"done": 1}
    assert status.totals.left_bytes == 0
    assert not bench.engine.busy
