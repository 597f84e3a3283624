"""The table of legal moves."""

import pytest

from core.model.errors import StateError
from core.model.lifecycle import (
    CANCELLABLE,
    MOVES,
    PAUSABLE,
    RECOVERY,
    REMOVABLE,
    RESUMABLE,
    RETRYABLE,
    check_move,
)
from core.model.transfer import ENDED, State


def test_every_state_has_its_moves() -> None:
    assert MOVES.keys() == set(State)


@pytest.mark.parametrize(
    ("states", "new"),
    [
        (PAUSABLE, State.PAUSED),
        (RESUMABLE, State.QUEUED),
        (RETRYABLE, State.QUEUED),
        (CANCELLABLE, State.CANCELLING),
    ],
)
def test_what_a_user_may_wish_is_legal(states: frozenset[State], new: State) -> None:
    for old in states:
        check_move(old, new)
    wishable = {old for old in State if new in MOVES[old]}
    if new in (State.PAUSED, State.CANCELLING):
        assert states == wishable  # nothing that could be stopped is left out


def test_recovery_is_legal_and_leaves_nothing_running() -> None:
    for old, new in RECOVERY.items():
        check_move(old, new)
    assert State.RUNNING in RECOVERY
    assert State.RUNNING not in RECOVERY.values()


def test_the_end_is_the_end_until_it_is_tried_again() -> None:
    assert ENDED == REMOVABLE
    for state in ENDED:
        assert MOVES[state] <= {State.QUEUED, State.CANCELLING}
    assert not MOVES[State.DONE]


def test_from_everywhere_there_is_a_way_to_an_end() -> None:
    for state in State:
        reached, todo = {state}, [state]
        while todo:
            more = MOVES[todo.pop()] - reached
            reached |= more
            todo += more
        assert reached & ENDED


def test_nothing_becomes_what_it_is() -> None:
    for state in State:
        with pytest.raises(StateError) as caught:
            check_move(state, state)
        assert caught.value.code == "illegal-move"


def test_only_what_runs_can_be_done() -> None:
    assert {old for old in State if State.DONE in MOVES[old]} == {State.RUNNING}
