"""Uploads against a store with scripted faults: what is sent, what is kept, what is never done."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from core.model.errors import CoreError, LocalError, NetworkError, RemoteError, Retry
from core.model.transfer import Fingerprint
from core.model.units import MIB
from core.stores.memory.faults import DROPPED, Fault
from core.transfer.begin import abort
from core.transfer.upload import upload
from tests.core.transfer.rig import PART, REFUSED, Notes, Rig, eventually, fault_on, some_bytes, stopped
from tests.support.bodies import BytesBody

THREE = 2 * PART + 777  # bytes that make three parts


async def half_done(rig: Rig, path: Path, numbers: tuple[int, ...] = (3,)) -> Notes:
    """An upload that stopped with all parts but these on the server."""
    notes = rig.upload_of(path)
    rig.faults(*fault_on("put_part", numbers, error=REFUSED, delay_s=0.2))
    with pytest.raises(RemoteError):
        await upload(rig.job(notes))
    assert notes.done == [number for number in (1, 2, 3) if number not in numbers]
    rig.script.calls.clear()
    return notes


# --- one request


@pytest.mark.parametrize("size_bytes", [0, 1, MIB + 1, PART])
async def test_a_small_file_is_one_request(rig: Rig, size_bytes: int) -> None:
    path = rig.file(size_bytes)
    proof = await upload(rig.job(rig.upload_of(path)))
    assert rig.held("k") == path.read_bytes()
    assert rig.script.count("put_object") == 1
    assert rig.script.count("create_upload") == 0
    assert proof.verified_by == "crc64nvme"
    assert proof.etag == hashlib.md5(path.read_bytes()).hexdigest()
    assert rig.meter.committed_bytes == size_bytes
    assert rig.at_rest()


async def test_without_a_checksum_of_the_servers_the_etag_is_the_proof(md5_rig: Rig) -> None:
    path = md5_rig.file(100)
    assert (await upload(md5_rig.job(md5_rig.upload_of(path)))).verified_by == "md5-etag"


async def test_what_is_there_is_not_replaced(rig: Rig) -> None:
    await rig.put("k", b"theirs")
    with pytest.raises(RemoteError) as caught:
        await upload(rig.job(rig.upload_of(rig.file(100)), replace_target=False))
    assert caught.value.code == "exists"
    assert rig.held("k") == b"theirs"


async def test_a_lost_answer_does_not_make_our_own_object_somebody_elses(rig: Rig) -> None:
    path = rig.file(100)
    rig.faults(Fault("put_object", error=DROPPED, lost_answer=True))
    proof = await upload(rig.job(rig.upload_of(path), replace_target=False))
    assert proof.verified_by == "crc64nvme"
    assert rig.meter.committed_bytes == 100
    assert rig.script.count("put_object") == 2  # the second was refused and looked into


async def test_a_crash_after_the_put_is_found_out_by_looking(rig: Rig) -> None:
    notes = rig.upload_of(rig.file(100))
    await upload(rig.job(notes, replace_target=False))
    assert notes.transfer.intent.startswith("put@")
    rig.script.calls.clear()
    await upload(rig.job(notes, replace_target=False))
    assert rig.script.count("put_object") == 0


async def test_a_crash_before_the_put_is_not_taken_for_one_after_it(md5_rig: Rig) -> None:
    notes = md5_rig.upload_of(md5_rig.file(100))
    await notes.intent("put")
    await md5_rig.put("k", some_bytes(100, 2))
    with pytest.raises(RemoteError) as caught:
        await upload(md5_rig.job(notes, replace_target=False))
    assert caught.value.code == "exists"
    assert md5_rig.script.count("put_object") == 0
    await md5_rig.store.delete_objects("b", ["k"])
    await upload(md5_rig.job(notes, replace_target=False))
    assert md5_rig.held("k") == some_bytes(100, 1)


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo"])
async def test_what_cannot_be_sent_says_why_and_never_blocks(rig: Rig, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(LocalError) as caught:
        await upload(rig.job(rig.upload_of(path)))
    assert caught.value.code == ("no-file" if kind == "missing" else "not-a-file")
    assert caught.value.retry is Retry.NEVER


# --- many parts


async def test_a_large_file_goes_in_parts(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = rig.upload_of(path)
    proof = await upload(rig.job(notes))
    assert rig.held("k") == path.read_bytes()
    assert rig.script.numbers("put_part") == [1, 2, 3]
    assert notes.acts == ["create", "complete"]
    assert proof.verified_by == "crc64nvme"
    assert proof.etag.endswith("-3")
    assert (rig.meter.parts, rig.meter.parts_done, rig.meter.committed_bytes) == (3, 3, THREE)
    assert rig.open_uploads() == []
    assert rig.at_rest()


async def test_parts_without_checksums_are_proven_by_the_etag_of_etags(md5_rig: Rig) -> None:
    path = md5_rig.file(THREE)
    assert (await upload(md5_rig.job(md5_rig.upload_of(path)))).verified_by == "md5-etag"
    assert md5_rig.held("k") == path.read_bytes()


async def test_a_part_that_fails_twice_is_sent_again_and_counted(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = rig.upload_of(path)
    rig.faults(Fault("put_part", number=2, times=2, after_bytes=3 * MIB, error=DROPPED))
    await upload(rig.job(notes))
    assert rig.held("k") == path.read_bytes()
    assert rig.script.numbers("put_part") == [1, 2, 2, 2, 3]
    assert notes.transfer.sent_again_bytes == 2 * 2 * MIB  # what had gone out when the third piece broke
    assert rig.meter.committed_bytes == THREE


async def test_a_damaged_part_is_sent_again(rig: Rig) -> None:
    path = rig.file(THREE)
    rig.faults(Fault("put_part", number=1, after_bytes=4321, corrupt=True))
    await upload(rig.job(rig.upload_of(path)))
    assert rig.held("k") == path.read_bytes()
    assert rig.script.numbers("put_part") == [1, 1, 2, 3]


async def test_a_part_that_fails_for_good_stops_the_others(rig: Rig) -> None:
    notes = rig.upload_of(rig.file(8 * PART))
    rig.faults(
        Fault("put_part", number=2, error=REFUSED, after_bytes=2 * MIB),
        *fault_on("put_part", (1, 3), delay_s=60, after_bytes=2 * MIB),
    )
    with pytest.raises(RemoteError) as caught:
        await upload(rig.job(notes))
    assert caught.value.code == "access-denied"
    assert rig.script.numbers("put_part") == [1, 2, 3]  # none was begun after the failure
    assert notes.parts == {}  # what was in flight is accounted for
    assert notes.transfer.sent_again_bytes >= MIB  # a piece counts when the next one is asked for
    assert rig.at_rest()


async def test_what_heals_is_tried_only_so_often(rig: Rig) -> None:
    rig.faults(Fault("put_part", number=1, times=0, error=DROPPED))
    with pytest.raises(NetworkError):
        await upload(rig.job(rig.upload_of(rig.file(THREE))))
    assert rig.script.numbers("put_part").count(1) == 5


async def test_stopping_leaves_nothing_in_flight(rig: Rig) -> None:
    notes = rig.upload_of(rig.file(6 * PART))
    rig.faults(Fault("put_part", times=0, skip=2, delay_s=60, after_bytes=2 * MIB))
    await stopped(upload(rig.job(notes)), lambda: len(notes.done) == 2 and rig.meter.flying_bytes >= 3 * MIB)
    assert rig.at_rest()
    assert len(notes.parts) == 2
    assert notes.transfer.sent_again_bytes >= 3 * MIB
    assert rig.open_uploads() == ["k"]


# --- going on


async def test_only_what_is_missing_is_sent(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = await half_done(rig, path)
    again = notes.transfer.sent_again_bytes
    await upload(rig.job(notes))
    assert rig.script.numbers("put_part") == [3]
    assert rig.held("k") == path.read_bytes()
    assert notes.transfer.sent_again_bytes == again
    assert rig.meter.committed_bytes == THREE


async def test_after_a_crash_what_was_in_flight_counts_as_sent_again(rig: Rig) -> None:
    notes = await half_done(rig, rig.file(THREE), (2, 3))
    record = notes.parts[1]
    notes.part_started(type(record)(2, PART, PART))  # as a killed process leaves it
    await upload(rig.job(notes))
    assert rig.script.numbers("put_part") == [2, 3]
    assert notes.transfer.sent_again_bytes == PART


async def test_a_part_the_server_does_not_have_is_sent_again(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = await half_done(rig, path)
    await rig.store.put_part("b", "k", notes.transfer.upload_id, 1, BytesBody(some_bytes(PART, 99)))
    rig.script.calls.clear()
    await upload(rig.job(notes))
    assert rig.script.numbers("put_part") == [1, 3]
    assert rig.held("k") == path.read_bytes()


async def test_an_upload_that_is_gone_is_begun_anew(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = await half_done(rig, path)
    await rig.store.abort_upload("b", "k", notes.transfer.upload_id)
    await upload(rig.job(notes))
    assert rig.script.numbers("put_part") == [1, 2, 3]
    assert rig.held("k") == path.read_bytes()
    assert "started over" in notes.acts


async def test_an_upload_aborted_under_our_feet_is_begun_anew_the_next_time(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = rig.upload_of(path)
    rig.faults(Fault("put_part", number=3, delay_s=0.3))
    running = asyncio.ensure_future(upload(rig.job(notes)))
    await eventually(lambda: notes.done == [1, 2])
    await rig.store.abort_upload("b", "k", notes.transfer.upload_id)
    with pytest.raises(RemoteError) as caught:
        await running
    assert (caught.value.code, caught.value.retry) == ("no-upload", Retry.BACKOFF)
    await upload(rig.job(notes))
    assert rig.held("k") == path.read_bytes()


async def test_a_lost_answer_to_complete_is_done_without_sending(rig: Rig) -> None:
    path = rig.file(THREE)
    rig.faults(Fault("complete_upload", error=DROPPED, lost_answer=True))
    proof = await upload(rig.job(rig.upload_of(path)))
    assert proof.verified_by == "crc64nvme"
    assert rig.script.count("put_part") == 3
    assert rig.held("k") == path.read_bytes()


async def test_a_crash_after_complete_is_done_without_sending(rig: Rig) -> None:
    notes = rig.upload_of(rig.file(THREE))
    rig.faults(Fault("complete_upload", error=REFUSED, lost_answer=True))
    with pytest.raises(RemoteError):
        await upload(rig.job(notes))
    rig.script.calls.clear()
    proof = await upload(rig.job(notes))
    assert proof.etag.endswith("-3")
    assert rig.script.count("put_part") == 0
    assert rig.meter.committed_bytes == THREE


async def test_parts_the_server_refuses_in_the_end_are_thrown_away_on_both_sides(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = rig.upload_of(path)
    rig.faults(Fault("complete_upload", error=RemoteError("bad-part", "No.")))
    with pytest.raises(RemoteError) as caught:
        await upload(rig.job(notes))
    assert caught.value.retry is Retry.BACKOFF
    assert rig.open_uploads() == []
    assert notes.transfer.upload_id == ""
    await upload(rig.job(notes))
    assert rig.held("k") == path.read_bytes()


# --- the source changes


async def test_a_touched_file_keeps_its_parts_after_looking(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = await half_done(rig, path)
    os.utime(path, ns=(1, 1))
    await upload(rig.job(notes))
    assert rig.script.numbers("put_part") == [3]
    stamp = Fingerprint.parse(notes.transfer.source_stamp)
    assert stamp is not None
    assert stamp.mtime_ns == 1


async def test_only_changed_parts_are_sent_again(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = await half_done(rig, path)
    with path.open("r+b") as file:
        file.seek(PART + 5)
        file.write(b"changed")
    await upload(rig.job(notes))
    assert rig.script.numbers("put_part") == [2, 3]
    assert rig.held("k") == path.read_bytes()
    assert notes.transfer.sent_again_bytes == PART


async def test_a_changed_file_whose_upload_is_gone_is_begun_anew(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = rig.upload_of(path)
    rig.faults(Fault("complete_upload", error=REFUSED, lost_answer=True))
    with pytest.raises(RemoteError):
        await upload(rig.job(notes))
    with path.open("r+b") as file:
        file.write(b"changed")
    rig.script.calls.clear()
    await upload(rig.job(notes))
    assert rig.script.numbers("put_part") == [1, 2, 3]
    assert rig.held("k") == path.read_bytes()


@pytest.mark.parametrize("size_bytes", [0, 10, PART + 1, 2 * THREE])
async def test_another_size_starts_over_and_leaves_no_upload(rig: Rig, size_bytes: int) -> None:
    path = rig.file(THREE)
    notes = await half_done(rig, path)
    path.write_bytes(some_bytes(size_bytes, 5))
    await upload(rig.job(notes))
    assert rig.held("k") == path.read_bytes()
    assert rig.open_uploads() == []
    assert rig.script.count("abort_upload") == 1


@pytest.mark.parametrize("size_bytes", [PART - 1, THREE])
@pytest.mark.parametrize("how", ["append", "rewrite", "truncate", "replace"])
async def test_a_file_that_changes_meanwhile_never_becomes_an_object(rig: Rig, size_bytes: int, how: str) -> None:
    path = rig.file(size_bytes)
    call = "put_object" if size_bytes < PART else "put_part"
    rig.faults(Fault(call, delay_s=0.2, after_bytes=2 * MIB))
    running = asyncio.ensure_future(upload(rig.job(rig.upload_of(path))))
    await eventually(lambda: rig.script.count(call) > 0 and rig.meter.flying_bytes > 0)
    if how == "append":
        with path.open("ab") as file:
            file.write(b"more")
    elif how == "rewrite":
        with path.open("r+b") as file:
            file.write(b"other")
    elif how == "truncate":
        os.truncate(path, MIB)
    else:
        other = rig.file(size_bytes, seed=7, name="other")
        os.replace(other, path)
    with pytest.raises(LocalError) as caught:
        await running
    assert (caught.value.code, caught.value.retry) == ("source-changed", Retry.BACKOFF)
    assert rig.script.count("complete_upload") == 0
    if how != "replace":  # then the old file was sent whole, and it is sent again
        assert rig.held("k") is None
    assert rig.at_rest()


# --- uploads nobody knows of


async def test_an_upload_opened_just_before_a_crash_is_aborted(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = rig.upload_of(path)
    await notes.intent("create")
    orphan = await rig.store.create_upload("b", "k")
    longer = await rig.store.create_upload("b", "k2")
    with_parts = await rig.store.create_upload("b", "k")
    await rig.store.put_part("b", "k", with_parts.upload_id, 1, BytesBody(b"somebody's"))
    await upload(rig.job(notes))
    left = {found.upload_id for found in await rig.store.list_uploads("b")}
    assert left == {longer.upload_id, with_parts.upload_id}
    assert orphan.upload_id not in left
    assert rig.held("k") == path.read_bytes()


async def test_a_lost_answer_to_create_leaves_no_second_upload(rig: Rig) -> None:
    rig.faults(Fault("create_upload", error=DROPPED, lost_answer=True))
    await upload(rig.job(rig.upload_of(rig.file(THREE))))
    assert rig.open_uploads() == []


async def test_who_may_not_list_uploads_can_still_upload(rig: Rig) -> None:
    path = rig.file(THREE)
    notes = rig.upload_of(path)
    await notes.intent("create")
    rig.faults(Fault("list_uploads", error=REFUSED, times=0))
    await upload(rig.job(notes))
    assert rig.held("k") == path.read_bytes()


async def test_cleaning_up_takes_the_upload_away(rig: Rig) -> None:
    notes = await half_done(rig, rig.file(THREE))
    await abort(rig.job(notes))
    assert rig.open_uploads() == []
    await abort(rig.job(notes))  # a second time is fine


async def test_cleaning_up_after_a_crash_in_create(rig: Rig) -> None:
    notes = rig.upload_of(rig.file(THREE))
    await notes.intent("create")
    await rig.store.create_upload("b", "k")
    await abort(rig.job(notes))
    assert rig.open_uploads() == []


async def test_too_long_a_pause_is_left_to_the_queue(rig: Rig) -> None:
    busy = RemoteError("slow-down", "Later.", retry=Retry.BACKOFF, after_s=3600)
    rig.faults(Fault("put_part", number=1, error=busy))
    with pytest.raises(CoreError) as caught:
        await upload(rig.job(rig.upload_of(rig.file(THREE))))
    assert caught.value.after_s == 3600
