"""Numbers of what is moving."""

from core.engine.live import Live, Running
from core.model.account import Account
from core.model.transfer import Direction, Options, State, Transfer
from core.protocol.rows import TransferRow
from core.transfer.gate import Gate


def running(live: Live, transfer: Transfer) -> Running:
    live.running[transfer.id] = Running(transfer, live.meter(transfer), Gate(1), 100.0, Options(), Account("a"))
    return live.running[transfer.id]


def transfer(number: int = 1, **facts: object) -> Transfer:
    return Transfer(number, 1, Direction.UP, State.RUNNING, "/s", "", "s3://b/k", "a", 1000, **facts)  # type: ignore[arg-type]


def row(number: int = 1) -> TransferRow:
    return TransferRow(number, 1, Direction.UP, State.RUNNING, "s", "/s", "s3://b/k", 1000, seconds=5.0)


def test_a_row_that_rests_is_shown_as_it_is_stored() -> None:
    assert Live().overlaid(row(), 0.0) == row()


def test_a_row_that_runs_shows_what_flies() -> None:
    live = Live()
    meter = running(live, transfer()).meter
    meter.restart(committed_bytes=300, parts=4, parts_done=1)
    meter.fly(2, 200)
    shown = live.overlaid(row(), 107.0)
    assert (shown.committed_bytes, shown.flying_bytes, shown.parts, shown.parts_done) == (300, 200, 4, 1)
    assert shown.seconds == 12.0


def test_more_never_flies_than_is_left() -> None:
    live = Live()
    meter = running(live, transfer()).meter
    meter.restart(committed_bytes=900, parts=4, parts_done=1)
    meter.fly(2, 5000)  # the file grew meanwhile
    assert live.overlaid(row(), 100.0).flying_bytes == 100


def test_what_is_left_is_counted_once() -> None:
    """The sum over the queue falls with every committed part; only what flies is to be taken off it."""
    live = Live()
    meter = running(live, transfer(committed_bytes=0)).meter
    meter.restart(committed_bytes=0, parts=4, parts_done=0)
    meter.fly(1, 250)
    assert live.totals(1000).left_bytes == 750
    meter.commit(1, 250)  # by then the queue's sum is less by as much
    assert live.totals(750).left_bytes == 750
    assert live.totals(750).moving == 1
    assert live.totals(0).left_bytes == 0


def test_speeds_go_by_direction() -> None:
    live = Live()
    running(live, transfer()).meter.fly(1, 10)
    assert live.up._total == 10
    assert live.down._total == 0
