"""What each kind of process really loads. import-linter reads sources; this asks the interpreter."""

import importlib.util
import subprocess
import sys

import pytest

SDK = {"aioboto3", "aiobotocore", "boto3", "botocore"}
WINDOW_KIT = {"PySide6", "shiboken6", "qasync"}
DATABASE = {"sqlite3"}


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("app.__main__", SDK | DATABASE),
        ("core.host.cli", WINDOW_KIT | SDK),
        ("core.host.agent", WINDOW_KIT),
        ("core.transfer.mover_main", WINDOW_KIT | SDK | DATABASE),
        ("core.model", WINDOW_KIT | SDK | DATABASE | {"asyncio", "socket"}),
    ],
)
def test_a_process_loads_only_what_it_holds(module: str, never: set[str]) -> None:
    if not _exists(module):
        pytest.skip(f"{module} is not written yet")
    program = f"import sys, {module}; print(*sorted({never!r} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split() == []


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
