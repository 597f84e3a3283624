"""Values of every type that crosses: any (for hypothesis), or one that never changes (for golden samples)."""

import dataclasses
import enum
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from core.model.errors import ErrorRecord
from core.protocol import codec
from core.protocol.commands import COMMANDS, RESULTS
from core.protocol.events import Delta, Notice, Snapshot

EVENTS = (Snapshot, Delta, Notice)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def fields_of(kind: type) -> dict[str, Any]:
    """Names and types of a struct's or dataclass's fields."""
    if issubclass(kind, msgspec.Struct):
        return {field.name: field.type for field in msgspec.structs.fields(kind)}
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type."""
    simple = {
        str: TEXT,
        int: st.integers(-(2**53), 2**53),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bool: st.booleans(),
        type(None): st.none(),
    }
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in simple:
        return simple[kind]
    if origin in (Union, types.UnionType):
        return st.one_of(*map(any_of, arguments))
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=3)
    if issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    return st.fixed_dictionaries({name: any_of(one) for name, one in fields_of(kind).items()}).map(
        lambda values: kind(**values)
    )


def sample_of(kind: Any, name: str = "") -> Any:
    """One value of a type, with every field set."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return sample_of(next(one for one in arguments if one is not type(None)), name)
    if origin is tuple:
        return (sample_of(arguments[0], name),)
    if origin is dict:
        return {sample_of(arguments[0], "key"): sample_of(arguments[1], name)}
    if issubclass(kind, enum.Enum):
        return list(kind)[-1]
    simple = {str: f"{name} ü", int: 7, float: 1.5, bool: True}
    if kind in simple:
        return simple[kind]
    return kind(**{field: sample_of(one, field) for field, one in fields_of(kind).items()})


def golden_messages() -> dict[str, bytes]:
    """A frame for everything the protocol can say."""
    messages: dict[str, Any] = {
        "Welcome": codec.Welcome(1, "0.1.0", 4711),
        "Hello": codec.Hello(1, "0.1.0", "token"),
        "StartWatch": sample_of(codec.StartWatch),
        "ChangeView": sample_of(codec.ChangeView),
        "StopWatch": sample_of(codec.StopWatch),
        "Reply with an error": codec.Reply(7, error=sample_of(ErrorRecord)),
    }
    for command in COMMANDS:
        messages[command.__name__] = codec.Request(7, sample_of(command))
        answer = msgspec.Raw(codec.encode(sample_of(RESULTS[command])))
        messages[f"{command.__name__} answered"] = codec.Reply(7, result=answer)
    for event in EVENTS:
        messages[event.__name__] = codec.Told(7, sample_of(event))
    return {name: codec.encode(message) for name, message in messages.items()}
