"""What to do when the target exists: the policy of the batch, the answer of the user, or a question."""

from __future__ import annotations

import os
import posixpath
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
    policy = transfer.answer or options.conflict
    if policy is Conflict.OVERWRITE:
        return Decision(Course.GO, transfer, replace=True)
    under_way = transfer.part_size_bytes > 0
    if under_way or not await _exists(transfer, transfer.destination, store):
        return Decision(Course.GO, transfer, replace=False)
    match policy:
        case Conflict.SKIP:
            return Decision(Course.SKIP, transfer, replace=False)
        case Conflict.RENAME:
            return Decision(Course.GO, await _renamed(transfer, store), replace=False)
    return Decision(Course.ASK, transfer, replace=False)


async def _renamed(transfer: Transfer, store: ObjectStore) -> Transfer:
    """The same transfer to the first free name of `name (2).ext`, `name (3).ext`..."""
    folder, name = posixpath.split(transfer.destination)
    stem, dot, extension = name.rpartition(".")
    stem, ending = (stem, dot + extension) if stem else (name, "")
    for number in range(2, _MOST_NAMES):
        candidate = posixpath.join(folder, f"{stem} ({number}){ending}")
        if not await _exists(transfer, candidate, store):
            return replace(transfer, destination=candidate)
    raise LocalError("no-free-name", f"There are {_MOST_NAMES} files named like “{name}” already.", where=name)


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
