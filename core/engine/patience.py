"""What becomes of a transfer after an error: pure, from the error's own fields."""

from __future__ import annotations

from dataclasses import dataclass

from core.model.errors import ErrorRecord, Retry, Scope
from core.model.transfer import State

TRIES = 5
_FIRST_S = 2.0
_LONGEST_S = 120.0
FOR_EVER = float("inf")


@dataclass(frozen=True, slots=True)
class Verdict:
    state: State  # WAITING or FAILED
    delay_s: float = 0.0  # infinity: until something changes
    hold_account: bool = False


def judge(error: ErrorRecord, *, attempts: int, proven: bool) -> Verdict:
    """`attempts` so far, this one included; `proven`: the account has worked before, so it is worth waiting for.

    A queue never fails for a network that is away or a key that has expired: it waits. An endpoint that has never
    answered is more likely a typing mistake, and says so after a few tries.
    """
    delay_s = error.after_s if error.after_s is not None else min(_LONGEST_S, _FIRST_S * 2 ** min(attempts - 1, 10))
    match error.retry:
        case Retry.NEVER:
            return Verdict(State.FAILED)
        case Retry.CREDENTIALS:
            return Verdict(State.WAITING, FOR_EVER, hold_account=True)
        case Retry.ONLINE if proven:
            return Verdict(State.WAITING, min(delay_s, 30.0), hold_account=True)
        case Retry.ONLINE:
            last = attempts >= 3
            return Verdict(State.FAILED) if last else Verdict(State.WAITING, min(delay_s, 2.0))
    if attempts >= TRIES:
        return Verdict(State.FAILED)
    return Verdict(State.WAITING, delay_s, hold_account=error.scope is Scope.ACCOUNT)
