"""What S3 servers, proxies and networks refuse with, as tables from their words to our errors.

Sources: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what Ceph, Swift and moto were seen to answer.
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.model.errors import CoreError, IntegrityError, RemoteError, Retry, Scope
from core.stores.s3.listing import NotXml, read_fields


@dataclass(frozen=True, slots=True)
class Target:
    """What a request was about, for sentences."""

    bucket: str = ""
    key: str = ""
    endpoint: str = ""
    upload: bool = False  # the request names an upload id
    creates: bool = False  # the condition was If-None-Match

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}" if self.bucket else self.endpoint


@dataclass(frozen=True, slots=True)
class Refusal:
    """A server's no, taken apart."""

    status: int
    code: str = ""
    message: str = ""
    request_id: str = ""
    after_s: float | None = None
    region: str = ""  # where the bucket is, when the answer says so
    location: str = ""  # URL it redirects to
    date_s: float | None = None  # the server's clock
    foreign: bool = False  # the body is not S3's
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Meaning:
    code: str
    sentence: str
    retry: Retry = Retry.NEVER
    scope: Scope = Scope.ITEM
    kind: type[CoreError] = RemoteError


_NO_BUCKET = _Meaning("no-bucket", "There is no bucket “{bucket}” here; check its name, the account and the endpoint.")
_NO_KEY = _Meaning("no-key", "There is no object “{key}” in the bucket “{bucket}”.")
_NO_UPLOAD = _Meaning("no-upload", "The server no longer knows this upload; it was completed, aborted or expired.")
_TAKEN = _Meaning("bucket-exists", "The bucket name “{bucket}” is taken; choose another one.")
_NOT_EMPTY = _Meaning(
    "bucket-not-empty", "The bucket “{bucket}” is not empty; delete its objects and open uploads first."
)
_CHANGED = _Meaning("changed", "The object “{key}” is not the version it was when this began.")
_EXISTS = _Meaning("exists", "There is already an object “{key}” in the bucket “{bucket}”.")
_DENIED = _Meaning("access-denied", "These keys may not do this with {url}; ask its owner for the permission.")
_KEYS = _Meaning(
    "bad-credentials",
    "The server does not accept the account's access key or secret key; enter them again.",
    Retry.CREDENTIALS,
    Scope.ACCOUNT,
)
_REGION = _Meaning(
    "bad-credentials",
    "The account's region does not fit this server ({message}); correct it in the account.",
    Retry.CREDENTIALS,
    Scope.ACCOUNT,
)
_EXPIRED = _Meaning(
    "expired-credentials",
    "The account's temporary keys have expired; sign in again or enter new ones.",
    Retry.CREDENTIALS,
    Scope.ACCOUNT,
)
_SKEW = _Meaning(
    "clock-skew",
    "This computer's clock and the server's differ by more than the server allows; set the clock.",
    Retry.ONLINE,
    Scope.ACCOUNT,
)
_SLOW = _Meaning("slow-down", "The server asks for fewer requests; it will be tried again more slowly.", Retry.BACKOFF)
_FAULT = _Meaning("server-fault", "The server failed ({status} {name}); it will be tried again.", Retry.BACKOFF)
_BUSY = _Meaning(
    "server-fault", "Another request on the same object was in the way; it will be tried again.", Retry.BACKOFF
)
_LATE = _Meaning("timed-out", "The server gave up waiting for the data; it will be sent again.", Retry.BACKOFF)
_CANNOT = _Meaning("unsupported", "This server cannot do this ({name}).")
_SMALL = _Meaning("entity-too-small", "A part is smaller than this server allows (usually 5 MiB).")
_PART = _Meaning("bad-part", "The server does not have all parts as they were sent.")
_DIGEST = _Meaning(
    "bad-digest", "The data were damaged on the way; they will be sent again.", Retry.BACKOFF, kind=IntegrityError
)
_ALIEN = _Meaning("bad-answer", "The address answered, but not as an S3 server; check the endpoint.")
_MOVED = _Meaning(
    "bad-answer", "The server sends requests for “{bucket}” elsewhere ({location}); check region and endpoint."
)
_ARCHIVED = _Meaning("archived", "The object is in an archive class; restore it with its provider before reading it.")
_QUOTA = _Meaning("quota", "The storage is full or its quota is used up; make room there.")
_NAME = _Meaning(
    "bad-name",
    "The bucket name “{bucket}” is not accepted; names have 3 to 63 lower-case letters, digits, dots and hyphens.",
)
_LONG = _Meaning("bad-key", "The server does not accept the key “{key}”: {message}.")
_BIG = _Meaning("too-big", "The object is larger than this server stores.")
_REFUSED = _Meaning("refused", "The server refused this ({name}): {message}.")

