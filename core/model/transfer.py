"""A transfer: one object or file that moves, and the batch it was asked for in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.model.errors import ErrorRecord


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"
    COPY = "copy"  # within one store, done by the server


class State(StrEnum):
    """Where a transfer stands; which moves are legal is written in `lifecycle`."""

    QUEUED = "queued"  # waits for its turn
    RUNNING = "running"
    WAITING = "waiting"  # waits for a time, the network or an account after an error
    PAUSED = "paused"  # the user said so
    ASKING = "asking"  # a question must be answered first
    CANCELLING = "cancelling"  # what it left on the server or the disk is being removed
    DONE = "done"  # and verified
    SKIPPED = "skipped"  # by an answer or a policy
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({State.DONE, State.SKIPPED, State.FAILED, State.CANCELLED})


class Conflict(StrEnum):
    """What to do when the target exists."""

    ASK = "ask"
    OVERWRITE = "overwrite"
    SKIP = "skip"
    RENAME = "rename"  # keep both


class Verify(StrEnum):
    """How far verification goes."""

    NORMAL = "normal"  # the strongest proof that costs no second transfer
    READ_BACK = "read-back"  # where that proof is weak, read the object again and compare


@dataclass(frozen=True, slots=True)
class Options:
    """Wishes that go with a batch; 0 and empty mean “as the settings say”."""

    files: int = 0
    parts: int = 0
    part_size_bytes: int = 0
    limit_up_bps: int = 0
    limit_down_bps: int = 0
    conflict: Conflict = Conflict.OVERWRITE
    verify: Verify | None = None
    priority: int = 0
    paused: bool = False  # what is listed is added paused


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells one state of a local file from another without reading it."""

    size_bytes: int
    mtime_ns: int
    inode: int

    @property
    def text(self) -> str:
        return f"{self.size_bytes}:{self.mtime_ns}:{self.inode}"

    @classmethod
    def parse(cls, text: str) -> Fingerprint | None:
        """The fingerprint written by `text`, or None for anything else."""
        try:
            size, mtime, inode = (int(field) for field in text.split(":"))
        except ValueError:
            return None
        return cls(size, mtime, inode)


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A part as our database knows it: started, or finished with its proofs."""

    number: int  # from 1
    offset: int  # bytes
    size_bytes: int
    done: bool = False
    etag: str = ""  # uploads: the server's; downloads: empty
    crc64nvme: int = 0
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row of the queue as it is stored."""

    id: int
    batch_id: int
    direction: Direction
    state: State
    source: str  # absolute local path, or s3:// URL
    source_account: str
    destination: str
    destination_account: str
    size_bytes: int
    priority: int = 0
    part_size_bytes: int = 0  # 0 until planned; fixed for the life of an upload
    upload_id: str = ""
    checksums: bool = False  # the open upload keeps a full-object CRC-64/NVME
    source_stamp: str = ""  # Fingerprint.text of a local source, ETag of a remote one
    committed_bytes: int = 0
    sent_again_bytes: int = 0
    attempts: int = 0
    not_before_s: float = 0.0  # seconds since the epoch: when a waiting transfer may go on
    error: ErrorRecord | None = None
    question: str = ""  # what is asked while ASKING, e.g. "exists"
    intent: str = ""  # the irreversible act that was about to happen, as `act@seconds since the epoch`
    answer: Conflict | None = None  # a decision that overrides the batch's policy
    verified_by: str = ""
    result_etag: str = ""
    result_crc64nvme: str = ""
    added_s: float = 0.0
    started_s: float = 0.0
    ended_s: float = 0.0
    active_s: float = 0.0  # seconds spent running, over all attempts
    ended_no: int = 0  # running number of endings, so that readers can ask for “what ended since”


class BatchState(StrEnum):
    WALKING = "walking"  # its sources are still being listed
    READY = "ready"
    FAILED = "failed"  # the walk ended with an error
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Batch:
    """One request of the user: sources, a destination, and wishes."""

    id: int
    sources: tuple[str, ...]
    source_account: str
    destination: str
    destination_account: str
    recursive: bool
    options: Options
    state: BatchState = BatchState.WALKING
    error: ErrorRecord | None = None
    skipped: int = 0  # sources passed over with a reason (sockets, unsafe keys...)
    added_s: float = 0.0
