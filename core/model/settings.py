"""The settings a user can change while transfers run, with their limits."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

from core.model.errors import UsageError
from core.model.plan import DEFAULT_PART_BYTES, MAX_PART_BYTES, MIN_PART_BYTES
from core.model.transfer import Conflict, Verify
from core.model.units import parse_rate, parse_size


@dataclass(frozen=True, slots=True)
class Settings:
    """Engine settings. Rates are bytes per second, 0 for no limit."""

    files_parallel: int = 8
    parts_parallel: int = 8  # per file
    connections: int = 24  # in total
    part_size_bytes: int = DEFAULT_PART_BYTES
    limit_up_bps: int = 0
    limit_down_bps: int = 0
    verify: Verify = Verify.NORMAL


_BOUNDS = {
    "files_parallel": (1, 256),
    "parts_parallel": (1, 128),
    "connections": (1, 512),
    "part_size_bytes": (MIN_PART_BYTES, MAX_PART_BYTES),
    "limit_up_bps": (0, 10**12),
    "limit_down_bps": (0, 10**12),
}
DEFAULT_CONFLICT = Conflict.ASK  # of the window; the command line overwrites, as its peers do


def changed(settings: Settings, changes: dict[str, str]) -> Settings:
    """The settings with `changes` (name to text, as a person writes them). Raises UsageError, then nothing changed."""
    values: dict[str, object] = {}
    for name, text in changes.items():
        values[name] = _parsed(name, text)
    return replace(settings, **values)  # type: ignore[arg-type]


def _parsed(name: str, text: str) -> object:
    if name == "verify":
        try:
            return Verify(text)
        except ValueError:
            choices = ", ".join(Verify)
            raise UsageError(
                "bad-setting", f"“{text}” is no way to verify; choose one of: {choices}.", where=name
            ) from None
    if name not in _BOUNDS:
        known = ", ".join(field.name for field in fields(Settings))
        raise UsageError("bad-setting", f"There is no setting “{name}”; there are: {known}.", where=name)
    if name.startswith("limit_"):
        number = parse_rate(text)
    elif name.endswith("_bytes"):
        number = parse_size(text)
    elif re.fullmatch(r"\s*[0-9]{1,20}\s*", text):
        number = int(text)
    else:
        raise UsageError("bad-setting", f"“{text}” is not a whole number.", where=name)
    low, high = _BOUNDS[name]
    if not low <= number <= high:
        raise UsageError("bad-setting", f"{name} must be between {low} and {high}, not {number}.", where=name)
    return number
