import asyncio
import logging
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.model.errors import LocalError, StateError, UsageError
from core.state.database import Database


async def _notes(database: Database) -> None:
    await database.write(
        lambda c: c.execute("CREATE TABLE notes (text TEXT PRIMARY KEY, size INTEGER CHECK (size >= 0))")
    )


def _note(text: str, size: int = 0):
    return lambda c: c.execute("INSERT INTO notes VALUES (?, ?)", (text, size)).lastrowid


def _texts(c: sqlite3.Connection) -> list[str]:
    return [row[0] for row in c.execute("SELECT text FROM notes ORDER BY rowid")]


async def test_what_is_written_can_be_read_at_once(database: Database) -> None:
    await _notes(database)
    await database.write(_note("one"))
    assert await database.read(_texts) == ["one"]
    assert await database.scan(_texts) == ["one"]


async def test_many_writers_share_few_commits(database: Database) -> None:
    await _notes(database)
    before = database.commits
    numbers = await asyncio.gather(*(database.write(_note(str(n))) for n in range(500)))
    assert sorted(numbers) == list(range(1, 501))
    assert await database.read(_texts) == [str(n) for n in range(500)], "in the order they were asked for"
    assert database.commits - before <= 5


async def test_writers_on_several_loops(database: Database) -> None:
    await _notes(database)

    def elsewhere(name: str) -> None:
        async def write() -> None:
            await asyncio.gather(*(database.write(_note(f"{name}{n}")) for n in range(50)))

        asyncio.run(write())

    await asyncio.gather(*(asyncio.to_thread(elsewhere, name) for name in "abc"))
    assert len(await database.read(_texts)) == 150


async def test_a_change_that_fails_does_not_undo_the_others(database: Database) -> None:
    await _notes(database)

    def half_done(c: sqlite3.Connection) -> None:
        c.execute("INSERT INTO notes VALUES ('half', 1)")
        raise UsageError("no-such-thing", "No.")

    before = database.commits
    results = await asyncio.gather(
        database.write(_note("first")),
        database.write(half_done),
        database.write(_note("second", -1)),
        database.write(_note("third")),
        return_exceptions=True,
    )
    assert database.commits - before == 1, "all of them were one group"
    assert isinstance(results[1], UsageError)
    assert isinstance(results[2], sqlite3.IntegrityError)
    assert await database.read(_texts) == ["first", "third"]


async def test_after_is_told_in_order_of_the_commits_and_never_of_a_failure(database: Database) -> None:
    await _notes(database)
    told: list[object] = []
    await asyncio.gather(
        database.write(_note("a"), after=told.append),
        database.write(_note("a"), after=told.append),
        database.write(_note("b"), after=told.append),
        return_exceptions=True,
    )
    assert told == [1, 2]


async def test_a_cancelled_caller_changes_nothing_about_the_change(database: Database) -> None:
    await _notes(database)
    told: list[object] = []
    task = asyncio.ensure_future(database.write(_note("kept"), after=told.append))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.write(_note("later"))
    assert await database.read(_texts) == ["kept", "later"]
    assert told == [1]


async def test_write_soon_waits_for_company_but_not_for_ever(database: Database) -> None:
    await _notes(database)
    before = database.commits
    database.write_soon(_note("soon"))
    await database.write(_note("now"))
    assert database.commits - before == 1
    assert await database.read(_texts) == ["soon", "now"]
    arrived = asyncio.Event()
    database.write_soon(_note("alone"), after=lambda _: arrived.set())
    await asyncio.wait_for(arrived.wait(), 10)
    assert await database.read(_texts) == ["soon", "now", "alone"]


