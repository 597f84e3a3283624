"""The shape of the database: the numbered migrations, applying them, and comparing a file's shape with ours."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

APPLICATION_ID = 0x536C7569


@cache
def migrations() -> tuple[str, ...]:
    """The SQL of every migration, in order; number n stands at n - 1."""
    folder = resources.files("core.state.migrations")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(file.read_text(encoding="utf-8") for file in files)


def version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[str]) -> None:
    """Bring the database to version len(steps), all or nothing; what was there is copied to `….before-<n>` first."""
    version = version_of(connection)
    if version >= len(steps):
        return
    if version > 0:
        _back_up(connection, path.with_name(f"{path.name}.before-{len(steps)}"))
    script = ["BEGIN IMMEDIATE", *steps[version:], f"PRAGMA user_version = {len(steps)}", "COMMIT;"]
    try:
        # executescript ends any open transaction first, so the script brings its own
        connection.executescript("\n;\n".join(script))
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    unfinished = target.with_name(target.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_WRONLY, 0o600))  # VACUUM INTO accepts an empty file
    connection.execute("VACUUM INTO ?", (str(unfinished),))
    with open(unfinished, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, target)


def shape(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """Every table with its columns, and every index (without columns)."""
    found: dict[str, tuple[str, ...]] = {}
    for kind, name in connection.execute(
        "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ):
        columns = connection.execute(f"SELECT name FROM pragma_table_info({_quoted(name)})") if kind == "table" else ()
        found[name] = tuple(row[0] for row in columns)
    return found


def our_shape(steps: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The shape a file has after all of `steps`."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrate(memory, Path(), steps)
        return shape(memory)
    finally:
        memory.close()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
