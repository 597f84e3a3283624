"""Old files are brought to our version or left as they were; newer ones are refused and not touched."""

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from core.model.errors import StateError
from core.model.transfer import State
from core.protocol.rows import Filter, View
from core.state import schema
from core.state.database import Database
from core.state.transfers import Transfers
from tests.core.state.conftest import fill

ROOT = Path(__file__).parents[2]
STORED = Path(__file__).parent / "files"
STEP = "ALTER TABLE transfers ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue';\n-- and a comment at the end"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def _next_version(monkeypatch: pytest.MonkeyPatch, *steps: str) -> int:
    """As if a later version of Sluice had brought these migrations."""
    known = schema.migrations()
    monkeypatch.setattr(schema, "migrations", lambda: (*known, *steps))
    return len(known) + len(steps)


async def _made(path: Path, count: int) -> None:
    database = await Database.open(path)
    transfers = Transfers(database)
    await transfers.load()
    await fill(transfers, count)
    await database.close()


async def _count(path: Path) -> int:
    database = await Database.open(path)
    assert database.notice == ""
    transfers = Transfers(database)
    await transfers.load()
    found = await transfers.index(View())
    await database.close()
    return len(found)


def test_numbers_have_no_gaps() -> None:
    folder = Path(schema.__file__).parent / "migrations"
    numbers = [int(file.name[:4]) for file in sorted(folder.glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(schema.migrations()) == len(numbers)


@pytest.mark.parametrize("stored", sorted(STORED.glob("state-*.db")), ids=lambda file: file.stem)
async def test_files_of_every_version_are_taken_over(path: Path, stored: Path) -> None:
    """A file written by each version that changed the schema is kept in `files` for ever."""
    shutil.copy(stored, path)
    database = await Database.open(path)
    assert database.notice == ""
    transfers = Transfers(database)
    await transfers.load()
    assert transfers.counts[State.DONE] == 2
    assert transfers.counts[State.PAUSED] == 1
    assert transfers.counts[State.FAILED] == 1
    assert transfers.counts[State.QUEUED] == 3
    (paused,) = await transfers.index(View(filter=Filter.PAUSED))
    half = await transfers.get(paused)
    assert (half.upload_id, half.part_size_bytes, half.committed_bytes) == ("upload-1", 8 << 20, 16 << 20)
    assert [part.number for part in await transfers.parts(paused) if part.done] == [1, 2]
    (failed,) = await transfers.index(View(search="broken"))
    error = (await transfers.get(failed)).error
    assert error is not None
    assert error.code == "no-bucket"
    assert (await transfers.batch(1)).options.files == 3
    assert await database.read(schema.version_of) == len(schema.migrations())
    await database.close()


def test_the_newest_version_has_a_stored_file() -> None:
    assert (STORED / f"state-{len(schema.migrations())}.db").exists(), "write one: python -m tests.migrations.make"


async def test_a_copy_is_kept_of_what_was_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await _made(path, 5)
    number = _next_version(monkeypatch, STEP)
    assert await _count(path) == 5
    backup = path.with_name(f"state.db.before-{number}")
    assert backup.stat().st_mode & 0o777 == 0o600 or sys.platform == "win32"
    monkeypatch.undo()
    shutil.copy(backup, path)
    assert await _count(path) == 5, "the older version can go on with the copy"


async def test_several_steps_at_once_and_none_twice(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await _made(path, 2)
    _next_version(monkeypatch, STEP, "UPDATE transfers SET colour = colour || '!'; CREATE TABLE more (x);")
    for _ in range(2):
        assert await _count(path) == 2
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT DISTINCT colour FROM transfers").fetchall() == [("blue!",)]


async def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await _made(path, 5)
    _next_version(monkeypatch, STEP, "UPDATE transfers SET no_such_column = 1;")
    with pytest.raises(StateError) as error:
        await Database.open(path)
    assert error.value.code == "state-not-migrated"
    assert not list(path.parent.glob("*.damaged-*"))
    monkeypatch.undo()
    assert await _count(path) == 5


async def test_a_newer_file_is_refused_and_not_touched(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await _made(path, 5)
    number = _next_version(monkeypatch, STEP)
    await _count(path)
    before = path.read_bytes()
    monkeypatch.undo()
    with pytest.raises(StateError) as error:
        await Database.open(path)
    assert error.value.code == "state-too-new"
    assert str(path) in error.value.sentence
    assert f"version {number}" in error.value.detail
    assert path.read_bytes() == before
    _next_version(monkeypatch, STEP)
    assert await _count(path) == 5


async def test_a_newer_file_with_a_log_is_not_touched_either(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the newer version wrote last is in the log only; an ordinary connection would merge it."""
    await _made(path, 5)
    _next_version(monkeypatch, STEP)
    database = await Database.open(path)
    files = {name: path.with_name(name).read_bytes() for name in ("state.db", "state.db-wal")}
    await database.close()
    monkeypatch.undo()
    for name, content in files.items():
        path.with_name(name).write_bytes(content)
    with pytest.raises(StateError) as error:
        await Database.open(path)
    assert error.value.code == "state-too-new"
    assert {name: path.with_name(name).read_bytes() for name in files} == files


_SLOW = """
import asyncio, sys
from pathlib import Path
from core.state import schema
from core.state.database import Database

known = schema.migrations()
slow = '''
ALTER TABLE transfers ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue';
CREATE TABLE numbers AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)
    SELECT i FROM n;
'''
schema.migrations = lambda: (*known, slow)
asyncio.run(Database.open(Path(sys.argv[1])))
print("migrated")
"""


@pytest.mark.kill
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
async def test_a_crash_while_migrating_leaves_the_old_file(path: Path) -> None:
    await _made(path, 50)
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        log = path.with_name("state.db-wal")
        deadline = time.monotonic() + 60
        while not (log.exists() and log.stat().st_size > 10_000_000):  # pages of the transaction are on disk by now
            assert process.poll() is None
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert await _count(path) == 50
    with closing(sqlite3.connect(path)) as connection:
        assert schema.version_of(connection) == len(schema.migrations())
        assert "colour" not in schema.shape(connection)["transfers"]
