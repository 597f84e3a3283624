"""Fingerprints of local files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.transfer import Fingerprint


@given(st.integers(0), st.integers(), st.integers(0))
def test_a_fingerprint_is_read_back(size_bytes: int, mtime_ns: int, inode: int) -> None:
    stamp = Fingerprint(size_bytes, mtime_ns, inode)
    assert Fingerprint.parse(stamp.text) == stamp


@pytest.mark.parametrize("text", ["", "1:2", "1:2:3:4", "a:b:c", "d41d8cd98f00b204e9800998ecf8427e", "1::3"])
def test_anything_else_is_none(text: str) -> None:
    assert Fingerprint.parse(text) is None