async def test_write_soon_tells_the_log_of_its_errors(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    await _notes(database)
    database.write_soon(_note("bad", -1))
    with caplog.at_level(logging.ERROR, "core.state.database"):
        await database.write(_note("good"))
    assert "CHECK constraint failed" in caplog.text


async def test_a_read_sees_one_moment(database: Database) -> None:
    await _notes(database)
    await database.write(_note("early"))
    first_look, written = threading.Event(), threading.Event()

    def query(c: sqlite3.Connection) -> tuple[list[str], list[str]]:
        before = _texts(c)
        first_look.set()
        assert written.wait(10)
        return before, _texts(c)

    reading = asyncio.ensure_future(database.read(query))
    await asyncio.to_thread(first_look.wait, 10)
    await database.write(_note("late"))
    written.set()
    assert await reading == (["early"], ["early"])


async def test_a_long_scan_does_not_keep_reads_waiting(database: Database) -> None:
    await _notes(database)
    go_on = threading.Event()
    scanning = asyncio.ensure_future(database.scan(lambda c: go_on.wait(10)))
    assert await asyncio.wait_for(database.read(_texts), 5) == []
    assert not scanning.done()
    go_on.set()
    assert await scanning


async def test_close_ends_a_long_scan(path: Path) -> None:
    database = await Database.open(path)
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    started = threading.Event()

    def query(c: sqlite3.Connection) -> None:
        started.set()
        c.execute(endless).fetchall()

    scanning = asyncio.ensure_future(database.scan(query))
    await asyncio.to_thread(started.wait, 10)
    await asyncio.wait_for(database.close(), 20)
    with pytest.raises(StateError) as error:
        await scanning
    assert error.value.code == "state-closed"


async def test_readers_cannot_write(database: Database) -> None:
    await _notes(database)
    with pytest.raises(StateError) as error:
        await database.read(_note("sneaked in"))
    assert error.value.code == "state-unreadable"


async def test_a_full_disk_fails_the_writers_and_heals(database: Database) -> None:
    """`max_page_count` makes SQLite answer as it does when the disk is full."""
    await _notes(database)
    pages = await database.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await database.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchall())

    def fill_up(c: sqlite3.Connection) -> None:
        c.execute("INSERT INTO notes VALUES (?, 0)", ("x" * 1_000_000,))

    small, large = await asyncio.gather(database.write(_note("small")), database.write(fill_up), return_exceptions=True)
    assert small == 1, "one that needs room must not take down one that does not"
    assert isinstance(large, LocalError)
    assert large.code == "disk-full"
    await database.write(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchall())
    await database.write(fill_up)
    assert [text[:5] for text in await database.read(_texts)] == ["small", "xxxxx"]


_LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from core.model.errors import LocalError
from core.state.database import Database

async def main():
    database = await Database.open(Path(sys.argv[1]))
    await database.write(lambda c: c.execute("CREATE TABLE notes (text TEXT)"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    try:
        await database.write(lambda c: c.execute("INSERT INTO notes VALUES (?)", ("x" * 1_000_000,)))
    except LocalError as error:
        print(error.code)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await database.write(lambda c: c.execute("INSERT INTO notes VALUES ('after')"))
    print(await database.read(lambda c: [row[0] for row in c.execute("SELECT text FROM notes")]))
    await database.close()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on file sizes")
def test_a_write_the_system_refuses_is_told_and_later_ones_succeed(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(path)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == ["disk-error", "['after']"], done.stderr


async def test_after_close_it_says_so(path: Path) -> None:
    database = await Database.open(path)
    await _notes(database)
    database.write_soon(_note("last minute"))
    await database.close()
    await database.close()
    for call in (database.write(_note("too late")), database.read(_texts)):
        with pytest.raises(StateError) as error:
            await call
        assert error.value.code == "state-closed"
    again = await Database.open(path)
    assert await again.read(_texts) == ["last minute"]
    await again.close()


async def test_a_clean_end_leaves_one_file_that_only_its_owner_can_read(path: Path) -> None:
    database = await Database.open(path)
    if sys.platform != "win32":
        files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert files.keys() == {"state.db", "state.db-wal", "state.db-shm", "state.db.open"}
        assert set(files.values()) == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await database.close()
    assert [file.name for file in path.parent.iterdir()] == ["state.db"]


async def test_an_open_file_of_others_is_made_private(path: Path) -> None:
    await (await Database.open(path)).close()
    path.chmod(0o644)
    await (await Database.open(path)).close()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_commits_reach_the_disk(database: Database) -> None:
    pragmas = await database.write(
        lambda c: {
            name: c.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode", "foreign_keys")
        }
    )
    assert pragmas == {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}
