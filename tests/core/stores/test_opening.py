"""Accounts become stores, and movers load nothing of the SDK."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from core.model.account import Account, AccountKind
from core.stores.carriers import open_carrier
from core.stores.local.store import LocalStore
from core.stores.memory.contents import forget
from core.stores.memory.store import MemoryStore
from core.stores.opening import open_store
from tests.conformance.acts import get, put

S3 = Account("s3", endpoint="http://127.0.0.1:9", access_key="key", region="us-east-1")


async def test_each_kind_has_its_store(tmp_path: Path) -> None:
    local = await open_store(Account("here", AccountKind.LOCAL, root=str(tmp_path)))
    memory = await open_store(Account("memory", AccountKind.MEMORY))
    s3 = await open_store(S3, "secret")
    assert isinstance(local, LocalStore)
    assert isinstance(memory, MemoryStore)
    assert type(s3).__name__ == "S3Store"
    for store in (local, memory, s3):
        await store.close()
    forget("memory")


async def test_a_carrier_reads_what_its_store_wrote(tmp_path: Path) -> None:
    for account in (
        Account("here", AccountKind.LOCAL, root=str(tmp_path)),
        Account("memory", AccountKind.MEMORY),
    ):
        store = await open_store(account)
        await store.create_bucket("bucket")
        await put(store, "bucket", "key", b"carried")
        carrier = open_carrier(await store.access())
        assert await get(carrier, "bucket", "key", 7) == b"carried"  # type: ignore[arg-type]
        await carrier.close()
        await store.close()
    forget("memory")


def test_a_carrier_loads_no_sdk() -> None:
    script = """
import asyncio, sys
from core.model.account import Account, AccountKind, Credentials
from core.stores.base import Access
from core.stores.carriers import open_carrier

async def main():
    for access in (
        Access(Account("m", AccountKind.MEMORY)),
        Access(Account("l", AccountKind.LOCAL, root="/tmp")),
        Access(Account("s", endpoint="http://127.0.0.1:9"), Credentials("key", "secret")),
    ):
        await open_carrier(access).close()

asyncio.run(main())
loaded = {name.split(".")[0] for name in sys.modules}
print(sorted(loaded & {"aioboto3", "aiobotocore", "boto3", "botocore", "sqlite3", "keyring", "PySide6"}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
