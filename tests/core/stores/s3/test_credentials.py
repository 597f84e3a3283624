"""Keys from everywhere the AWS tools keep them, read by the real SDK."""

import datetime
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.model.account import Account
from core.model.errors import CoreError, Retry, Scope
from core.stores.s3 import store as store_module
from core.stores.s3.store import S3Store
from tests.core.stores.s3.bodies import BytesBody
from tests.core.stores.s3.fake import Fake, plain, serving

Write = Callable[[str, str], None]


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    async with serving() as server:
        server.say(plain(200, ETag='"x"'))
        yield server


@pytest.fixture
def aws_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes ~/.aws/config and ~/.aws/credentials."""
    config, shared = tmp_path / "config", tmp_path / "credentials"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))

    def write(config_text: str, shared_text: str) -> None:
        config.write_text(config_text)
        shared.write_text(shared_text)

    return write


async def test_the_environment(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDENV",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_SESSION_TOKEN": "tok",
        "AWS_DEFAULT_REGION": "eu-env-1",
        "AWS_ENDPOINT_URL": fake.endpoint,
    }.items():
        monkeypatch.setenv(name, value)
    store = S3Store(Account(name=""))
    try:
        access = await store.access()
        await store.put_object("b", "k", BytesBody(b"x"))
    finally:
        await store.close()
    assert access.credentials is not None
    assert (access.account.endpoint, access.account.region) == (fake.endpoint, "eu-env-1")
    assert access.credentials.session_token == "tok"
    sent = fake.seen[0].headers
    assert "AKIDENV" in sent["Authorization"]
    assert "eu-env-1/s3" in sent["Authorization"]
    assert sent["X-Amz-Security-Token"] == "tok"


async def test_a_profile(fake: Fake, aws_files: Write) -> None:
    aws_files(
        f"[profile lab]\nregion = eu-lab-1\nendpoint_url = {fake.endpoint}\ns3 =\n  addressing_style = virtual\n",
        "[lab]\naws_access_key_id = AKIDLAB\naws_secret_access_key = s\n",
    )
    store = S3Store(Account(name="Lab", profile="lab"))
    try:
        access = await store.access()
    finally:
        await store.close()
    assert access.credentials is not None
    assert access.credentials.access_key == "AKIDLAB"
    assert access.account == Account(
        name="Lab", profile="lab", endpoint=fake.endpoint, region="eu-lab-1", path_style=False
    )


async def test_aws_itself_has_checksums_and_no_endpoint(aws_files: Write) -> None:
    aws_files("[default]\nregion = eu-west-1\n", "[default]\naws_access_key_id = A\naws_secret_access_key = s\n")
    store = S3Store(Account(name=""))
    try:
        access = await store.access()
        link = await store.presign_get("a-bucket", "k", expires_s=60)
    finally:
        await store.close()
    assert (access.account.endpoint, access.account.region, access.checksums) == ("", "eu-west-1", True)
    assert link.startswith("https://s3.eu-west-1.amazonaws.com/a-bucket/k?")


async def test_an_accounts_own_keys_are_not_mixed_with_the_environment(
    fake: Fake, aws_files: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws_files("[default]\nregion = eu-wrong-1\n", "")
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "wrong")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    fake.say(plain(200, "<ListAllMyBucketsResult/>"))
    store = S3Store(fake.account, "secret")
    try:
        assert await store.list_buckets() == []
    finally:
        await store.close()
    assert "AKIDFAKE" in fake.seen[0].headers["Authorization"]
    assert "eu-test-1" in fake.seen[0].headers["Authorization"]
    assert "X-Amz-Security-Token" not in fake.seen[0].headers


async def test_no_keys_anywhere_says_where_it_looked(aws_files: Write) -> None:
    aws_files("", "")
    store = S3Store(Account(name=""))
    try:
        for attempt in (store.access(), store.head("b", "k"), store.list_buckets()):
            with pytest.raises(CoreError, match="AWS_ACCESS_KEY_ID") as failure:
                await attempt
            error = failure.value
            assert (error.code, error.retry, error.scope) == ("bad-credentials", Retry.CREDENTIALS, Scope.ACCOUNT)
            assert "credentials" in error.sentence
    finally:
        await store.close()


async def test_a_profile_that_is_not_there(aws_files: Write) -> None:
    aws_files("", "")
    store = S3Store(Account(name="Lab", profile="lab"))
    try:
        for attempt in (store.access(), store.list_buckets()):
            with pytest.raises(CoreError, match="no profile “lab”") as failure:
                await attempt
            assert failure.value.code == "bad-credentials"
    finally:
        await store.close()


async def test_keys_found_later_are_used(fake: Fake, aws_files: Write) -> None:
    """What failed once is looked for again."""
    aws_files("", "")
    store = S3Store(Account(name="", endpoint=fake.endpoint))
    try:
        with pytest.raises(CoreError):
            await store.access()
        aws_files("", "[default]\naws_access_key_id = AKIDNEW\naws_secret_access_key = s\n")
        access = await store.access()
    finally:
        await store.close()
    assert access.credentials is not None
    assert access.credentials.access_key == "AKIDNEW"


async def test_keys_that_end_are_refreshed(
    fake: Fake, aws_files: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program gives keys that end in five minutes, which is within botocore's time for new ones."""
    program, count = tmp_path / "keys.py", tmp_path / "count"
    count.write_text("0")
    program.write_text(
        "import datetime, json, pathlib\n"
        f"count = pathlib.Path({str(count)!r})\n"
        "number = int(count.read_text()) + 1\n"
        "count.write_text(str(number))\n"
        "end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=5)\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'AKID{number}', 'SecretAccessKey': 's',"
        " 'SessionToken': f't{number}', 'Expiration': end.isoformat()}))\n"
    )
    aws_files(f"[default]\ncredential_process = {sys.executable} {program}\n", "")
    monkeypatch.setattr(store_module, "_ASK_AGAIN_S", 0.0)
    store = S3Store(Account(name="", endpoint=fake.endpoint))
    try:
        accesses = [await store.access() for _ in range(3)]
        await store.put_object("b", "k", BytesBody(b"x"))
    finally:
        await store.close()
    numbers = [int(access.credentials.access_key.removeprefix("AKID")) for access in accesses if access.credentials]
    assert numbers == sorted(set(numbers))
    assert f"AKID{numbers[-1] + 1}" in fake.seen[0].headers["Authorization"]
    assert accesses[0].credentials is not None
    assert accesses[0].credentials.expires_s is not None
    left_s = accesses[0].credentials.expires_s - datetime.datetime.now(datetime.UTC).timestamp()
    assert 200 < left_s < 301


