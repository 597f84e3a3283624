"""Downloads against a store with scripted faults: what lands, what is proven, what is left alone."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from core.model.errors import IntegrityError, LocalError, NetworkError, RemoteError, Retry
from core.model.transfer import Verify
from core.model.units import MIB
from core.stores.checksum import crc_text
from core.stores.memory.contents import contents_of
from core.stores.memory.faults import DROPPED, Fault
from core.transfer.download import discard, download
from core.transfer.files import temporary_path
from tests.core.transfer.rig import PART, REFUSED, Notes, Rig, eventually, some_bytes, stopped
from tests.support.bodies import digests_of

THREE = 2 * PART + 777


def temporary_of(notes: Notes) -> Path:
    transfer = notes.transfer
    return Path(temporary_path(transfer.destination, f"{transfer.id}@{transfer.added_s}"))


async def half_done(rig: Rig, target: Path, data: bytes) -> Notes:
    """A download that stopped with one of its three ranges missing."""
    await rig.put("k", data)
    notes = rig.download_of("k", target)
    rig.faults(Fault("get_range", skip=2, error=REFUSED, delay_s=0.2))
    with pytest.raises(RemoteError):
        await download(rig.job(notes))
    assert len(notes.done) == 2
    assert not target.exists()
    rig.script.calls.clear()
    return notes


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


# --- landing


@pytest.mark.parametrize("size_bytes", [0, 1, PART, THREE])
async def test_what_arrives_is_what_was_there(rig: Rig, tmp_path: Path, size_bytes: int) -> None:
    data, target = some_bytes(size_bytes), tmp_path / "in" / "deep" / "file"
    await rig.put("k", data)
    notes = rig.download_of("k", target)
    proof = await download(rig.job(notes, folder_root=str(tmp_path)))
    assert target.read_bytes() == data
    assert proof.verified_by == "crc64nvme"
    assert proof.crc64nvme == crc_text(digests_of(data).crc64nvme)
    assert notes.acts == ["replace"]
    assert sorted(path.name for path in target.parent.iterdir()) == ["file"]
    assert rig.meter.committed_bytes == size_bytes
    assert rig.at_rest()


async def test_a_range_that_fails_twice_is_read_again_and_counted(rig: Rig, tmp_path: Path) -> None:
    data = some_bytes(THREE)
    await rig.put("k", data)
    notes = rig.download_of("k", tmp_path / "f")
    rig.faults(Fault("get_range", times=2, after_bytes=3 * MIB, error=DROPPED))
    await download(rig.job(notes))
    assert (tmp_path / "f").read_bytes() == data
    assert rig.script.count("get_range") == 5
    assert notes.transfer.sent_again_bytes == 2 * 2 * MIB


async def test_a_range_that_fails_for_good_stops_the_others(rig: Rig, tmp_path: Path) -> None:
    await rig.put("k", some_bytes(8 * PART))
    notes = rig.download_of("k", tmp_path / "f")
    rig.faults(
        Fault("get_range", error=REFUSED, after_bytes=MIB), Fault("get_range", times=0, delay_s=60, after_bytes=MIB)
    )
    with pytest.raises(RemoteError):
        await download(rig.job(notes))
    assert rig.script.count("get_range") == 3
    assert notes.parts == {}
    assert rig.at_rest()


async def test_a_network_that_stays_away_is_told(rig: Rig, tmp_path: Path) -> None:
    await rig.put("k", some_bytes(10))
    rig.faults(Fault("get_range", times=0, error=DROPPED))
    with pytest.raises(NetworkError):
        await download(rig.job(rig.download_of("k", tmp_path / "f")))
    assert rig.script.count("get_range") == 5


# --- going on


async def test_only_missing_ranges_are_read(rig: Rig, tmp_path: Path) -> None:
    data, target = some_bytes(THREE), tmp_path / "f"
    notes = await half_done(rig, target, data)
    await download(rig.job(notes))
    assert target.read_bytes() == data
    assert rig.script.count("get_range") == 1
    assert rig.meter.committed_bytes == THREE


async def test_a_kept_range_that_was_damaged_on_disk_is_read_again(rig: Rig, tmp_path: Path) -> None:
    data, target = some_bytes(THREE), tmp_path / "f"
    notes = await half_done(rig, target, data)
    damaged = notes.parts[notes.done[0]]
    flip(temporary_of(notes), damaged.offset + 4711)
    await download(rig.job(notes))
    assert target.read_bytes() == data
    assert rig.script.count("get_range") == 2
    assert notes.transfer.sent_again_bytes == damaged.size_bytes


@pytest.mark.parametrize("how", ["gone", "shorter"])
async def test_a_temporary_file_that_was_tampered_with_is_begun_anew(rig: Rig, tmp_path: Path, how: str) -> None:
    data, target = some_bytes(THREE), tmp_path / "f"
    notes = await half_done(rig, target, data)
    if how == "gone":
        temporary_of(notes).unlink()
    else:
        os.truncate(temporary_of(notes), PART)
    await download(rig.job(notes))
    assert target.read_bytes() == data
    assert rig.script.count("get_range") == 3


async def test_a_new_version_starts_over(rig: Rig, tmp_path: Path) -> None:
    target, data = tmp_path / "f", some_bytes(THREE, 2)
    notes = await half_done(rig, target, some_bytes(THREE, 1))
    await rig.put("k", data)
    await download(rig.job(notes))
    assert target.read_bytes() == data
    assert rig.script.count("get_range") == 3


async def test_a_version_that_changes_meanwhile_is_never_mixed(rig: Rig, tmp_path: Path) -> None:
    target, data = tmp_path / "f", some_bytes(THREE, 2)
    await rig.put("k", some_bytes(THREE, 1))
    notes = rig.download_of("k", target)
    rig.faults(Fault("get_range", skip=2, delay_s=0.2))
    running = asyncio.ensure_future(download(rig.job(notes)))
    await eventually(lambda: len(notes.done) == 2)
    await rig.put("k", data)
    with pytest.raises(RemoteError) as caught:
        await running
    assert (caught.value.code, caught.value.retry) == ("changed", Retry.BACKOFF)
    assert notes.parts == {}
    assert not target.exists()
    await download(rig.job(notes))
    assert target.read_bytes() == data


async def test_stopping_keeps_what_has_arrived(rig: Rig, tmp_path: Path) -> None:
    await rig.put("k", some_bytes(5 * PART))
    notes = rig.download_of("k", tmp_path / "f")
    rig.faults(Fault("get_range", times=0, skip=2, delay_s=60, after_bytes=2 * MIB))
    await stopped(download(rig.job(notes)), lambda: len(notes.done) == 2 and rig.meter.flying_bytes >= 2 * MIB)
    assert rig.at_rest()
    assert len(notes.parts) == 2
    assert not (tmp_path / "f").exists()
    rig.script.clear()
    rig.script.calls.clear()
    await download(rig.job(notes))
    assert rig.script.count("get_range") == 3


async def test_giving_up_takes_the_temporary_file_away(rig: Rig, tmp_path: Path) -> None:
    notes = await half_done(rig, tmp_path / "f", some_bytes(THREE))
    await discard(rig.job(notes))
    assert list(tmp_path.iterdir()) == []
    await discard(rig.job(notes))


# --- a crash between the rename and the word that it happened


async def test_a_file_that_had_landed_is_found(rig: Rig, tmp_path: Path) -> None:
    target = tmp_path / "f"
    await rig.put("k", some_bytes(THREE))
    notes = rig.download_of("k", target)
    await download(rig.job(notes))
    assert notes.transfer.intent.startswith("replace@")
    rig.script.calls.clear()
    inode = target.stat().st_ino
    proof = await download(rig.job(notes, replace_target=False))
    assert proof.verified_by == "crc64nvme"
    assert rig.script.count("get_range") == 0
    assert target.stat().st_ino == inode
    assert rig.meter.committed_bytes == THREE


async def test_a_file_that_is_not_what_landed_is_fetched_again(rig: Rig, tmp_path: Path) -> None:
    target, data = tmp_path / "f", some_bytes(THREE)
    await rig.put("k", data)
    notes = rig.download_of("k", target)
    await download(rig.job(notes))
    flip(target, PART + 1)
    rig.script.calls.clear()
    await download(rig.job(notes))
    assert target.read_bytes() == data
    assert rig.script.count("get_range") == 3


async def test_a_crash_before_the_rename_needs_no_byte_again(rig: Rig, tmp_path: Path) -> None:
    target, data = tmp_path / "f", some_bytes(THREE)
    await rig.put("k", data)
    notes = rig.download_of("k", target)
    await download(rig.job(notes))
    os.rename(target, temporary_of(notes))
    rig.script.calls.clear()
    await download(rig.job(notes))
    assert target.read_bytes() == data
    assert rig.script.count("get_range") == 0


# --- proofs


async def test_a_damaged_range_never_lands(rig: Rig, tmp_path: Path) -> None:
    target, data = tmp_path / "f", some_bytes(THREE)
    target.write_bytes(b"the good old one")
    await rig.put("k", data)
    notes = rig.download_of("k", target)
    rig.faults(Fault("get_range", after_bytes=99, corrupt=True))
    with pytest.raises(IntegrityError) as caught:
        await download(rig.job(notes))
    assert (caught.value.code, caught.value.retry) == ("bad-digest", Retry.BACKOFF)
    assert target.read_bytes() == b"the good old one"
    assert not temporary_of(notes).exists()
    assert notes.acts == ["started over"]
    await download(rig.job(notes))
    assert target.read_bytes() == data


@pytest.mark.parametrize("part_bytes", [PART, 8 * MIB, 7 * MIB])
async def test_the_etag_of_etags_is_checked_whatever_the_part_size(
    md5_rig: Rig, tmp_path: Path, part_bytes: int
) -> None:
    data = some_bytes(13 * MIB)
    await md5_rig.put_in_parts("k", data, part_bytes)
    notes = md5_rig.download_of("k", tmp_path / "f")
    proof = await download(md5_rig.job(notes))
    assert proof.verified_by == "md5-etag"
    assert (tmp_path / "f").read_bytes() == data


async def test_the_etag_of_etags_finds_damage(md5_rig: Rig, tmp_path: Path) -> None:
    await md5_rig.put_in_parts("k", some_bytes(2 * PART), PART)
    md5_rig.faults(Fault("get_range", after_bytes=99, corrupt=True))
    notes = md5_rig.download_of("k", tmp_path / "f")
    proof = await download(md5_rig.job(notes, verify=Verify.NORMAL))
    assert proof.verified_by == "length"  # an ETag that does not fit may be none of an MD5: no proof of damage either
    notes = md5_rig.download_of("k", tmp_path / "f")
    md5_rig.faults(Fault("get_range", after_bytes=99, corrupt=True))
    with pytest.raises(IntegrityError):
        await download(md5_rig.job(notes, verify=Verify.READ_BACK))


@pytest.mark.parametrize("size_bytes", [0, 100, THREE])
async def test_a_plain_etag_is_an_md5(md5_rig: Rig, tmp_path: Path, size_bytes: int) -> None:
    await md5_rig.put("k", some_bytes(size_bytes))
    proof = await download(md5_rig.job(md5_rig.download_of("k", tmp_path / "f")))
    assert proof.verified_by == "md5-etag"


@pytest.mark.parametrize(
    ("etag", "verify", "verified_by"),
    [
        ("not-an-md5", Verify.NORMAL, "length"),
        ("not-an-md5", Verify.READ_BACK, "read-back"),
        ("0" * 32, Verify.NORMAL, "read-back"),  # looks like one, but is that of encrypted bytes, say
        ("abc-²", Verify.NORMAL, "length"),
        ("abc-99999999999999999999", Verify.NORMAL, "length"),
    ],
)
async def test_strange_etags(md5_rig: Rig, tmp_path: Path, etag: str, verify: Verify, verified_by: str) -> None:
    data = some_bytes(THREE)
    await md5_rig.put("k", data)
    crate = contents_of(md5_rig.account.name).crate("b")
    crate.objects["k"] = replace(crate.objects["k"], etag=etag)
    proof = await download(md5_rig.job(md5_rig.download_of("k", tmp_path / "f"), verify=verify))
    assert proof.verified_by == verified_by
    assert (tmp_path / "f").read_bytes() == data


async def test_reading_back_finds_damage(md5_rig: Rig, tmp_path: Path) -> None:
    await md5_rig.put("k", some_bytes(THREE))
    crate = contents_of(md5_rig.account.name).crate("b")
    crate.objects["k"] = replace(crate.objects["k"], etag="opaque")
    md5_rig.faults(Fault("get_range", after_bytes=5, corrupt=True))
    with pytest.raises(IntegrityError):
        await download(md5_rig.job(md5_rig.download_of("k", tmp_path / "f"), verify=Verify.READ_BACK))
    assert list(tmp_path.iterdir()) == []


# --- the place it goes to


async def test_nothing_is_replaced_unless_it_may_be(rig: Rig, tmp_path: Path) -> None:
    target, data = tmp_path / "f", some_bytes(THREE)
    target.write_bytes(b"mine")
    await rig.put("k", data)
    notes = rig.download_of("k", target)
    with pytest.raises(LocalError) as caught:
        await download(rig.job(notes, replace_target=False))
    assert caught.value.code == "exists"
    assert target.read_bytes() == b"mine"
    rig.script.calls.clear()
    await download(rig.job(notes))
    assert target.read_bytes() == data
    assert rig.script.count("get_range") == 0  # what had been fetched was kept


async def test_a_folder_is_not_replaced(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    await rig.put("k", b"x")
    with pytest.raises(LocalError) as caught:
        await download(rig.job(rig.download_of("k", tmp_path / "f")))
    assert caught.value.code == "is-a-folder"
    assert rig.script.count("get_range") == 0


async def test_a_planted_link_leads_nowhere(rig: Rig, tmp_path: Path) -> None:
    outside, chosen = tmp_path / "outside", tmp_path / "chosen"
    outside.mkdir()
    chosen.mkdir()
    (chosen / "sub").symlink_to(outside)
    await rig.put("k", b"x")
    with pytest.raises(LocalError) as caught:
        await download(rig.job(rig.download_of("k", chosen / "sub" / "f"), folder_root=str(chosen)))
    assert caught.value.code == "unsafe-link"
    assert list(outside.iterdir()) == []


async def test_a_file_where_a_folder_is_needed(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"file")
    await rig.put("k", b"x")
    for target in (tmp_path / "a" / "f", tmp_path / "a" / "b" / "f"):
        for root in (tmp_path, target.parent):
            with pytest.raises(LocalError) as caught:
                await download(rig.job(rig.download_of("k", target), folder_root=str(root)))
            assert caught.value.code == "not-a-folder"
            assert str(tmp_path / "a") in caught.value.sentence


async def test_a_link_at_the_target_is_replaced_itself(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "f").symlink_to(tmp_path / "precious")
    await rig.put("k", b"new")
    await download(rig.job(rig.download_of("k", tmp_path / "f")))
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "f").is_symlink()


async def test_an_object_that_is_not_there(rig: Rig, tmp_path: Path) -> None:
    with pytest.raises(RemoteError) as caught:
        await download(rig.job(rig.download_of("none", tmp_path / "f")))
    assert caught.value.code == "no-key"
    assert list(tmp_path.iterdir()) == []
