"""What is particular to S3, against the servers the project supports; the common rules are in tests/conformance."""

import asyncio
import datetime
import os
import ssl
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator

import pytest
from botocore.compat import get_current_datetime

from core.model.account import Account
from core.model.errors import CoreError, Retry, Scope
from core.stores.base import CompletePart
from core.stores.checksum import multipart_etag
from core.stores.s3.proof import crc_text
from core.stores.s3.store import S3Store
from tests.core.stores.s3.bodies import BytesBody, BytesSink
from tests.support.servers import Server

PART = 5 << 20
SERVERS = [
    pytest.param("swift", marks=pytest.mark.swift),
    pytest.param("swift_tls", marks=pytest.mark.swift),
    pytest.param("ceph", marks=pytest.mark.ceph),
    pytest.param("ceph_tls", marks=pytest.mark.ceph),
    pytest.param("moto", marks=pytest.mark.moto),
]
REAL = [param for param in SERVERS if param.values[0] != "moto"]


def account_of(server: Server) -> Account:
    return Account(
        name="test",
        endpoint=server.endpoint,
        region=server.region,
        access_key=server.access_key,
        ca_file=server.ca_file or "",
    )


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(request.param)


@pytest.fixture
async def store(server: Server) -> AsyncIterator[S3Store]:
    made = S3Store(account_of(server), server.secret_key)
    yield made
    await made.close()


@pytest.fixture
async def bucket(store: S3Store) -> str:
    name = f"s3-{uuid.uuid4().hex[:12]}"
    await store.create_bucket(name)
    return name


async def upload(store: S3Store, bucket: str, key: str, data: bytes) -> tuple[str, list[CompletePart], bool]:
    """All parts of an upload that is not completed yet."""
    new = await store.create_upload(bucket, key, content_type="application/x-test")
    parts = []
    for number, start in enumerate(range(0, len(data), PART), 1):
        body = BytesBody(data[start : start + PART])
        stored = await store.put_part(bucket, key, new.upload_id, number, body, checksums=new.checksums)
        assert stored.proof == ("crc64nvme" if new.checksums else "md5-etag")
        parts.append(CompletePart(number, stored.etag, stored.digests.crc64nvme))
    return new.upload_id, parts, new.checksums


@pytest.mark.parametrize("server", SERVERS, indirect=True)
async def test_an_upload_in_parts(store: S3Store, bucket: str) -> None:
    data = os.urandom(2 * PART + 12345)
    upload_id, parts, checksums = await upload(store, bucket, "big/ü+ %.bin", data)
    listed = await store.list_parts(bucket, "big/ü+ %.bin", upload_id)
    assert [(part.number, part.size_bytes, part.etag) for part in listed] == [
        (part.number, size, part.etag) for part, size in zip(parts, (PART, PART, 12345), strict=True)
    ]
    assert [(up.key, up.upload_id) for up in await store.list_uploads(bucket, prefix="big/")] == [
        ("big/ü+ %.bin", upload_id)
    ]
    whole = crc_text((await BytesBody(data).digest(md5=False)).crc64nvme) if checksums else ""
    info = await store.complete_upload(bucket, "big/ü+ %.bin", upload_id, parts, crc64nvme=whole)
    assert (info.size_bytes, info.content_type) == (len(data), "application/x-test")
    assert info.etag == multipart_etag([part.etag for part in parts])
    assert info.crc64nvme == whole
    assert await store.list_uploads(bucket) == []
    sink = BytesSink()
    await store.get_range(bucket, info.key, sink, start=PART - 7, size_bytes=PART, if_match=info.etag)
    assert sink.data == data[PART - 7 : 2 * PART - 7]


@pytest.mark.parametrize("server", SERVERS, indirect=True)
async def test_completing_twice_gives_the_same_object(store: S3Store, bucket: str) -> None:
    upload_id, parts, _ = await upload(store, bucket, "twice", os.urandom(PART + 1))
    first = await store.complete_upload(bucket, "twice", upload_id, parts)
    again = await store.complete_upload(bucket, "twice", upload_id, parts)
    assert (again.etag, again.size_bytes) == (first.etag, first.size_bytes)


@pytest.mark.parametrize("server", SERVERS, indirect=True)
async def test_an_aborted_upload_is_gone_by_one_name(store: S3Store, bucket: str) -> None:
    upload_id, parts, _ = await upload(store, bucket, "gone", b"small")
    await store.abort_upload(bucket, "gone", upload_id)
    await store.abort_upload(bucket, "gone", upload_id)
    with pytest.raises(CoreError) as listing:
        await store.list_parts(bucket, "gone", upload_id)
    with pytest.raises(CoreError) as completion:
        await store.complete_upload(bucket, "gone", upload_id, parts)
    assert {listing.value.code, completion.value.code} == {"no-upload"}


