"""What a memory store adds to S3's rules: shared openings and scripted faults."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from core.model.account import Account, AccountKind
from core.model.errors import NetworkError, RemoteError, Retry
from core.stores.memory.contents import forget
from core.stores.memory.faults import DROPPED, Fault
from core.stores.memory.store import MemoryStore
from tests.conformance.acts import Multipart, get, keys, put, refused
from tests.support.bodies import BytesBody, BytesSink, some_bytes

ACCOUNT = Account("faulty", AccountKind.MEMORY)
SLOW_DOWN = RemoteError("slow-down", "The server asks for a pause.", retry=Retry.BACKOFF, after_s=2.0)


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore(ACCOUNT)
    asyncio.run(store.create_bucket("bucket"))
    yield store
    forget(ACCOUNT.name)


async def test_all_openings_of_an_account_are_one_store(store: MemoryStore) -> None:
    other = MemoryStore(ACCOUNT, [Fault("head", error=DROPPED)])
    await put(other, "bucket", "key", b"shared")
    await other.close()
    async with refused("unreachable"):
        await store.head("bucket", "key")
    assert await get(store, "bucket", "key", 6) == b"shared"
    stranger = MemoryStore(Account("stranger", AccountKind.MEMORY))
    assert await stranger.list_buckets() == []
    forget("stranger")
    forget(ACCOUNT.name)
    assert await MemoryStore(ACCOUNT).list_buckets() == []


async def test_a_fault_strikes_the_part_it_names_so_often(store: MemoryStore) -> None:
    store.script.add([Fault("put_part", key="big.bin", number=3, times=2, error=SLOW_DOWN)])
    upload = await Multipart.begin(store, "bucket", "big.bin")
    other = await Multipart.begin(store, "bucket", "other.bin")
    await upload.send(1, b"fine")
    await other.send(3, b"fine")
    for _ in range(2):
        with pytest.raises(RemoteError) as caught:
            await upload.send(3, b"struck")
        assert (caught.value.code, caught.value.after_s) == ("slow-down", 2.0)
        assert caught.value is not SLOW_DOWN
    await upload.send(3, b"fine at last")
    assert len(await store.list_parts("bucket", "big.bin", upload.upload_id)) == 2


async def test_calls_can_go_well_first_or_fail_for_ever(store: MemoryStore) -> None:
    store.script.add([Fault("head", times=0, skip=2, error=DROPPED)])
    await put(store, "bucket", "key")
    await store.head("bucket", "key")
    await store.head("bucket", "key")
    for _ in range(5):
        async with refused("unreachable"):
            await store.head("bucket", "key")
    store.script.clear()
    await store.head("bucket", "key")


async def test_a_connection_lost_in_the_middle_of_a_body_stores_nothing(store: MemoryStore) -> None:
    store.script.add([Fault("put_object", after_bytes=150_000, error=DROPPED)])
    body = BytesBody(some_bytes(400_000), piece_bytes=100_000)
    async with refused("unreachable"):
        await store.put_object("bucket", "key", body)
    assert (body.sent().size_bytes, body.running) == (200_000, 0)
    assert await keys(store, "bucket") == []
    await store.put_object("bucket", "key", body)
    assert body.runs == 2


async def test_a_connection_lost_in_the_middle_of_a_range(store: MemoryStore) -> None:
    data = some_bytes(3 << 20)
    await put(store, "bucket", "key", data)
    store.script.add([Fault("get_range", after_bytes=2 << 20, error=DROPPED)])
    sink = BytesSink()
    async with refused("unreachable"):
        await store.get_range("bucket", "key", sink, start=0, size_bytes=len(data))
    assert bytes(sink.data) == data[: 1 << 20]
    assert await get(store, "bucket", "key", len(data)) == data


async def test_a_lost_answer_is_no_lost_deed(store: MemoryStore) -> None:
    store.script.add([Fault("complete_upload", lost_answer=True, error=DROPPED)])
    upload = await Multipart.begin(store, "bucket", "key")
    await upload.send(1, b"all of it")
    async with refused("unreachable"):
        await upload.complete()
    assert await get(store, "bucket", "key", 9) == b"all of it"
    info = await upload.complete()
    assert info == await store.head("bucket", "key")


async def test_damage_on_the_way_up_is_refused_and_on_the_way_down_arrives(store: MemoryStore) -> None:
    store.script.add([Fault("put_object", after_bytes=5, corrupt=True)])
    async with refused("bad-digest"):
        await put(store, "bucket", "key", b"0123456789")
    await put(store, "bucket", "key", b"0123456789")
    store.script.add([Fault("get_range", after_bytes=5, corrupt=True)])
    assert await get(store, "bucket", "key", 10) == b"01234" + bytes([ord("5") ^ 0xFF]) + b"6789"
    assert await get(store, "bucket", "key", 10) == b"0123456789"


async def test_delays_and_slow_lines_can_be_cancelled(store: MemoryStore) -> None:
    store.script.add([Fault("put_object", rate_bps=1000), Fault("head", delay_s=3600)])
    sending = asyncio.create_task(put(store, "bucket", "slow", bytes(100_000)))
    looking = asyncio.create_task(store.head("bucket", "x"))
    done, waiting = await asyncio.wait({sending, looking}, timeout=0.05)
    assert not done
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await keys(store, "bucket") == []


async def test_a_delay_ends(store: MemoryStore) -> None:
    store.script.add([Fault("put_object", delay_s=0.01, rate_bps=10_000_000)])
    await put(store, "bucket", "key", bytes(1000))
    assert await keys(store, "bucket") == ["key"]


async def test_one_key_of_many_cannot_be_deleted(store: MemoryStore) -> None:
    for key in "abc":
        await put(store, "bucket", key)
    denied = RemoteError("access-denied", "You may not delete this.")
    store.script.add([Fault("delete_object", key="b", error=denied)])
    (failure,) = await store.delete_objects("bucket", ["a", "b", "c"])
    assert (failure.key, failure.error.code) == ("b", "access-denied")
    assert await keys(store, "bucket") == ["b"]


@pytest.mark.parametrize("call", ["access", "list_buckets", "create_bucket", "delete_bucket", "list_objects"])
async def test_every_control_call_can_fail(store: MemoryStore, call: str) -> None:
    store.script.add([Fault(call, error=NetworkError("timed-out", "The server did not answer in time."))])
    arguments = {"access": (), "list_buckets": ()}.get(call, ("bucket",))
    async with refused("timed-out"):
        await getattr(store, call)(*arguments)
    assert [found.name for found in await store.list_buckets()] == ["bucket"]


async def test_without_checksums_the_proof_is_an_md5(store: MemoryStore) -> None:
    plain = MemoryStore(ACCOUNT, keeps_checksums=False)
    assert not (await plain.access()).checksums
    assert (await put(plain, "bucket", "key")).proof == "md5-etag"
    assert (await put(plain, "bucket", "key", content_md5=True)).proof == "content-md5"
    assert (await plain.head("bucket", "key")).crc64nvme == ""
    assert (await store.head("bucket", "key")).crc64nvme != ""
