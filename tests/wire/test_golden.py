"""Protocol 1 as it was first spoken. What was said then must be understood for as long as PROTOCOL is 1.

A new field with a default keeps that promise. Anything else needs a new protocol number and new samples:
`python -m tests.wire.golden_samples`.
"""

import json
from typing import Any

import pytest

from core.protocol import codec
from core.protocol.commands import COMMANDS
from tests.wire.golden_samples import FILE
from tests.wire.shapes import EVENTS

SAMPLES: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
TO_CLIENT = ("Welcome", "Reply", "Told")


def test_the_samples_are_of_the_protocol_that_is_spoken() -> None:
    assert FILE.name == f"protocol-{codec.PROTOCOL}.json"


@pytest.mark.parametrize("kind", [*COMMANDS, *EVENTS], ids=lambda one: one.__name__)
def test_everything_has_a_sample(kind: type) -> None:
    assert kind.__name__ in SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_still_understood_and_nothing_of_it_is_lost(name: str) -> None:
    said = SAMPLES[name]
    wire = json.dumps(said).encode()
    decode = codec.decode_to_client if said["type"] in TO_CLIENT else codec.decode_to_engine
    message = decode(wire)
    if name.endswith(" answered"):
        command = codec.decode_to_engine(json.dumps(SAMPLES[name.removesuffix(" answered")]).encode())
        assert isinstance(command, codec.Request)
        assert isinstance(message, codec.Reply)
        again = json.loads(codec.encode(codec.decode_result(command.command, message.result)))
        said = said["result"]
    else:
        again = json.loads(codec.encode(message))
    assert_holds(again, said)


def assert_holds(now: Any, then: Any) -> None:
    """Everything said then is in what we say now."""
    if isinstance(then, dict):
        assert then.keys() <= now.keys()
        for key, value in then.items():
            assert_holds(now[key], value)
    elif isinstance(then, list):
        assert len(now) == len(then)
        for one, other in zip(now, then, strict=True):
            assert_holds(one, other)
    else:
        assert now == then
