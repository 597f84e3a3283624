"""Listings: byte order, pages, prefixes, delimiters."""

from __future__ import annotations

import pytest

from core.stores.base import ObjectStore
from tests.conformance.acts import at_once, keys, pages, put, refused
from tests.conformance.kinds import Kind

# Chosen so that the order of bytes, of folders, of letters and of UTF-16 units all differ.
TREE = [
    "B", "a-b", "a.txt", "a/1", "a/2/x", "a/2/y", "a0", "b/c/d", "b/c/e", "photos 1/x", "photos/x", "z", "ä", "ﬀ", "🎬",
]  # fmt: skip


@pytest.fixture
async def tree(store: ObjectStore, bucket: str) -> str:
    await at_once(put(store, bucket, key, key.encode()) for key in reversed(TREE))
    return bucket


def byte_order(names: list[str]) -> list[str]:
    return sorted(names, key=str.encode)


async def test_keys_come_in_byte_order(store: ObjectStore, tree: str) -> None:
    (page,) = await pages(store, tree)
    assert [info.key for info in page.objects] == byte_order(TREE)
    assert page.prefixes == ()
    by_key = {info.key: info for info in page.objects}
    head = await store.head(tree, "a/2/x")
    assert by_key["a/2/x"].size_bytes == 5
    assert by_key["a/2/x"].etag == head.etag
    assert abs(by_key["a/2/x"].modified_s - head.modified_s) < 2


@pytest.mark.parametrize("count", [1, 2, 3, 7, 14, 15, 16])
async def test_pages_of_any_size_hold_the_same(store: ObjectStore, tree: str, count: int) -> None:
    found = await pages(store, tree, count=count)
    assert [info.key for page in found for info in page.objects] == byte_order(TREE)
    assert all(len(page.objects) <= count for page in found)


@pytest.mark.parametrize("count", [1, 2, 3, 1000])
async def test_a_delimiter_rolls_up(store: ObjectStore, tree: str, count: int) -> None:
    found = await pages(store, tree, delimiter="/", count=count)
    assert [prefix for page in found for prefix in page.prefixes] == ["a/", "b/", "photos 1/", "photos/"]
    assert [info.key for page in found for info in page.objects] == byte_order([key for key in TREE if "/" not in key])


@pytest.mark.parametrize(
    ("prefix", "objects", "prefixes"),
    [
        ("a/", ["a/1"], ["a/2/"]),
        ("a/2", [], ["a/2/"]),
        ("a/2/", ["a/2/x", "a/2/y"], []),
        ("a", ["a-b", "a.txt", "a0"], ["a/"]),
        ("photos", [], ["photos 1/", "photos/"]),
        ("b/c/d", ["b/c/d"], []),
        ("none", [], []),
        ("none/at/all/", [], []),
        ("z/", [], []),
    ],
)
async def test_prefix_and_delimiter(
    store: ObjectStore, tree: str, prefix: str, objects: list[str], prefixes: list[str]
) -> None:
    (page,) = await pages(store, tree, prefix=prefix, delimiter="/")
    assert [info.key for info in page.objects] == objects
    assert list(page.prefixes) == prefixes


@pytest.mark.parametrize("prefix", ["a", "a/", "a/2", "a/2/x", "photos ", "ä", "nothing"])
async def test_a_prefix_alone(store: ObjectStore, tree: str, prefix: str) -> None:
    assert await keys(store, tree, prefix=prefix) == byte_order([key for key in TREE if key.startswith(prefix)])


async def test_a_listing_goes_on_past_what_was_deleted_meanwhile(store: ObjectStore, tree: str) -> None:
    first = await store.list_objects(tree, count=4)
    await store.delete_objects(tree, [first.objects[-1].key, "z"])
    second = await store.list_objects(tree, token=first.token)
    assert [info.key for info in second.objects] == [key for key in byte_order(TREE)[4:] if key != "z"]


async def test_an_empty_bucket(store: ObjectStore, bucket: str) -> None:
    (page,) = await pages(store, bucket)
    assert (page.objects, page.prefixes) == ((), ())
    (page,) = await pages(store, bucket, prefix="x/", delimiter="/")
    assert (page.objects, page.prefixes) == ((), ())


async def test_no_bucket(store: ObjectStore) -> None:
    async with refused("no-bucket"):
        await store.list_objects("sluice-not-there-at-all")


async def test_more_than_a_page_and_a_thousand_deletes_in_one_call(store: ObjectStore, bucket: str, kind: Kind) -> None:
    if kind.tls:
        pytest.skip("a page is a page, with TLS or without")
    names = [f"{n % 3}/{n:05d} file" for n in range(1003)]
    await at_once((put(store, bucket, name, b"x") for name in names), limit=24)
    found = await pages(store, bucket)
    assert [len(page.objects) for page in found] == [1000, 3]
    assert [info.key for page in found for info in page.objects] == sorted(names)
    assert await keys(store, bucket, prefix="1/", count=100) == sorted(name for name in names if name[0] == "1")
    (page,) = await pages(store, bucket, delimiter="/")
    assert page.prefixes == ("0/", "1/", "2/")
    assert await store.delete_objects(bucket, sorted(names)[:1000]) == []
    assert await keys(store, bucket) == sorted(names)[1000:]
