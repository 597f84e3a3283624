"""A command line is as quick as what it loads."""

import subprocess
import sys

import pytest

from app.__main__ import _names_a_command

HEAVY = {"rich", "sqlite3", "aiohttp", "uvloop", "core.host.agent", "core.engine"}


def loaded_by(program: str) -> set[str]:
    code = f"import sys\nsys.argv = ['sluice']\ntry:\n {program}\nfinally:\n sys.stderr.write(' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(result.stderr.split())


def test_the_version_needs_next_to_nothing() -> None:
    loaded = loaded_by("from core.host.cli import main; main(['--version'])")
    assert not loaded & (HEAVY | {"argparse", "asyncio", "msgspec", "PySide6"})


@pytest.mark.parametrize("module", ["core.host.cli.run", "core.host.endpoint"])
def test_a_command_loads_nothing_of_the_engine(module: str) -> None:
    assert not loaded_by(f"import {module}") & HEAVY


def test_the_window_is_opened_without_arguments_only() -> None:
    loaded = loaded_by("sys.argv.append('--version'); from app.__main__ import main; main()")
    assert "core.host.cli" in loaded
    assert not any(name.startswith(("PySide6", "app.bootstrap")) for name in loaded)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], False),
        (["--theme", "dark"], False),
        (["--version"], True),
        (["--help"], True),
        (["ls"], True),
        (["frob"], True),
    ],
)
def test_options_alone_are_the_windows(words: list[str], command: bool) -> None:
    assert _names_a_command(words) is command
