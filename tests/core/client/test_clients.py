"""The promises of a client, kept by both kinds: in one process, and behind a socket or TCP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from core.client.client import Client
from core.client.direct import DirectClient
from core.client.socket import Address, SocketClient
from core.host.server import MAX_REQUESTS, Server
from core.model.errors import CoreError, Retry, Scope, UsageError
from core.protocol import commands as c
from core.protocol.events import Delta, Notice, Snapshot
from core.protocol.rows import View
from tests.support.fake_engine import FakeEngine

SOON_S = 10.0


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(params=["direct", "unix", "tcp"])
async def client(request: pytest.FixtureRequest, engine: FakeEngine, tmp_path: Path) -> AsyncIterator[Client]:
    if request.param == "direct":
        client: Client = DirectClient(engine)
        yield client
        await client.close()
        return
    async with serving(engine, tmp_path, tcp=request.param == "tcp") as (_, address):
        client = await SocketClient.open(address)
        yield client
        await client.close()


@contextlib.asynccontextmanager
async def serving(engine: FakeEngine, folder: Path, *, tcp: bool = False) -> AsyncIterator[tuple[Server, Address]]:
    server = Server(engine, token="secret" if tcp else "")
    if tcp:
        address = Address(port=await server.listen_tcp(), token="secret")
    else:
        await server.listen_unix(folder / "e.sock")
        address = Address(socket=str(folder / "e.sock"))
    try:
        yield server, address
    finally:
        server.stop_accepting()
        await server.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110  (what is waited for does not know of us)
            await asyncio.sleep(0.005)


async def test_answers_come_with_the_type_the_command_promises(client: Client) -> None:
    assert isinstance(await client.call(c.GetStatus()), c.Status)
    rows = await client.call(c.ListTransfers(view=View(count=3)))
    assert [row.name for row in rows.rows] == [f"file {n} – ü.bin" for n in range(3)]


async def test_a_refusal_arrives_whole(client: Client) -> None:
    with pytest.raises(UsageError) as caught:
        await client.call(c.ListAccounts())
    error = caught.value
    assert (error.code, error.sentence) == ("no-such", "No, “ü” is not known.")
    assert (error.retry, error.scope, error.after_s) == (Retry.CREDENTIALS, Scope.ACCOUNT, 1.5)


async def test_a_mistake_of_the_engine_is_told_and_ends_nothing(client: Client) -> None:
    with pytest.raises(CoreError) as caught:
        await client.call(c.RemoveAccount(name="x"))
    assert caught.value.code == "internal"
    await client.call(c.GetStatus())


async def test_text_that_is_not_unicode_is_refused_and_ends_nothing(client: Client) -> None:
    with pytest.raises(CoreError) as caught:
        await client.call(c.AddTransfers(sources=("/\udc80",), destination="s3://b/"))
    assert caught.value.code == "bad-message"
    await client.call(c.GetStatus())


async def test_a_call_that_waits_holds_up_no_other(client: Client, engine: FakeEngine) -> None:
    adding = asyncio.ensure_future(client.call(c.AddTransfers(sources=("/a",), destination="s3://b/")))
    await until(lambda: engine.handled)
    await client.call(c.GetStatus())
    assert not adding.done()
    engine.gate.set()
    assert (await adding).batch == 7


async def test_a_cancelled_call_leaves_the_client_usable(client: Client, engine: FakeEngine) -> None:
    adding = asyncio.ensure_future(client.call(c.AddTransfers(sources=("/a",), destination="s3://b/")))
    await until(lambda: engine.handled)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    engine.gate.set()
    assert (await client.call(c.ListTransfers(view=View(count=1)))).total == 1


async def test_a_watch_starts_with_a_snapshot_and_goes_on_with_deltas(client: Client, engine: FakeEngine) -> None:
    watch = client.watch(View(batch=3))
    events = aiter(watch)
    first = await anext(events)
    assert isinstance(first, Snapshot)
    assert first.view == View(batch=3)
    engine.watches[0].tick(2)
    assert [type(await anext(events)) for _ in range(2)] == [Delta, Delta]
    await watch.close()
    with pytest.raises(StopAsyncIteration):
        await anext(events)
    await until(lambda: engine.watches[0].closed)


async def test_after_look_the_next_event_is_a_snapshot_of_the_new_view(client: Client, engine: FakeEngine) -> None:
    watch = client.watch(View())
    events = aiter(watch)
    await anext(events)
    engine.watches[0].tick(5)
    await asyncio.sleep(0.05)  # deltas of the old view are on their way or here
    watch.look(View(first=40))
    event = await anext(events)
    assert isinstance(event, Snapshot)
    assert event.view == View(first=40)


async def test_closing_ends_watches_and_refuses_calls(client: Client) -> None:
    watch = client.watch(View())
    await client.close()
    await client.close()
    async for _ in watch:
        pass
    with pytest.raises(CoreError) as caught:
        await client.call(c.GetStatus())
    assert caught.value.code == "client-closed"


# --- behind a socket ----------------------------------------------------------------------------------------------


async def test_losing_the_engine_is_told_to_everyone(engine: FakeEngine, tmp_path: Path) -> None:
    async with serving(engine, tmp_path) as (server, address):
        client = await SocketClient.open(address)
        adding = asyncio.ensure_future(client.call(c.AddTransfers(sources=("/a",), destination="s3://b/")))
        events = aiter(client.watch(View()))
        await anext(events)
        await until(lambda: engine.handled)
        for connection in server._connections:
            connection._writer.transport.abort()  # as a killed process would
        for waiting in (adding, anext(events), client.call(c.GetStatus())):
            with pytest.raises(CoreError) as caught:
                await asyncio.wait_for(waiting, SOON_S)
            assert (caught.value.code, caught.value.retry, caught.value.scope) == (
                "engine-lost",
                Retry.ONLINE,
                Scope.ENGINE,
            )
        with pytest.raises(CoreError):
            client.watch(View())
        assert client.lost
        await client.close()


async def test_a_wrong_token_is_turned_away(engine: FakeEngine, tmp_path: Path) -> None:
    async with serving(engine, tmp_path, tcp=True) as (_, address):
        client = await SocketClient.open(Address(port=address.port, token="guess"))
        with pytest.raises(CoreError) as caught:
            await client.call(c.GetStatus())
        assert caught.value.code == "engine-lost"
        assert engine.handled == []
        await client.close()


async def test_a_watch_nobody_reads_stays_small_and_catches_up_with_a_snapshot(
    engine: FakeEngine, tmp_path: Path
) -> None:
    async with serving(engine, tmp_path) as (_, address):
        client = await SocketClient.open(address)
        events = aiter(client.watch(View()))
        first = await anext(events)
        source = engine.watches[0]
        for _ in range(60):  # ten times what the client keeps
            source.tick(10)
            await client.call(c.GetStatus())
        await until(lambda: source._ticks == 0)
        kept = [first, *[await anext(events) for _ in range(len(events._events))]]
        assert len(kept) <= 70
        newest = max(n for n, event in enumerate(kept) if isinstance(event, Snapshot))
        assert newest > 0
        seqs = [event.seq for event in kept[newest:]]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), "no gap after the snapshot"
        await client.close()


async def test_a_peer_that_does_not_read_is_not_fed(engine: FakeEngine, tmp_path: Path) -> None:
    async with serving(engine, tmp_path) as (_, address):
        slow = await SocketClient.open(address)
        other = await SocketClient.open(address)
        slow.watch(View())
        await until(lambda: engine.watches)
        slow._writer.transport.pause_reading()
        source = engine.watches[0]
        source.padding = "x" * 100_000
        source.flood = True
        seen = -1
        async with asyncio.timeout(SOON_S):
            while source.seq != seen:  # it comes to a halt
                seen = source.seq
                await asyncio.sleep(0.1)
        assert seen < 300
        await other.call(c.GetStatus())
        source.flood = False
        await slow.close()
        await other.close()


async def test_more_requests_than_are_let_in_at_once_are_all_answered(engine: FakeEngine, tmp_path: Path) -> None:
    async with serving(engine, tmp_path) as (_, address):
        client = await SocketClient.open(address)
        calls = [
            asyncio.ensure_future(client.call(c.AddTransfers(sources=("/a",), destination="s3://b/")))
            for _ in range(MAX_REQUESTS + 50)
        ]
        await until(lambda: len(engine.handled) == MAX_REQUESTS)
        engine.gate.set()
        assert {added.batch for added in await asyncio.gather(*calls)} == {7}
        await client.close()


async def test_an_answer_over_the_limit_is_an_error_and_not_the_end(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.client.framing.MAX_FRAME_BYTES", 5000)
    async with serving(engine, tmp_path) as (_, address):
        client = await SocketClient.open(address)
        with pytest.raises(CoreError) as caught:
            await client.call(c.ListTransfers(view=View(count=100)))
        assert caught.value.code == "frame-too-big"
        await client.call(c.GetStatus())
        await client.close()


async def test_stopping_is_the_last_event_and_answers_still_go_out(engine: FakeEngine, tmp_path: Path) -> None:
    async with serving(engine, tmp_path) as (server, address):
        client = await SocketClient.open(address)
        events = aiter(client.watch(View()))
        first = await anext(events)
        adding = asyncio.ensure_future(client.call(c.AddTransfers(sources=("/a",), destination="s3://b/")))
        await until(lambda: engine.handled)
        server.stop_accepting()
        await server.tell_stopping()
        engine.gate.set()
        await server.close()
        assert (await adding).batch == 7
        last = await anext(events)
        assert isinstance(last, Notice)
        assert (last.kind, last.seq) == ("engine-stopping", first.seq + 1)
        with pytest.raises(CoreError):
            await anext(events)
        await client.wait_lost()
        await client.close()


async def test_garbage_ends_its_own_connection_only(engine: FakeEngine, tmp_path: Path) -> None:
    async with serving(engine, tmp_path) as (_, address):
        client = await SocketClient.open(address)
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x02{}", b"\0\0\0\x01\xff"):
            reader, writer = await asyncio.open_unix_connection(address.socket)
            writer.write(garbage)
            writer.write_eof()
            async with asyncio.timeout(SOON_S):
                await reader.read()
            writer.close()
        await client.call(c.GetStatus())
        await client.close()
