"""Errors as data and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import (
    CoreError,
    IntegrityError,
    LocalError,
    NetworkError,
    ProtocolError,
    RemoteError,
    Retry,
    Scope,
    StateError,
    UsageError,
    describe,
)

KINDS = [CoreError, RemoteError, NetworkError, LocalError, IntegrityError, StateError, ProtocolError, UsageError]


@given(
    st.sampled_from(KINDS),
    st.text(),
    st.text(),
    st.sampled_from(Retry),
    st.sampled_from(Scope),
    st.none() | st.floats(0, 1e6),
)
def test_an_error_survives_being_data(
    kind: type[CoreError], sentence: str, detail: str, retry: Retry, scope: Scope, after_s: float | None
) -> None:
    error = kind("c", sentence, detail=detail, where="w", retry=retry, scope=scope, after_s=after_s, request_id="r")
    revived = error.record().revive()
    assert type(revived) is kind
    assert revived.record() == error.record()
    assert str(revived) == sentence


def test_every_kind_revives_as_itself() -> None:
    assert set(KINDS) == {CoreError, *CoreError.__subclasses__()}


def test_our_own_mistakes_say_so() -> None:
    record = describe(ZeroDivisionError("division by zero"))
    assert (record.code, record.retry) == ("internal", Retry.NEVER)
    assert "ZeroDivisionError" in record.sentence
    assert record.detail == "ZeroDivisionError: division by zero"


def test_an_expected_error_is_described_by_itself() -> None:
    error = RemoteError("no-key", "It is gone.", where="k")
    assert describe(error) == error.record()


def test_an_unknown_kind_is_still_an_error() -> None:
    record = LocalError("c", "s").record()
    with pytest.raises(CoreError) as caught:
        raise type(record)(kind="FromTheFuture", code="c", sentence="s").revive()
    assert caught.value.code == "c"
