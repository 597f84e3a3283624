"""Finds the engine of a home, starts one where there is none, and stops it.

A front end loads this, so it imports nothing heavy: no SDK, no database, no HTTP.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import msgspec

from core.client.socket import Address, OtherProtocol, SocketClient, engine_lost, stop_other_protocol
from core.host.lock import is_locked
from core.model.errors import NetworkError, Retry, Scope, StateError
from core.model.places import Places
from core.protocol import codec
from core.protocol.commands import GetStatus, Status, StopEngine

_KNOCK_S = 0.015
_AGAIN_S = 0.3  # between two starts, when somebody else's engine was just ending
_STOP_S = 60.0
_OUTPUT_BYTES = 1 << 20
_DETACHED = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)

# What the first caller's shell happens to hold must not decide whose keys later transfers use: the command line sends
# such things as an account of its own.
_PRIVATE_VARIABLES = frozenset(
    f"AWS_{name}"
    for name in (
        *("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "SECURITY_TOKEN", "PROFILE", "DEFAULT_PROFILE"),
        *("ENDPOINT_URL", "ENDPOINT_URL_S3", "REGION", "DEFAULT_REGION", "CA_BUNDLE"),
    )
)


class Whereabouts(msgspec.Struct, frozen=True):
    """What a running engine tells of itself in the address file; `port` is 0 where there is a socket."""

    pid: int
    version: str
    host: str = ""
    socket: str = ""
    port: int = 0
    token: str = ""

    @property
    def address(self) -> Address:
        return Address(self.socket, self.port, self.token)


async def connect(places: Places, *, spawn: bool = True, timeout_s: float = 15.0) -> SocketClient:
    """A client of this home's engine, which is started if need be.

    Raises NetworkError (`no-engine`) where none runs and none may be started, `engine-silent` after `timeout_s`
    seconds; StateError (`engine-failed`) with the engine's own last words when it cannot start; ProtocolError
    (`other-protocol`) when a newer one runs.
    """
    deadline = time.monotonic() + timeout_s
    launch: Launch | None = None
    while True:
        client = await _knock(places, timeout_s=max(1.0, deadline - time.monotonic()))
        if client is not None:
            return client
        if not spawn:
            raise NetworkError("no-engine", "No engine is running.", retry=Retry.ONLINE, scope=Scope.ENGINE)
        if time.monotonic() > deadline:
            raise _silent(places, launch)
        if launch is None or launch.stood_back():
            launch = Launch(places)
        await asyncio.sleep(_KNOCK_S)


async def describe(places: Places) -> Status | None:
    """What the running engine says of itself; None where none runs."""
    try:
        client = await connect(places, spawn=False)
    except NetworkError:
        return None
    try:
        return await client.call(GetStatus())
    finally:
        await client.close()


async def stop(places: Places, *, timeout_s: float = _STOP_S) -> bool:
    """Stop the running engine in an orderly way and wait until its home is free. False where none runs.

    Raises NetworkError (`engine-silent`) when it takes longer than `timeout_s` seconds.
    """
    try:
        client = await connect(places, spawn=False)
    except NetworkError:
        return False
    try:
        async with asyncio.timeout(timeout_s):
            try:
                await client.call(StopEngine())
                await client.wait_lost()
            except NetworkError:
                pass  # gone before it could say so
            finally:
                await client.close()
            await _until_free(places)
    except TimeoutError:
        raise _silent(places, None) from None
    return True


async def _knock(places: Places, *, timeout_s: float) -> SocketClient | None:
    """A client, or None where nobody answers. An engine of an older protocol is asked to make room first."""
    address = _address(places)
    try:
        return await SocketClient.open(address)
    except OtherProtocol as error:
        if error.welcome.protocol > codec.PROTOCOL:
            raise
        try:
            await stop_other_protocol(address, timeout_s)
            async with asyncio.timeout(timeout_s):
                await _until_free(places)
        except (OSError, TimeoutError):
            raise error from None
        return None
    except OSError:
        return None
    except NetworkError as error:
        if error.code != engine_lost().code:
            raise
        return None


def _address(places: Places) -> Address:
    found = read_whereabouts(places)
    return found.address if found is not None else Address(str(places.socket))


def read_whereabouts(places: Places) -> Whereabouts | None:
    """What the address file says; None without a readable one. It may be that of an engine that has died."""
    try:
        return msgspec.json.decode(Path(places.address).read_bytes(), type=Whereabouts)
    except (OSError, msgspec.MsgspecError):
        return None


async def _until_free(places: Places) -> None:
    while is_locked(places.lock):  # noqa: ASYNC110  (another process lets go of it)
        await asyncio.sleep(_KNOCK_S)


class Launch:
    """An engine's process as it starts: detached, so that it outlives us, and watched until somebody answers."""

    def __init__(self, places: Places) -> None:
        self._output = Path(places.agent_output)
        self._begun_s = time.monotonic()
        with self._output.open("ab") as output:
            if output.tell() > _OUTPUT_BYTES:
                output.truncate(0)
            self._said_before = output.tell()
            self._process = _spawn(places, output)
        # Somebody must wait for it in the end, or it would stay on as a zombie for as long as we live.
        threading.Thread(target=self._process.wait, name="sluice-agent-reaper", daemon=True).start()

    def stood_back(self) -> bool:
        """True when it has ended because another one held the home, and that one does not answer either.

        Raises StateError (`engine-failed`) when it failed.
        """
        code = self._process.poll()
        if code is None:
            return False
        if code != 0:
            raise StateError(
                "engine-failed",
                self.last_words() or f"The engine ended with code {code} while it started.",
                where=str(self._output),
                scope=Scope.ENGINE,
            )
        return time.monotonic() - self._begun_s > _AGAIN_S

    def last_words(self) -> str:
        with self._output.open("rb") as output:
            output.seek(self._said_before)
            lines = output.read(_OUTPUT_BYTES).decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return said[-1].removeprefix("sluice: ") if said else ""


