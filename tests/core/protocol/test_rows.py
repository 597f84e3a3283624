"""The filters of the queue."""

from core.model.transfer import State
from core.protocol.rows import FILTER_STATES, Filter


def test_every_state_is_in_exactly_one_group() -> None:
    groups = [states for name, states in FILTER_STATES.items() if name is not Filter.ALL]
    assert sorted(state for group in groups for state in group) == sorted(State)
    assert FILTER_STATES[Filter.ALL] == frozenset(State)
    assert FILTER_STATES.keys() == set(Filter)
