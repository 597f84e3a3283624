"""Uploads and control calls against a server that loses answers, mixes up its words or is none."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from email.utils import formatdate

import pytest
from aiohttp import web

from core.model.errors import CoreError, Retry, Scope
from core.stores.base import CompletePart
from core.stores.checksum import multipart_etag
from core.stores.s3.store import S3Store
from tests.core.stores.s3.bodies import BytesBody
from tests.core.stores.s3.fake import ERROR, Fake, Handler, drop, error, plain, serving

PARTS = [CompletePart(1, "a" * 32), CompletePart(2, "b" * 32)]
WHOLE = multipart_etag([part.etag for part in PARTS])
NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
UPLOADS = f"<ListMultipartUploadsResult {NS}>{{}}</ListMultipartUploadsResult>"
COMPLETED = f'<CompleteMultipartUploadResult {NS}><ETag>"{WHOLE}"</ETag></CompleteMultipartUploadResult>'


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    async with serving() as server:
        yield server


@pytest.fixture
async def store(fake: Fake) -> AsyncIterator[S3Store]:
    made = S3Store(fake.account, "secret")
    yield made
    await made.close()


def routes(**by: Handler) -> Handler:
    """Answers by method, and for GET by what is listed (`uploads`)."""

    async def handler(request: web.Request) -> web.StreamResponse:
        name = "uploads" if "uploads" in request.query and request.method == "GET" else request.method.lower()
        return await by[name](request)

    return handler


def head(etag: str, **headers: str) -> Handler:
    return plain(200, b"", ETag=f'"{etag}"', Content_Length="10", **headers)


@pytest.mark.parametrize(
    "completion",
    [
        pytest.param(drop, id="cut"),
        pytest.param(error(404, "NoSuchUpload"), id="no-such-upload"),
        pytest.param(error(404, "NoSuchKey"), id="no-such-key"),
        pytest.param(plain(200, ERROR.format(code="InternalError", message="Oops.")), id="200-with-error"),
        pytest.param(plain(500, "<html>"), id="500"),
        pytest.param(error(503, "SlowDown"), id="slow-down"),
    ],
)
async def test_an_object_that_was_made_is_not_a_failure(fake: Fake, store: S3Store, completion: Handler) -> None:
    fake.say(routes(post=completion, head=head(WHOLE), uploads=plain(200, UPLOADS.format(""))))
    info = await store.complete_upload("b", "k", "id", PARTS)
    assert info.etag == WHOLE


@pytest.mark.parametrize(
    ("completion", "code", "retry"),
    [
        pytest.param(drop, "unreachable", Retry.BACKOFF, id="cut"),
        pytest.param(error(404, "NoSuchUpload"), "no-upload", Retry.NEVER, id="no-such-upload"),
        pytest.param(
            plain(200, ERROR.format(code="SlowDown", message="Oops.")), "slow-down", Retry.BACKOFF, id="200-with-error"
        ),
        pytest.param(error(500, "UnknownError"), "no-upload", Retry.NEVER, id="500-and-not-open"),
        pytest.param(error(400, "EntityTooSmall"), "entity-too-small", Retry.NEVER, id="small"),
        pytest.param(error(400, "InvalidPart"), "bad-part", Retry.NEVER, id="part"),
    ],
)
async def test_another_object_at_the_key_is_not_ours(
    fake: Fake, store: S3Store, completion: Handler, code: str, retry: Retry
) -> None:
    fake.say(routes(post=completion, head=head("c" * 32), uploads=plain(200, UPLOADS.format(""))))
    with pytest.raises(CoreError) as failure:
        await store.complete_upload("b", "k", "id", PARTS)
    assert (failure.value.code, failure.value.retry) == (code, retry)


async def test_a_fault_on_an_open_upload_stays_a_fault(fake: Fake, store: S3Store) -> None:
    upload = "<Upload><Key>k</Key><UploadId>id</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>"
    fake.say(routes(get=error(500, "InternalError"), uploads=plain(200, UPLOADS.format(upload))))
    with pytest.raises(CoreError) as failure:
        await store.list_parts("b", "k", "id")
    assert (failure.value.code, failure.value.retry) == ("server-fault", Retry.BACKOFF)


async def test_the_checksum_of_the_whole_tells_too(fake: Fake, store: S3Store) -> None:
    fake.say(routes(post=drop, head=head("opaque", x_amz_checksum_crc64nvme="AAAAAAAAAAE=")))
    info = await store.complete_upload("b", "k", "id", [CompletePart(1, "opaque", 1)], crc64nvme="AAAAAAAAAAE=")
    assert info.etag == "opaque"
    completion = fake.seen[0].body.decode()
    assert "<ChecksumCRC64NVME>AAAAAAAAAAE=</ChecksumCRC64NVME>" in completion
    assert fake.seen[0].headers["x-amz-checksum-crc64nvme"] == "AAAAAAAAAAE="
    assert fake.seen[0].headers["x-amz-checksum-type"] == "FULL_OBJECT"


async def test_heads_word_is_final(fake: Fake, store: S3Store) -> None:
    fake.say(routes(post=plain(200, COMPLETED.replace(WHOLE, "")), head=head(WHOLE)))
    assert (await store.complete_upload("b", "k", "id", PARTS)).etag == WHOLE


@pytest.mark.parametrize(
    "no", [error(501, "NotImplemented"), error(400, "InvalidRequest"), error(400, "InvalidArgument")]
)
async def test_checksums_are_asked_for_once(fake: Fake, store: S3Store, no: Handler) -> None:
    opened = f"<InitiateMultipartUploadResult {NS}><UploadId>id</UploadId></InitiateMultipartUploadResult>"
    fake.say(no, plain(200, opened))
    for _ in range(2):
        assert not (await store.create_upload("b", "k")).checksums
    assert ["x-amz-checksum-algorithm" in seen.headers for seen in fake.seen] == [True, False, False]


async def test_listings_go_on_where_swift_forgets_the_marker(fake: Fake, store: S3Store) -> None:
    upload = "<Upload><Key>{0}</Key><UploadId>id {0}</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>"
    pages = [
        f"<IsTruncated>true</IsTruncated><NextKeyMarker></NextKeyMarker>{upload.format('a')}",
        f"<IsTruncated>true</IsTruncated>{upload.format('b')}",
        "<IsTruncated>true</IsTruncated>",
    ]
    fake.say(*(plain(200, UPLOADS.format(page)) for page in pages))
    assert [found.key for found in await store.list_uploads("b", prefix="p/")] == ["a", "b"]
    assert "key-marker=b" in fake.seen[2].url
    assert "upload-id-marker=id%20b" in fake.seen[2].url


async def test_parts_come_in_pages(fake: Fake, store: S3Store) -> None:
    part = '<Part><PartNumber>{0}</PartNumber><Size>5</Size><ETag>"e{0}"</ETag></Part>'
    page = f"<ListPartsResult {NS}><IsTruncated>{{}}</IsTruncated>{{}}</ListPartsResult>"
    fake.say(
        plain(200, page.format("true", part.format(1) + part.format(2))),
        plain(200, page.format("false", part.format(9))),
    )
    assert [(item.number, item.etag) for item in await store.list_parts("b", "k", "id")] == [
        (1, "e1"),
        (2, "e2"),
        (9, "e9"),
    ]
    assert "part-number-marker=2" in fake.seen[1].url


# --- control calls ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("page", ["<!DOCTYPE html><html><br></html>", "<html><b/></html>", "OK"])
async def test_control_calls_to_something_else_than_s3(fake: Fake, store: S3Store, status: int, page: str) -> None:
    fake.say(plain(status, page, Content_Type="text/html"))
    with pytest.raises(CoreError) as failure:
        await store.list_buckets()
    assert failure.value.code == "bad-answer"


async def test_a_gateway_in_trouble_is_a_fault_of_the_server(fake: Fake, store: S3Store) -> None:
    fake.say(plain(502, "<!DOCTYPE html><html><br></html>", Content_Type="text/html"))
    with pytest.raises(CoreError) as failure:
        await store.list_buckets()
    assert (failure.value.code, failure.value.retry) == ("server-fault", Retry.BACKOFF)


async def test_control_calls_are_not_retried_in_secret(fake: Fake, store: S3Store) -> None:
    fake.say(error(503, "SlowDown", Retry_After="3", x_amz_request_id="R1"))
    with pytest.raises(CoreError) as failure:
        await store.list_buckets()
    assert (failure.value.code, failure.value.retry, failure.value.after_s) == ("slow-down", Retry.BACKOFF, 3.0)
    assert failure.value.request_id == "R1"
    assert len(fake.seen) == 1


async def test_control_calls_learn_the_clock(fake: Fake, store: S3Store) -> None:
    late = error(403, "RequestTimeTooSkewed", Date=formatdate(time.time() + 5000, usegmt=True))
    fake.say(late, plain(200, f"<ListAllMyBucketsResult {NS}/>"))
    assert await store.list_buckets() == []
    first, second = (seen.headers["X-Amz-Date"] for seen in fake.seen)
    assert first < second
    fake.say(late)
    with pytest.raises(CoreError) as failure:
        await store.list_buckets()
    assert (failure.value.code, failure.value.scope) == ("clock-skew", Scope.ACCOUNT)


async def test_control_calls_follow_the_bucket_to_its_region(fake: Fake, store: S3Store) -> None:
    fake.say(error(301, "PermanentRedirect", x_amz_bucket_region="us-elsewhere-9"), plain(204))
    await store.delete_bucket("b")
    assert "us-elsewhere-9/s3" in fake.seen[-1].headers["Authorization"]


async def test_a_bucket_in_foreign_hands_is_taken(fake: Fake, store: S3Store) -> None:
    fake.say(plain(403), error(403, "AccessDenied"))
    with pytest.raises(CoreError) as failure:
        await store.create_bucket("b")
    assert failure.value.code == "bucket-exists"


# --- deleting ---------------------------------------------------------------------------------------------------


async def test_deletes_one_by_one_where_there_are_no_batches(fake: Fake, store: S3Store) -> None:
    keys = ["a", "b", "c"]

    async def one(request: web.Request) -> web.StreamResponse:
        name = request.path.rsplit("/", 1)[1]
        answer = {"a": plain(204), "b": error(404, "NoSuchKey"), "c": error(403, "AccessDenied")}[name]
        return await answer(request)

    fake.say(routes(post=error(501, "NotImplemented"), delete=one))
    failed = await store.delete_objects("b", keys)
    assert [(item.key, item.error.code) for item in failed] == [("c", "access-denied")]
    assert "Content-MD5" in fake.seen[0].headers


async def test_what_a_batch_could_not_delete(fake: Fake, store: S3Store) -> None:
    errors = "<Error><Key>a&amp;b</Key><Code>AccessDenied</Code><Message>No.</Message></Error>"
    fake.say(plain(200, f"<DeleteResult {NS}>{errors}</DeleteResult>"))
    failed = await store.delete_objects("b", ["a&b", "ok"])
    assert [(item.key, item.error.code, item.error.where) for item in failed] == [
        ("a&b", "access-denied", "s3://b/a&b")
    ]


async def test_an_empty_key_never_deletes_the_bucket(fake: Fake, store: S3Store) -> None:
    fake.say(plain(204))
    assert [(item.key, item.error.code) for item in await store.delete_objects("b", [""])] == [("", "bad-key")]
    assert fake.seen == []


async def test_bad_keys_stop_a_batch(fake: Fake, store: S3Store) -> None:
    fake.say(routes(post=error(501, "NotImplemented"), delete=error(403, "InvalidAccessKeyId")))
    with pytest.raises(CoreError) as failure:
        await store.delete_objects("b", ["a", "b"])
    assert failure.value.code == "bad-credentials"


# --- what movers get --------------------------------------------------------------------------------------------


async def test_access_is_complete(fake: Fake, store: S3Store) -> None:
    access = await store.access()
    assert replace(access, credentials=None) == replace(fake.access(), credentials=None)
    assert access.credentials is not None
    assert access.credentials.secret_key == "secret"
    assert "secret" not in repr(access)
    fake.say(plain(200, ETag='"x"'))
    await store.put_object("b", "k", BytesBody(b"x"))
