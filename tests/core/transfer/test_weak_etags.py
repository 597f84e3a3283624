"""Servers whose ETags are no MD5s, as under SSE-KMS, and that keep no checksum: what still proves an upload."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.model.objects import Digests, ObjectInfo, Stored
from core.model.transfer import Verify
from core.stores.base import Access, Fetched
from core.stores.memory.faults import Fault
from core.stores.memory.store import MemoryStore
from core.transfer.upload import upload
from tests.core.transfer.rig import PART, Rig


class Opaque(MemoryStore):
    """Answers as such a server does."""

    def __init__(self, access: Access) -> None:
        super().__init__(access.account, keeps_checksums=False)

    def _stored(self, digests: Digests, content_md5: bool) -> Stored:
        stored = super()._stored(digests, content_md5)
        return replace(stored, proof="content-md5" if content_md5 else "")

    async def complete_upload(self, *place: object, **how: object) -> ObjectInfo:
        made = await super().complete_upload(*place, **how)  # type: ignore[arg-type]
        return replace(made, etag="opaque-3", crc64nvme="")

    async def get_range(self, *place: object, if_match: str = "", **how: object) -> Fetched:
        return await super().get_range(*place, if_match="", **how)  # type: ignore[arg-type]


@pytest.fixture
def opaque(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr("core.transfer.mover.open_carrier", Opaque)
    rig.store = Opaque(Access(rig.account))
    return rig


async def test_the_server_is_asked_to_check_an_md5(opaque: Rig) -> None:
    path = opaque.file(1000)
    proof = await upload(opaque.job(opaque.upload_of(path)))
    assert proof.verified_by == "content-md5"
    assert opaque.held("k") == path.read_bytes()
    assert opaque.script.count("put_object") == 2  # the first answer proved nothing


async def test_the_user_may_want_it_read_back(opaque: Rig) -> None:
    path = opaque.file(1000)
    proof = await upload(opaque.job(opaque.upload_of(path), verify=Verify.READ_BACK))
    assert proof.verified_by == "read-back"
    assert opaque.script.count("get_range") == 1


async def test_many_parts_are_read_back_in_any_case(opaque: Rig) -> None:
    path = opaque.file(2 * PART + 9)
    proof = await upload(opaque.job(opaque.upload_of(path)))
    assert proof.verified_by == "read-back"
    assert opaque.held("k") == path.read_bytes()
    assert opaque.script.count("get_range") == 3


async def test_reading_back_finds_damage(opaque: Rig) -> None:
    path = opaque.file(2 * PART + 9)
    notes = opaque.upload_of(path)
    opaque.faults(Fault("get_range", times=1, corrupt=True))
    with pytest.raises(Exception, match="differs") as caught:
        await upload(opaque.job(notes))
    assert getattr(caught.value, "code", "") == "bad-digest"
    assert notes.transfer.upload_id == ""  # it is sent anew
