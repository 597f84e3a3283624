"""Against a real Secret Service (scripts/test starts one), and without any."""

import asyncio
import gc
import importlib
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from core.model.errors import LocalError, Retry, Scope
from core.state.secrets import ALLOWED, Secrets

ROOT = Path(__file__).parents[3]
SECRET = "pässwörd/+= \n" + "x" * 3000


async def _refused(code: str, call) -> LocalError:
    with pytest.raises(LocalError) as error:
        await call
    assert error.value.code == code
    assert (error.value.retry, error.value.scope) == (Retry.CREDENTIALS, Scope.ACCOUNT)
    assert "in memory" in error.value.sentence
    return error.value


# Without a keyring.


async def test_in_memory_by_choice() -> None:
    secrets = Secrets()
    await secrets.put("a", SECRET, memory_only=True)
    assert await secrets.get("a") == SECRET
    assert await secrets.where("a") == "memory"
    await secrets.remove("a")
    assert await secrets.where("a") == "missing"


async def test_without_a_keyring_it_says_so() -> None:
    secrets = Secrets()
    error = await _refused("keyring-missing", secrets.put("a", SECRET))
    assert SECRET not in error.detail
    await _refused("keyring-missing", secrets.get("a"))
    assert await secrets.where("a") == "missing"
    await secrets.remove("a")


async def test_another_keyring_is_not_used_even_when_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The `null` one takes everything and keeps nothing; those of other packages keep plain text."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    error = await _refused("keyring-missing", Secrets().put("a", SECRET))
    assert "keyring.backends.null.Keyring" in error.detail


def test_every_allowed_keyring_exists() -> None:
    for path in ALLOWED:
        module, _, name = path.rpartition(".")
        if sys.platform != "win32" or "macOS" not in module:
            assert isinstance(getattr(importlib.import_module(module), name), type)


def test_keyring_is_loaded_only_when_it_is_needed() -> None:
    code = "import sys, core.state.secrets; core.state.secrets; print([m for m in sys.modules if 'keyring' in m])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


# With one.

keyring = pytest.mark.keyring


@pytest.fixture
def unlocked(secret_service: str) -> Iterator[str]:
    yield secret_service
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # keyring leaves its connection open when it is refused
        gc.collect()


@keyring
@pytest.mark.usefixtures("unlocked")
async def test_put_get_remove() -> None:
    await Secrets().put("Büro", SECRET)
    secrets = Secrets()
    assert await secrets.where("Büro") == "keyring"
    assert await secrets.get("Büro") == SECRET
    await secrets.put("Büro", "new")
    assert await secrets.get("Büro") == "new"
    assert await Secrets().get("Büro") == "new"
    assert await Secrets().get("other") is None
    await secrets.remove("Büro")
    await secrets.remove("Büro")
    assert await secrets.get("Büro") is None
    assert await Secrets().where("Büro") == "missing"


@keyring
@pytest.mark.usefixtures("unlocked")
async def test_memory_goes_before_the_keyring_until_the_next_put() -> None:
    secrets = Secrets()
    await secrets.put("a", "kept")
    await secrets.put("a", "for now", memory_only=True)
    assert (await secrets.get("a"), await secrets.where("a")) == ("for now", "memory")
    assert await Secrets().get("a") == "kept"
    await secrets.put("a", "kept again")
    assert (await secrets.get("a"), await secrets.where("a")) == ("kept again", "keyring")
    await secrets.remove("a")


@keyring
@pytest.mark.usefixtures("unlocked")
async def test_a_locked_keyring_is_told_within_the_time() -> None:
    import secretstorage

    await Secrets().put("a", "kept")
    with closing(secretstorage.dbus_init()) as connection:
        collection = secretstorage.get_default_collection(connection)
        collection.lock()
        assert collection.is_locked()
    started = time.monotonic()
    secrets = Secrets(limit_s=5, patient_s=5)
    with pytest.raises(LocalError) as error:
        await secrets.get("a")
    assert error.value.code in ("keyring-locked", "keyring-timeout"), "a prompter may or may not be there"
    assert "unlock it" in error.value.sentence
    assert await secrets.where("a") == "missing"
    await secrets.put("b", "for now", memory_only=True)
    assert await secrets.get("b") == "for now"
    assert time.monotonic() - started < 30, "nothing hung"


