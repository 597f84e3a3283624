"""Threads that end before a cancelled call does, and a disk that is full or forbidden."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.stores.local.disk import in_thread, locked
from core.stores.local.drafts import Draft
from tests.support.bodies import digests_of, some_bytes

# Run in a process of its own: on a small disk, or as somebody without rights.
SCRIPT = """
import asyncio, sys
from core.model.account import Account, AccountKind
from core.model.errors import CoreError
from core.stores.local.store import LocalStore
from tests.support.bodies import BytesBody
from tests.conformance.acts import Multipart, put

async def main(root, size, key):
    store = LocalStore(Account("here", AccountKind.LOCAL, root=root))
    for act in (lambda: put(store, "bucket", key, bytes(size)), lambda: multipart(store, size, key)):
        try:
            await act()
        except CoreError as error:
            print(error.code, error.retry, error.scope, error)
        else:
            print("done")

async def multipart(store, size, key):
    await (await Multipart.begin(store, "bucket", key)).send(1, bytes(size))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
"""


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_cancelling_waits_for_the_thread() -> None:
    started, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        go_on.wait(30)
        over.set()
        raise ValueError("nobody hears this")

    call = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(started.wait, 30)
    for _ in range(3):  # also when it is cancelled again while it waits
        call.cancel()
        await asyncio.sleep(0)
    assert not call.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert over.is_set()


async def test_a_lock_holds_threads_and_ends_with_its_block(tmp_path: Path) -> None:
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        with locked(tmp_path / "lock"):
            inside += 1
            most = max(most, inside)
            inside -= 1

    await asyncio.gather(*(in_thread(work) for _ in range(50)))
    assert most == 1


def _small_disk_works() -> bool:
    if not shutil.which("unshare"):
        return False
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return subprocess.run(probe, capture_output=True, timeout=30, check=False).returncode == 0


def test_a_full_disk_says_so_and_keeps_what_was_there(tmp_path: Path) -> None:
    if not _small_disk_works():
        pytest.skip("no user namespaces here, so no disk can be made small")
    commands = (
        'mount -t tmpfs -o size=2m tmpfs "$1" && mkdir "$1/bucket" && printf old > "$1/bucket/film" '
        '&& "$2" -c "$3" "$1" 8000000 film && cat "$1/bucket/film" && find "$1/bucket/.sluice/drafts" -type f'
    )
    out = run("unshare", "-rm", "sh", "-c", commands, "sh", str(tmp_path), sys.executable, SCRIPT).splitlines()
    for line in out[:2]:
        assert line.startswith("disk-full backoff account The disk is full")
    assert out[2:] == ["old"]  # and no draft is left


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are other there")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    bucket.chmod(0o555)
    # root may write anywhere, unless it gives that up
    humbly = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
    if humbly and not shutil.which("setpriv"):
        pytest.skip("run by root, and without setpriv nothing is forbidden to it")
    out = run(*humbly, sys.executable, "-c", SCRIPT, str(tmp_path), "100", "film").splitlines()
    for line in out:
        assert line.startswith("access-denied never item You are not allowed")
    assert len(out) == 2


def test_a_copy_between_disks_needs_no_help_of_the_kernel(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk here")
    data = some_bytes(3_000_001)
    source = memory / f"sluice-test-{os.getpid()}"
    draft = Draft(tmp_path / "draft")
    draft.open()
    try:
        source.write_bytes(data)
        fd = os.open(source, os.O_RDONLY)
        done = 1
        while count := draft.copy(fd, done, len(data) - done):
            done += count
        os.close(fd)
        draft.settle()
        assert digests_of((tmp_path / "draft").read_bytes()) == digests_of(data[1:])
    finally:
        source.unlink(missing_ok=True)
        draft.drop()
