"""The wire against answers no sound server gives."""

import asyncio
import hashlib
import random
import time
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from email.utils import formatdate

import pytest
import uvloop
from aiohttp import web

from core.model.errors import CoreError, IntegrityError, LocalError, NetworkError, Retry, Scope
from core.stores.s3.proof import crc_text
from core.stores.s3.wire import S3Wire
from tests.core.stores.s3.bodies import BytesBody, BytesSink, digests_of
from tests.core.stores.s3.fake import Fake, Handler, cut, drop, error, plain, serving

ETAG = '"0123456789abcdef0123456789abcdef"'
BARE = ETAG.strip('"')
HTML = "<!DOCTYPE html><html><body>Please log in to the hotel's network<br></body></html>"


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    async with serving() as server:
        yield server


@pytest.fixture
async def wire(fake: Fake) -> AsyncIterator[S3Wire]:
    made = S3Wire(fake.access())
    yield made
    await made.close()


def md5_etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


# --- reading ----------------------------------------------------------------------------------------------------


def ranged(body: bytes, content_range: str = "bytes 0-9/99", etag: str = ETAG) -> Handler:
    return plain(206, body, ETag=etag, Content_Range=content_range)


TEN = b"0123456789"
WEB = {"Content_Type": "text/html"}
PART_OF_TEN = {"ETag": ETAG, "Content_Range": "bytes 0-9/99"}


@pytest.mark.parametrize(
    ("answer", "code", "retry"),
    [
        pytest.param(ranged(b"01234", "bytes 0-4/99"), "bad-answer", Retry.BACKOFF, id="short"),
        pytest.param(ranged(b"0123456789ab", "bytes 0-11/99"), "bad-answer", Retry.BACKOFF, id="long"),
        pytest.param(ranged(TEN, "bytes 5-14/99"), "bad-answer", Retry.BACKOFF, id="another-range"),
        pytest.param(ranged(TEN, ""), "bad-answer", Retry.BACKOFF, id="206-without-range"),
        pytest.param(ranged(TEN, etag=f"W/{ETAG}"), "bad-answer", Retry.BACKOFF, id="weak-etag"),
        pytest.param(plain(200, b"x" * 99, ETag=ETAG), "bad-answer", Retry.BACKOFF, id="200-for-a-range"),
        pytest.param(plain(200, HTML, **WEB), "bad-answer", Retry.NEVER, id="html"),
        pytest.param(cut(206, b"0123", **PART_OF_TEN, Content_Length="10"), "unreachable", Retry.BACKOFF, id="cut"),
        pytest.param(cut(206, b"0123", **PART_OF_TEN), "bad-answer", Retry.BACKOFF, id="cut-without-length"),
        pytest.param(drop, "unreachable", Retry.BACKOFF, id="dropped"),
        pytest.param(plain(403, HTML, **WEB), "bad-answer", Retry.NEVER, id="403-html"),
        pytest.param(plain(404, HTML, **WEB), "bad-answer", Retry.NEVER, id="404-html"),
        pytest.param(plain(302, b"", Location="http://login.hotel/"), "bad-answer", Retry.NEVER, id="portal"),
        pytest.param(plain(502, HTML, **WEB), "server-fault", Retry.BACKOFF, id="gateway"),
        pytest.param(error(412, "PreconditionFailed"), "changed", Retry.NEVER, id="changed"),
        pytest.param(error(416, "InvalidRange"), "changed", Retry.NEVER, id="416"),
        pytest.param(error(404, "NoSuchKey"), "no-key", Retry.NEVER, id="no-key"),
    ],
)
async def test_what_is_not_the_range_never_passes(
    fake: Fake, wire: S3Wire, answer: Handler, code: str, retry: Retry
) -> None:
    fake.say(answer)
    with pytest.raises(CoreError) as failure:
        await wire.get_range("b", "k", BytesSink(), start=0, size_bytes=10)
    assert (failure.value.code, failure.value.retry) == (code, retry)
    assert failure.value.where == "s3://b/k"


async def test_encoding_added_on_the_way(fake: Fake, wire: S3Wire) -> None:
    async def squeezed(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=200, headers={"ETag": ETAG, "Content-Encoding": "gzip"})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        await answer.write(b"0123456789")
        return answer

    fake.say(squeezed)
    with pytest.raises(CoreError) as failure:
        await wire.get_range("b", "k", BytesSink(), start=0, size_bytes=10)
    assert failure.value.code == "bad-answer"
    assert fake.seen[0].headers["Accept-Encoding"] == "identity"


