"""Sizes, rates and durations: what people write and what they read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import UsageError
from core.model.units import GIB, KIB, MIB, TIB, format_duration, format_rate, format_size, parse_rate, parse_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        ("4096", 4096),
        ("812 B", 812),
        ("8MiB", 8 * MIB),
        ("8m", 8 * MIB),
        ("150MB", 150_000_000),
        (" 1.5 GiB ", 3 * GIB // 2),
        ("2t", 2 * TIB),
        ("9007199254740993", 9007199254740993),  # more than a float can count
    ],
)
def test_sizes_as_people_write_them(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["", "-1", "8 Mib/s", "MiB", "1e9", "٣", "1,5 GiB", "8 zib", "9" * 400, "1." + "0" * 99]
)
def test_what_is_no_size_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_size(text)
    assert caught.value.code == "bad-size"


@given(st.integers(0, 2**62), st.sampled_from(["", "b", "KiB", "kb", "MiB", "GB", "T"]))
def test_whole_numbers_are_exact(number: int, unit: str) -> None:
    factor = {"": 1, "b": 1, "KiB": KIB, "kb": 1000, "MiB": MIB, "GB": 1000**3, "T": TIB}[unit]
    assert parse_size(f"{number}{unit}") == number * factor


@given(st.integers(0, 900 * TIB))
def test_what_is_shown_can_be_written_back(size_bytes: int) -> None:
    back = parse_size(format_size(size_bytes))
    assert abs(back - size_bytes) <= max(0.051 * 1024 ** (len(_digits(size_bytes)) - 1), size_bytes * 0.05)


def _digits(size_bytes: int) -> list[int]:
    """The size to the base of 1024."""
    digits = [size_bytes % 1024]
    while size_bytes := size_bytes // 1024:
        digits.append(size_bytes % 1024)
    return digits


@given(st.integers(0, 2**63))
def test_a_shown_size_has_few_digits(size_bytes: int) -> None:
    number, unit = format_size(size_bytes).split(" ")
    assert unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
    assert len(number) <= 6


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1023897, "999.9 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (44 * GIB, "44.0 GiB"),
    ],
)
def test_sizes_as_people_read_them(size_bytes: int, text: str) -> None:
    assert format_size(size_bytes) == text


@pytest.mark.parametrize("text", ["none", "off", "Unlimited", "0", " 0 "])
def test_no_limit(text: str) -> None:
    assert parse_rate(text) == 0


@pytest.mark.parametrize("text", ["30MB", "30MB/s", "30mb/sec", "30 MBps", "30000kB/s"])
def test_rates(text: str) -> None:
    assert parse_rate(text) == 30_000_000


def test_rates_are_shown_in_decimal_units() -> None:
    shown = [format_rate(bps) for bps in (0, 999, 31_400_000, 999_960, 2.5e9, 5e12)]
    assert shown == ["0 B/s", "999 B/s", "31.4 MB/s", "1.0 MB/s", "2.5 GB/s", "5000.0 GB/s"]


@given(st.integers(1, 10**12))
def test_a_shown_rate_can_be_written_back(bps: int) -> None:
    assert parse_rate(format_rate(bps)) == pytest.approx(bps, rel=0.06, abs=0.6)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (245, "4 min 05 s"),
        (720, "12 min"),
        (3600, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
