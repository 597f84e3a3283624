"""The standard AWS environment as an account.

The environment that counts is the command line's, and the engine is another process. So what the AWS_* variables say is
sent as an account of its own, named after a hash of all of them but the secret; keys stay in the engine's memory only.
The same environment always makes the same account, so it can bring the keys again after the engine was restarted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from core.model.account import ENVIRONMENT_PREFIX, Account, check_account
from core.model.errors import UsageError
from core.protocol.commands import PutAccount

SHOWN = "environment"


def environment_account(environ: Mapping[str, str]) -> PutAccount:
    """The command that makes the account. Raises UsageError for half a pair of keys or an impossible endpoint."""
    account = _described(environ)
    named = replace(account, name=ENVIRONMENT_PREFIX + _digest(account))
    return PutAccount(account=check_account(named), secret=_secret(environ), memory_only=True)


def shown_name(name: str) -> str:
    """An account's name for people."""
    return SHOWN if name.startswith(ENVIRONMENT_PREFIX) else name


def _described(environ: Mapping[str, str]) -> Account:
    access_key = environ.get("AWS_ACCESS_KEY_ID", "")
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL", "")
    return Account(
        name=SHOWN,
        endpoint=endpoint,
        region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION", ""),
        path_style=bool(endpoint),
        access_key=access_key,
        # as in the SDK, keys in the environment come before a profile named there
        profile="" if access_key else environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE", ""),
        ca_file=environ.get("AWS_CA_BUNDLE", ""),
    )


def _secret(environ: Mapping[str, str]) -> str | None:
    if not environ.get("AWS_ACCESS_KEY_ID"):
        return None
    secret = environ.get("AWS_SECRET_ACCESS_KEY", "")
    if not secret:
        raise UsageError("bad-account", "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not; set both or none.")
    token = environ.get("AWS_SESSION_TOKEN") or environ.get("AWS_SECURITY_TOKEN", "")
    return f"{secret}\n{token}" if token else secret


def _digest(account: Account) -> str:
    fields = (account.endpoint, account.region, account.access_key, account.profile, account.ca_file)
    return hashlib.sha256("\0".join(fields).encode("utf-8", "surrogateescape")).hexdigest()[:12]
