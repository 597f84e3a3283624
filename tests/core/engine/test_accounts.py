"""Accounts and settings: kept on disk, changed while everything runs."""

import os
from pathlib import Path

import pytest

from core.engine.accounts import TRY_IT_HERE, Accounts
from core.model.account import Account, AccountKind
from core.model.errors import CoreError, ErrorRecord, UsageError
from core.model.settings import Settings
from core.model.transfer import State
from core.protocol.commands import (
    CreateBucket,
    DeleteObjects,
    GetSettings,
    ListAccounts,
    ListBuckets,
    ListObjects,
    ListUploads,
    PutAccount,
    RemoveAccount,
    TestAccount,
)
from core.state.secrets import Secrets
from core.state.settings import SettingsFile
from core.stores.memory.faults import Fault
from tests.core.engine.bench import BAD_KEYS, OFFLINE, PART, REFUSED, Bench, until
from tests.support.bodies import some_bytes


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(SettingsFile(tmp_path / "c" / "settings.json"), Secrets(), builtin_root=str(tmp_path / "builtin"))


def again(tmp_path: Path) -> Accounts:
    return Accounts(SettingsFile(tmp_path / "c" / "settings.json"), Secrets(), builtin_root=str(tmp_path / "builtin"))


async def test_the_built_in_store_is_always_there(accounts: Accounts) -> None:
    assert [account.name for account in accounts.all()] == [TRY_IT_HERE]
    assert accounts.get(TRY_IT_HERE).kind is AccountKind.LOCAL
    with pytest.raises(UsageError) as caught:
        await accounts.remove(TRY_IT_HERE)
    assert caught.value.code == "builtin-account"
    [row] = await accounts.rows()
    assert (row.builtin, row.secret) == (True, "none needed")


async def test_no_name_means_the_aws_environment(accounts: Accounts) -> None:
    assert accounts.get("") == Account("")
    with pytest.raises(UsageError) as caught:
        accounts.get("nobody")
    assert caught.value.code == "no-account"


async def test_accounts_and_settings_are_on_disk(accounts: Accounts, tmp_path: Path) -> None:
    await accounts.put(Account("b", AccountKind.MEMORY), None, memory_only=False)
    await accounts.put(Account("a", AccountKind.MEMORY), None, memory_only=False)
    await accounts.put(Account("b", AccountKind.MEMORY, limit_up_bps=5), None, memory_only=False)
    accounts.change_settings(Settings(connections=3))
    later = again(tmp_path)
    assert [account.name for account in later.all()] == [TRY_IT_HERE, "a", "b"]
    assert later.get("b").limit_up_bps == 5
    assert later.settings.connections == 3
    await accounts.remove("a")
    assert [account.name for account in again(tmp_path).all()] == [TRY_IT_HERE, "b"]


async def test_what_cannot_be_saved_is_not_in_force(accounts: Accounts, tmp_path: Path) -> None:
    await accounts.put(Account("kept", AccountKind.MEMORY), None, memory_only=False)
    folder = tmp_path / "c"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_bytes(b"a file where the folder was")
    with pytest.raises(CoreError):
        await accounts.put(Account("new", AccountKind.MEMORY), None, memory_only=False)
    with pytest.raises(CoreError):
        await accounts.remove("kept")
    with pytest.raises(CoreError):
        accounts.change_settings(Settings(connections=1))
    assert [account.name for account in accounts.all()] == [TRY_IT_HERE, "kept"]
    assert accounts.settings == Settings()


async def test_a_store_is_opened_once_and_anew_after_a_change(accounts: Accounts) -> None:
    await accounts.put(Account("m", AccountKind.MEMORY), None, memory_only=False)
    first = await accounts.store("m")
    assert await accounts.store("m") is first
    await accounts.put(Account("m", AccountKind.MEMORY, limit_up_bps=1), None, memory_only=False)
    assert await accounts.store("m") is not first
    await accounts.close()


async def test_holding_and_releasing(accounts: Accounts) -> None:
    error = ErrorRecord(code="c", sentence="s")
    accounts.hold("a", error, float("inf"))
    accounts.hold("b", error, 1.0)  # long ago
    assert set(accounts.held) == {"a"}
    assert accounts.held["a"].where == "a"
    assert accounts.next_release_s() is None
    accounts.hold("c", error, 9e12)
    assert accounts.next_release_s() == 9e12
    accounts.release("a")
    assert set(accounts.held) == {"c"}


# --- in the engine


async def test_settings_are_in_force_at_once(bench: Bench) -> None:
    await bench.settings(connections=3, part_size_bytes="16MiB", limit_up_bps="1MB/s")
    settings = await bench.call(GetSettings())
    assert (settings.connections, settings.part_size_bytes, settings.limit_up_bps) == (3, 16 << 20, 1_000_000)
    assert bench.engine.crew.connections.width == 3
    with pytest.raises(UsageError):
        await bench.settings(connections=3, colour="blue")
    assert await bench.call(GetSettings()) == settings


