"""The signer gives AWS's published signatures, and botocore's for everything else."""

import calendar
import datetime
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from core.model.account import Credentials
from core.stores.s3.sign import (
    EMPTY_SHA256,
    UNSIGNED_PAYLOAD,
    authorization,
    encode_path,
    encode_query,
    presign,
    sign,
)

# docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and sigv4-query-string-auth.html
DOCS_KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
DOCS_HOST = "examplebucket.s3.amazonaws.com"
DOCS_NOW_S = calendar.timegm((2013, 5, 24, 0, 0, 0))
WELCOME = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
PUT_HEADERS = {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}

# the aws4_testsuite: credentials, service and date of all its cases
SUITE_KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITE_STAMP = "20150830T123600Z"
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@contextmanager
def _botocore_at(now: datetime.datetime) -> Iterator[None]:
    with patch("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: now.replace(tzinfo=None)):
        yield


@pytest.mark.parametrize(
    ("method", "key", "pairs", "headers", "payload", "signature"),
    [
        pytest.param(
            "GET", "/test.txt", [], {"Range": "bytes=0-9"}, EMPTY_SHA256,
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", id="get-object",
        ),
        pytest.param(
            "PUT", "/test$file.text", [], PUT_HEADERS, WELCOME,
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd", id="put-object",
        ),
        pytest.param(
            "GET", "/", [("lifecycle", "")], {}, EMPTY_SHA256,
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543", id="get-lifecycle",
        ),
        pytest.param(
            "GET", "/", [("prefix", "J"), ("max-keys", "2")], {}, EMPTY_SHA256,
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", id="list-objects",
        ),
    ],
)  # fmt: skip
def test_published_s3_examples(
    method: str, key: str, pairs: list[tuple[str, str]], headers: dict[str, str], payload: str, signature: str
) -> None:
    signed = sign(
        method,
        DOCS_HOST,
        encode_path(key),
        encode_query(pairs),
        headers,
        credentials=DOCS_KEYS,
        region="us-east-1",
        now_s=DOCS_NOW_S,
        payload_sha256=payload,
    )
    assert signed["Authorization"].endswith(f"Signature={signature}")
    assert "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request" in signed["Authorization"]


def test_published_presigned_example() -> None:
    url = presign(
        "GET",
        f"https://{DOCS_HOST}",
        DOCS_HOST,
        "/test.txt",
        credentials=DOCS_KEYS,
        region="us-east-1",
        now_s=DOCS_NOW_S,
        expires_s=86400,
    )
    signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert parse_qs(urlsplit(url).query)["X-Amz-Signature"] == [signature]


@pytest.mark.parametrize(
    ("method", "path", "pairs", "headers", "signature"),
    [
        pytest.param("GET", "/", [], {},
                     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", id="get-vanilla"),
        pytest.param("GET", "/ሴ", [], {},
                     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85", id="get-utf8"),
        pytest.param("GET", "/", [("Param2", "value2"), ("Param1", "value1")], {},
                     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500", id="get-vanilla-query-order"),
        pytest.param("GET", "/", [(UNRESERVED, UNRESERVED)], {},
                     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197", id="get-query-unreserved"),
        pytest.param("GET", "/", [("ሴ", "bar")], {},
                     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04", id="get-vanilla-utf8-query"),
        pytest.param("GET", "/", [], {"My-Header1": "value1", "My-Header2": '"a   b   c"'},
                     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736", id="get-header-value-trim"),
        pytest.param("POST", "/", [], {},
                     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", id="post-vanilla"),
        pytest.param("POST", "/", [], {"My-Header1": "value1"},
                     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c", id="post-header-key-sort"),
    ],
)  # fmt: skip
def test_published_suite(
    method: str, path: str, pairs: list[tuple[str, str]], headers: dict[str, str], signature: str
) -> None:
    value = authorization(
        method,
        encode_path(path),
        encode_query(pairs),
        {"Host": "example.amazonaws.com", **headers, "X-Amz-Date": SUITE_STAMP},
        credentials=SUITE_KEYS,
        region="us-east-1",
        stamp=SUITE_STAMP,
        payload_sha256=EMPTY_SHA256,
        service="service",
    )
    # other services than S3 encode the path when they sign, so botocore gets it raw here
    theirs = AWSRequest(method, f"https://example.amazonaws.com{path}?{encode_query(pairs)}", headers)
    with _botocore_at(datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.UTC)):
        SigV4Auth(BotoCredentials(SUITE_KEYS.access_key, SUITE_KEYS.secret_key), "service", "us-east-1").add_auth(
            theirs
        )
    assert value == theirs.headers["Authorization"]
    assert value.endswith(f"Signature={signature}")


keys = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
    st.lists(
        st.sampled_from(["/", "//", ".", "..", "+", "%", "%2F", "~", " ", "é", "𝄞", "a", "?", "#", "&", "=", "\\"]),
        max_size=20,
    ).map("".join),
)
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(str.strip)
headers = st.dictionaries(
    st.sampled_from(
        ["Content-Type", "Content-MD5", "Range", "If-Match", "x-amz-meta-Title", "x-amz-checksum-crc64nvme"]
    ),
    header_values,
)
pairs = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12), keys, max_size=4)
moments = st.integers(0, 4_000_000_000)


@given(keys, pairs, headers, words, words, st.one_of(st.just(""), words), moments, st.booleans())
def test_signs_as_botocore_does(
    key: str,
    query: dict[str, str],
    extra: dict[str, str],
    secret: str,
    region: str,
    token: str,
    now_s: int,
    unsigned: bool,
) -> None:
    path = encode_path(f"/bucket/{key}")
    theirs = AWSRequest("PUT", f"http://s3.test:9000{path}?{encode_query(query.items())}", dict(extra), b"bytes")
    theirs.context["client_config"] = Config(s3={"payload_signing_enabled": not unsigned})
    with _botocore_at(datetime.datetime.fromtimestamp(now_s, datetime.UTC)):
        S3SigV4Auth(BotoCredentials("AKID", secret, token or None), "s3", region).add_auth(theirs)
    ours = sign(
        "PUT",
        "s3.test:9000",
        path,
        encode_query(query.items()),
        extra,
        credentials=Credentials("AKID", secret, token),
        region=region,
        now_s=now_s,
        payload_sha256=UNSIGNED_PAYLOAD if unsigned else hashlib.sha256(b"bytes").hexdigest(),
    )
    assert ours["Authorization"] == theirs.headers["Authorization"]
    assert ours["X-Amz-Date"] == theirs.headers["X-Amz-Date"]
    assert ours["X-Amz-Content-SHA256"] == theirs.headers["X-Amz-Content-SHA256"]
    assert ours.get("X-Amz-Security-Token") == theirs.headers["X-Amz-Security-Token"]


@given(keys, pairs, words, st.one_of(st.just(""), words), moments, st.integers(1, 604800))
def test_presigns_as_botocore_does(
    key: str, query: dict[str, str], secret: str, token: str, now_s: int, expires_s: int
) -> None:
    path = encode_path(f"/bucket/{key}")
    theirs = AWSRequest("GET", f"https://s3.test{path}", params=dict(query))
    with _botocore_at(datetime.datetime.fromtimestamp(now_s, datetime.UTC)):
        S3SigV4QueryAuth(BotoCredentials("AKID", secret, token or None), "s3", "eu-west-1", expires_s).add_auth(theirs)
    ours = presign(
        "GET",
        "https://s3.test",
        "s3.test",
        path,
        query.items(),
        credentials=Credentials("AKID", secret, token),
        region="eu-west-1",
        now_s=now_s,
        expires_s=expires_s,
    )
    assert ours.partition("?")[0] == theirs.url.partition("?")[0]
    assert sorted(parse_qsl(urlsplit(ours).query, keep_blank_values=True)) == sorted(
        parse_qsl(urlsplit(theirs.url).query, keep_blank_values=True)
    )


def test_a_key_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode_path("/bucket/\udcff")