def launch_command() -> list[str]:
    """The engine's own program beside a frozen one, else this Python."""
    if getattr(sys, "frozen", False):
        name = "sluice-agent.exe" if sys.platform == "win32" else "sluice-agent"
        return [str(Path(sys.executable).with_name(name))]
    return [sys.executable, "-m", "core.host.agent"]


def launch_environment(places: Places) -> dict[str, str]:
    """Ours, without what a frozen program sets for itself and without one caller's keys."""
    environment = {name: value for name, value in os.environ.items() if name not in _PRIVATE_VARIABLES}
    if places.portable:
        environment["SLUICE_HOME"] = places.home
    else:
        environment.pop("SLUICE_HOME", None)
    if not getattr(sys, "frozen", False):
        # the same sources as ours, wherever the child is started
        root = str(Path(__file__).parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
    elif "LD_LIBRARY_PATH_ORIG" in environment:
        environment["LD_LIBRARY_PATH"] = environment["LD_LIBRARY_PATH_ORIG"]
    else:
        environment.pop("LD_LIBRARY_PATH", None)
    return environment


def _spawn(places: Places, output: IO[bytes]) -> subprocess.Popen[bytes]:
    command = launch_command()
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=places.home,
            env=launch_environment(places),
            start_new_session=True,
            creationflags=_DETACHED,
        )
    except OSError as error:
        raise StateError(
            "engine-failed", f"The engine cannot be started: {error}.", where=command[0], scope=Scope.ENGINE
        ) from error


def _silent(places: Places, launch: Launch | None) -> NetworkError:
    holder = read_whereabouts(places)
    said = launch.last_words() if launch is not None else ""
    sentence = "The engine does not answer" + (f" (process {holder.pid})." if holder else ".")
    return NetworkError(
        "engine-silent", said or sentence, where=str(places.engine_log), retry=Retry.ONLINE, scope=Scope.ENGINE
    )