async def test_a_limit_that_is_lifted_frees_what_is_moving(bench: Bench) -> None:
    await bench.settings(limit_up_bps="20kB")
    batch = await bench.upload(bench.file("f", 3_000_000))
    await until(lambda: any(running.meter.flying_bytes > 0 for running in bench.engine.live.running.values()))
    await bench.settings(limit_up_bps="none")
    await bench.done(batch)


async def test_an_accounts_limit_changes_under_what_is_moving(bench: Bench) -> None:
    slow = Account(bench.account, AccountKind.MEMORY, limit_up_bps=20_000)
    await bench.call(PutAccount(account=slow))
    batch = await bench.upload(bench.file("f", 3_000_000))
    await until(lambda: any(running.meter.flying_bytes > 0 for running in bench.engine.live.running.values()))
    await bench.call(PutAccount(account=Account(bench.account, AccountKind.MEMORY)))
    await bench.done(batch)
    assert bench.held("f") == some_bytes(3_000_000, 1)


async def test_changing_an_account_does_not_disturb_what_runs(bench: Bench) -> None:
    bench.faults(Fault("put_part", number=2, delay_s=0.3))
    batch = await bench.upload(bench.file("f", 2 * PART), part_size_bytes=PART)
    await until(lambda: bench.script.count("put_part") > 0)
    await bench.call(PutAccount(account=Account(bench.account, AccountKind.MEMORY, region="r")))
    await bench.done(batch)
    assert bench.script.count("put_part") == 2


async def test_an_account_is_removed(bench: Bench) -> None:
    await bench.call(RemoveAccount(name=bench.account))
    assert [row.account.name for row in (await bench.call(ListAccounts())).accounts] == [TRY_IT_HERE]
    with pytest.raises(UsageError):
        await bench.call(RemoveAccount(name=bench.account))
    with pytest.raises(UsageError):
        await bench.call(ListBuckets(account=bench.account))


async def test_an_account_is_tried_step_by_step(bench: Bench) -> None:
    steps = (await bench.call(TestAccount(name=bench.account))).steps
    assert [(step.step, step.ok) for step in steps] == [("keys", True), ("server", True)]
    for error, ok in ((BAD_KEYS, False), (OFFLINE, False), (REFUSED, True)):
        bench.faults(Fault("list_buckets", error=error))
        steps = (await bench.call(TestAccount(name=bench.account))).steps
        assert [(step.step, step.ok) for step in steps] == [("keys", True), ("server", ok)]
    bench.faults(Fault("access", error=BAD_KEYS))
    steps = (await bench.call(TestAccount(name=bench.account))).steps
    assert [(step.step, step.ok) for step in steps] == [("keys", False)]
    assert steps[0].sentence == BAD_KEYS.sentence


async def test_looking_around_in_a_store(bench: Bench) -> None:
    await bench.call(CreateBucket(bucket="new", account=bench.account))
    assert [bucket.name for bucket in (await bench.call(ListBuckets(account=bench.account))).buckets] == ["b", "new"]
    for key in ("a", "p/x", "p/y"):
        await bench.put(key, b"x")
    page = await bench.call(ListObjects(bucket="b", account=bench.account))
    assert ([info.key for info in page.objects], page.prefixes) == (["a"], ("p/",))
    page = await bench.call(ListObjects(bucket="b", prefix="p/", account=bench.account, recursive=True, count=1))
    assert [info.key for info in page.objects] == ["p/x"]
    page = await bench.call(ListObjects(bucket="b", prefix="p/", account=bench.account, token=page.token))
    assert [info.key for info in page.objects] == ["p/y"]
    bench.faults(Fault("delete_object", key="p/x", error=REFUSED))
    deleted = await bench.call(DeleteObjects(bucket="b", keys=("a", "p/x", "none"), account=bench.account))
    assert deleted.count == 2
    assert [(failure.key, failure.error.code) for failure in deleted.failures] == [("p/x", "access-denied")]
    with pytest.raises(UsageError):
        await bench.call(DeleteObjects(bucket="b", keys=("k",) * 1001, account=bench.account))
    assert (await bench.call(ListUploads(bucket="b", account=bench.account))).uploads == ()


async def test_the_built_in_store_takes_a_file(bench: Bench, home: Path) -> None:
    batch = await bench.upload(bench.file("f", 100), to="s3://my-first-bucket/", account=TRY_IT_HERE)
    await bench.done(batch)
    assert (home / "data" / "try-it-here" / "my-first-bucket" / "f").read_bytes() == some_bytes(100, 1)
    assert await bench.states(batch) == [State.DONE]
    assert os.listdir(home / "data" / "try-it-here") == ["my-first-bucket"]
