"""One signed request and its answer: sign, send, follow a redirect or a clock once, and turn refusals into errors."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp

from core.model.errors import CoreError, NetworkError, UsageError
from core.stores.base import Access
from core.stores.s3.address import Base, Place, base_of, is_aws, place_of, redirected, signing_region
from core.stores.s3.answers import Refusal, Target, not_s3, read_refusal, refused
from core.stores.s3.network import lost, network_error
from core.stores.s3.outgoing import Outgoing
from core.stores.s3.session import HttpSession
from core.stores.s3.sign import EMPTY_SHA256, UNSIGNED_PAYLOAD, encode_query, sign

_MOST_OF_A_REFUSAL_BYTES = 64 * 1024
_NETWORK = (aiohttp.ClientError, TimeoutError, ssl.SSLError, ConnectionError)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the server."""

    method: str
    target: Target
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes | Outgoing = b""


class Refused(Exception):
    """A refusal that a caller may want to look at before it becomes an error."""

    def __init__(self, refusal: Refusal, request: Request) -> None:
        super().__init__(refusal.code or str(refusal.status))
        self.refusal = refusal
        self.request = request

    def error(self) -> CoreError:
        return refused(self.refusal, self.request.target)


class Exchange:
    """Sends requests for an account and remembers what redirects taught it. `access` may be replaced at any time."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._http = HttpSession(access.account)
        self._regions: dict[str, str] = {}  # by bucket
        self._bases: dict[str, Base] = {}
        self._offset_s: float | None = None

    @property
    def clock_offset_s(self) -> float:
        """The server's clock minus ours, once a refusal has shown it."""
        return self.access.clock_offset_s if self._offset_s is None else self._offset_s

    async def close(self) -> None:
        await self._http.close()

    @asynccontextmanager
    async def answer(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer of a request that was granted. Raises Refused, NetworkError, or what the body's reader raised."""
        response = await self._granted(request)
        try:
            yield response
        except aiohttp.ClientPayloadError as failure:
            raise lost(request.target, self.host(request.target.bucket), str(failure)) from None
        except _NETWORK as failure:
            raise self._network_error(failure, request) from None
        finally:
            response.release()

    def region(self, bucket: str) -> str:
        """The region to sign for."""
        return self._regions.get(bucket) or signing_region(self.access.account)

    def place(self, bucket: str, key: str = "") -> Place:
        """Where an object is asked for."""
        base = self._bases.get(bucket) or base_of(self.access.account, self.region(bucket))
        return place_of(base, bucket, key)

    def host(self, bucket: str) -> str:
        return self.place(bucket).host

    async def _granted(self, request: Request) -> aiohttp.ClientResponse:
        learned: set[str] = set()
        while True:
            response = await self._send(request)
            if response.status < 300:
                return response
            refusal = await self._refusal(response, request)
            if request.method == "HEAD" and refusal.status in (400, 403):
                refusal = await self._spelled_out(request) or refusal
            lesson = self._learn(refusal, request.target.bucket)
            if not lesson or lesson in learned:
                raise Refused(refusal, request)
            learned.add(lesson)

    async def _send(self, request: Request) -> aiohttp.ClientResponse:
        target, data = request.target, request.data
        try:
            place = self.place(target.bucket, target.key)
        except UnicodeEncodeError:
            raise UsageError(
                "bad-key", f"The name {target.key!r} is not valid Unicode and cannot be an S3 key."
            ) from None
        query = encode_query(request.query) if request.query else ""
        headers = self._signed(request, place, query)
        try:
            return await self._http.send(request.method, place.base_url, place.path, query, headers, data or None)
        except _NETWORK as failure:
            if isinstance(data, Outgoing) and data.failure is not None:
                raise data.failure from None
            raise self._network_error(failure, request) from None

    def _signed(self, request: Request, place: Place, query: str) -> dict[str, str]:
        credentials = self.access.credentials
        if credentials is None:
            return {"Host": place.host, **request.headers}
        if isinstance(request.data, Outgoing):
            payload = UNSIGNED_PAYLOAD
        else:
            payload = hashlib.sha256(request.data).hexdigest() if request.data else EMPTY_SHA256
        return sign(
            request.method,
            place.host,
            place.path,
            query,
            request.headers,
            credentials=credentials,
            region=self.region(request.target.bucket),
            now_s=time.time() + self.clock_offset_s,
            payload_sha256=payload,
        )

    async def _refusal(self, response: aiohttp.ClientResponse, request: Request) -> Refusal:
        body = b""
        try:
            if request.method != "HEAD":
                body = await response.content.read(_MOST_OF_A_REFUSAL_BYTES)
                while len(body) < _MOST_OF_A_REFUSAL_BYTES and (more := await response.content.read(4096)):
                    body += more
        except _NETWORK:
            pass  # the status alone says enough
        finally:
            response.release()
        return read_refusal(response.status, response.headers, body)

    async def _spelled_out(self, request: Request) -> Refusal | None:
        """HEAD is refused without words; a GET of one byte is refused with them."""
        again = replace(request, method="GET", headers={**request.headers, "Range": "bytes=0-0"})
        try:
            response = await self._send(again)
        except NetworkError:
            return None
        if response.status < 300:
            response.release()
            return None
        return await self._refusal(response, again)

    def _learn(self, refusal: Refusal, bucket: str) -> str:
        """What the next attempt does otherwise, in a word; empty when there is nothing to do."""
        if refusal.code == "RequestTimeTooSkewed" and refusal.date_s is not None:
            self._offset_s = refusal.date_s - time.time()
            return "clock"
        if not bucket or refusal.status not in (301, 307, 308, 400, 403):
            return ""
        if refusal.region and refusal.region != self.region(bucket):
            self._regions[bucket] = refusal.region
            if refusal.status == 400 or is_aws(self.access.account.endpoint) or not refusal.location:
                return "region"
        if refusal.status in (301, 307, 308):
            return self._move(refusal.location, bucket)
        return ""

    def _move(self, location: str, bucket: str) -> str:
        base = redirected(location, bucket)
        now = self.place(bucket)
        if base is None or place_of(base, bucket) == now or (now.scheme == "https" and base.scheme != "https"):
            return ""
        self._bases[bucket] = base
        return "place"

    def _network_error(self, failure: BaseException, request: Request) -> CoreError:
        if isinstance(failure, aiohttp.ClientResponseError) and not isinstance(failure, aiohttp.ClientHttpProxyError):
            return not_s3(request.target, f"{type(failure).__name__}: {failure}")
        return network_error(failure, request.target, self.host(request.target.bucket))