# by the word in <Code>; first what AWS documents, then what others say
_BY_CODE: dict[str, _Meaning] = {
    "NoSuchBucket": _NO_BUCKET,
    "NoSuchKey": _NO_KEY,
    "NoSuchVersion": _NO_KEY,
    "NoSuchUpload": _NO_UPLOAD,
    "BucketAlreadyExists": _TAKEN,
    "BucketAlreadyOwnedByYou": _TAKEN,
    "BucketNotEmpty": _NOT_EMPTY,
    "PreconditionFailed": _CHANGED,
    "InvalidRange": _CHANGED,
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DENIED,
    "AccountProblem": _DENIED,
    "UserSuspended": _DENIED,
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "InvalidSecurity": _KEYS,
    "InvalidToken": _KEYS,
    "NotSignedUp": _KEYS,
    "UnrecognizedClientException": _KEYS,
    "InvalidClientTokenId": _KEYS,
    "AuthorizationHeaderMalformed": _REGION,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestTimeTooSkewed": _SKEW,
    "SlowDown": _SLOW,
    "ServiceUnavailable": _SLOW,
    "Throttling": _SLOW,
    "ThrottlingException": _SLOW,
    "RequestLimitExceeded": _SLOW,
    "TooManyRequests": _SLOW,
    "BandwidthLimitExceeded": _SLOW,
    "Busy": _SLOW,
    "RateLimitExceeded": _SLOW,
    "InternalError": _FAULT,
    "InternalServerError": _FAULT,
    "IncompleteBody": _FAULT,
    "OperationAborted": _BUSY,
    "ConditionalRequestConflict": _BUSY,
    "RequestTimeout": _LATE,
    "NotImplemented": _CANNOT,
    "UnsupportedOperation": _CANNOT,
    "MethodNotAllowed": _CANNOT,
    "MissingContentLength": _CANNOT,
    "EntityTooSmall": _SMALL,
    "InvalidPart": _PART,
    "InvalidPartOrder": _PART,
    "BadDigest": _DIGEST,
    "InvalidDigest": _DIGEST,
    "XAmzContentSHA256Mismatch": _DIGEST,
    "XAmzContentChecksumMismatch": _DIGEST,
    "PermanentRedirect": _MOVED,
    "TemporaryRedirect": _MOVED,
    "Redirect": _MOVED,
    "InvalidObjectState": _ARCHIVED,
    "QuotaExceeded": _QUOTA,
    "InsufficientCapacity": _QUOTA,
    "XMinioStorageFull": _QUOTA,
    "InvalidBucketName": _NAME,
    "KeyTooLongError": _LONG,
    "KeyTooLong": _LONG,
    "EntityTooLarge": _BIG,
}
# where the server gives no word that is known
_BY_STATUS: dict[int, _Meaning] = {
    301: _MOVED, 302: _ALIEN, 303: _ALIEN, 307: _MOVED, 308: _MOVED,
    401: _KEYS, 403: _DENIED, 404: _NO_KEY, 405: _CANNOT, 408: _LATE, 409: _BUSY, 411: _CANNOT, 412: _CHANGED,
    413: _BIG, 416: _CHANGED, 429: _SLOW, 501: _CANNOT, 503: _SLOW, 507: _QUOTA, 509: _SLOW,
}  # fmt: skip


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """Take an answer apart that is no success; `headers` must ignore case. HEAD's answers have no body."""
    fields: Mapping[str, str] = {}
    foreign = False
    if body.strip():
        try:
            root, fields, _ = read_fields(body)
            foreign = root != "Error"
        except NotXml:
            foreign = True
    return Refusal(
        status=status,
        code="" if foreign else fields.get("Code", ""),
        message=body[:300].decode(errors="replace") if foreign else fields.get("Message", ""),
        request_id=headers.get("x-amz-request-id") or headers.get("x-trans-id") or fields.get("RequestId", ""),
        after_s=retry_after(headers.get("Retry-After", "")),
        region=headers.get("x-amz-bucket-region") or fields.get("Region", ""),
        location=headers.get("Location", ""),
        date_s=http_date(headers.get("Date", "")),
        foreign=foreign,
        fields=fields,
    )


