"""What the cells of a row say."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from app import row_text
from core.model.errors import ErrorRecord
from core.model.transfer import Direction, State
from tests.support.fake_client import row

sizes = st.integers(0, 2**50)


@given(sizes, sizes, sizes, st.sampled_from(State))
def test_a_bar_never_runs_over_its_end(size, committed, flying, state):
    shown = row(1, state, size_bytes=size, committed_bytes=committed, flying_bytes=flying)
    safe, light = row_text.shares(shown)
    assert 0 <= safe <= 1
    assert light >= 0
    assert safe + light <= 1 + 1e-9
    if state is not State.RUNNING:
        assert light == 0


def test_a_hundred_percent_means_all_of_it():
    assert row_text.percent(row(1, size_bytes=1000, committed_bytes=999)) == 99
    assert row_text.percent(row(1, size_bytes=1000, committed_bytes=1000)) == 100
    assert row_text.percent(row(1, State.DONE, size_bytes=0)) == 100


def test_places_are_short():
    home = os.path.expanduser("~")
    up = row(1, destination="s3://studio/2026/raw/a.mov")
    down = row(2, direction=Direction.DOWN, source="s3://studio/b/c.zip", destination=f"{home}/Desktop/c.zip")
    assert row_text.place(up) == "s3://studio/2026/raw/"
    assert (row_text.place(down), row_text.place_from(down)) == ("~/Desktop", "from s3://studio/b/")
    assert row_text.place(row(3, destination="s3://studio/a.mov")) == "s3://studio/"
    assert row_text.short_path(home + "stead/x") == home + "stead/x"


def test_only_known_answers_are_offered():
    asking = row(1, State.ASKING, question="exists", answers=("overwrite", "burn", "skip"))
    assert [answer for answer, _ in row_text.links(asking)] == ["overwrite", "skip"]
    assert row_text.links(row(1, State.FAILED, error=ErrorRecord())) == [("retry", "Retry")]
    assert row_text.links(row(1, State.RUNNING)) == []


def test_speed_and_time_belong_to_what_moves():
    moving = row(1, State.RUNNING, rate_bps=31.4e6, left_s=19)
    assert (row_text.speed(moving), row_text.left(moving)) == ("31.4 MB/s", "19 s")
    still = row(1, State.PAUSED, rate_bps=31.4e6, left_s=19)
    assert (row_text.speed(still), row_text.left(still)) == ("", "")
    assert row_text.left(row(1, State.RUNNING)) == ""
