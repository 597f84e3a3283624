"""The legal moves between states, as one table, and what recovery does at start-up."""

from __future__ import annotations

from core.model.errors import StateError
from core.model.transfer import ENDED, State

_ = State

MOVES: dict[State, frozenset[State]] = {
    _.QUEUED: frozenset({_.RUNNING, _.PAUSED, _.WAITING, _.CANCELLING}),
    _.RUNNING: frozenset({_.QUEUED, _.WAITING, _.PAUSED, _.ASKING, _.DONE, _.SKIPPED, _.FAILED, _.CANCELLING}),
    _.WAITING: frozenset({_.QUEUED, _.PAUSED, _.FAILED, _.CANCELLING}),
    _.PAUSED: frozenset({_.QUEUED, _.CANCELLING}),
    _.ASKING: frozenset({_.QUEUED, _.PAUSED, _.SKIPPED, _.CANCELLING}),
    _.CANCELLING: frozenset({_.CANCELLED, _.FAILED}),
    _.DONE: frozenset(),
    _.SKIPPED: frozenset({_.QUEUED}),
    _.FAILED: frozenset({_.QUEUED, _.CANCELLING}),
    _.CANCELLED: frozenset({_.QUEUED}),
}

# What each wish of the user moves, and where to.
PAUSABLE = frozenset({_.QUEUED, _.RUNNING, _.WAITING, _.ASKING})
RESUMABLE = frozenset({_.PAUSED})
RETRYABLE = frozenset({_.FAILED, _.CANCELLED, _.SKIPPED, _.WAITING})
CANCELLABLE = frozenset({_.QUEUED, _.RUNNING, _.WAITING, _.PAUSED, _.ASKING, _.FAILED})
REMOVABLE = ENDED

# A process that died in the middle leaves these behind; the work goes back to the queue, a cancel is carried on.
RECOVERY: dict[State, State] = {_.RUNNING: _.QUEUED}


def check_move(old: State, new: State) -> None:
    """Raises StateError (`illegal-move`) unless the table allows the move."""
    if new not in MOVES[old]:
        raise StateError("illegal-move", f"A transfer that is {old} cannot become {new}.")
