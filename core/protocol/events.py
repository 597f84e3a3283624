"""What the engine tells those who watch: a snapshot first, then numbered deltas."""

from __future__ import annotations

import msgspec

from core.model.errors import ErrorRecord
from core.protocol.rows import Totals, TransferRow, View


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """`seq` grows by one from event to event of a watch, so that a gap would be seen."""

    seq: int


class Snapshot(Event, frozen=True, tag=True):
    """Everything inside the view. Sent first, after a change of view, and instead of a gap."""

    view: View
    total: int  # rows in the whole filter
    rows: tuple[TransferRow, ...]  # from view.first on
    counts: dict[str, int]  # transfers by Filter, within the view's batch
    totals: Totals
    held: dict[str, ErrorRecord]  # accounts that wait for something, by name


class Delta(Event, frozen=True, tag=True):
    """What changed since the event before. None means “as it was”."""

    total: int | None = None
    ids: tuple[int, ...] | None = None  # the rows of the window in order, when their order changed
    rows: tuple[TransferRow, ...] = ()  # only the changed ones
    counts: dict[str, int] | None = None
    totals: Totals | None = None
    held: dict[str, ErrorRecord] | None = None


class Notice(Event, frozen=True, tag=True):
    """A fact worth telling once: `batch-done`, `account-held`, `engine-stopping`."""

    kind: str
    sentence: str
    batch: int = 0
    account: str = ""
