"""Secrets in the system's keyring, by account; in memory only where the user chose that."""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal, TypeVar

from core.model.errors import CoreError, LocalError, Retry, Scope

T = TypeVar("T")
Where = Literal["keyring", "memory", "missing"]

SERVICE = "sluice"
# Keyrings that are the system's own. Others that may be installed keep secrets in plain or home-made files.
ALLOWED = (
    "keyring.backends.SecretService.Keyring",
    "keyring.backends.libsecret.Keyring",
    "keyring.backends.kwallet.DBusKeyring",
    "keyring.backends.kwallet.DBusKeyringKWallet4",
    "keyring.backends.macOS.Keyring",
    "keyring.backends.Windows.WinVaultKeyring",
)
_LIMIT_S = 10.0
_PATIENT_S = 60.0  # the user has asked for it and may have to type a password first
_REST_S = 30.0  # after a call that hung, how long others are refused at once rather than made to wait as well
_MOST_HUNG = 4  # calls given up and still not back; no more threads are spent on such a keyring


class Secrets:
    """Used on one event loop. Keyring calls are made one after the other, each in a thread that is given up when it
    hangs: such a thread keeps neither later calls nor the end of the process waiting.

    Errors are LocalError `keyring-missing`, `keyring-locked`, `keyring-timeout`, `keyring-failed`; all are worth
    another attempt when the credentials change, and concern one account.
    """

    def __init__(self, *, limit_s: float = _LIMIT_S, patient_s: float = _PATIENT_S) -> None:
        self._limit_s = limit_s
        self._patient_s = patient_s
        self._memory: dict[str, str] = {}  # by the user's choice
        self._known: dict[str, str] = {}  # read from the keyring or written to it
        self._turns: dict[str, int] = {}  # grows with each change, so that an answer that comes late is not believed
        self._one_at_a_time = asyncio.Lock()
        self._hung: set[Future[Any]] = set()
        self._rest_until_s = 0.0

    async def get(self, name: str, *, patient: bool = False) -> str | None:
        """The account's secret, or None when nobody has it. `patient`: the user asked and may have to unlock first."""
        found = self._memory.get(name, self._known.get(name))
        if found is not None:
            return found
        turn = self._turns.get(name, 0)

        def remember(secret: str | None) -> None:
            if secret is not None and self._turns.get(name, 0) == turn:
                self._known[name] = secret

        return await self._call(name, lambda: _read(name), remember, patient=patient)

    async def put(self, name: str, secret: str, *, memory_only: bool = False) -> None:
        """Keep a secret in the keyring, or until the end of the process when `memory_only`."""
        self._turns[name] = self._turns.get(name, 0) + 1
        if memory_only:
            self._memory[name] = secret
            return
        try:
            await self._call(name, lambda: _write(name, secret), patient=True)
        except CoreError as error:
            error.detail = error.detail.replace(secret, "…")  # should a keyring quote what it could not keep
            raise
        self._memory.pop(name, None)
        self._known[name] = secret

    async def remove(self, name: str) -> None:
        """Forget a secret everywhere. That there is none, or no keyring, is fine."""
        self._turns[name] = self._turns.get(name, 0) + 1
        self._memory.pop(name, None)
        self._known.pop(name, None)
        try:
            await self._call(name, lambda: _delete(name), patient=True)
        except CoreError as error:
            if error.code != "keyring-missing":
                raise

    async def where(self, name: str) -> Where:
        """What holds the secret just now; `missing` also when the keyring cannot be read."""
        if name in self._memory:
            return "memory"
        try:
            return "missing" if await self.get(name) is None else "keyring"
        except CoreError:
            return "missing"

    async def _call(
        self, name: str, call: Callable[[], T], then: Callable[[T], None] = lambda _: None, *, patient: bool
    ) -> T:
        """Make one call within its time. An answer that comes later still reaches `then`."""
        async with self._one_at_a_time:
            self._hung = {hung for hung in self._hung if not hung.done()}
            if self._hung and (
                len(self._hung) >= _MOST_HUNG or (not patient and time.monotonic() < self._rest_until_s)
            ):
                raise _timeout(name)
            answer: Future[T] = Future()
            threading.Thread(target=_answer, args=(answer, call, then), name="keyring", daemon=True).start()
            try:
                async with asyncio.timeout(self._patient_s if patient else self._limit_s):
                    return await asyncio.shield(asyncio.wrap_future(answer))
            except asyncio.CancelledError:
                self._hung.add(answer)
                raise
            except TimeoutError:
                self._hung.add(answer)
                self._rest_until_s = time.monotonic() + _REST_S
                raise _timeout(name) from None
            except CoreError:
                raise
            except Exception as error:
                raise _failure(name, error) from error


