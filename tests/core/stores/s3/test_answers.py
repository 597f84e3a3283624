"""Refusals become errors whose fields say what to do."""

import time
from email.utils import formatdate

import pytest
from multidict import CIMultiDict

from core.model.errors import CoreError, IntegrityError, Retry, Scope
from core.stores.s3.answers import _BY_CODE, _BY_STATUS, Refusal, Target, read_refusal, refused, retry_after

HERE = Target("bucket", "some/key", "https://s3.test")


@pytest.mark.parametrize(
    ("status", "word", "target", "code", "retry", "scope"),
    [
        (404, "NoSuchBucket", HERE, "no-bucket", Retry.NEVER, Scope.ITEM),
        (404, "NoSuchKey", HERE, "no-key", Retry.NEVER, Scope.ITEM),
        (404, "", HERE, "no-key", Retry.NEVER, Scope.ITEM),
        (404, "", Target("bucket"), "no-bucket", Retry.NEVER, Scope.ITEM),
        (404, "NoSuchKey", Target("bucket", "k", upload=True), "no-upload", Retry.NEVER, Scope.ITEM),
        (404, "NoSuchBucket", Target("bucket", "k", upload=True), "no-bucket", Retry.NEVER, Scope.ITEM),
        (409, "BucketAlreadyOwnedByYou", HERE, "bucket-exists", Retry.NEVER, Scope.ITEM),
        (409, "BucketNotEmpty", HERE, "bucket-not-empty", Retry.NEVER, Scope.ITEM),
        (409, "", HERE, "server-fault", Retry.BACKOFF, Scope.ITEM),
        (412, "PreconditionFailed", HERE, "changed", Retry.NEVER, Scope.ITEM),
        (412, "PreconditionFailed", Target("bucket", "k", creates=True), "exists", Retry.NEVER, Scope.ITEM),
        (403, "AccessDenied", HERE, "access-denied", Retry.NEVER, Scope.ITEM),
        (403, "", HERE, "access-denied", Retry.NEVER, Scope.ITEM),
        (403, "SignatureDoesNotMatch", HERE, "bad-credentials", Retry.CREDENTIALS, Scope.ACCOUNT),
        (400, "AuthorizationHeaderMalformed", HERE, "bad-credentials", Retry.CREDENTIALS, Scope.ACCOUNT),
        (400, "ExpiredToken", HERE, "expired-credentials", Retry.CREDENTIALS, Scope.ACCOUNT),
        (403, "RequestTimeTooSkewed", HERE, "clock-skew", Retry.ONLINE, Scope.ACCOUNT),
        (503, "SlowDown", HERE, "slow-down", Retry.BACKOFF, Scope.ITEM),
        (429, "", HERE, "slow-down", Retry.BACKOFF, Scope.ITEM),
        (500, "InternalError", HERE, "server-fault", Retry.BACKOFF, Scope.ITEM),
        (599, "Unheard", HERE, "server-fault", Retry.BACKOFF, Scope.ITEM),
        (400, "RequestTimeout", HERE, "timed-out", Retry.BACKOFF, Scope.ITEM),
        (501, "NotImplemented", HERE, "unsupported", Retry.NEVER, Scope.ITEM),
        (405, "", HERE, "unsupported", Retry.NEVER, Scope.ITEM),
        (400, "EntityTooSmall", HERE, "entity-too-small", Retry.NEVER, Scope.ITEM),
        (400, "InvalidPartOrder", HERE, "bad-part", Retry.NEVER, Scope.ITEM),
        (400, "BadDigest", HERE, "bad-digest", Retry.BACKOFF, Scope.ITEM),
        (400, "Unheard", HERE, "refused", Retry.NEVER, Scope.ITEM),
        (301, "PermanentRedirect", HERE, "bad-answer", Retry.NEVER, Scope.ITEM),
    ],
)
def test_words_and_statuses(status: int, word: str, target: Target, code: str, retry: Retry, scope: Scope) -> None:
    error = refused(Refusal(status, word, "Because of this."), target)
    assert (error.code, error.retry, error.scope, error.where) == (code, retry, scope, target.url)
    assert isinstance(error, IntegrityError) == (code == "bad-digest")


@pytest.mark.parametrize("meaning", {*_BY_CODE.values(), *_BY_STATUS.values()}, ids=lambda meaning: meaning.code)
def test_every_sentence_is_whole(meaning: object) -> None:
    words = [word for word, found in _BY_CODE.items() if found is meaning] or [""]
    statuses = [status for status, found in _BY_STATUS.items() if found is meaning] or [400]
    sentence = refused(Refusal(statuses[0], words[0], "A message."), HERE).sentence
    assert "{" not in sentence
    assert sentence.endswith(".")
    assert not sentence.endswith("..")


def test_an_answer_is_taken_apart() -> None:
    body = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Later &amp; slower</Message></Error>"
    headers = CIMultiDict({"X-Amz-Request-Id": "R7", "retry-after": "12", "Date": "Thu, 01 Jan 1970 00:01:00 GMT"})
    refusal = read_refusal(503, headers, body)
    assert (refusal.code, refusal.message, refusal.request_id) == ("SlowDown", "Later & slower", "R7")
    assert (refusal.after_s, refusal.date_s, refusal.foreign) == (12.0, 60.0, False)


@pytest.mark.parametrize("body", [b"<html></html>", b"Bad Request", b'{"error": 1}', b"<Error", b"\xff\xfe"])
@pytest.mark.parametrize(("status", "code"), [(400, "bad-answer"), (404, "bad-answer"), (503, "slow-down")])
def test_what_is_not_s3s(body: bytes, status: int, code: str) -> None:
    refusal = read_refusal(status, CIMultiDict(), body)
    assert refusal.foreign
    assert refused(refusal, HERE).code == code


def test_retry_after() -> None:
    assert retry_after("5") == 5.0
    assert retry_after("") is None
    assert retry_after("soon") is None
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0
    later = retry_after(formatdate(time.time() + 100, usegmt=True))
    assert later is not None
    assert 90 < later < 101


def test_errors_survive_the_way_to_other_processes() -> None:
    error = refused(Refusal(503, "SlowDown", "Later.", after_s=4.0, request_id="R"), HERE)
    again: CoreError = error.record().revive()
    assert (type(again), again.record()) == (type(error), error.record())
