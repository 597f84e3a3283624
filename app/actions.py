"""What can be done with the chosen transfers, and the command that does it. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from core.model.lifecycle import CANCELLABLE, PAUSABLE, REMOVABLE, RESUMABLE, RETRYABLE
from core.model.transfer import ENDED, State
from core.protocol.commands import (
    CancelTransfers,
    Command,
    PauseTransfers,
    PrioritiseTransfers,
    RemoveTransfers,
    ResumeTransfers,
    RetryTransfers,
)
from core.protocol.rows import FILTER_STATES, Filter, Selection


class Act(StrEnum):
    """What a person can do with transfers."""

    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    CANCEL = "cancel"
    REMOVE = "remove"
    SOONER = "sooner"
    LATER = "later"


_STATES: dict[Act, frozenset[State]] = {
    Act.PAUSE: PAUSABLE,
    Act.RESUME: RESUMABLE,
    Act.RETRY: RETRYABLE,
    Act.CANCEL: CANCELLABLE,
    Act.REMOVE: REMOVABLE,
    Act.SOONER: frozenset(State) - ENDED - {State.CANCELLING},
    Act.LATER: frozenset(State) - ENDED - {State.CANCELLING},
}
_COMMANDS: dict[Act, type[Command[Any]]] = {
    Act.PAUSE: PauseTransfers,
    Act.RESUME: ResumeTransfers,
    Act.RETRY: RetryTransfers,
    Act.CANCEL: CancelTransfers,
    Act.REMOVE: RemoveTransfers,
}
BRAKE_COUNT = 20  # cancelling more than this is asked about first


def allowed(states: Iterable[State]) -> frozenset[Act]:
    """What makes sense for at least one of these states; the engine leaves the others alone."""
    present = set(states)
    return frozenset(act for act, fitting in _STATES.items() if present & fitting)


def states_in(counts: Mapping[str, int], shown: Filter) -> frozenset[State]:
    """The states that may be among a filter's rows, told from the counts by filter."""
    narrow = [one for one in Filter if one is not Filter.ALL and counts.get(one, 0) > 0]
    present = frozenset().union(*(FILTER_STATES[one] for one in narrow))
    return present & FILTER_STATES[shown]


def command_for(act: Act, selection: Selection, priorities: Iterable[int] = ()) -> Command[Any]:
    """The command of an act. `priorities` are those of the chosen rows that are in sight."""
    if act is Act.SOONER:
        return PrioritiseTransfers(selection=selection, priority=max(priorities, default=0) + 1)
    if act is Act.LATER:
        return PrioritiseTransfers(selection=selection, priority=min(priorities, default=0) - 1)
    return _COMMANDS[act](selection=selection)


def space_means(states: Iterable[State]) -> Act | None:
    """Space pauses what can pause, and otherwise goes on with what is paused."""
    possible = allowed(states)
    return next((act for act in (Act.PAUSE, Act.RESUME) if act in possible), None)


def delete_means(states: Iterable[State]) -> Act | None:
    """Delete cancels what is still under way, and otherwise takes ended rows off the list."""
    present = set(states)
    if present & (CANCELLABLE - ENDED):
        return Act.CANCEL
    return Act.REMOVE if present & REMOVABLE else None


def needs_brake(act: Act, count: int) -> bool:
    """True for what cannot be had back as it was and concerns many."""
    return act is Act.CANCEL and count > BRAKE_COUNT