def refused(refusal: Refusal, target: Target) -> CoreError:
    """The error for a refusal: by its word, else by its status."""
    meaning = _meaning(refusal, target)
    name = refusal.code or "no reason given"
    facts = {
        "bucket": target.bucket,
        "key": target.key,
        "url": target.url,
        "status": refusal.status,
        "name": name,
        "message": refusal.message.rstrip(".") or name,
        "location": refusal.location or refusal.fields.get("Endpoint", "") or refusal.region or "no address given",
    }
    return meaning.kind(
        meaning.code,
        meaning.sentence.format_map(facts),
        detail=f"HTTP {refusal.status} {refusal.code}: {refusal.message}".strip(": "),
        where=target.url,
        retry=meaning.retry,
        scope=meaning.scope,
        after_s=refusal.after_s if meaning.retry is Retry.BACKOFF else None,
        request_id=refusal.request_id,
    )


def not_s3(target: Target, detail: str, request_id: str = "") -> RemoteError:
    """`bad-answer`: what came looks like a success, but not like S3's."""
    return RemoteError(_ALIEN.code, _ALIEN.sentence, detail=detail, where=target.url, request_id=request_id)


def damaged(target: Target, detail: str, request_id: str = "") -> IntegrityError:
    """`bad-digest`: the server's checksum is not ours."""
    return IntegrityError(
        _DIGEST.code, _DIGEST.sentence, detail=detail, where=target.url, retry=_DIGEST.retry, request_id=request_id
    )


def bad_transit(target: Target, detail: str, request_id: str = "") -> RemoteError:
    """`bad-answer` that may be well the next time: the bytes that came are not those that were asked for."""
    sentence = "The answer does not hold what was asked for; something between here and the server may have changed it."
    return RemoteError(
        "bad-answer", sentence, detail=detail, where=target.url, retry=Retry.BACKOFF, request_id=request_id
    )


def version_changed(target: Target, detail: str) -> RemoteError:
    """`changed`: the object is another version than the one that was asked for."""
    return RemoteError(_CHANGED.code, _CHANGED.sentence.format(key=target.key), detail=detail, where=target.url)


def upload_gone(target: Target, detail: str) -> RemoteError:
    """`no-upload`, found out by looking."""
    return RemoteError(_NO_UPLOAD.code, _NO_UPLOAD.sentence, detail=detail, where=target.url)


def _meaning(refusal: Refusal, target: Target) -> _Meaning:
    from_another = refusal.status < 500 or refusal.status == 501  # a web server that knows no PUT; gateways say 502-504
    if refusal.foreign and from_another and refusal.status not in (407, 429):
        return _ALIEN
    meaning = _BY_CODE.get(refusal.code) or _BY_STATUS.get(refusal.status)
    if meaning is None:
        meaning = _FAULT if refusal.status >= 500 else _REFUSED
    if meaning is _CHANGED and target.creates:
        return _EXISTS
    if meaning is _NO_KEY:
        return _NO_UPLOAD if target.upload else _NO_KEY if target.key else _NO_BUCKET
    return meaning


def retry_after(text: str) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date."""
    if text.strip().isdigit():
        return float(text)
    moment = http_date(text)
    return None if moment is None else max(0.0, moment - time.time())


def http_date(text: str) -> float | None:
    """Seconds since the epoch of a Date header."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
