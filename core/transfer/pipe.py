"""What an engine and a mover process say to each other: one JSON message a line over the child's stdin and stdout."""

from __future__ import annotations

import msgspec

from core.model.errors import ErrorRecord
from core.stores.base import Access
from core.transfer.orders import Order, Outcome

MAX_LINE_BYTES = 1 << 20


class Know(msgspec.Struct, frozen=True, tag=True):
    """An access that orders will name by number. It holds keys, so it crosses by the pipe and nothing else."""

    number: int
    access: Access


class Start(msgspec.Struct, frozen=True, tag=True):
    number: int
    order: Order
    access: int  # 0: none


class Cancel(msgspec.Struct, frozen=True, tag=True):
    number: int


class SetPace(msgspec.Struct, frozen=True, tag=True):
    key: str
    bps: int


class Progress(msgspec.Struct, frozen=True, tag=True):
    """Bytes that went by since the last one, by order."""

    bytes: dict[int, int]


class Ended(msgspec.Struct, frozen=True, tag=True):
    number: int
    outcome: Outcome | None = None
    error: ErrorRecord | None = None


ToMover = Know | Start | Cancel | SetPace
FromMover = Progress | Ended

_encoder = msgspec.json.Encoder()
to_mover = msgspec.json.Decoder(ToMover)
from_mover = msgspec.json.Decoder(FromMover)


def line(message: ToMover | FromMover) -> bytes:
    return _encoder.encode(message) + b"\n"
