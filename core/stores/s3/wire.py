"""The ByteStore of S3: our own signed requests over aiohttp, all that a mover process loads of this room."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import aiohttp

from core.model.errors import CoreError
from core.model.objects import Digests, ObjectInfo, Page, Stored
from core.stores.base import Access, Body, Fetched, Sink
from core.stores.checksum import crc_text
from core.stores.rules import check_object_key
from core.stores.s3.answers import Target, bad_transit, http_date, not_s3, version_changed
from core.stores.s3.exchange import Exchange, Refused, Request
from core.stores.s3.listing import NotXml, PageParser
from core.stores.s3.outgoing import Outgoing, changed_meanwhile
from core.stores.s3.proof import CRC_HEADER, may_be_md5, md5_text, proof_of

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_META = "x-amz-meta-"
# how servers without checksums refuse the header
_NO_CHECKSUMS = frozenset({"NotImplemented", "InvalidRequest", "InvalidArgument"})


class S3Wire:
    """Carries bytes to and from one account. Replace `access` when keys were refreshed; the next request uses it."""

    def __init__(self, access: Access) -> None:
        self.exchange = Exchange(access)

    @property
    def access(self) -> Access:
        return self.exchange.access

    @access.setter
    def access(self, access: Access) -> None:
        self.exchange.access = access

    @property
    def clock_offset_s(self) -> float:
        """The server's clock minus ours, seconds, as far as it mattered."""
        return self.exchange.clock_offset_s

    async def close(self) -> None:
        await self.exchange.close()

    async def put_object(
        self,
        bucket: str,
        key: str,
        body: Body,
        *,
        content_type: str = "",
        if_none_match: bool = False,
        content_md5: bool = False,
    ) -> Stored:
        headers = {"Content-Type": content_type} if content_type else {}
        if if_none_match:
            headers["If-None-Match"] = "*"
        request = Request("PUT", self._object(bucket, key, creates=if_none_match), headers=headers)
        return await self._put(request, body, checksums=self.access.checksums, content_md5=content_md5)

    async def put_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        body: Body,
        *,
        checksums: bool = False,
        content_md5: bool = False,
    ) -> Stored:
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        request = Request("PUT", self._object(bucket, key, upload=True), query)
        return await self._put(request, body, checksums=checksums, content_md5=content_md5)

    async def get_range(
        self, bucket: str, key: str, sink: Sink, *, start: int, size_bytes: int, if_match: str = ""
    ) -> Fetched:
        headers = {"If-Match": f'"{if_match}"'} if if_match else {}
        if size_bytes:  # no range of an empty object is satisfiable
            headers["Range"] = f"bytes={start}-{start + size_bytes - 1}"
        request = Request("GET", self._object(bucket, key), headers=headers)
        try:
            async with self.exchange.answer(request) as response:
                fetched = _check_range(response, request.target, start, size_bytes, if_match)
                await _drink(response, sink, size_bytes, request.target)
                return fetched
        except Refused as no:
            if no.refusal.status == 304:
                raise version_changed(request.target, "304 Not Modified") from None
            raise no.error() from None

    async def head(self, bucket: str, key: str) -> ObjectInfo:
        request = Request("HEAD", self._object(bucket, key), headers={"x-amz-checksum-mode": "ENABLED"})
        try:
            async with self.exchange.answer(request) as response:
                headers = response.headers
        except Refused as no:
            raise no.error() from None
        if "ETag" not in headers or "Content-Length" not in headers:
            raise not_s3(request.target, "HEAD without ETag or Content-Length")
        return _object_info(key, headers)

    async def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", token: str = "", count: int = 1000
    ) -> Page:
        """One page of ListObjectsV2, parsed as it arrives."""
        wishes = {"prefix": prefix, "delimiter": delimiter, "continuation-token": token}
        query = [("list-type", "2"), ("encoding-type", "url"), ("max-keys", str(count))]
        query += [(name, value) for name, value in wishes.items() if value]
        request = Request("GET", Target(bucket, endpoint=self._endpoint), tuple(query))
        parser = PageParser()
        try:
            async with self.exchange.answer(request) as response:
                async for data in response.content.iter_any():
                    parser.feed(data)
            return parser.page()
        except Refused as no:
            raise no.error() from None
        except (NotXml, ValueError, KeyError) as problem:
            raise not_s3(request.target, f"ListObjectsV2: {problem!r}") from None

    async def _put(self, request: Request, body: Body, *, checksums: bool, content_md5: bool) -> Stored:
        try:
            return await self._put_once(request, body, checksums=checksums, content_md5=content_md5)
        except Refused as no:
            # an upload that was created with checksums needs them; a single object can do without
            if not checksums or request.target.upload or no.refusal.code not in _NO_CHECKSUMS:
                raise no.error() from None
            self.access = replace(self.access, checksums=False)
        try:
            return await self._put_once(request, body, checksums=False, content_md5=content_md5)
        except Refused as no:
            raise no.error() from None

    async def _put_once(self, request: Request, body: Body, *, checksums: bool, content_md5: bool) -> Stored:
        promised = await body.digest(md5=content_md5) if checksums or content_md5 else None
        headers = {**request.headers, "Content-Length": str(body.size_bytes)}
        if promised is not None and checksums:
            headers |= {CRC_HEADER: crc_text(promised.crc64nvme), "x-amz-sdk-checksum-algorithm": "CRC64NVME"}
        if promised is not None and content_md5:
            headers["Content-MD5"] = md5_text(promised.md5)
        data = await _data(body, md5=promised is None)
        async with self.exchange.answer(replace(request, headers=headers, data=data)) as response:
            await response.read()
            answer = response.headers
        if isinstance(data, Outgoing) and not data.complete.is_set():
            raise not_s3(request.target, "the server said yes before it had everything")
        digests = _sent(body, promised)
        if may_be_md5(answer) and not digests.md5:  # the checksum was passed over in silence
            digests = replace(digests, md5=(await body.digest(md5=True)).md5)
        proof = proof_of(answer, digests, request.target, content_md5=content_md5)
        if "ETag" not in answer:
            raise not_s3(request.target, "PUT without ETag")
        return Stored(answer["ETag"].strip('"'), digests, proof, answer.get("x-amz-version-id", ""))

    def _object(self, bucket: str, key: str, *, upload: bool = False, creates: bool = False) -> Target:
        """Raises UsageError `bad-key`: a request without a key would be one on the bucket itself."""
        check_object_key(key)
        return Target(bucket, key, self._endpoint, upload=upload, creates=creates)

    @property
    def _endpoint(self) -> str:
        return self.access.account.endpoint


