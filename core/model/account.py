"""An account: an endpoint, how to speak to it, and a reference to a secret, never the secret itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from core.model.errors import UsageError


class AccountKind(StrEnum):
    S3 = "s3"
    LOCAL = "local"  # a folder used as a store
    MEMORY = "memory"  # for tests and demonstrations: forgotten at the end


@dataclass(frozen=True, slots=True)
class Account:
    """Everything about an account that may be written to a file."""

    name: str  # unique; also the key of its secret
    kind: AccountKind = AccountKind.S3
    endpoint: str = ""  # URL; empty for AWS itself
    region: str = ""
    path_style: bool = True
    access_key: str = ""  # empty: botocore's default chain (environment, profiles)
    profile: str = ""  # a profile of ~/.aws, when access_key is empty
    ca_file: str = ""
    root: str = ""  # the folder of a local store
    limit_up_bps: int = 0  # bytes per second, 0 for none
    limit_down_bps: int = 0


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys for signing. Never stored by us as they are and never logged."""

    access_key: str
    secret_key: str
    session_token: str = ""
    expires_s: float | None = None  # seconds since the epoch, for keys that end

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r}, …)"


_NAME = re.compile(r"[^\x00-\x1f/\\]{1,64}")


def check_account(account: Account) -> Account:
    """The account itself. Raises UsageError (`bad-account`) with what is wrong."""
    if not _NAME.fullmatch(account.name) or account.name != account.name.strip():
        raise UsageError(
            "bad-account", "An account's name has 1 to 64 characters, without slashes.", where=account.name
        )
    if account.endpoint:
        parts = urlsplit(account.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(
                "bad-account",
                f"“{account.endpoint}” is not an endpoint; write it like https://s3.example.com.",
                where=account.name,
            )
        try:
            parts.port  # noqa: B018  (the property raises for an impossible port)
        except ValueError:
            raise UsageError(
                "bad-account", f"“{account.endpoint}” has an impossible port.", where=account.name
            ) from None
    if account.kind is AccountKind.LOCAL and not account.root:
        raise UsageError("bad-account", "A local store needs a folder.", where=account.name)
    return account
