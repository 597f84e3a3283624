"""The limits one transfer falls under, and how many of its parts make sense at once beneath them: pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.model.account import Account
from core.model.settings import Settings
from core.model.transfer import Direction, Options

_WAVE_S = 2.0  # under a limit, parts in flight should land about this soon


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes per second, 0 for none."""

    settings_bps: int
    account_bps: int
    batch_bps: int

    @property
    def tightest_bps(self) -> int:
        """The one that counts, 0 when there is none."""
        return min((bps for bps in (self.settings_bps, self.account_bps, self.batch_bps) if bps), default=0)


def limits_of(direction: Direction, settings: Settings, options: Options, account: Account) -> Limits:
    if direction is Direction.UP:
        return Limits(settings.limit_up_bps, account.limit_up_bps, options.limit_up_bps)
    if direction is Direction.DOWN:
        return Limits(settings.limit_down_bps, account.limit_down_bps, options.limit_down_bps)
    return Limits(0, 0, 0)


def lane_width(direction: Direction, settings: Settings, options: Options, account: Account) -> int:
    """Parts of one file at once. Beneath a limit fewer do: with many, none of them lands for long, and a pause would
    send all of them again."""
    width = options.parts or settings.parts_parallel
    limit_bps = limits_of(direction, settings, options, account).tightest_bps
    if not limit_bps:
        return width
    part_bytes = options.part_size_bytes or settings.part_size_bytes
    return max(1, min(width, math.ceil(limit_bps * _WAVE_S / part_bytes)))
