"""Sizes, rates and durations: parsing what people write and writing what people read."""

from __future__ import annotations

import re
from fractions import Fraction

from core.model.errors import UsageError

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB

_FACTORS = {
    "": 1, "b": 1,
    "k": KIB, "kib": KIB, "kb": 1000,
    "m": MIB, "mib": MIB, "mb": 1000**2,
    "g": GIB, "gib": GIB, "gb": 1000**3,
    "t": TIB, "tib": TIB, "tb": 1000**4,
}  # fmt: skip
_SIZE = re.compile(r"\s*([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*([a-zA-Z]*)\s*")


def parse_size(text: str) -> int:
    """Bytes from `8MiB`, `150MB`, `1.5 GiB`, `4096`. A bare `k`, `M`, `G`, `T` is binary. Raises UsageError."""
    found = _SIZE.fullmatch(text)
    factor = _FACTORS.get(found[2].lower()) if found else None
    if found is None or factor is None:
        raise UsageError("bad-size", f"“{text}” is not a size; write it like 8MiB, 150MB or 4096.", where=text)
    return int(Fraction(found[1]) * factor)


def parse_rate(text: str) -> int:
    """Bytes per second from `30MB`, `30MB/s`, or 0 for `none`, `off`, `unlimited`. Raises UsageError."""
    word = text.strip().lower()
    if word in ("none", "off", "unlimited", "0"):
        return 0
    return parse_size(re.sub(r"/s(ec)?$|ps$", "", word))


def format_size(size_bytes: float) -> str:
    """`0 B`, `812 B`, `4.0 KiB`, `41.2 GiB`: at most one decimal, binary units."""
    if size_bytes < KIB:
        return f"{int(size_bytes)} B"
    value = float(size_bytes)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:.1f} PiB"


def format_rate(bytes_per_s: float) -> str:
    """`31.4 MB/s`: decimal units, as links are sold."""
    value = float(bytes_per_s)
    for unit in ("B/s", "kB/s", "MB/s", "GB/s"):
        if value < 999.95 or unit == "GB/s":
            return f"{value:.0f} {unit}" if unit == "B/s" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def format_duration(seconds: float) -> str:
    """`8 s`, `4 min`, `2 h 05 min`, `3 d 4 h`: two parts at most."""
    total = int(seconds + 0.5)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        minutes, rest = divmod(total, 60)
        return f"{minutes} min {rest:02d} s" if minutes < 10 else f"{minutes} min"
    if total < 86400:
        return f"{total // 3600} h {total % 3600 // 60:02d} min"
    return f"{total // 86400} d {total % 86400 // 3600} h"