async def test_encoding_that_is_stored_passes_as_it_is(fake: Fake, wire: S3Wire) -> None:
    packed = b"\x1f\x8b not really gzip"
    last = len(packed) - 1
    fake.say(plain(206, packed, ETag=ETAG, Content_Encoding="gzip", Content_Range=f"bytes 0-{last}/{len(packed)}"))
    sink = BytesSink()
    await wire.get_range("b", "k", sink, start=0, size_bytes=len(packed))
    assert sink.data == packed


async def test_200_with_the_whole_object_is_the_range(fake: Fake, wire: S3Wire) -> None:
    fake.say(plain(200, b"0123456789", ETag=ETAG))
    sink = BytesSink()
    fetched = await wire.get_range("b", "k", sink, start=0, size_bytes=10, if_match=BARE)
    assert (sink.data, fetched.etag, fetched.total_bytes) == (b"0123456789", BARE, 10)
    assert fake.seen[0].headers["If-Match"] == ETAG
    assert fake.seen[0].headers["Range"] == "bytes=0-9"


async def test_a_server_that_ignores_if_match(fake: Fake, wire: S3Wire) -> None:
    fake.say(plain(206, b"0123456789", ETag=ETAG, Content_Range="bytes 0-9/99"))
    with pytest.raises(CoreError) as failure:
        await wire.get_range("b", "k", BytesSink(), start=0, size_bytes=10, if_match="another")
    assert failure.value.code == "changed"


async def test_an_empty_object_is_asked_for_without_a_range(fake: Fake, wire: S3Wire) -> None:
    fake.say(plain(200, b"", ETag=ETAG))
    fetched = await wire.get_range("b", "k", BytesSink(), start=0, size_bytes=0)
    assert fetched.total_bytes == 0
    assert "Range" not in fake.seen[0].headers


async def test_a_sink_that_fails_is_heard_as_it_is(fake: Fake, wire: S3Wire) -> None:
    class Full:
        async def write(self, data: bytes | memoryview) -> None:
            raise LocalError("disk-full", "The disk is full.")

    fake.say(plain(206, b"0123456789", ETag=ETAG, Content_Range="bytes 0-9/99"))
    with pytest.raises(LocalError, match="disk is full"):
        await wire.get_range("b", "k", Full(), start=0, size_bytes=10)
    await wire.get_range("b", "k", BytesSink(), start=0, size_bytes=10)


# --- refusals ---------------------------------------------------------------------------------------------------


async def test_slow_down_says_for_how_long(fake: Fake, wire: S3Wire) -> None:
    fake.say(error(503, "SlowDown", Retry_After="7"))
    with pytest.raises(CoreError) as failure:
        await wire.put_object("b", "k", BytesBody(b"x"))
    seen = failure.value
    assert (seen.code, seen.retry, seen.after_s, seen.request_id) == ("slow-down", Retry.BACKOFF, 7.0, "R1")


async def test_head_is_refused_with_words(fake: Fake, wire: S3Wire) -> None:
    fake.say(plain(403), error(403, "InvalidAccessKeyId"))
    with pytest.raises(CoreError) as failure:
        await wire.head("b", "k")
    assert (failure.value.code, failure.value.scope) == ("bad-credentials", Scope.ACCOUNT)
    assert [seen.method for seen in fake.seen] == ["HEAD", "GET"]


async def test_head_of_something_else_than_s3(fake: Fake, wire: S3Wire) -> None:
    fake.say(plain(200, HTML, Content_Type="text/html"))
    with pytest.raises(CoreError) as failure:
        await wire.head("b", "k")
    assert failure.value.code == "bad-answer"