async def test_a_program_without_keys_says_why(fake: Fake, aws_files: Write, tmp_path: Path) -> None:
    program = tmp_path / "keys.py"
    program.write_text("import sys\nsys.exit('Please log in first')\n")
    aws_files(f"[default]\ncredential_process = {sys.executable} {program}\n", "")
    store = S3Store(Account(name="", endpoint=fake.endpoint))
    try:
        with pytest.raises(CoreError, match="log in first") as failure:
            await store.access()
    finally:
        await store.close()
    assert failure.value.code == "bad-credentials"


async def test_an_expired_sign_in(aws_files: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Single sign-on whose token on disk has ended."""
    start = "https://example.awsapps.com/start"
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    name = hashlib.sha1(start.encode(), usedforsecurity=False).hexdigest()
    (cache / f"{name}.json").write_text(
        json.dumps({"accessToken": "t", "expiresAt": "2020-01-01T00:00:00Z", "startUrl": start, "region": "eu-west-1"})
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    aws_files(
        f"[default]\nsso_start_url = {start}\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n", ""
    )
    store = S3Store(Account(name=""))
    try:
        with pytest.raises(CoreError) as failure:
            await store.access()
    finally:
        await store.close()
    assert (failure.value.code, failure.value.scope) == ("expired-credentials", Scope.ACCOUNT)
    assert "sso login" in failure.value.sentence
