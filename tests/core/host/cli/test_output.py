import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.host.cli.goals import Standing
from core.host.cli.output import Output, printable, transfer_record
from core.host.cli.waiting import exit_code
from core.model.errors import ErrorRecord, UsageError
from core.model.transfer import Direction, State
from core.protocol.rows import TransferRow

ROW = TransferRow(
    id=5,
    batch=2,
    direction=Direction.UP,
    state=State.FAILED,
    name="f",
    source="/f",
    destination="s3://b/f",
    size_bytes=10,
    committed_bytes=4,
    resent_bytes=3,
    seconds=1.23456,
    error=ErrorRecord(code="no-bucket", sentence="There is no bucket.", request_id="R"),
)


@given(st.text())
def test_nothing_printed_can_move_a_terminal(name: str) -> None:
    assert printable(name).isprintable()


def test_names_that_are_only_foreign_stay_as_they_are() -> None:
    assert printable("für 日本語 ok.txt") == "für 日本語 ok.txt"
    assert printable("a\x1b[31mb\n") == "a\\x1b[31mb\\n"


def test_a_transfer_tells_what_scripts_need() -> None:
    record = transfer_record(ROW)
    wanted = {"id", "state", "source", "destination", "bytes", "seconds", "verified_by", "resent_bytes"}
    assert wanted <= record.keys()
    assert (record["id"], record["state"], record["bytes"], record["resent_bytes"]) == (5, "failed", 4, 3)
    assert record["error"] == {"code": "no-bucket", "sentence": "There is no bucket.", "request_id": "R"}


def test_a_failure_is_a_sentence_and_for_programs_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).failure(UsageError("no-such-file", "“\udcff” is missing."))
    said = capsys.readouterr()
    assert json.loads(said.out) == {"error": {"code": "no-such-file", "sentence": "“\udcff” is missing."}}
    assert said.err == "sluice: “\\udcff” is missing.\n"
    Output(as_json=False).failure(UsageError("x", "Y."))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({}, 0),
        ({State.DONE: 3, State.SKIPPED: 1}, 0),
        ({State.DONE: 3, State.FAILED: 1}, 1),
        ({State.CANCELLED: 1}, 1),
        ({State.DONE: 3, State.PAUSED: 1}, 3),
        ({State.ASKING: 1}, 3),
        ({State.WAITING: 1, State.QUEUED: 4}, 3),
        ({State.FAILED: 1, State.PAUSED: 1}, 1),
    ],
)
def test_exit_codes(counts: dict[State, int], code: int) -> None:
    assert exit_code(Standing(counts=Counter(counts)), Counter(counts)) == code


def test_a_listing_that_failed_or_left_something_out_is_not_done() -> None:
    assert exit_code(Standing(counts=Counter(), error=ErrorRecord(code="no-bucket")), Counter()) == 1
    assert exit_code(Standing(counts=Counter({State.DONE: 1}), passed_over=1), Counter({State.DONE: 1})) == 1


def test_failures_of_last_week_are_not_todays() -> None:
    assert exit_code(Standing(counts=Counter({State.FAILED: 3})), Counter({State.DONE: 1})) == 0