async def test_the_clock_is_learned_once(fake: Fake, wire: S3Wire) -> None:
    ahead_s = 4000
    late = error(403, "RequestTimeTooSkewed", Date=formatdate(time.time() + ahead_s, usegmt=True))
    fake.say(late, plain(200, ETag=md5_etag(b"x")))
    await wire.put_object("b", "k", BytesBody(b"x"))
    assert ahead_s - 5 < wire.clock_offset_s < ahead_s + 5
    stamps = [time.mktime(time.strptime(seen.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")) for seen in fake.seen]
    assert ahead_s - 5 < stamps[1] - stamps[0] < ahead_s + 5
    fake.say(late)
    with pytest.raises(CoreError) as failure:
        await wire.put_object("b", "k", BytesBody(b"x"))
    assert (failure.value.code, failure.value.scope) == ("clock-skew", Scope.ACCOUNT)
    assert len(fake.seen) == 4


async def test_a_region_is_learned_for_the_bucket(fake: Fake, wire: S3Wire) -> None:
    moved = error(301, "PermanentRedirect", x_amz_bucket_region="us-elsewhere-9")
    fake.say(moved, plain(200, ETag=md5_etag(b"x")))
    await wire.put_object("b", "k", BytesBody(b"x"))
    await wire.put_object("b", "k2", BytesBody(b"x"))
    await wire.put_object("other", "k", BytesBody(b"x"))
    regions = [seen.headers["Authorization"].split("/")[2] for seen in fake.seen]
    assert regions == ["eu-test-1", "us-elsewhere-9", "us-elsewhere-9", "eu-test-1"]


async def test_a_redirect_is_followed_once_and_remembered(fake: Fake, wire: S3Wire) -> None:
    async with serving() as other:
        fake.say(error(307, "TemporaryRedirect", Location=f"{other.endpoint}/b/k?x=y"))
        other.say(plain(200, ETag=md5_etag(b"x")))
        await wire.put_object("b", "k", BytesBody(b"x"))
        await wire.put_object("b", "k2", BytesBody(b"x"))
    assert [seen.url for seen in fake.seen] == ["/b/k"]
    assert [seen.url for seen in other.seen] == ["/b/k", "/b/k2"]
    assert other.seen[0].headers["Host"] == other.endpoint.removeprefix("http://")


async def test_a_redirect_in_circles_ends(fake: Fake, wire: S3Wire) -> None:
    fake.say(error(307, "TemporaryRedirect", Location=f"{fake.endpoint}/b/k"))
    with pytest.raises(CoreError) as failure:
        await wire.put_object("b", "k", BytesBody(b"x"))
    assert failure.value.code == "bad-answer"
    assert len(fake.seen) == 1


# --- writing ----------------------------------------------------------------------------------------------------


async def test_a_body_has_its_length_and_is_never_chunked(fake: Fake, wire: S3Wire) -> None:
    data = bytes(range(256)) * 20_000  # five pieces
    fake.say(plain(200, ETag=md5_etag(data), x_amz_version_id="v1"))
    stored = await wire.put_object("b", "a b/ü+%/..//k", BytesBody(data), content_type="text/x")
    sent = fake.seen[0]
    assert sent.body == data
    assert sent.url == "/b/a%20b/%C3%BC%2B%25/..//k"
    assert sent.headers["Content-Length"] == str(len(data))
    assert sent.headers["Content-Type"] == "text/x"
    assert "Transfer-Encoding" not in sent.headers
    assert (stored.proof, stored.version_id, stored.digests) == ("md5-etag", "v1", digests_of(data))


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_buffers_are_used_again_only_when_they_are_on_the_wire(new_loop: Callable[[], AbstractEventLoop]) -> None:
    """The peer reads slowly; what the loop then holds back must not be the buffer that is filled again."""

    async def main() -> None:
        data = random.Random(7).randbytes(8_000_000)  # no two pieces alike
        async with serving() as fake:
            fake.pause_s = 0.005
            fake.say(plain(200, ETag=md5_etag(data)))
            wire = S3Wire(fake.access())
            await wire.put_object("b", "k", BytesBody(data, piece_bytes=50_000))
            await wire.close()
            assert fake.seen[0].body == data

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


async def test_an_etag_that_is_another_md5(fake: Fake, wire: S3Wire) -> None:
    fake.say(plain(200, ETag=ETAG))
    with pytest.raises(IntegrityError) as failure:
        await wire.put_object("b", "k", BytesBody(b"x"))
    assert (failure.value.code, failure.value.retry) == ("bad-digest", Retry.BACKOFF)


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": ETAG, "x_amz_server_side_encryption": "aws:kms"},
        {"ETag": ETAG, "x_amz_server_side_encryption": "aws:kms:dsse"},
        {"ETag": ETAG, "x_amz_server_side_encryption_customer_algorithm": "AES256"},
        {"ETag": '"of-another-kind"'},
    ],
)
async def test_an_etag_that_is_no_md5_proves_nothing(fake: Fake, wire: S3Wire, headers: dict[str, str]) -> None:
    fake.say(plain(200, **headers))
    assert (await wire.put_object("b", "k", BytesBody(b"x"))).proof == ""


async def test_sse_s3_leaves_the_etag_an_md5(fake: Fake, wire: S3Wire) -> None:
    fake.say(plain(200, ETag=md5_etag(b"x"), x_amz_server_side_encryption="AES256"))
    assert (await wire.put_object("b", "k", BytesBody(b"x"))).proof == "md5-etag"


async def test_checksums(fake: Fake, wire: S3Wire) -> None:
    ours, md5 = crc_text(digests_of(b"x").crc64nvme), md5_etag(b"x")
    wire.access = replace(wire.access, checksums=True)
    fake.say(plain(200, ETag=ETAG, x_amz_checksum_crc64nvme=ours))
    assert (await wire.put_object("b", "k", BytesBody(b"x"))).proof == "crc64nvme"
    assert fake.seen[0].headers["x-amz-checksum-crc64nvme"] == ours
    fake.say(plain(200, ETag=md5))
    assert (await wire.put_object("b", "k", BytesBody(b"x"))).proof == "md5-etag"
    fake.say(plain(200, ETag=md5, x_amz_checksum_crc64nvme=crc_text(1)))
    with pytest.raises(IntegrityError, match="damaged"):
        await wire.put_object("b", "k", BytesBody(b"x"))


async def test_a_server_that_refuses_checksums_is_asked_without(fake: Fake, wire: S3Wire) -> None:
    wire.access = replace(wire.access, checksums=True)
    fake.say(error(501, "NotImplemented"), plain(200, ETag=md5_etag(b"x")))
    assert (await wire.put_object("b", "k", BytesBody(b"x"))).proof == "md5-etag"
    assert not wire.access.checksums
    assert ["x-amz-checksum-crc64nvme" in seen.headers for seen in fake.seen] == [True, False]


async def test_content_md5(fake: Fake, wire: S3Wire) -> None:
    fake.say(plain(200, ETag=ETAG))
    stored = await wire.put_part("b", "k", "id/+", 7, BytesBody(b"x"), content_md5=True)
    assert (stored.proof, stored.digests) == ("content-md5", digests_of(b"x"))
    assert fake.seen[0].headers["Content-MD5"] == "ndTkYSaMgDT1yFZOFVxnpg=="
    assert fake.seen[0].url == "/b/k?partNumber=7&uploadId=id%2F%2B"


async def test_put_to_something_else_than_s3(fake: Fake, wire: S3Wire) -> None:
    fake.say(plain(200, HTML, Content_Type="text/html"))
    with pytest.raises(CoreError) as failure:
        await wire.put_object("b", "k", BytesBody(b"x"))
    assert failure.value.code == "bad-answer"


class Shrunk(BytesBody):
    """Promises more than it has."""

    def __init__(self, data: bytes, promised: int) -> None:
        super().__init__(data)
        self.size_bytes = promised


@pytest.mark.parametrize("promised", [0, 3, 5_000_000])
async def test_a_body_of_another_length_is_not_sent(fake: Fake, wire: S3Wire, promised: int) -> None:
    fake.say(plain(200, ETag=ETAG))
    with pytest.raises(LocalError) as failure:
        await wire.put_object("b", "k", Shrunk(b"four", promised))
    assert failure.value.code == "source-changed"


async def test_a_body_that_cannot_be_read(fake: Fake, wire: S3Wire) -> None:
    class Unreadable(BytesBody):
        async def pieces(self, *, md5: bool) -> AsyncIterator[bytes | memoryview]:
            yield self.data[:2]
            raise LocalError("unreadable", "The file cannot be read.")

    fake.say(plain(200, ETag=ETAG))
    with pytest.raises(LocalError, match="cannot be read"):
        await wire.put_object("b", "k", Unreadable(b"four"))


async def test_a_body_that_changed_after_its_checksum(fake: Fake, wire: S3Wire) -> None:
    class Changing(BytesBody):
        async def digest(self, *, md5: bool):
            return digests_of(b"before")

    fake.say(plain(200, ETag=ETAG))
    with pytest.raises(LocalError) as failure:
        await wire.put_part("b", "k", "id", 1, Changing(b"after!"), checksums=True)
    assert failure.value.code == "source-changed"


async def test_a_connection_that_died_in_the_pool_is_replaced(fake: Fake, wire: S3Wire) -> None:
    closing = plain(200, ETag=md5_etag(b"x"))
    fake.say(closing, drop, closing)
    await wire.put_object("b", "k", BytesBody(b"x"))
    body = BytesBody(b"x")
    assert (await wire.put_object("b", "k", body)).proof == "md5-etag"
    assert body.runs == 2


async def test_cancelling_a_put_leaves_a_sound_wire(fake: Fake, wire: S3Wire) -> None:
    reached = asyncio.Event()

    class Endless(BytesBody):
        closed = False

        async def pieces(self, *, md5: bool) -> AsyncIterator[bytes | memoryview]:
            try:
                yield self.data[:10]
                reached.set()
                await asyncio.Event().wait()
            finally:
                self.closed = True

    body = Endless(b"x" * 1000)
    fake.say(plain(200, ETag=md5_etag(b"x")))
    task = asyncio.ensure_future(wire.put_object("b", "k", body))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)
    assert body.closed
    assert (await wire.put_object("b", "k", BytesBody(b"x"))).proof == "md5-etag"


