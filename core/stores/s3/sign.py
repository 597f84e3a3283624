"""AWS Signature Version 4 for S3: pure functions from a request to its signed headers or its presigned URL.

Source: docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html. S3 differs from other services: the
path is encoded once, and `//`, `.` and `..` stay as they are, since they are part of the key.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote

from core.model.account import Credentials

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
MAX_PRESIGN_S = 7 * 24 * 3600  # the longest a SigV4 link can live

_ALGORITHM = "AWS4-HMAC-SHA256"
# What proxies and HTTP libraries change on the way; the names are those botocore leaves out too.
_NOT_SIGNED = frozenset({"authorization", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"})


def encode_path(path: str) -> str:
    """A path percent-encoded once, as S3 wants it signed and sent. Raises UnicodeEncodeError for lone surrogates."""
    return quote(path, safe="/-_.~")


def encode_query(pairs: Iterable[tuple[str, str]]) -> str:
    """A query string in canonical form: encoded, then sorted by name and value; it is sent as it is signed."""
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def sign(
    method: str,
    host: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    *,
    credentials: Credentials,
    region: str,
    now_s: float,
    payload_sha256: str = UNSIGNED_PAYLOAD,
) -> dict[str, str]:
    """All headers of the request, with Host, the date, the token and the Authorization added.

    `host` is the Host header's value, `path` is encoded by `encode_path`, `query` by `encode_query`; `now_s` is seconds
    since the epoch on the server's clock.
    """
    stamp = amz_date(now_s)
    signed = {"Host": host, **headers, "X-Amz-Date": stamp, "X-Amz-Content-SHA256": payload_sha256}
    if credentials.session_token:
        signed["X-Amz-Security-Token"] = credentials.session_token
    signed["Authorization"] = authorization(
        method, path, query, signed, credentials=credentials, region=region, stamp=stamp, payload_sha256=payload_sha256
    )
    return signed


def presign(
    method: str,
    base_url: str,
    host: str,
    path: str,
    pairs: Iterable[tuple[str, str]] = (),
    *,
    credentials: Credentials,
    region: str,
    now_s: float,
    expires_s: int,
) -> str:
    """`base_url` (scheme and authority) plus path and a query that authorises `method` for `expires_s` seconds."""
    stamp = amz_date(now_s)
    scope = _scope(stamp, region, "s3")
    token = credentials.session_token
    query = encode_query(
        [
            *pairs,
            ("X-Amz-Algorithm", _ALGORITHM),
            ("X-Amz-Credential", f"{credentials.access_key}/{scope}"),
            ("X-Amz-Date", stamp),
            ("X-Amz-Expires", str(expires_s)),
            *([("X-Amz-Security-Token", token)] if token else []),
            ("X-Amz-SignedHeaders", "host"),
        ]
    )
    request, _ = canonical_request(method, path, query, {"host": host}, UNSIGNED_PAYLOAD)
    signature = _signature(request, credentials.secret_key, stamp, region, "s3")
    return f"{base_url}{path}?{query}&X-Amz-Signature={signature}"


def authorization(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    *,
    credentials: Credentials,
    region: str,
    stamp: str,
    payload_sha256: str,
    service: str = "s3",
) -> str:
    """The value of the Authorization header for exactly these headers (`stamp` is the value of X-Amz-Date)."""
    request, names = canonical_request(method, path, query, headers, payload_sha256)
    signature = _signature(request, credentials.secret_key, stamp, region, service)
    scope = _scope(stamp, region, service)
    return f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"


def canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str], payload_sha256: str
) -> tuple[str, str]:
    """The text that is signed, and the names of the signed headers."""
    lower = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    lower = [pair for pair in lower if pair[0] not in _NOT_SIGNED]
    names = ";".join(name for name, _ in lower)
    lines = "".join(f"{name}:{value}\n" for name, value in lower)
    return f"{method}\n{path}\n{query}\n{lines}\n{names}\n{payload_sha256}", names


def amz_date(now_s: float) -> str:
    """`20130524T000000Z`"""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))


def _signature(request: str, secret: str, stamp: str, region: str, service: str) -> str:
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{stamp}\n{_scope(stamp, region, service)}\n{digest}"
    return hmac.digest(_signing_key(secret, stamp[:8], region, service), text.encode(), "sha256").hex()


def _scope(stamp: str, region: str, service: str) -> str:
    return f"{stamp[:8]}/{region}/{service}/aws4_request"


@lru_cache(maxsize=64)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """The same all day: deriving it costs four HMACs, signing with it one."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
