"""A local store in a folder of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.model.account import Account, AccountKind
from core.stores.local.store import LocalStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "bucket").mkdir(parents=True)
    return folder


@pytest.fixture
def folder(root: Path) -> Path:
    """The bucket's folder."""
    return root / "bucket"


@pytest.fixture
async def store(root: Path) -> AsyncIterator[LocalStore]:
    opened = LocalStore(Account("here", AccountKind.LOCAL, root=str(root)))
    yield opened
    await opened.close()


@pytest.fixture
def second(root: Path) -> LocalStore:
    """Another opening, as a mover has it."""
    return LocalStore(Account("here", AccountKind.LOCAL, root=str(root)))