# --- listings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [HTML, "", "{}", "<Error/>", "<ListBucketResult><Contents><Key>a</Key></Contents>"])
async def test_a_listing_that_is_none(fake: Fake, wire: S3Wire, body: str) -> None:
    fake.say(plain(200, body))
    with pytest.raises(CoreError) as failure:
        await wire.list_objects("b")
    assert failure.value.code == "bad-answer"


async def test_a_listing_is_asked_for_with_all_wishes(fake: Fake, wire: S3Wire) -> None:
    fake.say(plain(200, "<ListBucketResult/>"))
    await wire.list_objects("b", prefix="a b/+", delimiter="/", token="t=/+", count=7)
    query = "continuation-token=t%3D%2F%2B&delimiter=%2F&encoding-type=url&list-type=2&max-keys=7&prefix=a%20b%2F%2B"
    assert fake.seen[0].url == f"/b?{query}"


async def test_a_listing_that_is_cut(fake: Fake, wire: S3Wire) -> None:
    fake.say(cut(200, b"<ListBucketResult><Contents>", Content_Length="1000"))
    with pytest.raises(NetworkError) as failure:
        await wire.list_objects("b")
    assert failure.value.retry is Retry.BACKOFF


# --- the way there ----------------------------------------------------------------------------------------------


async def test_a_proxy_of_the_environment_is_used(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("http_proxy", fake.endpoint.removeprefix("http://"))
    fake.say(plain(200, ETag=md5_etag(b"x")))
    wire = S3Wire(replace(fake.access(), account=replace(fake.account, endpoint="http://s3.example.invalid")))
    try:
        await wire.put_object("b", "k", BytesBody(b"x"))
    finally:
        await wire.close()
    assert fake.seen[0].headers["Host"] == "s3.example.invalid"


async def test_a_proxy_that_is_not_there(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    wire = S3Wire(fake.access())
    try:
        with pytest.raises(NetworkError) as failure:
            await wire.head("b", "k")
    finally:
        await wire.close()
    assert (failure.value.code, failure.value.scope) == ("proxy", Scope.ACCOUNT)


async def test_tls_to_a_plain_port(fake: Fake) -> None:
    wire = S3Wire(
        replace(fake.access(), account=replace(fake.account, endpoint=fake.endpoint.replace("http", "https")))
    )
    try:
        with pytest.raises(NetworkError, match="does not speak TLS") as failure:
            await wire.head("b", "k")
    finally:
        await wire.close()
    assert failure.value.code == "tls"


async def test_silence_times_out(fake: Fake, wire: S3Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.stores.s3.session.READ_TIMEOUT_S", 0.1)

    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(2)
        return web.Response()

    fake.say(silent)
    with pytest.raises(NetworkError) as failure:
        await wire.put_object("b", "k", BytesBody(b"x"))
    assert (failure.value.code, failure.value.retry, failure.value.scope) == ("timed-out", Retry.BACKOFF, Scope.ITEM)
