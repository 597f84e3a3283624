import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.client.framing import MAX_FRAME_BYTES, frame, read_frame
from core.model.errors import CoreError


def reader_of(*pieces: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    for piece in pieces:
        reader.feed_data(piece)
    reader.feed_eof()
    return reader


@given(st.lists(st.binary(max_size=300)), st.integers(1, 50))
def test_what_was_written_is_read_however_it_is_cut(payloads: list[bytes], size: int) -> None:
    async def run() -> list[bytes]:
        wire = b"".join(frame(payload) for payload in payloads)
        reader = reader_of(*(wire[n : n + size] for n in range(0, len(wire), size)))
        found = []
        while (payload := await read_frame(reader)) is not None:
            found.append(payload)
        return found

    assert asyncio.run(run()) == payloads


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 8])
async def test_a_broken_frame_is_told_from_an_end(cut: int) -> None:
    with pytest.raises(CoreError) as caught:
        await read_frame(reader_of(frame(b"12345")[:cut]))
    assert caught.value.code == "connection-lost"


async def test_a_length_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(CoreError) as caught:
        await read_frame(reader_of(struct.pack(">I", MAX_FRAME_BYTES + 1)))
    assert caught.value.code == "frame-too-big"


def test_a_payload_over_the_limit_is_not_written() -> None:
    with pytest.raises(CoreError) as caught:
        frame(bytes(MAX_FRAME_BYTES + 1))
    assert caught.value.code == "frame-too-big"
    assert len(frame(bytes(MAX_FRAME_BYTES))) == MAX_FRAME_BYTES + 4
