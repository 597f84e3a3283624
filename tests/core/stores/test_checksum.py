"""Checksums of parts joined to those of the whole."""

import base64
import hashlib

import pytest
from awscrt import checksums
from hypothesis import given
from hypothesis import strategies as st

from core.model.transfer import PartRecord
from core.stores.checksum import RunningDigest, crc_text, etag_parts, is_md5, joined_crc, multipart_etag

PIECES = st.lists(st.binary(max_size=200), max_size=8)


def records_of(pieces: list[bytes]) -> list[PartRecord]:
    records, offset = [], 0
    for number, piece in enumerate(pieces, 1):
        records.append(PartRecord(number, offset, len(piece), done=True, crc64nvme=checksums.crc64nvme(piece)))
        offset += len(piece)
    return records


@given(PIECES)
def test_the_parts_make_the_whole(pieces: list[bytes]) -> None:
    assert joined_crc(records_of(pieces)) == checksums.crc64nvme(b"".join(pieces))


@given(PIECES)
def test_a_running_digest_is_that_of_the_whole(pieces: list[bytes]) -> None:
    running = RunningDigest(md5=True)
    for piece in pieces:
        running.update(memoryview(piece))
    whole = b"".join(pieces)
    digests = running.digests()
    assert digests.size_bytes == len(whole)
    assert digests.crc64nvme == checksums.crc64nvme(whole)
    assert digests.md5 == hashlib.md5(whole).hexdigest()


def test_no_md5_unless_it_is_wanted() -> None:
    running = RunningDigest(md5=False)
    running.update(b"x")
    assert running.digests().md5 == ""


def test_the_published_check_value() -> None:
    # CRC-64/NVME of "123456789", from the catalogue of parametrised CRC algorithms
    running = RunningDigest(md5=False)
    running.update(b"123456789")
    assert running.digests().crc64nvme == 0xAE8B14860A799888
    assert base64.b64decode(crc_text(0xAE8B14860A799888)) == bytes.fromhex("ae8b14860a799888")
    assert crc_text(1) == "AAAAAAAAAAE="


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5))
def test_the_etag_of_parts(pieces: list[bytes]) -> None:
    digests = [hashlib.md5(piece) for piece in pieces]
    expected = hashlib.md5(b"".join(digest.digest() for digest in digests)).hexdigest() + f"-{len(pieces)}"
    etag = multipart_etag([digest.hexdigest() for digest in digests])
    assert etag == expected
    assert etag_parts(etag) == len(pieces)


def test_no_etag_where_a_digest_is_missing() -> None:
    assert multipart_etag([]) == "-"
    assert multipart_etag(["d41d8cd98f00b204e9800998ecf8427e", ""]) == "-"


@pytest.mark.parametrize("etag", ["", "-", "abc", "-3", "abc-", "abc-x", "abc-²", "abc-1.5", "abc-٣", "abc-123456"])
def test_etags_that_tell_no_parts(etag: str) -> None:
    assert etag_parts(etag) == 0


def test_what_looks_like_an_md5() -> None:
    assert is_md5("d41d8cd98f00b204e9800998ecf8427e")
    assert not is_md5("D41D8CD98F00B204E9800998ECF8427E")
    assert not is_md5("d41d8cd98f00b204e9800998ecf8427e-2")
    assert not is_md5("")
