"""How a wait is shown: bars on a terminal, a line about once a second for programs, nothing in a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Protocol

from core.client.client import Watch
from core.host.cli.goals import Standing
from core.host.cli.output import Output, printable, transfer_record
from core.model.errors import ErrorRecord
from core.model.transfer import Direction, State
from core.model.units import format_duration, format_rate, format_size
from core.protocol.events import Delta, Notice, Snapshot
from core.protocol.rows import Totals, TransferRow

if TYPE_CHECKING:
    from rich.progress import TaskID

_LINE_S = 1.0
_ARROWS = {Direction.UP: "↑", Direction.DOWN: "↓", Direction.COPY: "→"}


class Mirror:
    """The rows a watch shows, as they are now."""

    def __init__(self) -> None:
        self.rows: dict[int, TransferRow] = {}
        self.ids: tuple[int, ...] = ()
        self.totals = Totals()
        self.held: dict[str, ErrorRecord] = {}
        self._news = asyncio.Event()

    async def follow(self, watch: Watch) -> None:
        """Returns when the watch ends. Raises what it raises."""
        try:
            async for event in watch:
                if not isinstance(event, Notice):
                    self._apply(event)
                self._news.set()
        finally:
            self._news.set()

    async def news(self, timeout_s: float) -> None:
        """Returns when something has changed since the last time, or when the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        self._news.clear()

    @property
    def moving(self) -> list[TransferRow]:
        return [self.rows[one] for one in self.ids if one in self.rows]

    def _apply(self, event: Snapshot | Delta) -> None:
        if isinstance(event, Snapshot):
            self.rows = {}
            self.ids = tuple(row.id for row in event.rows)
        elif event.ids is not None:
            self.ids = event.ids
        self.rows |= {row.id: row for row in event.rows}
        self.rows = {one: self.rows[one] for one in self.ids if one in self.rows}
        self.totals = event.totals if event.totals is not None else self.totals
        self.held = event.held if event.held is not None else self.held


class Progress(Protocol):
    def show(self, standing: Standing, mirror: Mirror) -> None: ...

    def ended(self, row: TransferRow) -> None: ...

    def close(self) -> None:
        """Idempotent."""


class Quiet:
    """Only what went wrong."""

    def __init__(self, out: Output) -> None:
        self._out = out

    def show(self, standing: Standing, mirror: Mirror) -> None:
        pass

    def ended(self, row: TransferRow) -> None:
        if row.error is not None and row.state is State.FAILED:
            self._out.warn(f"{row.source}: {row.error.sentence}")

    def close(self) -> None:
        pass


class Lines:
    """A line about once a second, and one for each transfer that ends."""

    def __init__(self, out: Output, batch: int = 0) -> None:
        self._out = out
        self._batch = batch
        self._told_s = 0.0

    def show(self, standing: Standing, mirror: Mirror) -> None:
        if standing.at_rest or time.monotonic() - self._told_s < _LINE_S:
            return
        self._told_s = time.monotonic()
        self._out.record(
            {
                "progress": {
                    "batch": self._batch,
                    "listing": standing.walking,
                    "counts": {state.value: count for state, count in standing.counts.items() if count},
                    "bytes": standing.committed_bytes,
                    "size_bytes": standing.size_bytes,
                    "flying_bytes": sum(row.flying_bytes for row in mirror.moving),
                    "up_bps": round(mirror.totals.up_bps),
                    "down_bps": round(mirror.totals.down_bps),
                }
            }
        )

    def ended(self, row: TransferRow) -> None:
        self._out.record(transfer_record(row))

    def close(self) -> None:
        pass


class Bars:
    """One bar for all of it, and one for each that moves."""

    def __init__(self, out: Output) -> None:
        # rich takes longer to import than most commands take to run
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._quiet = Quiet(out)
        self._begun_s = time.monotonic()
        self._standing: Standing | None = None
        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %", markup=False),
            TextColumn("{task.fields[facts]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._all = self._bars.add_task("", total=None, facts="")
        self._tasks: dict[int, TaskID] = {}
        self._bars.start()

    def show(self, standing: Standing, mirror: Mirror) -> None:
        self._standing = standing
        for number in set(self._tasks) - set(mirror.ids):
            self._bars.remove_task(self._tasks.pop(number))
        for row in mirror.moving:
            task = self._tasks.get(row.id)
            if task is None:
                task = self._tasks[row.id] = self._bars.add_task(_title(row), total=row.size_bytes, facts="")
            facts = " ".join(filter(None, (format_rate(row.rate_bps), _left(row.left_s))))
            self._bars.update(task, completed=row.committed_bytes + row.flying_bytes, facts=facts)
        flying = sum(row.flying_bytes for row in mirror.moving)
        self._bars.update(
            self._all,
            description=_summary(standing),
            total=None if standing.walking else standing.size_bytes or None,
            completed=standing.committed_bytes + flying,
            facts=f"{format_rate(mirror.totals.up_bps + mirror.totals.down_bps)} {_left(mirror.totals.left_s)}",
        )

    def ended(self, row: TransferRow) -> None:
        self._quiet.ended(row)

    def close(self) -> None:
        if self._bars.live.is_started:
            self._bars.stop()
            if self._standing is not None:
                took = format_duration(time.monotonic() - self._begun_s)
                size = format_size(self._standing.committed_bytes)
                self._bars.console.print(f"{_summary(self._standing)}, {size} in {took}", markup=False, highlight=False)


def progress_for(out: Output, *, terminal: bool, batch: int = 0) -> Progress:
    if out.as_json:
        return Lines(out, batch)
    return Bars(out) if terminal else Quiet(out)


def _title(row: TransferRow) -> str:
    name = printable(row.name)
    return f"{_ARROWS[row.direction]} {name if len(name) <= 40 else name[:39] + '…'}"


def _left(left_s: float) -> str:
    return format_duration(left_s) if left_s >= 0 else ""


def _summary(standing: Standing) -> str:
    done = standing.counts[State.DONE] + standing.counts[State.SKIPPED]
    total = sum(standing.counts.values())
    failed = standing.counts[State.FAILED]
    words = f"{done:,} of {total:,}{' or more' if standing.walking else ''} done"
    return f"{words}, {failed:,} failed" if failed else words