async def _all_back(secrets: Secrets) -> None:
    """Wait for the calls that were given up."""
    async with asyncio.timeout(20):
        await asyncio.gather(*map(asyncio.wrap_future, secrets._hung), return_exceptions=True)


@contextmanager
def _silent_keyring() -> Iterator[None]:
    """The daemon is stopped: it takes calls and does not answer, as when its window waits for a password."""
    import secretstorage
    from jeepney import DBusAddress, new_method_call

    with closing(secretstorage.dbus_init()) as connection:
        bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
        call = new_method_call(bus, "GetConnectionUnixProcessID", "s", ("org.freedesktop.secrets",))
        pid = connection.send_and_get_reply(call).body[0]
        while not isinstance(pid, int):  # nobody has the name: a daemon that was replaced is still starting
            time.sleep(0.05)
            pid = connection.send_and_get_reply(call).body[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@keyring
@pytest.mark.usefixtures("unlocked")
async def test_a_keyring_that_hangs_is_given_up() -> None:
    await Secrets().put("a", "kept")
    secrets = Secrets(limit_s=0.3, patient_s=0.3)
    with _silent_keyring():
        first = await _refused("keyring-timeout", secrets.get("a"))
        assert "“a”" in first.sentence
        started = time.monotonic()
        for _ in range(20):
            await _refused("keyring-timeout", secrets.get("b"))
        assert time.monotonic() - started < 20 * 0.3, "once it hung, others are told at once"
        for _ in range(10):
            await _refused("keyring-timeout", secrets.put("c", "x"))
        assert len(secrets._hung) <= 4
        await secrets.put("m", "in memory", memory_only=True)
        assert await secrets.get("m") == "in memory"
    await _all_back(secrets)
    assert secrets._known["a"] == "kept", "the answer that came late is taken"
    assert await secrets.get("a") == "kept"
    assert await secrets.get("other") is None, "and new calls are made"


@keyring
@pytest.mark.usefixtures("unlocked")
async def test_late_answers_do_not_undo_what_was_changed_meanwhile() -> None:
    await Secrets().put("a", "old")
    secrets = Secrets(limit_s=0.3, patient_s=0.3)
    with _silent_keyring():
        await _refused("keyring-timeout", secrets.get("a"))
        await secrets.put("a", "new", memory_only=True)
        await secrets.put("a", "newer", memory_only=True)
    await _all_back(secrets)
    assert secrets._known == {}
    assert await secrets.get("a") == "newer"


@keyring
@pytest.mark.usefixtures("unlocked")
async def test_a_keyring_that_hangs_does_not_keep_the_process() -> None:
    code = (
        "import asyncio\nfrom core.state.secrets import Secrets\n"
        "async def main():\n"
        "    try:\n        await Secrets(limit_s=0.5).get('a')\n"
        "    except Exception as error:\n        print(error.code)\n"
        "asyncio.run(main())"
    )
    with _silent_keyring():
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert done.stdout.strip() == "keyring-timeout"


@keyring
@pytest.mark.usefixtures("unlocked")
async def test_calls_at_once_take_turns() -> None:
    secrets = Secrets()
    await asyncio.gather(*(secrets.put(f"n{n}", f"s{n}") for n in range(5)))
    fresh = Secrets()
    assert await asyncio.gather(*(fresh.get(f"n{n}") for n in range(5))) == [f"s{n}" for n in range(5)]
    await asyncio.gather(*(secrets.remove(f"n{n}") for n in range(5)))
