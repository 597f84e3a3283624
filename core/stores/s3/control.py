"""Control calls through aioboto3: the only module of the engine that loads the SDK, and only on a thread of its own.

Importing it costs a quarter of a second and each call a millisecond of CPU or more; see `aside`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aioboto3
from aiobotocore.config import AioConfig
from aiohttp import ClientError as HttpError
from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from core.model.account import Account, Credentials
from core.model.errors import CoreError, UsageError
from core.stores.s3.address import DEFAULT_REGION, is_aws
from core.stores.s3.answers import Refusal, Target, http_date, not_s3, refused, retry_after
from core.stores.s3.credentials import credentials_error, frozen, open_session
from core.stores.s3.network import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, network_error
from core.stores.s3.session import USER_AGENT, ca_bundle
from core.stores.s3.sign import encode_query, sign

_CONNECTIONS = 32
_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/s3/")
# Operations whose success has words. botocore reads a web page as an empty answer, or as a fault of the server.
_WORDY = frozenset(
    {
        "ListBuckets",
        "ListParts",
        "ListMultipartUploads",
        "CreateMultipartUpload",
        "CompleteMultipartUpload",
        "CopyObject",
        "UploadPartCopy",
    }
)
_ROOT = re.compile(rb"<([A-Za-z][\w:.-]*)")
_RESIGNED = frozenset({"authorization", "host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"})


class Control:
    """One S3 client, made when it is first needed and kept. Belongs to one loop."""

    def __init__(self, account: Account, secret: str) -> None:
        self._account = account
        self._secret = secret
        self._stack = AsyncExitStack()
        self._making = asyncio.Lock()
        self._client: Any = None
        self._session: Any = None
        self._offset_s = 0.0

    async def call(
        self, operation: str, target: Target, offset_s: float, parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The parsed answer of an S3 operation. `offset_s`: the server's clock minus ours. Raises CoreError."""
        self._offset_s = offset_s or self._offset_s
        client = await self._ready()
        try:
            return await self._once(client, operation, parameters)
        except sdk.ClientError as failure:
            refusal = _refusal(failure)
            if refusal.code != "RequestTimeTooSkewed" or refusal.date_s is None:
                raise refused(refusal, target) from None
            self._offset_s = refusal.date_s - time.time()
        except (sdk.BotoCoreError, HttpError, OSError, ResponseParserError) as failure:
            raise self._error(failure, target) from None
        try:
            return await self._once(client, operation, parameters)
        except sdk.ClientError as failure:
            raise refused(_refusal(failure), target) from None
        except (sdk.BotoCoreError, HttpError, OSError, ResponseParserError) as failure:
            raise self._error(failure, target) from None

    async def resolved(self) -> tuple[Account, Credentials]:
        """The account as files and variables complete it, and keys that are valid now. Raises CoreError."""
        client = await self._ready()
        account = replace(self._account, region=client.meta.region_name, ca_file=self._ca_file())
        if not account.endpoint and not is_aws(client.meta.endpoint_url):
            account = replace(account, endpoint=client.meta.endpoint_url)
        return replace(account, path_style=self._path_style()), await frozen(self._session, account)

    async def close(self) -> None:
        await self._stack.aclose()

    async def _once(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = await getattr(client, operation)(**parameters)
        return answer

    async def _ready(self) -> Any:
        async with self._making:
            if self._client is None:
                try:
                    self._client = await self._make()
                except sdk.BotoCoreError as failure:
                    raise credentials_error(failure, self._account) from None
            return self._client

    async def _make(self) -> Any:
        account = self._account
        self._session = open_session(account, self._secret)
        region = account.region or self._session.get_config_variable("region") or DEFAULT_REGION
        client = await self._stack.enter_async_context(
            aioboto3.Session(botocore_session=self._session).client(
                "s3",
                region_name=region,
                endpoint_url=account.endpoint or None,
                verify=ca_bundle(replace(account, ca_file=self._ca_file())),
                config=AioConfig(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=READ_TIMEOUT_S,
                    max_pool_connections=_CONNECTIONS,
                    retries={"total_max_attempts": 1, "mode": "standard"},  # whoever calls us retries
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                    ignore_configured_endpoint_urls=bool(account.access_key),
                    s3={"addressing_style": "path" if self._path_style() else "virtual"},
                    user_agent=USER_AGENT,
                ),
            )
        )
        client.meta.events.register("before-send.s3", self._resign)
        client.meta.events.register("needs-retry.s3", _refuse_web_pages)
        return client

    def _path_style(self) -> bool:
        if self._account.access_key or self._session is None:
            return self._account.path_style
        chosen = self._session.get_scoped_config().get("s3", {})
        return self._account.path_style and not (
            isinstance(chosen, dict) and chosen.get("addressing_style") == "virtual"
        )

    def _ca_file(self) -> str:
        """What the account, AWS_CA_BUNDLE or the profile names."""
        return self._account.ca_file or self._session.get_config_variable("ca_bundle") or ""

    async def _resign(self, request: Any, **_: Any) -> None:
        """botocore signs by our clock and cannot be told another one; so what it made is signed again."""
        if abs(self._offset_s) < 1:
            return
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        region = _SCOPE.search(headers.get("authorization", ""))
        if region is None:
            return
        parts = urlsplit(request.url)
        signed = sign(
            request.method,
            parts.netloc,
            parts.path,
            encode_query(parse_qsl(parts.query, keep_blank_values=True)),
            {name: value for name, value in headers.items() if name not in _RESIGNED},
            credentials=await frozen(self._session, self._account),
            region=region[1],
            now_s=time.time() + self._offset_s,
            payload_sha256=headers["x-amz-content-sha256"],
        )
        for name, value in signed.items():
            request.headers[name] = value

    def _error(self, failure: Exception, target: Target) -> CoreError:
        if isinstance(failure, ResponseParserError):
            return not_s3(target, str(failure))
        if isinstance(failure, sdk.ParamValidationError):
            sentence = (
                f"S3 does not allow a name like “{target.bucket}”; use 3 to 63 small letters, digits, dots, hyphens."
            )
            return UsageError("bad-name", sentence, detail=str(failure), where=target.url)
        if isinstance(failure, sdk.NoCredentialsError | sdk.ProfileNotFound | sdk.CredentialRetrievalError):
            return credentials_error(failure, self._account)
        cause = getattr(failure, "kwargs", {}).get("error")
        host = urlsplit(self._client.meta.endpoint_url).netloc
        return network_error(cause if isinstance(cause, Exception) else failure, target, host)


async def _refuse_web_pages(response: tuple[Any, Any] | None, operation: Any, **_: Any) -> None:
    """A handler of botocore's that sees answers as they came. Raises ResponseParserError."""
    if response is None:
        return
    status = response[0].raw.status  # botocore makes 500 of a 200 that it cannot read
    body = (await response[0].content)[:1000]
    words_expected = operation.name in _WORDY if status < 300 else bool(body.strip())
    if not words_expected or status >= 500:
        return
    root = _ROOT.search(body)
    if root is None or root[1].lower() == b"html":
        raise ResponseParserError(f"{operation.name} was answered with HTTP {status} and no XML of S3's")


def _refusal(failure: sdk.ClientError) -> Refusal:
    """botocore's parsed answer in our terms; it puts the status where a body has no code."""
    error = failure.response.get("Error", {})
    meta = failure.response.get("ResponseMetadata", {})
    headers: Mapping[str, str] = meta.get("HTTPHeaders", {})  # lower case
    code = str(error.get("Code", ""))
    return Refusal(
        status=int(meta.get("HTTPStatusCode", 0)),
        code="" if code.isdigit() else code,
        message=str(error.get("Message") or ""),
        request_id=str(meta.get("RequestId", "")),
        after_s=retry_after(headers.get("retry-after", "")),
        region=headers.get("x-amz-bucket-region", ""),
        location=headers.get("location", ""),
        date_s=http_date(headers.get("date", "")),
    )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
