"""Buckets: making, finding and removing them, and what a store says of itself."""

from __future__ import annotations

from core.stores.base import ObjectStore
from tests.conformance.acts import put, refused
from tests.conformance.conftest import new_bucket


async def test_buckets_are_listed(store: ObjectStore, bucket: str, second_bucket: str) -> None:
    names = [found.name for found in await store.list_buckets()]
    assert {bucket, second_bucket} <= set(names)


async def test_a_bucket_is_made_once(store: ObjectStore, bucket: str) -> None:
    async with refused("bucket-exists"):
        await store.create_bucket(bucket)


async def test_only_empty_buckets_go(store: ObjectStore, bucket: str) -> None:
    await put(store, bucket, "deep/down/object")
    async with refused("bucket-not-empty"):
        await store.delete_bucket(bucket)
    await store.delete_objects(bucket, ["deep/down/object"])


async def test_a_bucket_that_is_gone_can_be_made_again(store: ObjectStore) -> None:
    name = new_bucket()
    await store.create_bucket(name)
    await put(store, name, "x")
    await store.delete_objects(name, ["x"])
    await store.delete_bucket(name)
    assert name not in [found.name for found in await store.list_buckets()]
    async with refused("no-bucket"):
        await store.delete_bucket(name)
    async with refused("no-bucket"):
        await store.list_objects(name)
    await store.create_bucket(name)
    await put(store, name, "y")
    await store.delete_objects(name, ["y"])
    await store.delete_bucket(name)


async def test_access_names_the_account(store: ObjectStore) -> None:
    access = await store.access()
    assert access.account.name
    if access.credentials is not None and access.credentials.secret_key != access.credentials.access_key:
        assert access.credentials.secret_key not in repr(access)
