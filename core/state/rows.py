"""How transfers, batches and parts lie in their tables: columns, and the way from a row to a noun and back."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any

import msgspec

from core.model.errors import ErrorRecord, StateError
from core.model.transfer import Batch, BatchState, Conflict, Direction, Options, PartRecord, State, Transfer

TRANSFER_COLUMNS = tuple(field.name for field in fields(Transfer))
_SETTABLE = frozenset(TRANSFER_COLUMNS) - {"id", "batch_id", "state", "ended_no"}
SELECT_TRANSFER = f"SELECT {', '.join(TRANSFER_COLUMNS)} FROM transfers"
SELECT_BATCH = f"SELECT {', '.join(field.name for field in fields(Batch))} FROM batches"
SELECT_PART = "SELECT number, offset, size_bytes, done, etag, crc64nvme, md5 FROM parts"

_encoder = msgspec.json.Encoder()
_error = msgspec.json.Decoder(ErrorRecord)
_options = msgspec.json.Decoder(Options)
_sources = msgspec.json.Decoder(tuple[str, ...])
_DIRECTION = TRANSFER_COLUMNS.index("direction")
_STATE = TRANSFER_COLUMNS.index("state")
_ERROR = TRANSFER_COLUMNS.index("error")
_ANSWER = TRANSFER_COLUMNS.index("answer")
_CHECKSUMS = TRANSFER_COLUMNS.index("checksums")


def to_json(value: Any) -> str:
    try:
        return _encoder.encode(value).decode()
    except UnicodeEncodeError:  # an error's text may quote a file name that is not Unicode
        return _encoder.encode(_readable(msgspec.to_builtins(value))).decode()


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, (list, tuple)) else value


def error_from(text: str | None) -> ErrorRecord | None:
    if text is None:
        return None
    try:
        return _error.decode(text)
    except msgspec.MsgspecError:  # an error's wording is not worth a row
        return ErrorRecord(sentence="The error that was noted here can no longer be read.", detail=text)


def to_transfer(row: tuple[Any, ...]) -> Transfer:
    """A row of SELECT_TRANSFER. Raises StateError `state-damaged`."""
    values = list(row)
    try:
        values[_DIRECTION] = Direction(values[_DIRECTION])
        values[_STATE] = State(values[_STATE])
        values[_CHECKSUMS] = bool(values[_CHECKSUMS])
        values[_ERROR] = error_from(values[_ERROR])
        values[_ANSWER] = Conflict(values[_ANSWER]) if values[_ANSWER] is not None else None
    except (ValueError, TypeError) as error:
        raise _unreadable(f"transfer {row[0]}", error) from error
    values[_CHECKSUMS] = bool(values[_CHECKSUMS])
    return Transfer(*values)


def to_batch(row: tuple[Any, ...]) -> Batch:
    """A row of SELECT_BATCH. Raises StateError `state-damaged`."""
    (
        number,
        sources,
        source_account,
        destination,
        destination_account,
        recursive,
        options,
        state,
        error,
        skipped,
        added_s,
    ) = row
    try:
        return Batch(
            id=number,
            sources=_sources.decode(sources),
            source_account=source_account,
            destination=destination,
            destination_account=destination_account,
            recursive=bool(recursive),
            options=_options.decode(options),
            state=BatchState(state),
            error=error_from(error),
            skipped=skipped,
            added_s=added_s,
        )
    except (ValueError, TypeError, msgspec.MsgspecError) as failure:
        raise _unreadable(f"batch {number}", failure) from failure


def to_part(row: tuple[Any, ...]) -> PartRecord:
    number, offset, size_bytes, done, etag, crc64nvme, md5 = row
    return PartRecord(number, offset, size_bytes, bool(done), etag, crc64nvme & 0xFFFF_FFFF_FFFF_FFFF, md5)


def from_part(transfer_id: int, part: PartRecord) -> tuple[Any, ...]:
    """Values in the order transfer_id, number, offset, size_bytes, etag, crc64nvme, md5."""
    signed = part.crc64nvme - (1 << 64) if part.crc64nvme >= 1 << 63 else part.crc64nvme  # SQLite's integers are signed
    return transfer_id, part.number, part.offset, part.size_bytes, part.etag, signed, part.md5


def from_fields(fields: Mapping[str, object], but: Collection[str] = ()) -> dict[str, Any]:
    """Fields of Transfer as columns. Raises ValueError for a name that may not be set, or not in this way."""
    refused = fields.keys() - _SETTABLE | fields.keys() & set(but)
    if refused:
        raise ValueError(f"these cannot be set: {', '.join(sorted(refused))}")
    return {name: from_field(value) for name, value in fields.items()}


def from_field(value: object) -> Any:
    """A field of Transfer as its column holds it."""
    if isinstance(value, ErrorRecord):
        return to_json(value)
    return value.value if isinstance(value, StrEnum) else value


def last_segment(place: str) -> str:
    """The file's or the object's name in an absolute path (of any system) or an s3:// URL."""
    trimmed = place.rstrip("/\\") if not place.startswith("s3://") else place.rstrip("/")
    cut = trimmed.rfind("/")
    if not place.startswith("s3://"):
        cut = max(cut, trimmed.rfind("\\") if _is_windows(place) else -1)
    return trimmed[cut + 1 :]


def _is_windows(path: str) -> bool:
    return path[1:3] == ":\\" or path.startswith("\\\\")


def folded(text: str) -> str:
    """Text as it is compared when case and the way accents are written do not matter."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def search_name(source: str, destination: str) -> str:
    """The `name` column: the folded last segment of the source, and on a second line the destination's if different."""
    first, second = last_segment(source), last_segment(destination)
    return folded(first) if first == second else f"{folded(first)}\n{folded(second)}"


def in_states(states: Iterable[State]) -> str:
    """The condition that a row is in one of these states."""
    return f"state IN ({', '.join(repr(state.value) for state in sorted(states))})"


def ended_counter(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT value FROM counters WHERE name = 'ended'").fetchone()[0])


def set_ended_counter(connection: sqlite3.Connection, value: int) -> None:
    connection.execute("UPDATE counters SET value = ? WHERE name = 'ended'", (value,))


def _unreadable(what: str, error: Exception) -> StateError:
    return StateError(
        "state-damaged",
        "The queue's file is damaged; quit and start Sluice again to repair it.",
        detail=f"{what}: {error}",
    )
