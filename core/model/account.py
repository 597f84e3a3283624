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


# Accounts the command line makes of the AWS environment; their secrets are never kept beyond the engine's life.
ENVIRONMENT_PREFIX = "environment-"
_NAME = re.compile(r"[^\x00-\x1f/\\]{1,64}")


def check_account(account: Account) -> Account:
    """The account itself. Raises UsageError (`bad-account`) with what is wrong."""
    if not _NAME.fullmatch(account.name) or account.name != account.name.strip():
        raise _bad(account, "An account's name has 1 to 64 characters, without slashes.")
    if account.endpoint:
        _check_endpoint(account)
    if account.kind is AccountKind.LOCAL and not account.root:
        raise _bad(account, "A local store needs a folder.")
    if account.limit_up_bps < 0 or account.limit_down_bps < 0:
        raise _bad(account, "A speed limit cannot be less than 0, which means none.")
    return account


def _check_endpoint(account: Account) -> None:
    try:
        parts = urlsplit(account.endpoint)
        port = parts.port
    except ValueError:
        raise _bad(account, f"“{account.endpoint}” has an impossible host or port.") from None
    if parts.username is not None or parts.password is not None:
        raise _bad(account, "An endpoint holds no keys; enter them in their own fields.")
    usable = parts.scheme in ("http", "https") and parts.hostname and port != 0
    if not usable or parts.query or parts.fragment:
        raise _bad(account, f"“{account.endpoint}” is not an endpoint; write it like https://s3.example.com.")


def _bad(account: Account, sentence: str) -> UsageError:
    return UsageError("bad-account", sentence, where=account.name)
