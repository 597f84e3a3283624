"""Part sizes, parts, and what a restart keeps."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import UsageError
from core.model.objects import PartInfo
from core.model.plan import (
    DEFAULT_PART_BYTES,
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MIN_PART_BYTES,
    guess_part_sizes,
    part_at,
    part_count,
    part_size,
    parts_of,
    reconcile,
)
from core.model.transfer import PartRecord
from core.model.units import GIB, MIB

SIZES = st.integers(0, MAX_OBJECT_BYTES) | st.integers(0, 100 * MIB)


@given(SIZES, st.integers(0, 2 * MAX_PART_BYTES))
def test_the_part_size_keeps_every_limit(size_bytes: int, preferred_bytes: int) -> None:
    chosen = part_size(size_bytes, preferred_bytes)
    assert MIN_PART_BYTES <= chosen <= MAX_PART_BYTES
    assert part_count(size_bytes, chosen) <= MAX_PARTS
    if MIN_PART_BYTES <= preferred_bytes <= MAX_PART_BYTES and size_bytes <= preferred_bytes * MAX_PARTS:
        assert chosen == preferred_bytes


def test_the_largest_object_and_one_byte_more() -> None:
    assert part_count(MAX_OBJECT_BYTES, part_size(MAX_OBJECT_BYTES)) == MAX_PARTS
    with pytest.raises(UsageError) as caught:
        part_size(MAX_OBJECT_BYTES + 1)
    assert caught.value.code == "too-big"


def test_the_default_grows_with_the_file() -> None:
    assert part_size(79 * GIB, DEFAULT_PART_BYTES) == 9 * MIB
    assert part_size(78 * GIB, DEFAULT_PART_BYTES) == DEFAULT_PART_BYTES


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_parts_cover_the_whole_without_gaps(size_bytes: int, part_bytes: int) -> None:
    part_bytes = max(part_bytes, size_bytes // 2000 + 1)
    plans = list(parts_of(size_bytes, part_bytes))
    assert [plan.number for plan in plans] == list(range(1, len(plans) + 1))
    assert sum(plan.size_bytes for plan in plans) == size_bytes
    assert all(plan.size_bytes > 0 for plan in plans)
    assert all(a.offset + a.size_bytes == b.offset for a, b in pairwise(plans))
    assert all(plan.size_bytes == part_bytes for plan in plans[:-1])
    assert plans == [part_at(plan.number, size_bytes, part_bytes) for plan in plans]
    assert (plans[0].offset if plans else 0) == 0


ETAGS = st.sampled_from(["x", "y"])


@st.composite
def _two_sides(draw: st.DrawFn) -> tuple[int, int, list[PartRecord], dict[int, PartInfo] | None]:
    """A file with a plan, our records of it and the server's list, each partly wrong."""
    part_bytes = draw(st.integers(1, 50))
    size_bytes = draw(st.integers(0, 400))
    plans = list(parts_of(size_bytes, part_bytes))
    records = [
        PartRecord(
            plan.number,
            plan.offset + draw(st.sampled_from([0, 0, 0, 1])),
            plan.size_bytes + draw(st.sampled_from([0, 0, 0, 1])),
            done=draw(st.booleans()),
            etag=draw(ETAGS),
        )
        for plan in plans
        if draw(st.booleans())
    ]
    theirs = {
        plan.number: PartInfo(plan.number, plan.size_bytes + draw(st.sampled_from([0, 0, 0, 1])), draw(ETAGS))
        for plan in plans
        if draw(st.booleans())
    }
    stranger = PartInfo(len(plans) + 1, 7, "x")  # a part that no plan of ours has
    return size_bytes, part_bytes, records, draw(st.sampled_from([None, theirs, theirs | {stranger.number: stranger}]))


@given(_two_sides())
def test_kept_and_left_are_all_and_kept_is_agreed(
    sides: tuple[int, int, list[PartRecord], dict[int, PartInfo] | None],
) -> None:
    size_bytes, part_bytes, records, theirs = sides
    found = reconcile(records, theirs, size_bytes=size_bytes, part_bytes=part_bytes)
    plans = {plan.number: plan for plan in parts_of(size_bytes, part_bytes)}
    kept, left = {part.number: part for part in found.kept}, {plan.number: plan for plan in found.left}
    assert not kept.keys() & left.keys()
    assert kept.keys() | left.keys() == plans.keys()
    assert list(left) == sorted(left)
    for number, record in kept.items():
        assert record in records
        assert record.done
        assert (record.offset, record.size_bytes) == (plans[number].offset, plans[number].size_bytes)
        if theirs is not None:
            assert (theirs[number].size_bytes, theirs[number].etag) == (record.size_bytes, record.etag)
    for plan in left.values():  # nothing is sent again that both sides agree on
        good = next((r for r in records if r == PartRecord(*plan_facts(plan), done=True, etag=r.etag)), None)
        if good is not None and theirs is not None:
            assert theirs.get(plan.number) != PartInfo(plan.number, plan.size_bytes, good.etag)
        elif theirs is None:
            assert good is None
    started = {record.number for record in records}
    assert found.resent_bytes == sum(plan.size_bytes for plan in found.left if plan.number in started)


def plan_facts(plan: object) -> tuple[int, int, int]:
    return plan.number, plan.offset, plan.size_bytes  # type: ignore[attr-defined]


@given(st.integers(1, 2 * 10**13), st.integers(1, MAX_PART_BYTES // MIB))
def test_guesses_hold_the_true_part_size(size_bytes: int, part_mib: int) -> None:
    part_bytes = max(part_mib * MIB, -(-size_bytes // MAX_PARTS // MIB) * MIB + MIB)
    count = part_count(size_bytes, part_bytes)
    guesses = guess_part_sizes(size_bytes, count)
    assert (size_bytes if count == 1 else part_bytes) in guesses
    assert all(part_count(size_bytes, guess) == count for guess in guesses)
    assert len(guesses) == len(set(guesses))


@pytest.mark.parametrize(("size_bytes", "count"), [(0, 0), (0, 1), (10, 0), (10, -1), (10, 10**30), (MIB, 2)])
def test_no_guess_where_there_is_none(size_bytes: int, count: int) -> None:
    assert guess_part_sizes(size_bytes, count) == []


def test_what_uploaders_use_is_guessed_first() -> None:
    assert guess_part_sizes(100 * MIB, 13)[0] == 8 * MIB
    assert guess_part_sizes(1000 * MIB, 63)[0] == 16 * MIB
    assert guess_part_sizes(33 * MIB, 7)[0] == 5 * MIB
