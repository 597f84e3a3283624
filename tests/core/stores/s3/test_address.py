"""Buckets and keys find their way into hosts and paths."""

import pytest

from core.model.account import Account
from core.stores.s3.address import Base, base_of, is_aws, place_of, redirected, signing_region


def place(account: Account, bucket: str = "my-bucket", key: str = "a b/c") -> str:
    found = place_of(base_of(account, signing_region(account)), bucket, key)
    return found.base_url + found.path


@pytest.mark.parametrize(
    ("account", "bucket", "url"),
    [
        (Account(name="a"), "my-bucket", "https://s3.us-east-1.amazonaws.com/my-bucket/a%20b/c"),
        (Account(name="a", region="aws-global"), "my-bucket", "https://s3.us-east-1.amazonaws.com/my-bucket/a%20b/c"),
        (
            Account(name="a", region="eu-west-1", path_style=False),
            "my-bucket",
            "https://my-bucket.s3.eu-west-1.amazonaws.com/a%20b/c",
        ),
        (
            Account(name="a", region="eu-west-1", path_style=False),
            "my.bucket",
            "https://s3.eu-west-1.amazonaws.com/my.bucket/a%20b/c",
        ),
        (Account(name="a", region="cn-north-1"), "b-b", "https://s3.cn-north-1.amazonaws.com.cn/b-b/a%20b/c"),
        (Account(name="a", endpoint="https://s3.test:443/"), "b-b", "https://s3.test/b-b/a%20b/c"),
        (Account(name="a", endpoint="http://s3.test:8080/store/"), "b-b", "http://s3.test:8080/store/b-b/a%20b/c"),
        (Account(name="a", endpoint="http://[::1]:9000"), "b-b", "http://[::1]:9000/b-b/a%20b/c"),
        (Account(name="a", endpoint="https://s3.test", path_style=False), "b-b", "https://b-b.s3.test/a%20b/c"),
        (Account(name="a", endpoint="https://10.0.0.1:9", path_style=False), "b-b", "https://10.0.0.1:9/b-b/a%20b/c"),
        (Account(name="a", endpoint="http://[::1]:9", path_style=False), "b-b", "http://[::1]:9/b-b/a%20b/c"),
        (Account(name="a", endpoint="https://s3.test", path_style=False), "B_b", "https://s3.test/B_b/a%20b/c"),
    ],
)
def test_places(account: Account, bucket: str, url: str) -> None:
    assert place(account, bucket) == url


def test_a_bucket_alone_has_no_slash_after_it_in_path_style() -> None:
    assert place(Account(name="a", endpoint="https://s3.test"), key="") == "https://s3.test/my-bucket"
    virtual = Account(name="a", endpoint="https://s3.test", path_style=False)
    assert place(virtual, key="") == "https://my-bucket.s3.test/"


@pytest.mark.parametrize(
    ("endpoint", "region", "host"),
    [
        ("", "eu-west-1", "s3.eu-west-1.amazonaws.com"),
        ("https://s3.us-east-1.amazonaws.com", "eu-west-1", "s3.eu-west-1.amazonaws.com"),
        ("https://s3.test", "eu-west-1", "s3.test"),
    ],
)
def test_another_region_has_another_host_at_aws_only(endpoint: str, region: str, host: str) -> None:
    assert base_of(Account(name="a", endpoint=endpoint, region="us-east-1"), region).host == host


@pytest.mark.parametrize(
    ("location", "base"),
    [
        ("https://b-b.s3.eu-west-1.amazonaws.com/k", Base("https", "s3.eu-west-1.amazonaws.com", "", False)),
        ("http://other.test:81/b-b/k?x=1", Base("http", "other.test:81", "", True)),
        ("http://other.test/store/b-b/k", Base("http", "other.test", "/store", True)),
        ("http://other.test/", Base("http", "other.test", "", True)),
        ("/b-b/k", None),
        ("ftp://other.test/b-b/k", None),
        ("", None),
    ],
)
def test_redirects(location: str, base: Base | None) -> None:
    assert redirected(location, "b-b") == base


def test_who_is_aws() -> None:
    assert is_aws("")
    assert is_aws("https://s3.eu-west-1.amazonaws.com")
    assert is_aws("https://s3.cn-north-1.amazonaws.com.cn")
    assert not is_aws("https://s3.amazonaws.com.example.com")
    assert not is_aws("http://127.0.0.1:9000")
