"""Frames on a byte stream: four bytes of length, most significant first, and as many bytes of JSON."""

from __future__ import annotations

import asyncio
import struct

from core.model.errors import NetworkError, ProtocolError, Retry, Scope

MAX_FRAME_BYTES = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")


def frame(payload: bytes) -> bytes:
    """The payload as it goes on the wire. Raises ProtocolError (`frame-too-big`)."""
    if len(payload) > MAX_FRAME_BYTES:
        raise _too_big(len(payload))
    return _LENGTH.pack(len(payload)) + payload


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next payload, or None when the other side has closed between two frames.

    Raises NetworkError (`connection-lost`) when it breaks within one, ProtocolError (`frame-too-big`) before anything
    of a frame over 64 MiB is read.
    """
    try:
        (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if size > MAX_FRAME_BYTES:
            raise _too_big(size)
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        if not error.partial and error.expected == _LENGTH.size:
            return None
        raise _lost("The connection ended in the middle of a message.") from error
    except OSError as error:
        raise _lost(f"The connection broke: {error.strerror or error}.") from error


def _lost(sentence: str) -> NetworkError:
    return NetworkError("connection-lost", sentence, retry=Retry.ONLINE, scope=Scope.ENGINE)


def _too_big(size_bytes: int) -> ProtocolError:
    return ProtocolError(
        "frame-too-big",
        f"A message of {size_bytes} bytes is over the limit of {MAX_FRAME_BYTES}; ask for less at once.",
    )
