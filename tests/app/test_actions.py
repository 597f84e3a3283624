"""What can be done in which state, and the command it becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.actions import Act, allowed, command_for, delete_means, needs_brake, space_means, states_in
from core.model.lifecycle import CANCELLABLE, PAUSABLE, REMOVABLE, RESUMABLE, RETRYABLE
from core.model.transfer import State
from core.protocol.commands import CancelTransfers, PauseTransfers, PrioritiseTransfers, RetryTransfers
from core.protocol.rows import FILTER_STATES, Filter, Selection

some_states = st.frozensets(st.sampled_from(State))
RULES = {
    Act.PAUSE: PAUSABLE,
    Act.RESUME: RESUMABLE,
    Act.RETRY: RETRYABLE,
    Act.CANCEL: CANCELLABLE,
    Act.REMOVE: REMOVABLE,
}


@given(some_states)
def test_an_act_is_offered_when_one_of_the_chosen_allows_it(states):
    for act, fitting in RULES.items():
        assert (act in allowed(states)) == bool(states & fitting)


@pytest.mark.parametrize(
    ("states", "space", "delete"),
    [
        ({State.RUNNING, State.PAUSED}, Act.PAUSE, Act.CANCEL),
        ({State.PAUSED}, Act.RESUME, Act.CANCEL),
        ({State.DONE}, None, Act.REMOVE),
        ({State.FAILED}, None, Act.REMOVE),
        ({State.DONE, State.QUEUED}, Act.PAUSE, Act.CANCEL),
        ({State.CANCELLING}, None, None),
        (set(), None, None),
    ],
)
def test_space_and_delete(states, space, delete):
    assert space_means(states) is space
    assert delete_means(states) is delete


@given(some_states, st.sampled_from(Filter))
def test_states_out_of_sight_are_told_from_the_counts(states, shown):
    counts = {one: len(states & group) for one, group in FILTER_STATES.items()}
    possible = states_in(counts, shown)
    assert states & FILTER_STATES[shown] <= possible <= FILTER_STATES[shown]


def test_commands_carry_the_selection():
    selection = Selection(ids=(1, 2))
    assert command_for(Act.PAUSE, selection) == PauseTransfers(selection=selection)
    assert command_for(Act.RETRY, selection) == RetryTransfers(selection=selection)
    assert command_for(Act.CANCEL, selection) == CancelTransfers(selection=selection)
    assert command_for(Act.SOONER, selection, [0, 5]) == PrioritiseTransfers(selection=selection, priority=6)
    assert command_for(Act.LATER, selection, [0, 5]) == PrioritiseTransfers(selection=selection, priority=-1)


def test_only_cancelling_many_needs_a_brake():
    assert not needs_brake(Act.CANCEL, 20)
    assert needs_brake(Act.CANCEL, 21)
    assert not needs_brake(Act.PAUSE, 10**6)