@pytest.mark.parametrize("server", SERVERS, indirect=True)
async def test_a_part_made_of_a_range(store: S3Store, bucket: str) -> None:
    data = os.urandom(PART + 100)
    await store.put_object(bucket, "from/a +b", BytesBody(data))
    source = await store.head(bucket, "from/a +b")
    new = await store.create_upload(bucket, "to")
    first = await store.copy_part(
        bucket, "to", new.upload_id, 1, bucket, "from/a +b", start=0, size_bytes=PART, if_match=source.etag
    )
    second = await store.copy_part(bucket, "to", new.upload_id, 2, bucket, "from/a +b", start=PART, size_bytes=100)
    info = await store.complete_upload(
        bucket, "to", new.upload_id, [CompletePart(1, first.etag), CompletePart(2, second.etag)]
    )
    sink = BytesSink()
    await store.get_range(bucket, "to", sink, start=0, size_bytes=info.size_bytes)
    assert sink.data == data


# without moto, whose web framework has its own ideas of such keys
@pytest.mark.parametrize("server", REAL, indirect=True)
async def test_copying_and_deleting(store: S3Store, bucket: str) -> None:
    odd = ["plain", "a&b<c>\"'", "line\nfeed\rreturn", "tab\t", "//", ".", "a/../b", "%2F", "+ +", "𝄞ü", "\x01control"]
    for key in odd:
        await store.put_object(bucket, key, BytesBody(key.encode()))
    copied = await store.copy_object(bucket, "copy of a&b", bucket, odd[1])
    assert copied.etag == (await store.head(bucket, odd[1])).etag
    listed = {item.key for item in (await store.list_objects(bucket)).objects}
    assert listed == {*odd, "copy of a&b"}
    with pytest.raises(CoreError, match="is not empty"):
        await store.delete_bucket(bucket)
    assert await store.delete_objects(bucket, [*odd, "copy of a&b", "never there"]) == []
    assert (await store.list_objects(bucket)).objects == ()
    await store.delete_bucket(bucket)
    with pytest.raises(CoreError) as gone:
        await store.delete_objects(bucket, ["x"])
    assert gone.value.code == "no-bucket"


@pytest.mark.parametrize("server", SERVERS, indirect=True)
async def test_buckets(store: S3Store, bucket: str) -> None:
    assert bucket in [item.name for item in await store.list_buckets()]
    with pytest.raises(CoreError) as taken:
        await store.create_bucket(bucket)
    assert taken.value.code == "bucket-exists"
    await store.delete_bucket(bucket)
    with pytest.raises(CoreError) as gone:
        await store.delete_bucket(bucket)
    assert gone.value.code == "no-bucket"


@pytest.mark.parametrize("server", SERVERS, indirect=True)
async def test_a_link_reads_the_object_without_keys(store: S3Store, bucket: str, server: Server) -> None:
    await store.put_object(bucket, "to share/ü+%.txt", BytesBody(b"shared"))
    link = await store.presign_get(bucket, "to share/ü+%.txt", expires_s=600)
    trusted = ssl.create_default_context(cafile=server.ca_file)

    def read() -> bytes:
        with urllib.request.urlopen(link, context=trusted if link.startswith("https") else None) as answer:
            return answer.read()

    assert await asyncio.to_thread(read) == b"shared"


@pytest.mark.parametrize("server", [param for param in REAL if param.values[0] in ("swift", "ceph")], indirect=True)
async def test_a_wrong_secret_stops_the_account(server: Server) -> None:
    store = S3Store(account_of(server), "wrong")
    try:
        for attempt in (
            store.list_buckets(),
            store.head("some", "thing"),
            store.put_object("some", "thing", BytesBody(os.urandom(2 * PART))),
            store.create_upload("some", "thing"),
        ):
            with pytest.raises(CoreError) as refusal:
                await attempt
            error = refusal.value
            assert (error.code, error.retry, error.scope) == ("bad-credentials", Retry.CREDENTIALS, Scope.ACCOUNT)
    finally:
        await store.close()


@pytest.mark.parametrize("server", [param for param in REAL if param.values[0] in ("swift", "ceph")], indirect=True)
async def test_a_wrong_clock_is_allowed_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of signing look at the server's clock when theirs is refused."""
    late_s = 7200.0
    clock = _Clock(late_s)
    monkeypatch.setattr("core.stores.s3.exchange.time", clock)
    monkeypatch.setattr("core.stores.s3.control.time", clock)
    monkeypatch.setattr("botocore.auth.get_current_datetime", clock.now)
    store = S3Store(account_of(server), server.secret_key)
    try:
        await store.list_buckets()
        bucket = f"s3-{uuid.uuid4().hex[:12]}"
        await store.create_bucket(bucket)
        await store.put_object(bucket, "k &+", BytesBody(b"x"))
        await store.copy_object(bucket, "copied", bucket, "k &+")
        assert late_s - 5 < (await store.access()).clock_offset_s < late_s + 5
        assert await store.list_uploads(bucket, prefix="a b+c") == []
    finally:
        await store.close()


