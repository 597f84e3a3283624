"""Orders carried out with real stores."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.model.account import Account, AccountKind
from core.model.errors import IntegrityError, LocalError, RemoteError
from core.model.units import MIB
from core.stores.base import Fetched, Sink
from core.stores.local.store import LocalStore
from core.transfer.carry import Porter
from core.transfer.files import read_fingerprint
from core.transfer.orders import DigestRange, FetchRange, Outcome, ReadBack, SendObject, SendPart
from tests.core.transfer.rig import some_bytes
from tests.support.bodies import digests_of

DATA = some_bytes(3 * MIB + 5)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalStore]:
    local = LocalStore(Account("l", AccountKind.LOCAL, root=str(tmp_path / "store")))
    (tmp_path / "store").mkdir()
    await local.create_bucket("bucket")
    yield local
    await local.close()


@pytest.fixture
def porter() -> Porter:
    return Porter(8 * MIB)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "f").write_bytes(DATA)
    return tmp_path / "f"


async def send(porter: Porter, store: LocalStore, path: Path, flown: list[int] | None = None) -> Outcome:
    stamp = (await read_fingerprint(str(path))).text
    order = SendObject(bucket="bucket", key="k", path=str(path), size_bytes=len(DATA), stamp=stamp)
    return await porter.carry(order, store, (flown if flown is not None else []).append)


async def test_sending_and_fetching(porter: Porter, store: LocalStore, path: Path, tmp_path: Path) -> None:
    flown: list[int] = []
    outcome = await send(porter, store, path, flown)
    assert outcome.digests == digests_of(DATA)
    assert sum(flown) == len(DATA)
    target = tmp_path / "t"
    target.write_bytes(b"\0" * len(DATA))
    order = FetchRange(
        bucket="bucket",
        key="k",
        etag=outcome.etag,
        offset=100,
        size_bytes=MIB,
        path=str(target),
        md5=True,
    )
    fetched = await porter.carry(order, store, flown.append)
    assert fetched.digests == digests_of(DATA[100 : 100 + MIB])
    assert target.read_bytes() == b"\0" * 100 + DATA[100 : 100 + MIB] + b"\0" * (len(DATA) - 100 - MIB)
    back = ReadBack(bucket="bucket", key="k", etag=outcome.etag, offset=7, size_bytes=9)
    assert (await porter.carry(back, store, flown.append)).digests == digests_of(DATA[7:16], md5=False)
    assert porter.pool.inside == 0


async def test_a_part(porter: Porter, store: LocalStore, path: Path) -> None:
    upload = await store.create_upload("bucket", "k")
    stamp = (await read_fingerprint(str(path))).text
    order = SendPart(
        bucket="bucket",
        key="k",
        upload_id=upload.upload_id,
        number=2,
        path=str(path),
        offset=1000,
        size_bytes=2000,
        stamp=stamp,
    )
    outcome = await porter.carry(order, store, lambda _: None)
    assert outcome.digests == digests_of(DATA[1000:3000])
    [part] = await store.list_parts("bucket", "k", upload.upload_id)
    assert (part.number, part.size_bytes, part.etag) == (2, 2000, outcome.etag)


async def test_a_file_that_is_not_the_one_meant(porter: Porter, store: LocalStore, path: Path) -> None:
    order = SendObject(bucket="bucket", key="k", path=str(path), size_bytes=len(DATA), stamp="1:2:3")
    with pytest.raises(LocalError) as caught:
        await porter.carry(order, store, lambda _: None)
    assert caught.value.code == "source-changed"
    with pytest.raises(RemoteError):
        await store.head("bucket", "k")


async def test_digests_of_what_is_kept(porter: Porter, path: Path, tmp_path: Path) -> None:
    whole = await porter.carry(
        DigestRange(path=str(path), offset=0, size_bytes=len(DATA), md5=True), None, lambda _: None
    )
    assert whole.digests == digests_of(DATA)
    beyond = DigestRange(path=str(path), offset=len(DATA) - 5, size_bytes=10)
    assert (await porter.carry(beyond, None, lambda _: None)).digests.size_bytes == 0
    with pytest.raises(LocalError) as caught:
        await porter.carry(DigestRange(path=str(tmp_path / "none"), offset=0, size_bytes=1), None, lambda _: None)
    assert caught.value.code == "no-file"


async def test_a_temporary_file_that_is_gone_or_a_link(
    porter: Porter, store: LocalStore, path: Path, tmp_path: Path
) -> None:
    await send(porter, store, path)
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    for name in ("none", "link"):
        order = FetchRange(bucket="bucket", key="k", etag="", offset=0, size_bytes=8, path=str(tmp_path / name))
        with pytest.raises(LocalError):
            await porter.carry(order, store, lambda _: None)
    assert (tmp_path / "precious").read_bytes() == b"precious"


class ShortStore(LocalStore):
    """A store that breaks its promise and says nothing."""

    async def get_range(
        self, bucket: str, key: str, sink: Sink, *, start: int, size_bytes: int, if_match: str = ""
    ) -> Fetched:
        return await super().get_range(bucket, key, sink, start=start, size_bytes=size_bytes - 1, if_match=if_match)


async def test_a_short_answer_never_passes(porter: Porter, store: LocalStore, path: Path, tmp_path: Path) -> None:
    await send(porter, store, path)
    short = ShortStore(Account("l", AccountKind.LOCAL, root=str(tmp_path / "store")))
    order = ReadBack(bucket="bucket", key="k", etag="", offset=0, size_bytes=100)
    with pytest.raises(IntegrityError) as caught:
        await porter.carry(order, short, lambda _: None)
    assert caught.value.code == "short-answer"


async def test_descriptors_are_given_back(porter: Porter, store: LocalStore, path: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc here")
    await send(porter, store, path)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await send(porter, store, path)
        with pytest.raises(RemoteError):
            await porter.carry(
                ReadBack(bucket="bucket", key="none", etag="", offset=0, size_bytes=1), store, lambda _: None
            )
    assert len(os.listdir("/proc/self/fd")) == before
