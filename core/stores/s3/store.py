"""The whole S3 store: bytes and listings by our own requests, control calls by the SDK beside the engine's loop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.model.account import Account, Credentials
from core.model.errors import CoreError, RemoteError, Retry, Scope, UsageError
from core.model.objects import Bucket, Digests, ObjectInfo, Page, PartInfo, Stored, UploadInfo
from core.stores.base import Access, Body, CompletePart, DeleteError, Fetched, NewUpload, Sink
from core.stores.rules import check_object_key
from core.stores.s3.address import DEFAULT_REGION, is_aws, signing_region
from core.stores.s3.answers import Target
from core.stores.s3.aside import Aside
from core.stores.s3.deletes import delete_keys
from core.stores.s3.exchange import Refused, Request
from core.stores.s3.sign import MAX_PRESIGN_S, presign
from core.stores.s3.uploads import Uploads
from core.stores.s3.wire import S3Wire

_ASK_AGAIN_S = 60.0  # botocore refreshes keys a quarter of an hour before they end


class S3Store:
    """An account with its keys (`secret` belongs to `account.access_key`). Safe to use from many tasks of one loop."""

    def __init__(self, account: Account, secret: str = "") -> None:
        self._account = account
        self._secret = secret
        self._aside = Aside(account, secret)
        self._wire: S3Wire | None = None
        self._keeps_checksums: bool | None = None  # None: not known yet
        self._asked_at_s = 0.0  # monotonic
        self._uploads = Uploads(self._control, self.head)

    async def access(self) -> Access:
        wire = await self._ready()
        return replace(wire.access, clock_offset_s=wire.clock_offset_s)

    async def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()
        await self._aside.close()

    # --- bytes --------------------------------------------------------------------------------------------------

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
        wire = await self._ready()
        return await wire.put_object(
            bucket, key, body, content_type=content_type, if_none_match=if_none_match, content_md5=content_md5
        )

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
        wire = await self._ready()
        return await wire.put_part(bucket, key, upload_id, number, body, checksums=checksums, content_md5=content_md5)

    async def get_range(
        self, bucket: str, key: str, sink: Sink, *, start: int, size_bytes: int, if_match: str = ""
    ) -> Fetched:
        wire = await self._ready()
        return await wire.get_range(bucket, key, sink, start=start, size_bytes=size_bytes, if_match=if_match)

    async def head(self, bucket: str, key: str) -> ObjectInfo:
        info = await (await self._ready()).head(bucket, key)
        if info.crc64nvme and self._keeps_checksums is None:
            self._learn(True)
        return info

    # --- buckets and objects ------------------------------------------------------------------------------------

    async def list_buckets(self) -> list[Bucket]:
        answer = await self._control("list_buckets", Target(endpoint=self._account.endpoint))
        return [
            Bucket(bucket["Name"], bucket["CreationDate"].timestamp() if "CreationDate" in bucket else 0.0)
            for bucket in answer.get("Buckets", [])
        ]

    async def create_bucket(self, bucket: str) -> None:
        """Asks first: AWS and Ceph let one create one's own bucket again as if it were new."""
        await self._refuse_existing(bucket)
        account = (await self._ready()).access.account
        region = signing_region(account)
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        elsewhere = is_aws(account.endpoint) and region != DEFAULT_REGION
        await self._control("create_bucket", Target(bucket), Bucket=bucket, **(place if elsewhere else {}))

    async def delete_bucket(self, bucket: str) -> None:
        await self._control("delete_bucket", Target(bucket), Bucket=bucket)

    async def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", token: str = "", count: int = 1000
    ) -> Page:
        wire = await self._ready()
        return await wire.list_objects(bucket, prefix=prefix, delimiter=delimiter, token=token, count=count)

    async def delete_objects(self, bucket: str, keys: Sequence[str]) -> list[DeleteError]:
        return await delete_keys((await self._ready()).exchange, bucket, keys)

    async def copy_object(
        self, bucket: str, key: str, source_bucket: str, source_key: str, *, if_match: str = ""
    ) -> ObjectInfo:
        check_object_key(key)
        check_object_key(source_key)
        await self._control(
            "copy_object",
            Target(bucket, key),
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": source_bucket, "Key": source_key},
            **_if_match(if_match),
        )
        return await self.head(bucket, key)

    async def presign_get(self, bucket: str, key: str, *, expires_s: int) -> str:
        check_object_key(key)
        if not 1 <= expires_s <= MAX_PRESIGN_S:
            raise UsageError("bad-expiry", "A link can be valid for 1 second to 7 days.", where=f"s3://{bucket}/{key}")
        wire = await self._ready()
        credentials = wire.access.credentials
        assert credentials is not None  # an S3 account without keys is refused by _ready
        place = wire.exchange.place(bucket, key)
        return presign(
            "GET",
            place.base_url,
            place.host,
            place.path,
            credentials=credentials,
            region=wire.exchange.region(bucket),
            now_s=time.time() + wire.clock_offset_s,
            expires_s=expires_s,
        )

    # --- multipart uploads --------------------------------------------------------------------------------------

    async def create_upload(self, bucket: str, key: str, *, content_type: str = "") -> NewUpload:
        check_object_key(key)
        await self._ready()
        made = await self._uploads.create(bucket, key, content_type, ask_checksums=self._keeps_checksums is not False)
        if self._keeps_checksums is None:
            self._learn(made.checksums)
        return made

    async def copy_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        source_bucket: str,
        source_key: str,
        *,
        start: int,
        size_bytes: int,
        if_match: str = "",
    ) -> Stored:
        check_object_key(source_key)
        answer = await self._control(
            "upload_part_copy",
            Target(source_bucket, source_key),
            Bucket=bucket,
            Key=key,
            UploadId=upload_id,
            PartNumber=number,
            CopySource={"Bucket": source_bucket, "Key": source_key},
            CopySourceRange=f"bytes={start}-{start + size_bytes - 1}",
            **_if_match(if_match),
        )
        return Stored(answer["CopyPartResult"]["ETag"].strip('"'), Digests(size_bytes))

    async def list_parts(self, bucket: str, key: str, upload_id: str) -> list[PartInfo]:
        return await self._uploads.parts(bucket, key, upload_id)

    async def complete_upload(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[CompletePart], *, crc64nvme: str = ""
    ) -> ObjectInfo:
        return await self._uploads.complete(bucket, key, upload_id, parts, crc64nvme)

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        await self._uploads.abort(bucket, key, upload_id)

    async def list_uploads(self, bucket: str, *, prefix: str = "") -> list[UploadInfo]:
        return await self._uploads.open_ones(bucket, prefix)

    # --- what is behind it --------------------------------------------------------------------------------------

    async def _control(self, operation: str, target: Target, **parameters: Any) -> dict[str, Any]:
        offset_s = 0.0 if self._wire is None else self._wire.clock_offset_s
        self._check_secret()
        return await self._aside.call(operation, target, offset_s=offset_s, **parameters)

    async def _ready(self) -> S3Wire:
        """The wire with keys that are valid now; only keys of files, roles and the like are asked for again."""
        wire = self._wire
        if wire is not None and (self._account.access_key or time.monotonic() - self._asked_at_s < _ASK_AGAIN_S):
            return wire
        account, credentials = await self._resolved()
        self._asked_at_s = time.monotonic()
        if self._keeps_checksums is None and is_aws(account.endpoint):
            self._keeps_checksums = True
        access = Access(account, credentials, checksums=bool(self._keeps_checksums))
        if self._wire is None:
            self._wire = S3Wire(access)
        else:
            self._wire.access = access
        return self._wire

    async def _resolved(self) -> tuple[Account, Credentials]:
        if not self._account.access_key:
            return await self._aside.resolved()
        self._check_secret()
        return self._account, Credentials(self._account.access_key, self._secret)

    def _check_secret(self) -> None:
        if self._account.access_key and not self._secret:
            name = self._account.name
            sentence = f"There is no secret key for the account “{name}”; enter it in the account."
            raise RemoteError("bad-credentials", sentence, where=name, retry=Retry.CREDENTIALS, scope=Scope.ACCOUNT)

    def _learn(self, keeps: bool) -> None:
        self._keeps_checksums = keeps
        if self._wire is not None:
            self._wire.access = replace(self._wire.access, checksums=keeps)

    async def _refuse_existing(self, bucket: str) -> None:
        target = Target(bucket)
        try:
            async with (await self._ready()).exchange.answer(Request("HEAD", target)):
                raise _taken(target)
        except Refused as no:
            error = no.error()
        if error.code == "access-denied":
            raise _taken(target)
        if error.code != "no-bucket":
            raise error


def _taken(target: Target) -> CoreError:
    return RemoteError(
        "bucket-exists", f"The bucket name “{target.bucket}” is taken; choose another one.", where=target.url
    )


def _if_match(etag: str) -> dict[str, str]:
    return {"CopySourceIfMatch": f'"{etag}"'} if etag else {}
