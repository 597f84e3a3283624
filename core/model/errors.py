"""What can go wrong, as one shallow tree whose fields say what to do about it.

    CoreError(code, sentence, detail, where, retry, scope, after_s, request_id)
    ├─ RemoteError      the server answered, and the answer was no
    ├─ NetworkError     no usable answer came
    ├─ LocalError       this machine's files or disk
    ├─ IntegrityError   bytes on the two sides differ
    ├─ StateError       our own files: damaged, newer than us, locked
    ├─ ProtocolError    client and engine disagree
    └─ UsageError       the request itself makes no sense

`code` is stable and meant for programs; `sentence` is meant for people: it names the cause and, where there is one, the
cure. Whoever retries reads only `retry` (and `after_s`); the queue reads only `scope`. Cancelling is asyncio's own
cancellation and never one of these. Anything else that escapes is a bug and becomes `code="internal"`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Retry(StrEnum):
    """What makes another attempt worth while."""

    NEVER = "never"
    BACKOFF = "backoff"  # the same thing again, later, with growing pauses
    ONLINE = "online"  # when the network or the server is back
    CREDENTIALS = "credentials"  # when the account's keys have changed


class Scope(StrEnum):
    """How much of the queue the error concerns."""

    ITEM = "item"
    ACCOUNT = "account"
    ENGINE = "engine"


class CoreError(Exception):
    """An expected failure, told in one sentence."""

    def __init__(
        self,
        code: str,
        sentence: str,
        *,
        detail: str = "",
        where: str = "",
        retry: Retry = Retry.NEVER,
        scope: Scope = Scope.ITEM,
        after_s: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.detail = detail
        self.where = where
        self.retry = retry
        self.scope = scope
        self.after_s = after_s
        self.request_id = request_id

    def record(self) -> ErrorRecord:
        """The same facts as plain data that can be stored and sent."""
        return ErrorRecord(
            kind=type(self).__name__,
            code=self.code,
            sentence=self.sentence,
            detail=self.detail,
            where=self.where,
            retry=self.retry,
            scope=self.scope,
            after_s=self.after_s,
            request_id=self.request_id,
        )


class RemoteError(CoreError):
    """The server answered with a refusal or a fault."""


class NetworkError(CoreError):
    """No usable answer: unreachable, refused, timed out, TLS, proxy."""


class LocalError(CoreError):
    """This machine's files: missing, unreadable, full, changed, badly named."""


class IntegrityError(CoreError):
    """The bytes on both sides are not the same."""


class StateError(CoreError):
    """Our own stored files are damaged, too new or in use."""


class ProtocolError(CoreError):
    """A client and the engine do not understand each other."""


class UsageError(CoreError):
    """The request makes no sense as given; nothing was done."""


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """An error as data: what rows, logs and other processes see."""

    kind: str = "CoreError"
    code: str = "internal"
    sentence: str = ""
    detail: str = ""
    where: str = ""
    retry: Retry = Retry.NEVER
    scope: Scope = Scope.ITEM
    after_s: float | None = None
    request_id: str = ""

    def revive(self) -> CoreError:
        """The exception again, of its own class where that is known."""
        kind = _KINDS.get(self.kind, CoreError)
        return kind(
            self.code,
            self.sentence,
            detail=self.detail,
            where=self.where,
            retry=self.retry,
            scope=self.scope,
            after_s=self.after_s,
            request_id=self.request_id,
        )


_KINDS: dict[str, type[CoreError]] = {
    kind.__name__: kind
    for kind in (RemoteError, NetworkError, LocalError, IntegrityError, StateError, ProtocolError, UsageError)
}


def describe(error: BaseException) -> ErrorRecord:
    """Any exception as a record; what is not a CoreError is our own bug and says so."""
    if isinstance(error, CoreError):
        return error.record()
    name = type(error).__name__
    return ErrorRecord(
        code="internal", sentence=f"Sluice made a mistake ({name}); the log has the details.", detail=f"{name}: {error}"
    )
