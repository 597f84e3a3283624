"""The accounts the engine knows, their open stores, and which of them are held up."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from core.model.account import ENVIRONMENT_PREFIX, Account, AccountKind, check_account
from core.model.errors import ErrorRecord, LocalError, Retry, Scope, UsageError
from core.model.settings import Settings
from core.protocol.rows import AccountRow
from core.state.secrets import Secrets
from core.state.settings import SettingsFile
from core.stores.base import ObjectStore
from core.stores.opening import open_store

TRY_IT_HERE = "Try it here"
_PACE_BPS = 30_000_000  # of the built-in store: slow enough to see a pause


class Accounts:
    """Owned by the engine and used on its loop. Also holds the settings, which live in the same file."""

    def __init__(self, file: SettingsFile, secrets: Secrets, *, builtin_root: str) -> None:
        self._file = file
        self._secrets = secrets
        self._stores: dict[str, asyncio.Future[ObjectStore]] = {}
        self._retired: list[asyncio.Future[ObjectStore]] = []
        self._held: dict[str, ErrorRecord] = {}
        self._held_until: dict[str, float] = {}
        self._changes: dict[str, int] = {}
        self.reached: set[str] = set()  # accounts whose store has answered since the engine started
        self.settings, accounts, self.notice = file.load()
        self._accounts = {account.name: account for account in accounts}
        self._builtin = Account(
            name=TRY_IT_HERE,
            kind=AccountKind.LOCAL,
            root=builtin_root,
            limit_up_bps=_PACE_BPS,
            limit_down_bps=_PACE_BPS,
        )

    # Knowing.

    def all(self) -> list[Account]:
        """The built-in local store first, then the user's accounts by name."""
        return [self._builtin, *(self._accounts[name] for name in sorted(self._accounts))]

    def get(self, name: str) -> Account:
        """The account of that name; the empty name is the standard AWS environment. Raises UsageError `no-account`."""
        if name == "":
            return self._accounts.get("", Account(name=""))
        if name == TRY_IT_HERE:
            return self._accounts.get(name, self._builtin)
        try:
            return self._accounts[name]
        except KeyError:
            known = ", ".join(account.name for account in self.all())
            raise UsageError("no-account", f"There is no account “{name}”; there are: {known}.", where=name) from None

    async def row(self, account: Account) -> AccountRow:
        needs_secret = account.kind is AccountKind.S3 and bool(account.access_key)
        where = await self._secrets.where(account.name) if needs_secret else "none needed"
        return AccountRow(
            account=account,
            secret=where,
            held=self._held.get(account.name),
            builtin=account.name == TRY_IT_HERE,
        )

    async def rows(self) -> tuple[AccountRow, ...]:
        return tuple([await self.row(account) for account in self.all()])

    # Changing.

    async def put(self, account: Account, secret: str | None, *, memory_only: bool) -> AccountRow:
        """Add or change an account. The secret is stored first: an account is never kept without it."""
        check_account(account)
        if secret is not None:
            await self._secrets.put(account.name, secret, memory_only=memory_only)
        self._save(self.settings, {**self._accounts, account.name: account})
        self._retire(account.name)
        self._changes[account.name] = self.changes(account.name) + 1
        self.release(account.name)
        return await self.row(account)

    def changes(self, name: str) -> int:
        """How often the account has been put: who failed by an earlier version of it may try again."""
        return self._changes.get(name, 0)

    async def remove(self, name: str) -> None:
        account = self.get(name)
        if name == TRY_IT_HERE and name not in self._accounts:
            raise UsageError("builtin-account", f"“{name}” is part of the program and stays.", where=name)
        self._save(self.settings, {key: kept for key, kept in self._accounts.items() if key != name})
        self._retire(name)
        self.release(name)
        if account.kind is AccountKind.S3 and account.access_key:
            await self._secrets.remove(name)

    def change_settings(self, settings: Settings) -> None:
        """In force when they are on disk. Raises what saving raises, and then nothing has changed."""
        self._save(settings, self._accounts)

    def _save(self, settings: Settings, accounts: dict[str, Account]) -> None:
        self._file.save(settings, accounts.values())
        self.settings, self._accounts = settings, dict(accounts)

    # Stores.

    async def store(self, name: str) -> ObjectStore:
        """The account's store, opened once and kept. Raises `secret-missing`, `no-account`..."""
        account = self.get(name)
        opening = self._stores.get(name)
        if opening is None:
            opening = asyncio.ensure_future(self._open(account))
            self._stores[name] = opening
        try:
            return await asyncio.shield(opening)
        except Exception:
            if self._stores.get(name) is opening:
                del self._stores[name]
            raise

    async def _open(self, account: Account) -> ObjectStore:
        secret = ""
        if account.kind is AccountKind.S3 and account.access_key:
            secret = await self._secret(account.name)
        return await open_store(account, secret)

    async def _secret(self, name: str) -> str:
        """Raises LocalError `secret-missing`, `keyring-locked`, `keyring-timeout`."""
        found, detail = None, ""
        try:
            found = await self._secrets.get(name)
        except LocalError as error:
            if error.code != "keyring-missing":
                raise
            detail = error.sentence
        if found is not None:
            return found
        from_environment = name.startswith(ENVIRONMENT_PREFIX)
        cure = "run “sluice resume --all” where its AWS_ variables are set" if from_environment else "enter it again"
        raise LocalError(
            "secret-missing",
            f"The secret key of “{name}” was kept in memory only and is gone, or never given; {cure}.",
            detail=detail,
            where=name,
            retry=Retry.CREDENTIALS,
            scope=Scope.ACCOUNT,
        )

    def _retire(self, name: str) -> None:
        """The next use opens the account's store anew; transfers that run go on with the one they have."""
        opening = self._stores.pop(name, None)
        if opening is not None:
            self._retired.append(opening)

    async def close(self) -> None:
        opened = await asyncio.gather(*self._retired, *self._stores.values(), return_exceptions=True)
        self._retired.clear()
        self._stores.clear()
        for store in opened:
            if not isinstance(store, BaseException):
                await store.close()

    # Holding.

    @property
    def held(self) -> dict[str, ErrorRecord]:
        """Accounts that wait for something, and for what."""
        self._expire()
        return dict(self._held)

    def hold(self, name: str, error: ErrorRecord, until_s: float) -> None:
        """Start nothing of this account before `until_s` (seconds since the epoch; infinity: until it is changed)."""
        self._held[name] = replace(error, where=error.where or name)
        self._held_until[name] = until_s

    def release(self, name: str) -> None:
        self._held.pop(name, None)
        self._held_until.pop(name, None)

    def next_release_s(self) -> float | None:
        times = [until for until in self._held_until.values() if until != float("inf")]
        return min(times, default=None)

    def _expire(self) -> None:
        now = time.time()
        for name in [name for name, until in self._held_until.items() if until <= now]:
            self.release(name)
