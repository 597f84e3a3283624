"""Requests that become rows."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from core.model.account import Account, AccountKind
from core.model.transfer import BatchState, Conflict, State
from core.protocol.commands import AddTransfers, GetBatch, PutAccount
from core.protocol.events import Notice
from core.protocol.rows import View
from core.stores.memory.faults import DROPPED, Fault
from tests.core.engine.bench import BAD_KEYS, OFFLINE, Bench, until


async def test_a_folder_goes_up_and_comes_down(bench: Bench, tmp_path: Path) -> None:
    for name in ("d/a", "d/x/b", "d/x/é ü/c"):
        bench.file(name)
    await bench.done(await bench.upload(str(tmp_path / "d"), to="s3://b/up/"))
    assert bench.keys() == ["up/d/a", "up/d/x/b", "up/d/x/é ü/c"]
    await bench.done(await bench.download("s3://b/up/d", to=str(tmp_path / "back")))
    assert sorted(
        str(path.relative_to(tmp_path / "back")) for path in (tmp_path / "back").rglob("*") if path.is_file()
    ) == [
        "d/a",
        "d/x/b",
        "d/x/é ü/c",
    ]
    await bench.done(await bench.download("s3://b/up/d/", to=str(tmp_path / "flat")))
    assert (tmp_path / "flat" / "x" / "b").is_file()


async def test_one_object_becomes_the_file_or_goes_into_the_folder(bench: Bench, tmp_path: Path) -> None:
    await bench.put("p/k", b"x")
    (tmp_path / "folder").mkdir()
    await bench.done(await bench.download("s3://b/p/k", to=str(tmp_path / "name")))
    await bench.done(await bench.download("s3://b/p/k", to=str(tmp_path / "folder")))
    await bench.done(await bench.download("s3://b/p/k", to=f"{tmp_path}/new/"))
    assert (tmp_path / "name").is_file()
    assert (tmp_path / "folder" / "k").is_file()
    assert (tmp_path / "new" / "k").is_file()


async def test_copies_keep_their_tree(bench: Bench) -> None:
    for key in ("p/a", "p/x/b"):
        await bench.put(key, key.encode())
    command = AddTransfers(
        sources=("s3://b/p/",),
        destination="s3://b/q/",
        source_account=bench.account,
        destination_account=bench.account,
    )
    await bench.done((await bench.call(command)).batch)
    assert bench.keys() == ["p/a", "p/x/b", "q/a", "q/x/b"]
    assert bench.held("q/x/b") == b"p/x/b"


async def test_keys_that_would_leave_the_folder_are_passed_over(bench: Bench, tmp_path: Path) -> None:
    for key in ("p/good", "p/../evil", "p//evil", "p/C:/evil", "p/a\\evil", "p/folder/"):
        await bench.put(key, b"" if key.endswith("/") else b"x")
    watch = bench.client.watch(View())
    batch = await bench.download("s3://b/p/", to=str(tmp_path / "in"))
    await bench.done(batch)
    found = await bench.call(GetBatch(batch=batch))
    assert found.skipped == 4  # an empty folder object is nothing to pass over
    assert found.error is not None
    assert found.error.code == "passed-over"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["good"]
    async for event in watch:
        if isinstance(event, Notice):
            assert event.kind == "batch-skipped"
            break
    await watch.close()


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux only")
async def test_names_that_are_no_unicode_reach_the_window_as_text(bench: Bench, tmp_path: Path) -> None:
    bench.file("d/good")
    os.mkfifo(os.fsencode(tmp_path) + b"/d/fifo\xe9")
    watch = bench.client.watch(View())
    batch = await bench.upload(str(tmp_path / "d"))
    await bench.done(batch)
    async with asyncio.timeout(10):
        async for event in watch:
            if isinstance(event, Notice):
                assert "fifo" in event.sentence
                break
    assert (await bench.call(GetBatch(batch=batch))).skipped == 1
    await watch.close()


async def test_five_thousand_files(bench: Bench, tmp_path: Path) -> None:
    for number in range(5000):
        bench.file(f"many/{number % 50:02}/{number:04}", 3)
    batch = await bench.upload(str(tmp_path / "many/"))
    await bench.done(batch, seconds=100)
    assert len(bench.keys()) == 5000
    assert (await bench.call(GetBatch(batch=batch))).committed_bytes == 15_000


async def test_one_wrong_bucket_is_one_error(bench: Bench, tmp_path: Path) -> None:
    for number in range(20):
        bench.file(f"d/{number}")
    batch = await bench.upload(str(tmp_path / "d"), to="s3://none/")
    found = await bench.rested(batch)
    assert found.state is BatchState.FAILED
    assert found.error is not None
    assert found.error.code == "no-bucket"
    assert found.counts == {}


async def test_nothing_there_is_an_error(bench: Bench, tmp_path: Path) -> None:
    batch = await bench.download("s3://b/none/", to=str(tmp_path / "in"))
    found = await bench.rested(batch)
    assert found.error is not None
    assert found.error.code == "no-key"


async def test_a_listing_waits_for_the_network(bench: Bench, tmp_path: Path) -> None:
    await bench.done(await bench.upload(bench.file("f")))
    bench.faults(Fault("list_objects", times=2, error=OFFLINE), Fault("list_objects", times=4, error=DROPPED))
    await bench.done(await bench.download("s3://b/", to=str(tmp_path / "in")))
    assert (tmp_path / "in" / "f").is_file()


async def test_a_listing_waits_for_keys(bench: Bench, tmp_path: Path) -> None:
    await bench.put("f", b"x")
    bench.faults(Fault("list_objects", times=0, error=BAD_KEYS))
    batch = await bench.download("s3://b/", to=str(tmp_path / "in"))
    await until(lambda: bench.account in bench.engine.accounts.held)
    bench.script.clear()
    await bench.call(PutAccount(account=Account(bench.account, AccountKind.MEMORY)))
    await bench.done(batch)


async def test_a_listing_in_pages_is_whole(bench: Bench, tmp_path: Path) -> None:
    for number in range(1010):
        await bench.put(f"p/{number:04}", b"")
    batch = await bench.download("s3://b/p/", to=str(tmp_path / "in"))
    await bench.done(batch, seconds=60)
    assert len(os.listdir(tmp_path / "in")) == 1010


async def test_sources_of_one_name_do_not_replace_each_other_unasked(bench: Bench) -> None:
    batch = await bench.upload(bench.file("x/f", seed=1), bench.file("y/f", seed=2), conflict=Conflict.RENAME)
    await bench.done(batch)
    assert bench.keys() == ["f", "f (2)"]
    assert bench.held("f") != bench.held("f (2)")


async def test_an_interrupted_listing_is_done_again_without_doubles(bench: Bench, tmp_path: Path) -> None:
    for number in range(2500):
        bench.file(f"many/{number:04}", 1)
    bench.faults(Fault("put_object", times=0, delay_s=30))
    batch = await bench.upload(str(tmp_path / "many"))
    await until(lambda: bench.engine.transfers.counts[State.QUEUED] >= 40)
    assert (await bench.call(GetBatch(batch=batch))).state is BatchState.WALKING
    await bench.kill()
    bench.script.clear()
    await bench.start()
    await bench.done(batch, seconds=60)
    assert len(await bench.rows(batch)) == 2500
    assert len(bench.keys()) == 2500
