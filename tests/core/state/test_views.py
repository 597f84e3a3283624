import pytest

from core.model.errors import LocalError
from core.model.transfer import Direction, State
from core.protocol.rows import Filter, Order, View
from core.state.rows import folded, last_segment, search_name
from core.state.transfers import Move, Transfers
from tests.core.state.conftest import fill, new


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/a/b/c.txt", "c.txt"),
        ("/a/b/", "b"),
        ("/a/back\\slash", "back\\slash"),
        ("C:\\Users\\me\\f.txt", "f.txt"),
        ("\\\\server\\share\\f.txt", "f.txt"),
        ("s3://bucket/p/key", "key"),
        ("s3://bucket/p/key/", "key"),
        ("s3://bucket/back\\slash", "back\\slash"),
        ("s3://bucket", "bucket"),
    ],
)
def test_the_last_segment(place: str, name: str) -> None:
    assert last_segment(place) == name


def test_names_are_compared_without_case_and_kind_of_accent() -> None:
    assert folded("Straße É") == folded("STRASSE e\u0301".upper()) == folded("strasse É")
    assert search_name("/x/A.txt", "s3://b/A.txt") == "a.txt"
    assert search_name("/x/A.txt", "s3://b/B.txt") == "a.txt\nb.txt"


async def test_search_looks_at_both_names_and_only_at_names(transfers: Transfers) -> None:
    batch, _ = await fill(transfers, 0)
    await transfers.add(
        batch,
        [
            new("Ärger.MOV"),
            new("b", source="/Ärger/b.txt", destination="s3://bucket/Ärger/renamed%_.txt"),
            new("c", direction=Direction.DOWN, source="s3://bucket/dir/Key.bin", destination="/home/other.bin"),
        ],
        1.0,
    )
    first, second, third = await transfers.index(View())
    for needle, expected in {
        "ärger": [first],
        "A\u0308RGER": [first],
        ".mov": [first],
        "RENAMED": [second],
        "b.txt": [second],
        "%": [second],
        "_": [second],
        "key.BIN": [third],
        "other": [third],
        "dir": [],
        "b.txt\nrenamed": [second],
        "": [first, second, third],
    }.items():
        assert list(await transfers.index(View(search=needle))) == expected, needle


async def test_a_page_has_the_order_asked_for(transfers: Transfers) -> None:
    batch, ids = await fill(transfers, 5)
    error = LocalError("no-file", "Gone.", where="/src").record()
    await transfers.move([Move(ids[2], State.RUNNING)])
    await transfers.move(
        [
            Move(
                ids[2],
                State.FAILED,
                {"error": error, "verified_by": "x", "active_s": 2.5, "started_s": 3.0, "ended_s": 4.0},
            )
        ]
    )
    page = await transfers.page([ids[4], 12345, ids[2], ids[0]])
    assert [row.id for row in page] == [ids[4], ids[2], ids[0]]
    row = page[1]
    assert (row.batch, row.state, row.name, row.source, row.destination) == (
        batch,
        State.FAILED,
        f"{batch}-2",
        f"/src/{batch}-2",
        f"s3://bucket/{batch}-2",
    )
    assert (row.error, row.verified_by, row.seconds, row.added_s, row.ended_s) == (error, "x", 2.5, 2.0, 4.0)
    assert row.ended_no > 0
    assert await transfers.page([]) == []


async def test_pages_of_what_ended(transfers: Transfers) -> None:
    first, ids = await fill(transfers, 6)
    second, others = await fill(transfers, 3)
    await transfers.move([Move(n, State.RUNNING) for n in ids + others])
    order = [ids[3], others[1], ids[0], ids[5], others[0], ids[1]]
    for number in order:
        await transfers.move([Move(number, State.DONE)])
    for batch, expected in ((0, order), (first, [n for n in order if n in ids]), (second, [others[1], others[0]])):
        found, after = [], 0
        while True:
            total, page = await transfers.ended(batch, after, 2)
            assert total == len(expected)
            if not page:
                break
            found += [row.id for row in page]
            after = page[-1].ended_no
        assert found == expected


async def test_the_version_tells_when_to_look_again(transfers: Transfers) -> None:
    _, ids = await fill(transfers, 3)
    seen = {transfers.version}
    await transfers.move([Move(ids[0], State.RUNNING)])
    seen.add(transfers.version)
    transfers.sent_again(ids[0], 10)
    await transfers.intent(ids[0], "x")
    await transfers.planned(ids[0], 10, "", "", 100)
    assert transfers.version in seen, "no row came, went or moved"
    assert len(seen) == 2


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("descending", [False, True])
async def test_equal_rows_keep_their_places(transfers: Transfers, order: Order, descending: bool) -> None:
    batch, _ = await fill(transfers, 0)
    await transfers.add(batch, [new("same", destination=f"s3://{n}/same") for n in range(50)], 1.0)
    found = list(await transfers.index(View(order=order, descending=descending)))
    assert found == sorted(found, reverse=descending)
    assert len(found) == 50


async def test_nothing_is_an_empty_index(transfers: Transfers) -> None:
    found = await transfers.index(View(filter=Filter.MOVING))
    assert (found.typecode, len(found)) == ("q", 0)
