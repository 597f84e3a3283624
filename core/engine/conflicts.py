"""What to do when the target exists: the policy of the batch, the answer of the user, or a question."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import StrEnum

from core.model.errors import CoreError, LocalError
from core.model.location import parse_remote
from core.model.transfer import Conflict, Direction, Options, Transfer
from core.stores.base import ObjectStore
from core.transfer.threads import in_thread

_MOST_NAMES = 1000


class Course(StrEnum):
    GO = "go"
    SKIP = "skip"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Decision:
    course: Course
    transfer: Transfer  # with another destination after a rename
    replace: bool  # whether something that exists may be replaced


async def decide(transfer: Transfer, options: Options, store: ObjectStore) -> Decision:
    """Look at the target once, before the first byte. A transfer under way has been decided already."""
    if _policy(transfer, options) is Conflict.OVERWRITE:
        return Decision(Course.GO, transfer, replace=True)
    under_way = transfer.part_size_bytes > 0 or transfer.intent.startswith("put@")
    if under_way or not await _exists(transfer, transfer.destination, store):
        return Decision(Course.GO, transfer, replace=False)
    return await taken(transfer, options, store)


async def taken(transfer: Transfer, options: Options, store: ObjectStore) -> Decision:
    """The target exists and may not be replaced unasked."""
    match _policy(transfer, options):
        case Conflict.SKIP:
            return Decision(Course.SKIP, transfer, replace=False)
        case Conflict.RENAME:
            return Decision(Course.GO, await _renamed(transfer, store), replace=False)
    return Decision(Course.ASK, transfer, replace=False)


def _policy(transfer: Transfer, options: Options) -> Conflict:
    return transfer.answer or options.conflict


async def _renamed(transfer: Transfer, store: ObjectStore) -> Transfer:
    """The same transfer to the first free name of `name (2).ext`, `name (3).ext`..."""
    split = os.path.split if transfer.direction is Direction.DOWN else _split_key
    name = split(transfer.destination)[1]
    start = transfer.destination.removesuffix(name)
    stem, dot, extension = name.rpartition(".")
    stem, ending = (stem, dot + extension) if stem else (name, "")
    for number in range(2, _MOST_NAMES):
        candidate = f"{start}{stem} ({number}){ending}"
        if not await _exists(transfer, candidate, store):
            return replace(transfer, destination=candidate)
    raise LocalError("no-free-name", f"There are {_MOST_NAMES} files named like “{name}” already.", where=name)


def _split_key(url: str) -> tuple[str, str]:
    start, _, name = url.rpartition("/")
    return start, name


async def _exists(transfer: Transfer, destination: str, store: ObjectStore) -> bool:
    if transfer.direction is Direction.DOWN:
        return await _path_exists(destination)
    target = parse_remote(destination)
    try:
        await store.head(target.bucket, target.key)
    except CoreError as error:
        if error.code == "no-key":
            return False
        raise
    return True


@in_thread
def _path_exists(path: str) -> bool:
    return os.path.lexists(path)
