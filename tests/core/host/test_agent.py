"""The life of an agent, with real processes around a small engine."""

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from core.client.socket import SocketClient
from core.host import endpoint
from core.host.lock import is_locked
from core.host.places import find_places
from core.model.errors import CoreError, ProtocolError
from core.model.places import Places
from core.protocol import codec
from core.protocol import commands as c
from core.protocol.events import Notice
from core.protocol.rows import View

AGENT = [sys.executable, "-m", "tests.support.fake_agent"]
SOON_S = 30.0


@pytest.fixture
async def places(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Places]:
    """A home whose agents are real processes; none is left behind."""
    monkeypatch.setattr(endpoint, "launch_command", lambda: AGENT)
    places = find_places()
    yield places
    await until(lambda: all_killed(places))


def all_killed(places: Places) -> bool:
    """Kills those who run; one that was waiting for the lock may come up meanwhile."""
    for pid in starts(places):
        kill(pid)
    return not is_locked(places.lock)


def starts(places: Places) -> list[int]:
    """The process ids of all agents that got as far as starting an engine."""
    try:
        return [int(line) for line in Path(places.data, "starts").read_text().split()]
    except FileNotFoundError:
        return []


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110  (another process changes)
            await asyncio.sleep(0.01)


def mode(path: os.PathLike[str]) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


async def test_connect_starts_an_agent_and_then_finds_it(places: Places) -> None:
    one = await endpoint.connect(places)
    two = await endpoint.connect(places)
    about = [await client.call(c.GetStatus()) for client in (one, two)]
    assert about[0].pid == about[1].pid == one.welcome.pid != os.getpid()
    assert starts(places) == [one.welcome.pid]
    assert about[0].home == places.home
    await one.close()
    await two.close()


async def test_without_leave_to_start_one_there_is_a_sentence(places: Places) -> None:
    with pytest.raises(CoreError) as caught:
        await endpoint.connect(places, spawn=False)
    assert caught.value.code == "no-engine"
    assert await endpoint.describe(places) is None
    assert await endpoint.stop(places) is False
    assert starts(places) == []


async def test_many_who_start_one_at_once_share_one(places: Places) -> None:
    clients = await asyncio.gather(*(endpoint.connect(places) for _ in range(5)))
    assert len({client.welcome.pid for client in clients}) == 1
    assert len(starts(places)) == 1
    await asyncio.gather(*(client.close() for client in clients))


async def test_a_second_agent_says_who_runs_and_ends_quietly(places: Places) -> None:
    client = await endpoint.connect(places)
    second = subprocess.run(AGENT, capture_output=True, text=True, timeout=SOON_S, check=False)
    assert second.returncode == 0
    assert f"process {client.welcome.pid}" in second.stderr
    await client.call(c.GetStatus())
    await client.close()


async def test_what_it_leaves_about_is_for_the_owner_only(places: Places) -> None:
    client = await endpoint.connect(places)
    assert mode(places.runtime) == 0o700
    for path in (places.socket, places.lock, places.address, places.engine_log):
        assert mode(path) == 0o600, path
    await client.close()


async def test_stop_is_orderly_and_leaves_the_home_free(places: Places) -> None:
    client = await endpoint.connect(places)
    events = aiter(client.watch(View()))
    await anext(events)
    assert await endpoint.stop(places) is True
    last = await anext(events)
    assert isinstance(last, Notice)
    assert last.kind == "engine-stopping"
    assert not Path(places.socket).exists()
    assert not Path(places.address).exists()
    assert not is_locked(places.lock)
    assert await endpoint.stop(places) is False
    await client.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_the_same_way(places: Places, number: signal.Signals) -> None:
    client = await endpoint.connect(places)
    os.kill(client.welcome.pid, number)
    await asyncio.wait_for(client.wait_lost(), SOON_S)
    await until(lambda: not is_locked(places.lock))
    assert not Path(places.socket).exists()
    assert "because of a signal" in Path(places.engine_log).read_text()
    await client.close()


@pytest.mark.kill
async def test_after_kill_9_the_next_one_takes_over_the_stale_socket(places: Places) -> None:
    first = await endpoint.connect(places)
    kill(first.welcome.pid)
    await asyncio.wait_for(first.wait_lost(), SOON_S)
    assert Path(places.socket).exists(), "a stale socket is what this test is about"
    second = await endpoint.connect(places)
    assert second.welcome.pid != first.welcome.pid
    await second.call(c.GetStatus())
    await first.close()
    await second.close()


@pytest.mark.kill
async def test_killing_two_agents_while_they_start_does_no_harm(places: Places) -> None:
    for pause_s in (0.0, 0.05, 0.1, 0.2):
        process = subprocess.Popen(AGENT)
        await asyncio.sleep(pause_s)
        process.kill()
        process.wait()
    client = await endpoint.connect(places)
    await client.call(c.GetStatus())
    await client.close()


