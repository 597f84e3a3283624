"""Chosen transfers as sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.selection import ALL, NONE, Chosen
from core.protocol.rows import Filter, Selection, View

UNIVERSE = frozenset(range(12))
some_ids = st.frozensets(st.integers(0, 11))


def meant(chosen: Chosen) -> frozenset[int]:
    return frozenset(one for one in UNIVERSE if one in chosen)


@given(st.booleans(), some_ids, some_ids)
def test_it_behaves_like_the_set_it_stands_for(everything, ids, more):
    chosen = Chosen(everything, ids)
    assert meant(chosen.with_(more)) == meant(chosen) | more
    assert meant(chosen.without(more)) == meant(chosen) - more
    assert meant(chosen.toggled(more)) == meant(chosen) ^ more
    assert chosen.count(len(UNIVERSE)) == len(meant(chosen))


def test_the_engine_is_told_ids_or_a_flag_with_exceptions():
    view = View(filter=Filter.PAUSED)
    assert NONE.with_({3, 1}).selection(view) == Selection(ids=(1, 3))
    assert ALL.without({7}).selection(view) == Selection(everything=True, view=view, but=(7,))
    assert not NONE
    assert ALL
