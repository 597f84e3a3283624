"""How many parts at once beneath which limits."""

from core.engine.limits import lane_width, limits_of
from core.model.account import Account
from core.model.settings import Settings
from core.model.transfer import Direction, Options
from core.model.units import MIB

SETTINGS = Settings(parts_parallel=8, part_size_bytes=8 * MIB, limit_up_bps=100 * MIB)


def test_the_tightest_limit_counts() -> None:
    account, options = Account("a", limit_up_bps=5, limit_down_bps=7), Options(limit_up_bps=3)
    assert limits_of(Direction.UP, SETTINGS, options, account).tightest_bps == 3
    assert limits_of(Direction.DOWN, SETTINGS, options, account).tightest_bps == 7
    assert limits_of(Direction.COPY, SETTINGS, options, account).tightest_bps == 0


def test_without_a_limit_as_many_as_wished() -> None:
    assert lane_width(Direction.DOWN, SETTINGS, Options(), Account("a")) == 8
    assert lane_width(Direction.DOWN, SETTINGS, Options(parts=3), Account("a")) == 3


def test_beneath_a_limit_as_many_as_land_soon() -> None:
    def width(bps: int) -> int:
        return lane_width(Direction.DOWN, SETTINGS, Options(limit_down_bps=bps), Account("a"))

    assert [width(1), width(4 * MIB), width(8 * MIB), width(1000 * MIB)] == [1, 1, 2, 8]
