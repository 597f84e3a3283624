"""Copies inside one store."""

import asyncio

import pytest

from core.model.errors import IntegrityError, RemoteError, Retry
from core.model.objects import Stored
from core.model.units import MIB
from core.stores.memory.faults import DROPPED, Fault
from core.stores.memory.store import MemoryStore
from core.transfer.begin import abort
from core.transfer.copy import copy
from tests.core.transfer.rig import PART, REFUSED, Rig, eventually, some_bytes

THREE = 2 * PART + 777


async def test_a_copy_is_one_call(rig: Rig) -> None:
    data = some_bytes(THREE)
    await rig.put("k", data)
    proof = await copy(rig.job(rig.copy_of("k", "to")))
    assert rig.held("to") == data
    assert proof.verified_by == "crc64nvme"
    assert rig.meter.committed_bytes == THREE


async def test_without_checksums_the_etag_speaks(md5_rig: Rig) -> None:
    await md5_rig.put("k", some_bytes(10))
    assert (await copy(md5_rig.job(md5_rig.copy_of("k", "to")))).verified_by == "md5-etag"
    await md5_rig.put_in_parts("parts", some_bytes(THREE), PART)
    assert (await copy(md5_rig.job(md5_rig.copy_of("parts", "to2")))).verified_by == "server-copy"


async def test_a_large_object_is_copied_in_parts(rig: Rig) -> None:
    data = some_bytes(THREE)
    await rig.put("k", data)
    notes = rig.copy_of("k", "to")
    rig.faults(Fault("copy_part", number=2, times=2, error=DROPPED))
    proof = await copy(rig.job(notes), most_bytes=MIB, part_bytes=PART)
    assert rig.held("to") == data
    assert proof.verified_by == "crc64nvme"
    assert rig.script.numbers("copy_part") == [1, 2, 2, 2, 3]
    assert notes.acts == ["create", "complete"]
    assert rig.meter.committed_bytes == THREE
    assert rig.open_uploads() == []


async def test_what_an_interrupted_copy_left_is_taken_away(rig: Rig) -> None:
    data = some_bytes(THREE)
    await rig.put("k", data)
    notes = rig.copy_of("k", "to")
    rig.faults(Fault("copy_part", number=3, error=REFUSED))
    with pytest.raises(RemoteError):
        await copy(rig.job(notes), most_bytes=MIB, part_bytes=PART)
    assert rig.open_uploads() == ["to"]
    await copy(rig.job(notes), most_bytes=MIB, part_bytes=PART)
    assert rig.open_uploads() == []
    assert rig.held("to") == data


async def test_a_crash_while_opening_leaves_nothing(rig: Rig) -> None:
    await rig.put("k", some_bytes(THREE))
    notes = rig.copy_of("k", "to")
    await notes.intent("create")
    await rig.store.create_upload("b", "to")
    await copy(rig.job(notes), most_bytes=MIB, part_bytes=PART)
    assert rig.open_uploads() == []


async def test_giving_up_aborts(rig: Rig) -> None:
    await rig.put("k", some_bytes(THREE))
    notes = rig.copy_of("k", "to")
    rig.faults(Fault("complete_upload", error=REFUSED))
    with pytest.raises(RemoteError):
        await copy(rig.job(notes), most_bytes=MIB, part_bytes=PART)
    await abort(rig.job(notes))
    assert rig.open_uploads() == []


async def test_a_source_that_changes_is_copied_again_later(rig: Rig) -> None:
    await rig.put("k", some_bytes(THREE))
    newer = some_bytes(THREE, 2)
    notes = rig.copy_of("k", "to")
    rig.faults(Fault("copy_part", delay_s=2, number=1, error=DROPPED))
    running = asyncio.ensure_future(copy(rig.job(notes), most_bytes=MIB, part_bytes=PART))
    await eventually(lambda: rig.script.count("copy_part") > 0)
    await rig.put("k", newer)
    with pytest.raises(RemoteError) as caught:
        await running
    assert (caught.value.code, caught.value.retry) == ("changed", Retry.BACKOFF)
    assert rig.held("to") is None
    await copy(rig.job(notes), most_bytes=MIB, part_bytes=PART)
    assert rig.held("to") == some_bytes(THREE, 2)


class Careless(MemoryStore):
    """Takes parts from whatever version is there, as Ceph 16.2 does."""

    async def copy_part(self, *place: object, if_match: str = "", **how: object) -> Stored:
        return await super().copy_part(*place, **how)  # type: ignore[arg-type]


async def test_versions_are_not_mixed_where_the_server_does_not_look(rig: Rig) -> None:
    rig.store = Careless(rig.account)
    await rig.put("k", some_bytes(THREE))
    newer = some_bytes(THREE, 2)
    notes = rig.copy_of("k", "to")
    rig.faults(Fault("copy_part", delay_s=2, number=1))
    running = asyncio.ensure_future(copy(rig.job(notes), most_bytes=MIB, part_bytes=PART))
    await eventually(lambda: rig.script.count("copy_part") > 0)
    await rig.put("k", newer)
    with pytest.raises(RemoteError) as caught:
        await running
    assert (caught.value.code, caught.value.retry) == ("changed", Retry.BACKOFF)
    assert rig.held("to") is None


async def test_a_copy_that_differs_is_no_copy(rig: Rig) -> None:
    await rig.put("k", some_bytes(10))
    await rig.put("to", some_bytes(10, 2))
    job = rig.job(rig.copy_of("k", "to"))
    info = await rig.store.head("b", "k")
    other = await rig.store.head("b", "to")
    from core.transfer.copy import _Copy

    with pytest.raises(IntegrityError) as caught:
        _Copy(job, info).proof(other)
    assert caught.value.code == "bad-digest"


async def test_nothing_to_copy(rig: Rig) -> None:
    with pytest.raises(RemoteError) as caught:
        await copy(rig.job(rig.copy_of("none", "to")))
    assert caught.value.code == "no-key"
