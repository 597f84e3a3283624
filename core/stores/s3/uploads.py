"""Multipart uploads: opening, listing, completing and aborting them, whatever a server calls what has become of one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol
from urllib.parse import unquote_plus

from core.model.errors import CoreError, Retry, Scope
from core.model.objects import ObjectInfo, PartInfo, UploadInfo
from core.stores.base import CompletePart, NewUpload
from core.stores.checksum import crc_text, multipart_etag
from core.stores.s3.answers import Target, upload_gone

_PAGE = 1000
_PART_ETAG = re.compile(r"[0-9a-f]{32}")
# how servers refuse a checksum algorithm they do not know
_NO_CHECKSUMS = frozenset({"unsupported", "refused"})


class Call(Protocol):
    """A control call by its botocore name."""

    async def __call__(self, operation: str, target: Target, **parameters: Any) -> dict[str, Any]: ...


class Uploads:
    """The multipart control calls of one store."""

    def __init__(self, call: Call, head: Callable[[str, str], Awaitable[ObjectInfo]]) -> None:
        self._call = call
        self._head = head

    async def create(self, bucket: str, key: str, content_type: str, *, ask_checksums: bool) -> NewUpload:
        """Open an upload; with a full-object CRC-64/NVME where that is asked for and the server agrees."""
        parameters = {"Bucket": bucket, "Key": key} | ({"ContentType": content_type} if content_type else {})
        target = Target(bucket, key)
        if ask_checksums:
            wish = {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"}
            try:
                answer = await self._call("create_multipart_upload", target, **parameters, **wish)
            except CoreError as error:
                if error.code not in _NO_CHECKSUMS:
                    raise
            else:
                agreed = answer.get("ChecksumAlgorithm") == "CRC64NVME"
                return NewUpload(answer["UploadId"], agreed and answer.get("ChecksumType") != "COMPOSITE")
        answer = await self._call("create_multipart_upload", target, **parameters)
        return NewUpload(answer["UploadId"], checksums=False)

    async def parts(self, bucket: str, key: str, upload_id: str) -> list[PartInfo]:
        """All parts, page by page. Raises `no-upload`."""
        found: list[PartInfo] = []
        marker = 0
        while True:
            page = await self._named(
                "list_parts", bucket, key, upload_id, MaxParts=_PAGE, **({"PartNumberMarker": marker} if marker else {})
            )
            listed = page.get("Parts", [])
            found += [PartInfo(part["PartNumber"], part["Size"], part["ETag"].strip('"')) for part in listed]
            if not page.get("IsTruncated") or not listed:
                return found
            marker = listed[-1]["PartNumber"]

    async def complete(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[CompletePart], crc64nvme: str
    ) -> ObjectInfo:
        """Make the object and return it as HEAD shows it.

        After an answer that was lost or says that the upload is gone, the object is looked at: it is ours when its ETag
        or checksum is the one these parts make.
        """
        whole = {"ChecksumCRC64NVME": crc64nvme, "ChecksumType": "FULL_OBJECT"} if crc64nvme else {}
        listed = [
            {"PartNumber": part.number, "ETag": f'"{part.etag}"'}
            | ({"ChecksumCRC64NVME": crc_text(part.crc64nvme)} if crc64nvme else {})
            for part in parts
        ]
        try:
            await self._named(
                "complete_multipart_upload", bucket, key, upload_id, MultipartUpload={"Parts": listed}, **whole
            )
        except CoreError as error:
            if not _unsure(error):
                raise
            made = await self._made(bucket, key, parts, crc64nvme)
            if made is None:
                raise
            return made
        return await self._head(bucket, key)

    async def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Throw an upload away; one that is gone already is fine."""
        try:
            await self._named("abort_multipart_upload", bucket, key, upload_id)
        except CoreError as error:
            if error.code != "no-upload":
                raise

    async def open_ones(self, bucket: str, prefix: str) -> list[UploadInfo]:
        """All open uploads under a prefix.

        Keys are asked for as they are, since Ceph encodes them without saying so; only where a key with control
        characters makes the answer no XML they are asked for encoded.
        """
        try:
            return await self._open_ones(bucket, prefix, {})
        except CoreError as error:
            if error.code != "bad-answer":
                raise
        return await self._open_ones(bucket, prefix, {"EncodingType": "url"})

    async def _open_ones(self, bucket: str, prefix: str, encoding: dict[str, str]) -> list[UploadInfo]:
        decode = unquote_plus if encoding else str
        parameters = {"Bucket": bucket, "MaxUploads": _PAGE, **encoding} | ({"Prefix": prefix} if prefix else {})
        found: list[UploadInfo] = []
        while True:
            page = await self._call("list_multipart_uploads", Target(bucket), **parameters)
            listed = page.get("Uploads", [])
            found += [
                UploadInfo(decode(upload["Key"]), upload["UploadId"], upload["Initiated"].timestamp())
                for upload in listed
            ]
            # Swift may leave the next marker out, and marks an empty last page as truncated
            if not page.get("IsTruncated") or not listed:
                return found
            parameters |= {"KeyMarker": found[-1].key, "UploadIdMarker": found[-1].upload_id}

    async def _named(self, operation: str, bucket: str, key: str, upload_id: str, **parameters: Any) -> dict[str, Any]:
        """A call on one upload. Servers that know it no more say NoSuchUpload, NoSuchKey, or fail with 500.

        After the latter (Ceph, moto) the list of open uploads tells.
        """
        target = Target(bucket, key, upload=True)
        try:
            return await self._call(operation, target, Bucket=bucket, Key=key, UploadId=upload_id, **parameters)
        except CoreError as error:
            if error.code != "server-fault" or await self._is_open(bucket, key, upload_id):
                raise
            raise upload_gone(target, f"{error.detail}; it is not among the open uploads") from None

    async def _is_open(self, bucket: str, key: str, upload_id: str) -> bool:
        try:
            return any(upload.upload_id == upload_id for upload in await self.open_ones(bucket, key))
        except CoreError:
            return True  # not known; the fault itself is told

    async def _made(self, bucket: str, key: str, parts: Sequence[CompletePart], crc64nvme: str) -> ObjectInfo | None:
        """The object at the key when it is the one these parts make."""
        try:
            info = await self._head(bucket, key)
        except CoreError:
            return None
        same = info.etag == multipart_etag([part.etag for part in parts]) or (crc64nvme and info.crc64nvme == crc64nvme)
        return info if same else None


def _unsure(error: CoreError) -> bool:
    """Whether the object may have been made all the same."""
    return error.code in ("no-upload", "bad-answer") or (
        error.retry in (Retry.BACKOFF, Retry.ONLINE) and (error.scope is Scope.ITEM or error.code == "unreachable")
    )
