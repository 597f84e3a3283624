"""kill -9 at any moment: what is there afterwards is whole and known."""

from __future__ import annotations

import asyncio
import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.stores.local.store import LocalStore
from tests.conformance.acts import get, keys

WRITER = """
import asyncio, sys
from core.model.account import Account, AccountKind
from core.stores.local.store import LocalStore
from tests.conformance.acts import Multipart, put
from tests.support.bodies import some_bytes

async def main(root):
    store = LocalStore(Account("here", AccountKind.LOCAL, root=root))
    print("ready", flush=True)
    n = 0
    while True:
        n += 1
        await put(store, "bucket", f"small/{n % 7}", some_bytes(50_000, n))
        upload = await Multipart.begin(store, "bucket", f"big/{n % 3}")
        await asyncio.gather(upload.send(1, some_bytes(5 << 20, n)), upload.send(2, b"%d" % n))
        await upload.complete()
        if n % 4 == 0:
            await store.delete_objects("bucket", [f"small/{n % 7}"])

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.kill
async def test_after_a_kill_everything_listed_is_whole(store: LocalStore, root: Path) -> None:
    chance = random.Random(7)
    for _ in range(8):
        writer = await asyncio.to_thread(
            subprocess.Popen, [sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        await asyncio.to_thread(writer.stdout.readline)
        await asyncio.sleep(chance.uniform(0, 0.4))
        writer.kill()
        await asyncio.to_thread(writer.communicate)
        await _check(store)
    assert await keys(store, "bucket")


async def _check(store: LocalStore) -> None:
    for key in await keys(store, "bucket"):
        info = await store.head("bucket", key)
        data = await get(store, "bucket", key, info.size_bytes, if_match=info.etag)
        md5 = hashlib.md5
        if key.startswith("small/"):
            assert info.etag == md5(data).hexdigest()
        else:
            first, second = data[: 5 << 20], data[5 << 20 :]
            assert info.etag == f"{md5(md5(first).digest() + md5(second).digest()).hexdigest()}-2"
    for upload in await store.list_uploads("bucket"):
        assert upload.started_s <= time.time()
        for part in await store.list_parts("bucket", upload.key, upload.upload_id):
            assert part.size_bytes in (5 << 20, 1, 2, 3)
        await store.abort_upload("bucket", upload.key, upload.upload_id)