def _answer(answer: Future[T], call: Callable[[], T], then: Callable[[T], None]) -> None:
    try:
        result = call()
    except BaseException as error:
        answer.set_exception(error)
    else:
        then(result)
        answer.set_result(result)


# --- in the thread ----------------------------------------------------------------------------------------------


class _NoKeyring(Exception):
    """None of the system's keyrings can be used."""


def _keyrings() -> list[Any]:
    """The usable keyrings, best first. Looked for anew each time: a keyring may be started after us."""
    chosen = os.environ.get("PYTHON_KEYRING_BACKEND")  # keyring's own variable; it may narrow our choice, not widen it
    found = []
    for path in ALLOWED if chosen is None else [path for path in ALLOWED if path == chosen]:
        module, _, name = path.rpartition(".")
        try:
            cls = getattr(importlib.import_module(module), name)
            found.append((cls.priority, cls()))  # asking for the priority raises where the keyring cannot work
        except Exception as error:
            reason = error
            continue
    if not found:
        raise _NoKeyring(f"{chosen} is not one of the system's keyrings" if chosen else str(reason))
    return [keyring for _, keyring in sorted(found, key=lambda pair: -pair[0])]


def _read(name: str) -> str | None:
    for keyring in _keyrings():
        secret: str | None = keyring.get_password(SERVICE, name)
        if secret is not None:
            return secret
    return None


def _write(name: str, secret: str) -> None:
    _keyrings()[0].set_password(SERVICE, name, secret)


def _delete(name: str) -> None:
    for keyring in _keyrings():
        if keyring.get_password(SERVICE, name) is not None:
            keyring.delete_password(SERVICE, name)


# --- what went wrong --------------------------------------------------------------------------------------------

_LOCKED = frozenset({"KeyringLocked", "LockedException", "PromptDismissedException"})
_MISSING = frozenset({"_NoKeyring", "NoKeyringError", "SecretServiceNotAvailableException"})


def _failure(name: str, error: Exception) -> LocalError:
    """Told by the names of the classes: they come from several libraries that are loaded only where they are needed."""
    names = {cls.__name__ for cls in type(error).__mro__}
    detail = f"{type(error).__name__}: {error}"
    if names & _LOCKED or "dismissed" in str(error):
        return _error(
            "keyring-locked",
            f"The keyring with the secret of “{name}” is locked; unlock it, or keep the secret in memory until "
            "Sluice quits.",
            name,
            detail,
        )
    if names & _MISSING or isinstance(error, OSError):
        return _error(
            "keyring-missing",
            f"No keyring of the system can be used for the secret of “{name}”; start one (GNOME Keyring, KWallet…), "
            "or keep the secret in memory until Sluice quits.",
            name,
            detail,
        )
    return _error(
        "keyring-failed",
        f"The keyring did not do its work for “{name}”; try again, or keep the secret in memory until Sluice quits.",
        name,
        detail,
    )


def _timeout(name: str) -> LocalError:
    return _error(
        "keyring-timeout",
        f"The keyring with the secret of “{name}” does not answer; look for its window and unlock it, or keep the "
        "secret in memory until Sluice quits.",
        name,
        "",
    )


def _error(code: str, sentence: str, name: str, detail: str) -> LocalError:
    return LocalError(code, sentence, detail=detail, where=name, retry=Retry.CREDENTIALS, scope=Scope.ACCOUNT)
