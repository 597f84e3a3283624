"""A store of each kind, a fresh bucket in it, and a clean end."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.model.account import Account, AccountKind
from core.stores.base import ObjectStore
from core.stores.memory.contents import forget
from core.stores.memory.store import MemoryStore
from core.stores.opening import open_store
from tests.conformance.kinds import PARAMS, Kind
from tests.support.servers import Server


@pytest.fixture(params=PARAMS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
async def store(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    opened = await _open(kind, request, tmp_path)
    yield opened
    await opened.close()
    forget(kind.name)


async def _open(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if kind.server:
        store = await open_server(request.getfixturevalue(kind.server))
        await _let_it_learn(store)
        return store
    if kind.name == "local":
        return await open_store(Account("local", AccountKind.LOCAL, root=str(tmp_path)))
    account = Account(kind.name, AccountKind.MEMORY)
    return MemoryStore(account, keeps_checksums=False) if kind.name == "memory-md5" else await open_store(account)


async def _let_it_learn(store: ObjectStore) -> None:
    """A store finds out with its first upload whether the server keeps checksums; the tests begin after that."""
    name = new_bucket()
    await store.create_bucket(name)
    upload = await store.create_upload(name, "first")
    await store.abort_upload(name, "first", upload.upload_id)
    await store.delete_bucket(name)


async def open_server(server: Server) -> ObjectStore:
    account = Account(
        "conformance",
        endpoint=server.endpoint,
        region=server.region,
        access_key=server.access_key,
        ca_file=server.ca_file or "",
    )
    return await open_store(account, server.secret_key)


@pytest.fixture
async def bucket(store: ObjectStore) -> AsyncIterator[str]:
    name = new_bucket()
    await store.create_bucket(name)
    yield name
    await empty(store, name)
    await store.delete_bucket(name)


@pytest.fixture
async def second_bucket(store: ObjectStore) -> AsyncIterator[str]:
    name = new_bucket()
    await store.create_bucket(name)
    yield name
    await empty(store, name)
    await store.delete_bucket(name)


def new_bucket() -> str:
    return f"sluice-{uuid.uuid4().hex[:20]}"


async def empty(store: ObjectStore, bucket: str) -> None:
    for upload in await store.list_uploads(bucket):
        await store.abort_upload(bucket, upload.key, upload.upload_id)
    while keys := [info.key for info in (await store.list_objects(bucket)).objects]:
        assert await store.delete_objects(bucket, keys) == []
