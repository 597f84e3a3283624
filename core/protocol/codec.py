"""Messages as JSON: requests and replies by number, events by watch. Never pickle.

A connection starts with one `Welcome` from the engine and one `Hello` from the client; both carry the protocol's
number, and a mismatch ends the connection with a sentence. After that each frame is one message of the unions below.
"""

from __future__ import annotations

from typing import Any, Union

import msgspec

from core.model.errors import ErrorRecord, ProtocolError
from core.protocol.commands import COMMANDS, RESULTS, Command
from core.protocol.events import Delta, Notice, Snapshot
from core.protocol.rows import View

PROTOCOL = 1


class Welcome(msgspec.Struct, frozen=True, tag=True):
    protocol: int
    version: str
    pid: int


class Hello(msgspec.Struct, frozen=True, tag=True):
    protocol: int
    version: str
    token: str = ""  # proves the right to connect where the transport cannot


class Request(msgspec.Struct, frozen=True, tag=True):
    number: int
    command: Union[tuple(COMMANDS)]  # type: ignore[valid-type]  # noqa: UP007  (a union made from the table)


class StartWatch(msgspec.Struct, frozen=True, tag=True):
    watch: int
    view: View


class ChangeView(msgspec.Struct, frozen=True, tag=True):
    watch: int
    view: View


class StopWatch(msgspec.Struct, frozen=True, tag=True):
    watch: int


class Reply(msgspec.Struct, frozen=True, tag=True):
    """`result` is decoded by the command that was asked (see RESULTS)."""

    number: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorRecord | None = None


class Told(msgspec.Struct, frozen=True, tag=True):
    """One event of one watch."""

    watch: int
    event: Snapshot | Delta | Notice


ToEngine = Hello | Request | StartWatch | ChangeView | StopWatch
ToClient = Welcome | Reply | Told

_encoder = msgspec.json.Encoder()
_to_engine = msgspec.json.Decoder(ToEngine)
_to_client = msgspec.json.Decoder(ToClient)
_results: dict[Any, msgspec.json.Decoder[Any]] = {cls: msgspec.json.Decoder(result) for cls, result in RESULTS.items()}


def encode(message: Any) -> bytes:
    """Any message, command, event or result as JSON. Raises ProtocolError for text that is not Unicode."""
    try:
        return _encoder.encode(message)
    except (UnicodeEncodeError, TypeError, msgspec.MsgspecError) as error:
        raise ProtocolError("bad-message", "A message could not be written down.", detail=str(error)) from error


def decode_to_engine(frame: bytes) -> ToEngine:
    return _decoded(_to_engine, frame)  # type: ignore[no-any-return]


def decode_to_client(frame: bytes) -> ToClient:
    return _decoded(_to_client, frame)  # type: ignore[no-any-return]


def decode_result(command: Command[Any], raw: bytes | msgspec.Raw) -> Any:
    """The answer to `command`, as the type the command promises."""
    return _decoded(_results[type(command)], bytes(raw))


def _decoded(decoder: msgspec.json.Decoder[Any], frame: bytes) -> Any:
    try:
        return decoder.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProtocolError(
            "bad-message",
            "The window and the engine do not understand each other; restart both after an update.",
            detail=str(error),
        ) from error
