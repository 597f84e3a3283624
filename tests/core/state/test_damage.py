"""Damaged files: the database always opens or says clearly why not, and the damaged file is kept as it was."""

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.model.errors import CoreError, StateError
from core.model.transfer import PartRecord, State
from core.protocol.rows import Selection, View
from core.state import opening
from core.state.database import Database
from core.state.transfers import Move, Transfers
from tests.core.state.conftest import fill, new

COUNT = 400


class Files(dict[str, bytes]):
    """Contents by the ending of the name."""

    def __repr__(self) -> str:  # hypothesis shows arguments
        return f"<{sum(map(len, self.values()))} bytes>"


async def _make(path: Path) -> None:
    """A queue with something in every table, closed in an orderly way."""
    database = await Database.open(path)
    transfers = Transfers(database)
    await transfers.load()
    _, ids = await fill(transfers, COUNT)
    await transfers.move([Move(number, State.RUNNING) for number in ids[:60]])
    for number in ids[:20]:
        await transfers.planned(number, 10, "upload", "stamp", 100)
        await asyncio.gather(*(transfers.part_done(number, PartRecord(n, n * 10, 10)) for n in range(1, 6)))
    await transfers.move([Move(number, State.DONE) for number in ids[:50]])
    await database.close()


@pytest.fixture(scope="module")
def clean() -> Files:
    """The files of a queue after an orderly end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        asyncio.run(_make(path))
        return Files({"": path.read_bytes()})


@pytest.fixture(scope="module")
def cut_off() -> Files:
    """The files of a queue whose process died, with commits that are in the log only."""

    async def make(path: Path) -> Files:
        await _make(path)
        database = await Database.open(path)
        transfers = Transfers(database)
        await transfers.load()
        await transfers.prioritise(Selection(ids=tuple(range(COUNT - 5, COUNT + 1))), 5)
        files = Files({ending: path.with_name(path.name + ending).read_bytes() for ending in ("", "-wal", ".open")})
        await database.close()
        return files

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(make(Path(folder) / "state.db"))


def _lay_out(path: Path, files: Files) -> None:
    for ending, content in files.items():
        path.with_name(path.name + ending).write_bytes(content)


async def _use(path: Path) -> tuple[str, Database]:
    """Open and do what a start of the engine does; every row is read, every index is written."""
    database = await Database.open(path)
    try:
        transfers = Transfers(database)
        await transfers.load()
        await transfers.recover(1.0)
        ids = list(await transfers.index(View()))
        rows = await transfers.page(ids)
        everything = await transfers.get_many(ids)
        for number in ids[:30]:
            await transfers.parts(number)
        assert len(rows) == len(everything) == len(ids) == sum(transfers.counts.values())
        await transfers.walking()
        await transfers.next_queued(10)
        await transfers.ended(0, 0, 1000)
        batch, _ = await fill(transfers, 3)
        await transfers.move_selected(Selection(everything=True), set(State), State.PAUSED)
        assert len(await transfers.index(View(batch=batch))) == 3
    except BaseException:
        await database.close()
        raise
    return database.notice, database


async def _always_usable(path: Path, files: Files) -> None:
    try:
        notice, database = await _use(path)
    except StateError as error:
        code = error.code
        if code == "state-too-new":  # the damage made it look so
            assert path.read_bytes() == files[""]
            return
        if code != "state-damaged":  # what the check at opening cannot see
            raise
        notice, database = await _use(path)
    await database.close()
    if notice:
        aside = sorted(path.parent.glob("state.db.damaged-*"))
        assert aside[0].name in notice
    notice, database = await _use(path)
    assert notice == "", "a repaired file is whole"
    await database.close()


flips = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=30)
SETTINGS = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _flipped(content: bytes, places: list[tuple[float, int]]) -> bytes:
    changed = bytearray(content)
    for place, change in places:
        changed[int(place * len(changed))] ^= change
    return bytes(changed)


@SETTINGS
@given(places=flips)
def test_flipped_bytes(clean: Files, places: list[tuple[float, int]]) -> None:
    files = Files({"": _flipped(clean[""], places)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        _lay_out(path, files)
        asyncio.run(_always_usable(path, files))


@SETTINGS
@given(places=flips, log_places=flips, part=st.floats(0, 1))
def test_flipped_and_cut_with_a_log(
    cut_off: Files, places: list[tuple[float, int]], log_places: list[tuple[float, int]], part: float
) -> None:
    files = cut_off | {
        "": _flipped(cut_off[""], places),
        "-wal": _flipped(cut_off["-wal"], log_places)[: int(part * len(cut_off["-wal"]))],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        _lay_out(path, files)
        asyncio.run(_always_usable(path, files))


@SETTINGS
@given(part=st.floats(0, 1), tail=st.binary(max_size=3000))
def test_cut_and_overwritten(clean: Files, part: float, tail: bytes) -> None:
    content = clean[""]
    files = Files({"": content[: int(part * len(content))] + tail})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        _lay_out(path, files)
        asyncio.run(_always_usable(path, files))


async def test_the_damaged_file_is_kept_and_most_rows_are_saved(path: Path, cut_off: Files) -> None:
    """A leaf page of the table is wiped: the rows on it are lost, those before and after it are not."""
    path.parent.mkdir()
    _lay_out(path, cut_off)
    damaged = bytearray(cut_off[""])
    page = _leaf_in_the_middle(cut_off, path.parent)
    damaged[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    files = cut_off | {"": bytes(damaged)}
    _lay_out(path, files)

    database = await Database.open(path)
    (aside,) = [file for file in path.parent.glob("state.db.damaged-*") if not file.name.endswith(("-wal", "-shm"))]
    assert aside.name in database.notice
    assert "paused" in database.notice
    assert aside.read_bytes() == files[""]
    assert aside.with_name(aside.name + "-wal").read_bytes() == files["-wal"]

    transfers = Transfers(database)
    await transfers.load()
    ids = await transfers.index(View())
    assert COUNT * 0.8 < len(ids) < COUNT
    assert min(ids) == 1
    assert max(ids) == COUNT, "rows behind the damage are found too"
    assert f"{len(ids):,} of" in database.notice
    rows = await transfers.get_many(ids)
    assert {row.state for row in rows.values()} == {State.PAUSED, State.DONE}
    assert rows[COUNT].priority == 5, "what only the log had"
    assert len(await transfers.parts(1)) == 5
    await database.close()


def _leaf_in_the_middle(files: Files, folder: Path) -> int:
    """The number of a leaf page of the table of transfers, away from both ends and not in the log."""
    copy = folder / "copy.db"
    copy.write_bytes(files[""])
    with sqlite3.connect(copy) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'transfers'").fetchone()[0]
    connection.close()
    copy.unlink()
    page = files[""][(root - 1) * 4096 : root * 4096]
    assert page[0] == 5, "an inner page of a table"
    cells = int.from_bytes(page[3:5])
    places = [int.from_bytes(page[12 + 2 * n : 14 + 2 * n]) for n in range(cells)]
    leaves = [int.from_bytes(page[place : place + 4]) for place in places]
    log = files["-wal"]
    in_log = {int.from_bytes(log[place : place + 4]) for place in range(32, len(log) - 4096, 4096 + 24)}
    return next(leaf for leaf in leaves[cells // 3 : -2] if leaf not in in_log)


async def test_damage_seen_at_work_is_repaired_at_the_next_start(path: Path, clean: Files) -> None:
    """Damage in a large file is not looked for at every start; when it is met, the caller is told."""
    path.parent.mkdir()
    _lay_out(path, clean)
    before = opening.SMALL_BYTES
    opening.SMALL_BYTES = 0
    try:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute("UPDATE transfers SET state = 'sleeping' WHERE id = 7")
        connection.close()
        database = await Database.open(path)
        assert database.notice == ""
        with pytest.raises(StateError) as error:
            await Transfers(database).get(7)
        assert error.value.code == "state-damaged"
        await database.close()
        database = await Database.open(path)
        assert "damaged" in database.notice
        assert 7 not in await Transfers(database).get_many(range(COUNT))
        await database.close()
    finally:
        opening.SMALL_BYTES = before


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"x", b"SQLite format 3\0" + b"\0" * 5000])
async def test_something_else_in_its_place(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    notice, database = await _use(path)
    await database.close()
    assert "damaged" in notice
    (aside,) = path.parent.glob("state.db.damaged-*")
    assert aside.read_bytes() == content


async def test_somebody_elses_database_is_set_aside(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (text)")
    connection.close()
    notice, database = await _use(path)
    await database.close()
    assert "damaged" in notice
    assert len(list(path.parent.glob("state.db.damaged-*"))) == 1


@pytest.mark.parametrize("stage", ["salvaged", "renamed"])
async def test_a_repair_that_was_cut_off_is_finished(path: Path, cut_off: Files, stage: str) -> None:
    """Either the damaged file is still in its place, or what was saved of it waits beside the empty place."""
    path.parent.mkdir()
    fresh = path.with_name("state.db.salvaged-20260102-030405")
    if stage == "salvaged":
        _lay_out(path, cut_off | {"": b"broken" * 1000})
        fresh.write_bytes(b"half a copy")
    else:
        shutil.copy(await _path_of_one(path, cut_off), fresh)
        path.with_name("state.db-wal").write_bytes(b"of the damaged file")
    database = await Database.open(path)
    transfers = Transfers(database)
    await transfers.load()
    if stage == "salvaged":
        assert "damaged" in database.notice
    else:
        assert transfers.counts[State.QUEUED] == 1
        assert path.with_name("state.db.damaged-20260102-030405-wal").read_bytes() == b"of the damaged file"
    assert not fresh.exists()
    await database.close()


async def _path_of_one(path: Path, _files: Files) -> Path:
    other = path.with_name("other.db")
    database = await Database.open(other)
    transfers = Transfers(database)
    await transfers.load()
    await fill(transfers, 1)
    await database.close()
    return other


async def test_rows_without_their_batch_get_one(path: Path, clean: Files) -> None:
    path.parent.mkdir()
    _lay_out(path, clean | {".open": b"damaged"})
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM batches")
    connection.close()
    path.with_name("state.db.open").write_bytes(b"damaged")
    database = await Database.open(path)
    transfers = Transfers(database)
    await transfers.load()
    row = await transfers.batch_row(1)
    assert sum(row.counts.values()) == COUNT
    assert await transfers.add(1, [new("more")], 3.0) == 1
    await database.close()


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="needs permissions that bind")
async def test_a_file_that_may_not_be_read_is_left_alone(path: Path, clean: Files) -> None:
    path.parent.mkdir()
    _lay_out(path, clean)
    path.parent.chmod(0o500)
    try:
        with pytest.raises(CoreError) as error:
            await Database.open(path)
    finally:
        path.parent.chmod(0o700)
    assert error.value.code == "state-unreadable"
    assert path.read_bytes() == clean[""]


async def test_a_folder_in_its_place(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StateError) as error:
        await Database.open(path)
    assert error.value.code == "state-unreadable"
    assert path.is_dir()
