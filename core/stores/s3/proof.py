"""What a server's answer proves about bytes that were sent: pure comparisons of its checksums with ours."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from core.model.objects import Digests
from core.stores.checksum import crc_text, is_md5
from core.stores.s3.answers import Target, damaged

CRC_HEADER = "x-amz-checksum-crc64nvme"


def md5_text(md5_hex: str) -> str:
    """The Content-MD5 header's value."""
    return base64.b64encode(bytes.fromhex(md5_hex)).decode()


def proof_of(headers: Mapping[str, str], digests: Digests, target: Target, *, content_md5: bool) -> str:
    """`crc64nvme`, `content-md5`, `md5-etag` or empty, from the headers of an answer that accepted the bytes.

    `content_md5`: the server was given one and did not complain. Raises IntegrityError (`bad-digest`).
    """
    request_id = headers.get("x-amz-request-id", "")
    if theirs := headers.get(CRC_HEADER, ""):
        ours = crc_text(digests.crc64nvme)
        if theirs != ours:
            raise damaged(target, f"CRC-64/NVME {theirs} there, {ours} here", request_id)
        return "crc64nvme"
    if content_md5:
        return "content-md5"
    if not digests.md5 or not may_be_md5(headers):
        return ""
    etag = headers["ETag"].strip('"').lower()
    if etag != digests.md5:
        raise damaged(target, f"MD5 {etag} there, {digests.md5} here", request_id)
    return "md5-etag"


def may_be_md5(headers: Mapping[str, str]) -> bool:
    """True where nothing better is given and the ETag looks like an MD5 and is no SSE-KMS or SSE-C one.

    Source: docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html.
    """
    return (
        CRC_HEADER not in headers
        and is_md5(headers.get("ETag", "").strip('"').lower())
        and not headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
        and "x-amz-server-side-encryption-customer-algorithm" not in headers
    )