class _Clock:
    """Stands in for `time` and for botocore's clock."""

    def __init__(self, late_s: float) -> None:
        self._late = datetime.timedelta(seconds=late_s)

    def time(self) -> float:
        return time.time() - self._late.total_seconds()

    def now(self, remove_tzinfo: bool = True) -> datetime.datetime:
        return get_current_datetime(remove_tzinfo) - self._late


@pytest.mark.moto
async def test_checksums_are_learned_and_used(moto: Server) -> None:
    store = S3Store(account_of(moto), moto.secret_key)
    try:
        bucket = f"s3-{uuid.uuid4().hex[:12]}"
        await store.create_bucket(bucket)
        assert not (await store.access()).checksums
        assert (await store.put_object(bucket, "before", BytesBody(b"abc"))).proof == "md5-etag"
        new = await store.create_upload(bucket, "k")
        assert new.checksums
        assert (await store.access()).checksums
        stored = await store.put_object(bucket, "after", BytesBody(b"abc"))
        assert stored.proof == "crc64nvme"
        assert (await store.head(bucket, "after")).crc64nvme == crc_text(stored.digests.crc64nvme)
    finally:
        await store.close()


@pytest.mark.swift
async def test_a_private_authority_must_be_named(swift_tls: Server) -> None:
    account = Account(name="test", endpoint=swift_tls.endpoint, access_key=swift_tls.access_key)
    store = S3Store(account, swift_tls.secret_key)
    try:
        for attempt in (store.list_buckets(), store.head("some", "thing")):
            with pytest.raises(CoreError, match=r"certificate of 127.0.0.1.* is not trusted") as refusal:
                await attempt
            assert (refusal.value.code, refusal.value.scope) == ("tls", Scope.ACCOUNT)
    finally:
        await store.close()


@pytest.mark.swift
async def test_the_environment_names_the_authority(swift_tls: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(swift_tls.ca_file))
    account = Account(name="test", endpoint=swift_tls.endpoint, access_key=swift_tls.access_key)
    store = S3Store(account, swift_tls.secret_key)
    try:
        await store.list_buckets()
        with pytest.raises(CoreError) as refusal:
            await store.head("nothing", "here")
        assert refusal.value.code == "no-key"
    finally:
        await store.close()


@pytest.mark.parametrize("variable", [False, True])
async def test_a_dangling_ca_file_says_so(variable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if variable:
        monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    account = Account(
        name="test", endpoint="https://127.0.0.1:1", access_key="k", ca_file="" if variable else "/nowhere/ca.pem"
    )
    store = S3Store(account, "s")
    try:
        for attempt in (store.list_buckets(), store.head("some", "thing")):
            with pytest.raises(CoreError, match=r"no CA file “/nowhere/ca.pem”") as refusal:
                await attempt
            assert refusal.value.code == "tls"
    finally:
        await store.close()


async def test_nothing_listens_there() -> None:
    store = S3Store(Account(name="test", endpoint="http://127.0.0.1:1", access_key="k"), "s")
    try:
        for attempt in (store.list_buckets(), store.head("some", "thing"), store.put_object("b", "k", BytesBody(b"x"))):
            with pytest.raises(CoreError, match=r"Nothing answers at 127.0.0.1:1") as refusal:
                await attempt
            error = refusal.value
            assert (error.code, error.retry, error.scope) == ("unreachable", Retry.ONLINE, Scope.ACCOUNT)
    finally:
        await store.close()


async def test_a_name_that_is_not_known() -> None:
    store = S3Store(Account(name="test", endpoint="http://no-such-host.invalid", access_key="k"), "s")
    try:
        for attempt in (store.list_buckets(), store.head("some", "thing")):
            with pytest.raises(CoreError, match=r"The name no-such-host.invalid.* is not known") as refusal:
                await attempt
            assert (refusal.value.code, refusal.value.retry) == ("unreachable", Retry.ONLINE)
    finally:
        await store.close()


async def test_a_missing_secret_is_asked_for() -> None:
    store = S3Store(Account(name="Studio", endpoint="http://127.0.0.1:1", access_key="k"))
    for attempt in (store.list_buckets(), store.head("some", "thing"), store.access()):
        with pytest.raises(CoreError, match="no secret key for the account “Studio”") as refusal:
            await attempt
        assert refusal.value.code == "bad-credentials"
    await store.close()


async def test_cancelling_a_control_call(moto: Server) -> None:
    """The caller is free at once, and the store is as good as before."""
    store = S3Store(account_of(moto), moto.secret_key)
    try:
        call = asyncio.ensure_future(store.list_buckets())
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await store.list_buckets()
    finally:
        await store.close()


def test_the_wire_loads_no_sdk() -> None:
    program = "import sys, core.stores.s3.wire, core.stores.s3.store; print([m for m in sys.modules if 'boto' in m])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
