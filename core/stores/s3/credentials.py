"""The keys of an account: its own, a profile's, or what the SDK's default chain finds. For the SDK's thread only."""

from __future__ import annotations

import os
from typing import Any

from aiobotocore.session import AioSession
from botocore import exceptions as sdk

from core.model.account import Account, Credentials
from core.model.errors import RemoteError, Retry, Scope

# An account with keys of its own must not be changed by files and variables that are meant for the default one.
_NO_FILES: dict[str, tuple[None, list[str], str | None, None]] = {
    "profile": (None, [], None, None),
    "config_file": (None, [], os.devnull, None),
    "credentials_file": (None, [], os.devnull, None),
}
_EXPIRED = (sdk.UnauthorizedSSOTokenError, sdk.SSOTokenLoadError, sdk.TokenRetrievalError)


def open_session(account: Account, secret: str) -> AioSession:
    """A botocore session that finds this account's keys. A session token follows the secret key after a newline."""
    if account.access_key:
        session = AioSession(session_vars=_NO_FILES)
        secret_key, _, token = secret.partition("\n")
        session.set_credentials(account.access_key, secret_key, token or None)
        return session
    return AioSession(profile=account.profile or None)


async def frozen(session: AioSession, account: Account) -> Credentials:
    """Keys that are valid now; refreshed when they are about to end. Raises RemoteError `bad-credentials` or
    `expired-credentials` with where it looked."""
    try:
        found = await session.get_credentials()
        keys = None if found is None else await found.get_frozen_credentials()
    except sdk.BotoCoreError as failure:
        raise credentials_error(failure, account) from None
    except RuntimeError as failure:  # botocore: "refreshed credentials are still expired"
        raise _error("expired-credentials", _EXPIRED_SENTENCE, failure, account) from None
    if keys is None or not keys.access_key or not keys.secret_key:
        raise _error("bad-credentials", _nothing_found(account), None, account)
    return Credentials(keys.access_key, keys.secret_key, keys.token or "", _expires_s(found))


def credentials_error(failure: sdk.BotoCoreError, account: Account) -> RemoteError:
    """The error for what botocore raises while it looks for keys."""
    if isinstance(failure, _EXPIRED):
        return _error("expired-credentials", _EXPIRED_SENTENCE, failure, account)
    if isinstance(failure, sdk.ProfileNotFound):
        name = account.profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE", "")
        sentence = f"There is no profile “{name}” in {_files()}; choose another one in the account."
        return _error("bad-credentials", sentence, failure, account)
    if isinstance(failure, sdk.NoCredentialsError):
        return _error("bad-credentials", _nothing_found(account), failure, account)
    reason = str(failure).strip().rstrip(".").replace("\n", " ")
    sentence = f"The keys could not be had from {_source(account)}: {reason}."
    return _error("bad-credentials", sentence, failure, account)


_EXPIRED_SENTENCE = "The account's temporary keys have expired; sign in again (for example with “aws sso login”)."


def _error(code: str, sentence: str, failure: Exception | None, account: Account) -> RemoteError:
    detail = "" if failure is None else f"{type(failure).__name__}: {failure}"
    return RemoteError(code, sentence, detail=detail, where=account.name, retry=Retry.CREDENTIALS, scope=Scope.ACCOUNT)


def _nothing_found(account: Account) -> str:
    if account.profile:
        return f"The profile “{account.profile}” in {_files()} holds no keys; enter some or choose another profile."
    return (
        "No keys were found: not in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor in "
        f"{_files()}, nor from the machine; enter them in an account or set one of these."
    )


def _source(account: Account) -> str:
    return f"the profile “{account.profile}”" if account.profile else "the AWS environment"


def _files() -> str:
    config = os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")
    shared = os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
    return f"{config} or {shared}"


def _expires_s(found: Any) -> float | None:
    """botocore keeps the end of refreshable keys to itself; without it they are merely asked for more often."""
    moment = getattr(found, "_expiry_time", None)
    return None if moment is None else float(moment.timestamp())
