"""A tree of awkward files up to a server and down again through the command line, compared byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers import Server

ODD_NAMES = (
    "with spaces in it.txt",
    "unicode Ω żółć 日本語 🎞.mov",
    "plus+and%percent%20&=?#.bin",
    "quote'\"<>;:@$!~(){}[]^`|.txt",
    "x" * 251 + ".bin",
    "é" * 127 + "x",  # 255 bytes
    ".hidden",
    "-dash",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What went up and came down."""

    files: int
    size_bytes: int
    verified_by: frozenset[str]


def make_tree(root: Path, *, small_files: int, big_bytes: int, seed: int) -> None:
    """One big file, an empty one, odd names, and small files of sizes from 0 to 300 KB with a few above a part."""
    chance = random.Random(seed)
    root.mkdir()
    (root / "empty").touch()
    for number, name in enumerate(ODD_NAMES):
        (root / name).write_bytes(chance.randbytes(1000 + number))
    for number in range(small_files):
        folder = root / f"folder {number % 20}"
        folder.mkdir(exist_ok=True)
        size = chance.choice((0, 1, 500, 4096, 20_000, 300_000)) if number % 200 else 9_000_000
        (folder / f"file-{number:04}.dat").write_bytes(chance.randbytes(size))
    with (root / "big.mov").open("wb") as file:
        for _ in range(big_bytes >> 20):
            file.write(chance.randbytes(1 << 20))


def sums(root: Path) -> dict[str, str]:
    """SHA-256 of every file by its path under the root."""
    return {str(path.relative_to(root)): _sha256(path) for path in root.rglob("*") if path.is_file()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sluice(*arguments: str, stdin: str = "", expect: int = 0) -> list[dict[str, Any]]:
    """Run the command line with --json; its lines."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments, "--json"],
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )
    assert done.returncode == expect, (
        f"{arguments}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def round_trip(home: Path, server: Server, bucket: str, *, small_files: int, big_bytes: int, seed: int = 1) -> Outcome:
    """Up and down; raises AssertionError where anything differs or is not verified."""
    source, back = home / "source", home / "back"
    make_tree(source, small_files=small_files, big_bytes=big_bytes, seed=seed)
    extra = ("--ca-file", server.ca_file) if server.ca_file else ()
    sluice(
        *("account", "add", "lab", "--endpoint", server.endpoint, "--region", server.region, "--path-style"),
        *("--access-key", server.access_key, "--secret-stdin", "--memory-only", *extra),
        stdin=server.secret_key,
    )
    sluice("mb", f"s3://{bucket}", "--account", "lab")
    up = sluice("cp", "--recursive", str(source), f"s3://{bucket}/tree/", "--account", "lab")
    down = sluice("cp", "--recursive", f"s3://{bucket}/tree/", str(back), "--account", "lab")
    before, after = sums(source), sums(back)
    assert before == after, _difference(before, after)
    finished = [*_finished(up), *_finished(down)]
    assert len(finished) == 2 * len(before)
    assert all(row["state"] == "done" and row["verified_by"] for row in finished)
    assert not sluice("uploads", f"s3://{bucket}", "--account", "lab")
    return Outcome(len(before), sum(row["bytes"] for row in finished), frozenset(r["verified_by"] for r in finished))


def _finished(lines: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The last line of each transfer."""
    last = {line["id"]: line for line in lines if "id" in line}
    yield from last.values()


def _difference(before: dict[str, str], after: dict[str, str]) -> str:
    wrong = [name for name in before.keys() & after.keys() if before[name] != after[name]]
    missing, strange = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    return f"missing {missing[:5]}, strange {strange[:5]}, differing {wrong[:5]}"
