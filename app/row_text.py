"""What the cells of a transfer say. Pure: a row in, words out."""

from __future__ import annotations

import os
import posixpath

from app import text
from core.model.transfer import Direction, State
from core.model.units import format_duration, format_rate, format_size
from core.protocol.rows import TransferRow

_HOME = os.path.expanduser("~")
BARRED = frozenset({State.RUNNING, State.QUEUED, State.WAITING, State.PAUSED, State.CANCELLING})  # shown with a bar
STATE_TONES = {
    State.RUNNING: "accent",
    State.DONE: "good",
    State.ASKING: "warn",
    State.WAITING: "warn",
    State.FAILED: "bad",
}
STATE_ICONS = {
    State.QUEUED: "waiting",
    State.RUNNING: "moving",
    State.WAITING: "waiting",
    State.PAUSED: "pause",
    State.ASKING: "needs-you",
    State.CANCELLING: "cancel",
    State.DONE: "check",
    State.SKIPPED: "skip",
    State.FAILED: "close",
    State.CANCELLED: "cancel",
}
DIRECTION_ICONS = {Direction.UP: "up", Direction.DOWN: "down", Direction.COPY: "copy"}


def tone(row: TransferRow) -> str:
    """The colour family of a state: accent, good, warn, bad or quiet."""
    return STATE_TONES.get(row.state, "quiet")


def place(row: TransferRow) -> str:
    """Where a transfer goes: the folder or prefix that will hold it."""
    if row.direction is Direction.DOWN:
        return short_path(os.path.dirname(row.destination))
    return posixpath.dirname(row.destination) + "/"


def place_from(row: TransferRow) -> str:
    """For downloads also where it comes from; uploads come from this computer."""
    return text.from_place(posixpath.dirname(row.source) + "/") if row.direction is Direction.DOWN else ""


def short_path(path: str) -> str:
    """A local path with the home folder as `~`."""
    if path == _HOME or path.startswith(_HOME + os.sep):
        return "~" + path[len(_HOME) :]
    return path or os.sep


def shares(row: TransferRow) -> tuple[float, float]:
    """What is committed and what is in flight, as parts of the whole; together at most 1."""
    if row.size_bytes <= 0:
        return (1.0 if row.state is State.DONE else 0.0), 0.0
    committed = min(1.0, row.committed_bytes / row.size_bytes)
    flying = min(1.0 - committed, row.flying_bytes / row.size_bytes) if row.state is State.RUNNING else 0.0
    return committed, flying


def percent(row: TransferRow) -> int:
    """Whole percents, rounded down, so that 100 means all of it."""
    return int(shares(row)[0] * 100)


def progress(row: TransferRow) -> str:
    """The words beside, or instead of, the bar."""
    if row.state in BARRED:
        return text.size_of(f"{percent(row)} %", format_size(row.size_bytes))
    if row.state is State.DONE:
        size, proven = format_size(row.size_bytes), proof(row)
        return f"{size}  ·  {text.VERIFIED.format(proof=proven)}" if proven else size
    if row.state is State.ASKING:
        return text.QUESTIONS.get(row.question, text.QUESTION_OTHER)
    if row.state is State.FAILED:
        return row.error.sentence if row.error else text.STATES[row.state]
    return text.SKIPPED_NOTE if row.state is State.SKIPPED else text.CANCELLED_NOTE


def proof(row: TransferRow) -> str:
    """How the bytes were proven equal, in words; a proof we have no words for is shown as it is."""
    return text.PROOFS.get(row.verified_by, row.verified_by)


def links(row: TransferRow) -> list[tuple[str, str]]:
    """What can be answered in the row itself: (answer or `retry`, its words)."""
    if row.state is State.ASKING:
        return [(answer, text.ANSWERS[answer]) for answer in row.answers if answer in text.ANSWERS]
    return [("retry", text.RETRY_LINK)] if row.state is State.FAILED else []


def speed(row: TransferRow) -> str:
    if row.state is State.RUNNING:
        return format_rate(row.rate_bps)
    return ""


def left(row: TransferRow) -> str:
    return format_duration(row.left_s) if row.state is State.RUNNING and row.left_s >= 0 else ""


def state(row: TransferRow) -> str:
    return text.STATES[row.state]


def tip(row: TransferRow) -> str:
    """What the pointer learns: the full paths, and the reason where something is held up."""
    lines = [row.source, "→ " + row.destination]
    if row.error is not None and row.error.sentence:
        lines.append(row.error.sentence)
    return "\n".join(lines)


def spoken_progress(row: TransferRow) -> str:
    """The progress cell for a screen reader."""
    if row.state in BARRED:
        flying = format_size(row.flying_bytes) if row.flying_bytes and row.state is State.RUNNING else ""
        return text.progress_name(percent(row), flying)
    return " ".join([progress(row), *(words for _, words in links(row))])
