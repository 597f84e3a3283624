"""What is moving just now: the meters of running transfers and the speeds of all together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.model.account import Account
from core.model.transfer import Direction, Options, Transfer
from core.protocol.rows import Totals, TransferRow
from core.transfer.gate import Gate
from core.transfer.meter import Meter, Rate


@dataclass(slots=True)
class Running:
    """One transfer that runs."""

    transfer: Transfer
    meter: Meter
    lanes: Gate
    started_s: float
    options: Options  # of its batch
    account: Account


@dataclass(slots=True)
class Live:
    """Owned by the engine; everything else reads."""

    up: Rate = field(default_factory=Rate)
    down: Rate = field(default_factory=Rate)
    running: dict[int, Running] = field(default_factory=dict)
    walking: int = 0

    def meter(self, transfer: Transfer) -> Meter:
        rates = {Direction.UP: (self.up,), Direction.DOWN: (self.down,), Direction.COPY: ()}[transfer.direction]
        return Meter(transfer.size_bytes, transfer.committed_bytes, rates)

    def overlaid(self, row: TransferRow, now_s: float) -> TransferRow:
        """A stored row with what is newer in memory."""
        running = self.running.get(row.id)
        if running is None:
            return row
        meter = running.meter
        flying = min(meter.flying_bytes, max(0, row.size_bytes - meter.committed_bytes))
        return replace(
            row,
            committed_bytes=meter.committed_bytes,
            flying_bytes=flying,
            rate_bps=round(meter.rate.bps()),
            left_s=round(meter.left_s, 1),
            parts=meter.parts,
            parts_done=meter.parts_done,
            seconds=round(row.seconds + now_s - running.started_s, 2),
        )

    def totals(self, left_bytes: int) -> Totals:
        flying = sum(running.meter.flying_bytes for running in self.running.values())
        left = max(0, left_bytes - flying)
        up, down = self.up.bps(), self.down.bps()
        speed = up + down
        return Totals(
            up_bps=round(up),
            down_bps=round(down),
            moving=len(self.running),
            left_bytes=left,
            left_s=round(left / speed, 1) if speed > 1 else -1.0,
            walking=self.walking,
        )
