"""Everything a front end may ask of the engine. Each command names what it answers with; none waits for bytes to move.

Commands are `msgspec` structs with a tag, so that a message names its class and unknown ones are refused. Every command
may be answered by an error instead (see `core.model.errors`).
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, get_args

import msgspec

from core.model.account import Account
from core.model.errors import ErrorRecord
from core.model.objects import Bucket, Page, UploadInfo
from core.model.settings import Settings
from core.model.transfer import Conflict, Options, Transfer
from core.protocol.rows import AccountRow, BatchRow, CheckRow, Selection, Totals, TransferRow, View

R = TypeVar("R")


class Command(msgspec.Struct, Generic[R], frozen=True, kw_only=True, tag=True):
    """An intention; `R` is the type of the answer."""


# What commands answer with.


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to tell."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    pid: int
    version: str
    home: str
    started_s: float
    counts: dict[str, int]  # transfers by state
    totals: Totals
    movers: tuple[int, ...] = ()  # process ids


class Added(msgspec.Struct, frozen=True, kw_only=True):
    batch: int


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    count: int


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    rows: tuple[TransferRow, ...]


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    accounts: tuple[AccountRow, ...]


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    steps: tuple[CheckRow, ...]


class Buckets(msgspec.Struct, frozen=True, kw_only=True):
    buckets: tuple[Bucket, ...]


class Uploads(msgspec.Struct, frozen=True, kw_only=True):
    uploads: tuple[UploadInfo, ...]


class DeleteFailure(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    error: ErrorRecord


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    failures: tuple[DeleteFailure, ...] = ()


# The engine as a whole.


class GetStatus(Command[Status], frozen=True, tag=True):
    """Who and where the engine is, and how the queue stands."""


class StopEngine(Command[Done], frozen=True, tag=True):
    """Stop in an orderly way; running transfers are kept and go on at the next start."""


# Transfers.


class AddTransfers(Command[Added], frozen=True, tag=True):
    """Queue files, folders, objects or prefixes. Answered when the request is on disk, before anything is listed.

    `sources` are absolute local paths or s3:// URLs, `destination` the same; one side is remote, or both (then the
    store copies). A destination that ends in a slash, is an existing folder, or takes several sources is a container.
    """

    sources: tuple[str, ...]
    destination: str
    source_account: str = ""
    destination_account: str = ""
    recursive: bool = True
    options: Options = Options()


class PauseTransfers(Command[Changed], frozen=True, tag=True):
    selection: Selection


class ResumeTransfers(Command[Changed], frozen=True, tag=True):
    selection: Selection


class CancelTransfers(Command[Changed], frozen=True, tag=True):
    """Stop for good and take away what is half done: open multipart uploads, temporary files."""

    selection: Selection


class RetryTransfers(Command[Changed], frozen=True, tag=True):
    """Put failed, cancelled, skipped and waiting transfers back into the queue at once."""

    selection: Selection


class RemoveTransfers(Command[Changed], frozen=True, tag=True):
    """Take ended transfers off the list."""

    selection: Selection


class PrioritiseTransfers(Command[Changed], frozen=True, tag=True):
    """Higher numbers run first; 0 is normal."""

    selection: Selection
    priority: int


class AnswerQuestions(Command[Changed], frozen=True, tag=True):
    """Decide for transfers that ask; `for_batch` lets the answer hold for the rest of their batches too."""

    selection: Selection
    answer: Conflict
    for_batch: bool = False


class ListTransfers(Command[Rows], frozen=True, tag=True):
    view: View


class ListEnded(Command[Rows], frozen=True, tag=True):
    """What ended after the running number `after`, in that order; `total` counts all of the batch that have ended."""

    batch: int = 0
    after: int = 0
    count: int = 500


class GetBatch(Command[BatchRow], frozen=True, tag=True):
    batch: int


class GetTransfer(Command[Transfer], frozen=True, tag=True):
    """One transfer with everything that is stored of it."""

    id: int


# Settings and accounts.


class GetSettings(Command[Settings], frozen=True, tag=True):
    pass


class ChangeSettings(Command[Settings], frozen=True, tag=True):
    """Names and values as a person writes them; in force at once."""

    changes: dict[str, str]


class ListAccounts(Command[Accounts], frozen=True, tag=True):
    pass


class PutAccount(Command[AccountRow], frozen=True, tag=True):
    """Add an account or change it. `secret` None keeps the stored one; it goes to the system's keyring, not to a file.

    `memory_only` keeps it until the engine stops: the user's choice where no keyring can be used.
    """

    account: Account
    secret: str | None = None
    memory_only: bool = False


class RemoveAccount(Command[Done], frozen=True, tag=True):
    name: str


class TestAccount(Command[Checks], frozen=True, tag=True):
    """Try an account step by step and say which step fails and why."""

    __test__ = False  # not a test class
    name: str


# Stores.


class ListBuckets(Command[Buckets], frozen=True, tag=True):
    account: str = ""


class CreateBucket(Command[Done], frozen=True, tag=True):
    bucket: str
    account: str = ""


class ListObjects(Command[Page], frozen=True, tag=True):
    """One page of a listing; without `recursive` keys are grouped at the next slash."""

    bucket: str
    prefix: str = ""
    account: str = ""
    recursive: bool = False
    token: str = ""
    count: int = 1000


class DeleteObjects(Command[Deleted], frozen=True, tag=True):
    """Delete up to 1,000 keys in one go."""

    bucket: str
    keys: tuple[str, ...]
    account: str = ""


class ListUploads(Command[Uploads], frozen=True, tag=True):
    """The multipart uploads that are open under a prefix."""

    bucket: str
    prefix: str = ""
    account: str = ""


def _answer(cls: type[Any]) -> Any:
    """The `R` that a command class gave to `Command[R]`."""
    return get_args(cls.__orig_bases__[0])[0]


COMMANDS: tuple[type[Command[Any]], ...] = tuple(cls for cls in Command.__subclasses__() if cls.__module__ == __name__)
RESULTS: dict[type[Command[Any]], Any] = {cls: _answer(cls) for cls in COMMANDS}
