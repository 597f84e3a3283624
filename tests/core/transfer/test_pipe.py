"""What crosses between the engine and a mover is read as it was written."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.account import Account, AccountKind, Credentials
from core.model.errors import LocalError
from core.model.objects import Digests
from core.stores.base import Access
from core.transfer.orders import DigestRange, FetchRange, Outcome, Pace, ReadBack, SendObject, SendPart
from core.transfer.pipe import Cancel, Ended, Know, Progress, SetPace, Start, from_mover, line, to_mover

PACES = (Pace("all:up", 5),)
ORDERS = [
    SendObject(bucket="b", key="k", path="/p", size_bytes=1, stamp="1:2:3", if_none_match=True, paces=PACES),
    SendPart(bucket="b", key="k", upload_id="u", number=2, path="/p", offset=3, size_bytes=4, stamp="1:2:3"),
    FetchRange(bucket="b", key="k", etag="e", offset=1, size_bytes=2, path="/p", md5=True, paces=PACES),
    DigestRange(path="/p", offset=1, size_bytes=2, md5=True),
    ReadBack(bucket="b", key="k", etag="e", offset=1, size_bytes=2),
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
def test_orders(order: object) -> None:
    message = Start(7, order, 3)  # type: ignore[arg-type]
    assert to_mover.decode(line(message)) == message


def test_the_rest() -> None:
    access = Access(Account("a", AccountKind.S3, endpoint="http://h"), Credentials("a", "s", "t", 1.5), True, -2.5)
    for message in (Know(1, access), Cancel(2), SetPace("k", 0)):
        assert to_mover.decode(line(message)) == message
    outcome = Outcome(digests=Digests(1, 2**64 - 1, "m"), etag="e", proof="p")
    error = LocalError("c", "sentence\nof two lines", detail="“é”").record()
    for answer in (Progress({1: 2, 3: -4}), Ended(1, outcome=outcome), Ended(2, error=error), Ended(3)):
        assert from_mover.decode(line(answer)) == answer


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_message_is_one_line_whatever_it_names(text: str) -> None:
    message = Start(1, DigestRange(path=text, offset=0, size_bytes=0), 0)
    written = line(message)
    assert written.count(b"\n") == 1
    assert written.endswith(b"\n")
    assert to_mover.decode(written) == message


def test_unknown_messages_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        to_mover.decode(b'{"type": "Explode", "number": 1}')
