"""What the command line says: results on standard output (text, or one JSON object a line), trouble on the other."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from core.model.errors import CoreError, ErrorRecord
from core.model.transfer import State
from core.protocol.rows import TransferRow


class Output:
    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        for stream in (sys.stdout, sys.stderr):
            _make_tolerant(stream)

    def tell(self, record: Mapping[str, Any], text: str) -> None:
        """One result, in the form that was asked for."""
        self._write(json.dumps(record, ensure_ascii=False) if self.as_json else text)

    def record(self, record: Mapping[str, Any]) -> None:
        """A line for programs only."""
        if self.as_json:
            self._write(json.dumps(record, ensure_ascii=False))

    def flush(self) -> None:
        sys.stdout.flush()

    def warn(self, sentence: str) -> None:
        sys.stdout.flush()
        sys.stderr.write(f"sluice: {printable(sentence)}\n")

    def failure(self, error: CoreError) -> None:
        """The sentence for people, and for programs the code too."""
        self.record({"error": error_record(error.record())})
        self.warn(error.sentence)

    def _write(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        if self.as_json:
            sys.stdout.flush()


def printable(text: str) -> str:
    """Text that cannot move a terminal's cursor or colour it: names come from strangers."""
    return "".join(c if c.isprintable() or c == " " else c.encode("unicode_escape").decode() for c in text)


def error_record(error: ErrorRecord) -> dict[str, Any]:
    record = {"code": error.code, "sentence": error.sentence}
    optional = {"detail": error.detail, "where": error.where, "request_id": error.request_id}
    return record | {name: value for name, value in optional.items() if value}


def transfer_record(row: TransferRow) -> dict[str, Any]:
    """A transfer as one JSON object. `bytes` is what the receiving side has for sure."""
    record: dict[str, Any] = {
        "id": row.id,
        "state": row.state.value,
        "direction": row.direction.value,
        "source": row.source,
        "destination": row.destination,
        "bytes": row.size_bytes if row.state is State.DONE else row.committed_bytes,
        "size_bytes": row.size_bytes,
        "seconds": round(row.seconds, 3),
        "rate_bps": round(row.rate_bps),
        "verified_by": row.verified_by,
        "resent_bytes": row.resent_bytes,
        "batch": row.batch,
    }
    if row.question:
        record |= {"question": row.question, "answers": list(row.answers)}
    if row.error is not None:
        record["error"] = error_record(row.error)
    return record


def _make_tolerant(stream: TextIO | Any) -> None:
    """A name that is not Unicode must not end a listing."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
