"""Progress and speed by a clock that is set by hand."""

from core.transfer.meter import Meter, Rate


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_a_steady_flow() -> None:
    clock = Clock()
    rate = Rate(clock)
    for _ in range(100):
        clock.now += 0.1
        rate.add(100)
    assert 950 <= rate.bps() <= 1050


def test_a_flow_that_stops_falls_to_zero() -> None:
    clock = Clock()
    rate = Rate(clock)
    for _ in range(41):
        clock.now += 0.1
        rate.add(100)
    clock.now += 2
    assert 0 < rate.bps() < 1000
    clock.now += 2.5
    assert rate.bps() == 0


def test_after_a_rest_only_the_new_bytes_count() -> None:
    clock = Clock()
    rate = Rate(clock)
    rate.add(1_000_000)
    clock.now += 3600
    assert rate.bps() == 0
    rate.add(400)
    clock.now += 2
    assert rate.bps() == 200  # since the first of them
    clock.now += 3600
    rate.add(800)
    assert rate.bps() == 1600  # no rate is told of less than half a second


def test_a_slow_flow_is_seen() -> None:
    clock = Clock()
    rate = Rate(clock)
    seen = []
    for _ in range(20):
        clock.now += 3
        rate.add(300)
        seen.append(rate.bps())
    assert all(80 <= bps <= 160 for bps in seen[3:])


def test_bytes_in_flight_come_and_go() -> None:
    up = Rate()
    meter = Meter(100, 0, (up,))
    meter.restart(committed_bytes=10, parts=4, parts_done=1)
    meter.fly(2, 30)
    meter.fly(3, 20)
    assert (meter.committed_bytes, meter.flying_bytes) == (10, 50)
    meter.fly(3, -20)  # its attempt was taken back
    meter.fly(3, 5)
    assert meter.flying_bytes == 35
    assert meter.drop(3) == 5
    assert meter.drop(3) == 0
    meter.commit(2, 30)
    assert (meter.committed_bytes, meter.flying_bytes, meter.parts_done) == (40, 0, 2)


def test_progress_that_comes_late_is_never_less_than_nothing() -> None:
    meter = Meter(100, 0)
    meter.fly(1, -10)
    assert meter.flying_bytes == 0
    assert meter.drop(1) == 0


def test_time_left_is_unknown_without_speed() -> None:
    assert Meter(100, 0).left_s == -1.0