async def test_connecting_while_the_old_one_stops_gets_a_new_one(places: Places) -> None:
    first = await endpoint.connect(places)
    await first.call(c.StopEngine())
    second = await endpoint.connect(places)
    if second.welcome.pid == first.welcome.pid:  # it was still at the door
        await asyncio.wait_for(second.wait_lost(), SOON_S)
    else:
        await second.call(c.GetStatus())
    await first.close()
    await second.close()


async def test_it_ends_when_nobody_needs_it(places: Places) -> None:
    with subprocess.Popen([*AGENT, "--idle-s", "0.3"]) as process:
        await until(lambda: Path(places.address).exists())
        client = await endpoint.connect(places)
        await asyncio.sleep(1)
        await client.call(c.GetStatus())  # not while somebody is there
        await client.close()
        assert process.wait(SOON_S) == 0
    assert "because of idleness" in Path(places.engine_log).read_text()


async def test_keep_keeps_it(places: Places) -> None:
    with subprocess.Popen([*AGENT, "--idle-s", "0.1", "--keep"]) as process:
        await until(lambda: Path(places.address).exists())
        await (await endpoint.connect(places)).close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.terminate()
        assert process.wait(SOON_S) == 0


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("state", "The queue was written by a newer Sluice."),
        ("bug", "The engine failed (ZeroDivisionError: oh)"),
        ("exit", "The engine ended with code 9"),
    ],
)
async def test_one_that_cannot_start_says_why(
    places: Places, monkeypatch: pytest.MonkeyPatch, fault: str, sentence: str
) -> None:
    monkeypatch.setenv("FAKE_AGENT_FAULT", fault)
    with pytest.raises(CoreError) as caught:
        await endpoint.connect(places)
    assert caught.value.code == "engine-failed"
    assert caught.value.sentence.startswith(sentence)


async def test_a_program_that_is_missing_is_told(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "launch_command", lambda: ["/nowhere/sluice-agent"])
    with pytest.raises(CoreError) as caught:
        await endpoint.connect(places)
    assert caught.value.code == "engine-failed"


async def test_a_home_too_long_for_a_socket_works_all_the_same(
    places: Places, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = home / ("ü" * 100)
    monkeypatch.setenv("SLUICE_HOME", str(long))
    far = find_places()
    client = await endpoint.connect(far)
    assert (await client.call(c.GetStatus())).home == str(long)
    await client.close()
    assert await endpoint.stop(far)
    Path(far.runtime).rmdir()


async def test_tcp_with_a_token_serves_where_there_are_no_unix_sockets(places: Places) -> None:
    with subprocess.Popen([*AGENT, "--tcp"]) as process:
        await until(lambda: Path(places.address).exists())
        assert mode(places.address) == 0o600
        assert not Path(places.socket).exists()
        client = await endpoint.connect(places, spawn=False)
        assert client.welcome.pid == process.pid
        await client.close()
        assert await endpoint.stop(places)
        assert process.wait(SOON_S) == 0


async def test_one_shells_keys_do_not_become_the_engines(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")
    client = await endpoint.connect(places)
    environment = Path(f"/proc/{client.welcome.pid}/environ").read_bytes()
    assert b"hush-hush" not in environment
    assert b"AWS_WEB_IDENTITY_TOKEN_FILE" in environment
    await client.close()


async def test_an_older_protocol_makes_room(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await endpoint.connect(places)
    monkeypatch.setattr(codec, "PROTOCOL", codec.PROTOCOL + 1)
    monkeypatch.setattr(
        endpoint, "launch_command", lambda: pytest.fail("the old one has gone; that is all this test wants to know")
    )
    with pytest.raises(pytest.fail.Exception):
        await endpoint.connect(places)
    assert old.lost
    assert not is_locked(places.lock)
    assert "because of a client" in Path(places.engine_log).read_text()
    await old.close()


async def test_a_newer_protocol_is_left_alone(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    new = await endpoint.connect(places)
    monkeypatch.setattr(codec, "PROTOCOL", codec.PROTOCOL - 1)
    with pytest.raises(ProtocolError) as caught:
        await endpoint.connect(places)
    assert caught.value.code == "other-protocol"
    await new.call(c.GetStatus())
    await new.close()


def test_a_frozen_program_starts_the_agent_beside_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "sluice"))
    monkeypatch.setenv("LD_LIBRARY_PATH", "/bundle")
    places = find_places({"SLUICE_HOME": str(tmp_path / "h")})
    assert endpoint.launch_command() == [str(tmp_path / "sluice-agent")]
    assert "LD_LIBRARY_PATH" not in endpoint.launch_environment(places)
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/mine")
    assert endpoint.launch_environment(places)["LD_LIBRARY_PATH"] == "/mine"


async def test_a_client_survives_no_reading_of_its_socket(places: Places) -> None:
    """The client object of a dead engine can be closed at any time."""
    client = await endpoint.connect(places)
    kill(client.welcome.pid)
    await client.close()
    assert isinstance(client, SocketClient)
