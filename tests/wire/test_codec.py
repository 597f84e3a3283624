"""Whatever is written down is read again as the same thing."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.model.errors import CoreError, ErrorRecord
from core.protocol import codec
from core.protocol.commands import COMMANDS, RESULTS, Command
from tests.wire.shapes import EVENTS, any_of

few = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.__name__)
@few
@given(data=st.data())
def test_commands_and_their_answers(command: type[Command[Any]], data: st.DataObject) -> None:
    request = codec.Request(data.draw(st.integers(0, 2**53)), data.draw(any_of(command)))
    assert codec.decode_to_engine(codec.encode(request)) == request
    result = data.draw(any_of(RESULTS[command]))
    reply = codec.decode_to_client(codec.encode(codec.Reply(request.number, result=msgspec.Raw(codec.encode(result)))))
    assert isinstance(reply, codec.Reply)
    assert codec.decode_result(request.command, reply.result) == result


@pytest.mark.parametrize("event", EVENTS, ids=lambda one: one.__name__)
@few
@given(data=st.data())
def test_events(event: type, data: st.DataObject) -> None:
    told = codec.Told(1, data.draw(any_of(event)))
    assert codec.decode_to_client(codec.encode(told)) == told


@few
@given(any_of(ErrorRecord))
def test_errors(error: ErrorRecord) -> None:
    reply = codec.decode_to_client(codec.encode(codec.Reply(1, error=error)))
    assert isinstance(reply, codec.Reply)
    assert reply.error == error


@given(st.binary())
def test_garbage_is_refused_in_a_sentence(garbage: bytes) -> None:
    for decode in (codec.decode_to_engine, codec.decode_to_client):
        with pytest.raises(CoreError) as caught:
            decode(garbage)
        assert caught.value.code == "bad-message"
