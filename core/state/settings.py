"""Settings and accounts in one JSON file, replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import msgspec

from core.model.account import Account, check_account
from core.model.errors import CoreError, LocalError, Scope, StateError
from core.model.settings import Settings, changed

VERSION = 1


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """Version 1 of the file."""

    version: int
    settings: Settings
    accounts: list[Account]


class _Version(msgspec.Struct, frozen=True):
    """What every version of the file has."""

    version: int


class _Unusable(Exception):
    """The file does not say what settings say."""


class SettingsFile:
    """The file at `path`; the one before the last change lies beside it as `….bak`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Settings, list[Account], str]:
        """The settings, the accounts, and a sentence for the user when a file that made no sense was set aside.

        Then the copy from before the last change is in force, or the defaults. Without a file: the defaults.
        Raises StateError `settings-too-new`, `settings-unreadable`.
        """
        if not self._path.exists():
            return Settings(), [], ""
        try:
            return *self._read(self._path), ""
        except _Unusable as error:
            aside = self._set_aside()
            settings, accounts, which = self._second_best()
            kept = f"it was kept as {aside.name} in {aside.parent}, and {which}"
            return settings, accounts, f"The settings' file made no sense ({error}); {kept}."

    def save(self, settings: Settings, accounts: Iterable[Account]) -> None:
        """Returns when they are on disk. Raises LocalError `disk-full` or StateError `settings-not-saved`; the file is
        then as it was."""
        content = msgspec.json.format(
            msgspec.json.encode(_File(version=VERSION, settings=settings, accounts=list(accounts))), indent=2
        )
        target = Path(os.path.realpath(self._path))  # somebody may keep the file elsewhere, behind a link
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if target.exists():
                _replace(self._backup, target.read_bytes())
            _replace(target, content + b"\n")
        except OSError as error:
            raise _not_saved(error, self._path) from error

    @property
    def _backup(self) -> Path:
        return self._path.with_name(self._path.name + ".bak")

    def _second_best(self) -> tuple[Settings, list[Account], str]:
        try:
            return *self._read(self._backup), "the settings from before the last change are in force"
        except (_Unusable, CoreError):
            return Settings(), [], "the defaults are in force"

    def _read(self, path: Path) -> tuple[Settings, list[Account]]:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StateError(
                "settings-unreadable",
                f"Sluice may not read its settings; check who owns {path}.",
                detail=str(error),
                where=str(path),
                scope=Scope.ENGINE,
            ) from error
        return _parsed(content, path)

    def _set_aside(self) -> Path:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        aside, number = self._path.with_name(f"{self._path.name}.damaged-{stamp}"), 1
        while aside.exists():
            number += 1
            aside = self._path.with_name(f"{self._path.name}.damaged-{stamp}-{number}")
        os.replace(self._path, aside)
        return aside


def _parsed(content: bytes, path: Path) -> tuple[Settings, list[Account]]:
    try:
        version = msgspec.json.decode(content, type=_Version).version
        if version > VERSION:
            raise StateError(
                "settings-too-new",
                f"These settings were written by a newer Sluice; install that version or move {path} aside.",
                detail=f"version {version}, known up to {VERSION}",
                where=str(path),
                scope=Scope.ENGINE,
            )
        if version < 1:
            raise _Unusable(f"version {version}")
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _Unusable(str(error)) from error
    return _checked(file.settings), _distinct(file.accounts)


def _checked(settings: Settings) -> Settings:
    """The settings, if a user could have set them."""
    try:
        return changed(Settings(), {field.name: str(getattr(settings, field.name)) for field in fields(Settings)})
    except CoreError as error:
        raise _Unusable(error.sentence) from error


def _distinct(accounts: list[Account]) -> list[Account]:
    try:
        names = {check_account(account).name for account in accounts}
    except CoreError as error:
        raise _Unusable(error.sentence) from error
    if len(names) < len(accounts):
        raise _Unusable("two accounts have one name")
    return accounts


def _replace(target: Path, content: bytes) -> None:
    """Write beside the target, make sure it is on disk, rename over it, make sure of the name."""
    draft = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        handle = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _not_saved(error: OSError, path: Path) -> CoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LocalError(
            "disk-full",
            f"The disk that holds Sluice's settings ({path.parent}) is full; free some space and try again.",
            detail=str(error),
            where=str(path),
        )
    return StateError(
        "settings-not-saved",
        f"The settings could not be saved in {path.parent} ({error.strerror}); check its permissions.",
        detail=str(error),
        where=str(path),
    )
