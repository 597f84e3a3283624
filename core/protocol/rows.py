"""The queue as front ends see it: rows, counts, totals, and the window through which they look."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.model.account import Account
from core.model.errors import ErrorRecord
from core.model.transfer import BatchState, Direction, State


class Filter(StrEnum):
    """The named groups of states a queue can be narrowed to."""

    ALL = "all"
    MOVING = "moving"
    WAITING = "waiting"
    PAUSED = "paused"
    NEEDS_YOU = "needs-you"
    DONE = "done"


FILTER_STATES: dict[Filter, frozenset[State]] = {
    Filter.ALL: frozenset(State),
    Filter.MOVING: frozenset({State.RUNNING, State.CANCELLING}),
    Filter.WAITING: frozenset({State.QUEUED, State.WAITING}),
    Filter.PAUSED: frozenset({State.PAUSED}),
    Filter.NEEDS_YOU: frozenset({State.ASKING, State.FAILED}),
    Filter.DONE: frozenset({State.DONE, State.SKIPPED, State.CANCELLED}),
}


class Order(StrEnum):
    """Columns a view can be sorted by; the engine sorts, never the window."""

    QUEUE = "queue"  # what moves or asks, then what waits in the order it will run, then what has ended, newest first
    NAME = "name"
    SIZE = "size"
    STATE = "state"
    ADDED = "added"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class View:
    """A window onto the queue: rows `first` to `first + count` of a filter, in an order."""

    filter: Filter = Filter.ALL
    search: str = ""
    order: Order = Order.QUEUE
    descending: bool = False
    first: int = 0
    count: int = 100
    batch: int = 0  # 0 for every batch


@dataclass(frozen=True, slots=True)
class Selection:
    """Transfers meant by a command: some ids, or everything a view holds except some."""

    ids: tuple[int, ...] = ()
    everything: bool = False
    view: View = View()
    but: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One transfer as shown. `committed_bytes` is what the receiving side has acknowledged and never goes back;
    `flying_bytes` is on its way."""

    id: int
    batch: int
    direction: Direction
    state: State
    name: str
    source: str
    destination: str
    size_bytes: int
    committed_bytes: int = 0
    flying_bytes: int = 0
    rate_bps: float = 0.0
    left_s: float = -1.0  # estimate; -1 when unknown
    parts: int = 0
    parts_done: int = 0
    priority: int = 0
    error: ErrorRecord | None = None
    question: str = ""  # "exists" while ASKING
    answers: tuple[str, ...] = ()  # what may be answered
    verified_by: str = ""
    seconds: float = 0.0  # spent running
    resent_bytes: int = 0
    added_s: float = 0.0
    ended_s: float = 0.0
    ended_no: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """The line under the table."""

    up_bps: float = 0.0
    down_bps: float = 0.0
    moving: int = 0
    left_bytes: int = 0  # of everything that is not ended or paused
    left_s: float = -1.0
    walking: int = 0  # folders still being read


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One request and how its transfers stand."""

    id: int
    state: BatchState
    sources: tuple[str, ...]
    destination: str
    counts: dict[State, int] = field(default_factory=dict)
    size_bytes: int = 0
    committed_bytes: int = 0
    skipped: int = 0
    error: ErrorRecord | None = None


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account, whether its secret can be read, and what holds it up."""

    account: Account
    secret: str = ""  # where the secret is: keyring, memory, none needed, missing
    held: ErrorRecord | None = None
    builtin: bool = False


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One step of testing an account."""

    step: str
    ok: bool
    sentence: str
