"""What becomes of a transfer after an error."""

import pytest

from core.engine import patience
from core.engine.patience import FOR_EVER, TRIES, judge
from core.model.errors import ErrorRecord, Retry, Scope
from core.model.transfer import State


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the pauses are what it is about."""
    monkeypatch.setattr(patience, "_FIRST_S", 2.0)
    monkeypatch.setattr(patience, "_LONGEST_S", 120.0)


def record(retry: Retry, **facts: object) -> ErrorRecord:
    return ErrorRecord(code="c", sentence="s", retry=retry, **facts)  # type: ignore[arg-type]


def test_what_cannot_heal_fails_at_once() -> None:
    verdict = judge(record(Retry.NEVER), attempts=1, proven=True)
    assert (verdict.state, verdict.hold_account) == (State.FAILED, False)


def test_wrong_keys_wait_for_ever() -> None:
    for attempts in (1, 100):
        verdict = judge(record(Retry.CREDENTIALS), attempts=attempts, proven=False)
        assert (verdict.state, verdict.delay_s, verdict.hold_account) == (State.WAITING, FOR_EVER, True)


@pytest.mark.parametrize("attempts", [1, 7, 100, 5000])
def test_a_network_that_is_away_is_waited_for_however_long(attempts: int) -> None:
    verdict = judge(record(Retry.ONLINE), attempts=attempts, proven=True)
    assert verdict.state is State.WAITING
    assert verdict.hold_account
    assert 0 < verdict.delay_s <= 30


def test_an_endpoint_that_never_answered_is_tried_three_times() -> None:
    states = [judge(record(Retry.ONLINE), attempts=attempts, proven=False).state for attempts in (1, 2, 3)]
    assert states == [State.WAITING, State.WAITING, State.FAILED]


def test_pauses_grow_and_end() -> None:
    verdicts = [judge(record(Retry.BACKOFF), attempts=attempts, proven=True) for attempts in range(1, TRIES + 1)]
    assert [verdict.delay_s for verdict in verdicts[:-1]] == [2, 4, 8, 16]
    assert verdicts[-1].state is State.FAILED


def test_the_server_says_when_and_how_much() -> None:
    verdict = judge(record(Retry.BACKOFF, after_s=77.0, scope=Scope.ACCOUNT), attempts=1, proven=True)
    assert (verdict.delay_s, verdict.hold_account) == (77.0, True)