async def _data(body: Body, *, md5: bool) -> bytes | Outgoing:
    if body.size_bytes:
        return Outgoing(body, md5=md5)
    async for _ in body.pieces(md5=md5):
        raise changed_meanwhile()
    return b""


def _sent(body: Body, promised: Digests | None) -> Digests:
    """What was sent, after a comparison with what was promised. Raises LocalError `source-changed`."""
    sent = body.sent()
    if sent.size_bytes != body.size_bytes or (promised is not None and promised.crc64nvme != sent.crc64nvme):
        raise changed_meanwhile()
    return replace(sent, md5=promised.md5) if promised is not None and not sent.md5 else sent


def _check_range(
    response: aiohttp.ClientResponse, target: Target, start: int, size_bytes: int, if_match: str
) -> Fetched:
    """Raises CoreError unless these headers announce exactly the range, of the right version, as it is stored."""
    headers = response.headers
    etag = headers.get("ETag", "")
    if not etag:
        raise not_s3(target, "GET without ETag")
    if etag.startswith("W/") or ("Content-Encoding" in headers and "Content-Length" not in headers):
        raise _altered(target, headers, "it was encoded on the way")
    etag = etag.strip('"')
    if if_match and etag != if_match:
        raise version_changed(target, f"asked for {if_match}, got {etag}")
    length = headers.get("Content-Length")
    if length is not None and length != str(size_bytes):
        if size_bytes == 0:
            raise version_changed(target, f"{length} bytes where the object was empty")
        raise _altered(target, headers, f"{length} bytes announced, {size_bytes} asked for")
    if response.status == 206:
        return Fetched(etag, _total(headers, target, start, size_bytes))
    if start != 0 or length is None:
        raise _altered(target, headers, f"HTTP {response.status} instead of the range")
    return Fetched(etag, size_bytes)


def _total(headers: Mapping[str, str], target: Target, start: int, size_bytes: int) -> int:
    text = headers.get("Content-Range", "")
    found = _CONTENT_RANGE.fullmatch(text)
    if found is None or (int(found[1]), int(found[2])) != (start, start + size_bytes - 1):
        raise _altered(target, headers, f"Content-Range “{text}”")
    return int(found[3])


async def _drink(response: aiohttp.ClientResponse, sink: Sink, size_bytes: int, target: Target) -> None:
    left = size_bytes
    async for data in response.content.iter_any():
        left -= len(data)
        if left < 0:
            raise _altered(target, response.headers, f"more than {size_bytes} bytes")
        await sink.write(data)
    if left:
        raise _altered(target, response.headers, f"{left} of {size_bytes} bytes missing")


def _altered(target: Target, headers: Mapping[str, str], detail: str) -> CoreError:
    return bad_transit(target, detail, headers.get("x-amz-request-id", ""))


def _object_info(key: str, headers: Mapping[str, str]) -> ObjectInfo:
    crc = headers.get(CRC_HEADER, "")
    return ObjectInfo(
        key=key,
        size_bytes=int(headers["Content-Length"]),
        etag=headers["ETag"].strip('"'),
        modified_s=http_date(headers.get("Last-Modified", "")) or 0.0,
        storage_class=headers.get("x-amz-storage-class", ""),
        version_id=headers.get("x-amz-version-id", ""),
        crc64nvme=crc if headers.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT" else "",
        content_type=headers.get("Content-Type", ""),
        metadata={
            name[len(_META) :].lower(): value for name, value in headers.items() if name.lower().startswith(_META)
        },
    )
