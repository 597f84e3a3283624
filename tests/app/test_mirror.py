"""The mirror follows any sequence of events to exactly what the newest snapshot would show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mirror import GapError, Mirror
from core.model.transfer import State
from core.protocol.events import Delta, Snapshot
from core.protocol.rows import Totals, TransferRow, View
from tests.support.fake_client import row

VIEW = View(first=40, count=8)


def snapshot(seq: int, rows: list[TransferRow], total: int, view: View = VIEW) -> Snapshot:
    return Snapshot(seq=seq, view=view, total=total, rows=tuple(rows), counts={"all": total}, totals=Totals(), held={})


@st.composite
def histories(draw) -> list[tuple[list[TransferRow], int]]:
    """Pictures of a window, one after the other: rows come, go, move and change."""
    pictures = []
    for _ in range(draw(st.integers(1, 8))):
        ids = draw(st.lists(st.integers(1, 20), unique=True, max_size=VIEW.count))
        rows = [row(one, draw(st.sampled_from(State)), committed_bytes=draw(st.integers(0, 3))) for one in ids]
        pictures.append((rows, draw(st.integers(len(rows), 60))))
    return pictures


def delta(seq: int, before: list[TransferRow], after: list[TransferRow], total: int, extra: bool) -> Delta:
    """What an engine sends between two pictures; with `extra` also rows that did not change."""
    known = {one.id: one for one in before}
    changed = [one for one in after if extra or known.get(one.id) != one]
    moved = [one.id for one in before] != [one.id for one in after]
    ids = tuple(one.id for one in after) if moved else None
    return Delta(seq=seq, total=total, ids=ids, rows=tuple(changed), counts={"all": total})


@given(histories(), st.booleans())
def test_deltas_lead_to_the_newest_snapshot(pictures, extra):
    mirror, seq = Mirror(), 1
    rows, total = pictures[0]
    mirror.apply(snapshot(1, rows, total))
    for after, total in pictures[1:]:
        seq += 1
        shown = list(mirror.rows)
        change = mirror.apply(delta(seq, rows, after, total, extra))
        rows = after
        fresh = Mirror()
        fresh.apply(snapshot(seq, rows, total))
        assert (mirror.rows, mirror.total, mirror.counts) == (fresh.rows, fresh.total, fresh.counts)
        assert [mirror.position(one.id) for one in rows] == list(range(40, 40 + len(rows)))
        told = set(range(change.first, change.last + 1)) if change.rows else set()
        longest = max(len(shown), len(rows))
        differing = {
            40 + i for i in range(longest) if (shown[i : i + 1] or [None])[0] != (rows[i : i + 1] or [None])[0]
        }
        assert differing <= told, "every position that looks different is told"


def test_a_gap_is_noticed_and_changes_nothing():
    mirror = Mirror()
    mirror.apply(snapshot(5, [row(1)], 1))
    with pytest.raises(GapError):
        mirror.apply(Delta(seq=7, rows=(row(1, State.DONE),)))
    assert mirror.rows == [row(1)]
    assert mirror.seq == 5


def test_an_unknown_row_is_a_gap():
    mirror = Mirror()
    mirror.apply(snapshot(1, [row(1)], 1))
    with pytest.raises(GapError):
        mirror.apply(Delta(seq=2, ids=(1, 2), rows=()))


def test_rows_are_found_by_their_place_in_the_whole_filter():
    mirror = Mirror()
    mirror.apply(snapshot(1, [row(7), row(8)], 900))
    assert mirror.at(39) is None
    assert mirror.at(41) == row(8)
    assert mirror.at(42) is None
    assert mirror.position(8) == 41
    assert mirror.position(9) == -1
    assert mirror.find(7) == row(7)


def test_a_snapshot_of_another_view_says_so():
    mirror = Mirror()
    mirror.apply(snapshot(1, [row(1)], 5))
    same = mirror.apply(snapshot(2, [row(1)], 5))
    other = mirror.apply(snapshot(3, [row(1)], 5, replace(VIEW, search="x")))
    assert (same.view, same.order, same.total) == (False, False, False)
    assert other.view
