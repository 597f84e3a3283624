"""Local files: opening, folders, temporary files, and putting one in its place."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.errors import LocalError, Retry
from core.transfer.files import (
    is_free,
    length_of,
    local_error,
    make_folders,
    open_source,
    prepare_file,
    put_in_place,
    read_fingerprint,
    refuse_folder,
    remove_file,
    temporary_path,
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


# --- errors


@pytest.mark.parametrize("number", [getattr(errno, name) for name in dir(errno) if name.startswith("E")])
def test_every_error_of_the_system_becomes_a_sentence(number: int) -> None:
    error = local_error(OSError(number, os.strerror(number)), "/a/file")
    assert error.sentence.endswith(".")
    assert "file" in error.sentence
    assert error.where == "/a/file"
    assert (error.retry is Retry.BACKOFF) == (error.code == "too-many-files")


# --- sources


def test_a_source_is_opened_with_its_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    fd, stamp = open_source(str(path))
    os.close(fd)
    status = path.stat()
    assert (stamp.size_bytes, stamp.mtime_ns, stamp.inode) == (5, status.st_mtime_ns, status.st_ino)


def test_what_is_no_file_is_refused_without_blocking(tmp_path: Path) -> None:
    fifo, folder, link = tmp_path / "fifo", tmp_path / "folder", tmp_path / "link"
    os.mkfifo(fifo)
    folder.mkdir()
    link.symlink_to(fifo)
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    for path in (fifo, folder, link, Path("/dev/null")):
        with pytest.raises(LocalError) as caught:
            open_source(str(path))
        assert caught.value.code == "not-a-file"
    with pytest.raises(LocalError) as caught:
        open_source(str(tmp_path / "none"))
    assert caught.value.code == "no-file"
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) == before


async def test_fingerprints_tell_changes(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    first = await read_fingerprint(str(path))
    assert await read_fingerprint(str(path)) == first
    os.utime(path, ns=(1, 1))
    second = await read_fingerprint(str(path))
    (tmp_path / "other").write_bytes(b"54321")
    os.utime(tmp_path / "other", ns=(1, 1))
    os.replace(tmp_path / "other", path)
    assert len({first, second, await read_fingerprint(str(path))}) == 3


# --- folders


async def test_folders_are_made(tmp_path: Path) -> None:
    await make_folders(str(tmp_path / "new"), str(tmp_path / "new" / "a" / "b"))
    await make_folders(str(tmp_path / "new"), str(tmp_path / "new" / "a" / "b"))
    assert (tmp_path / "new" / "a" / "b").is_dir()


async def test_the_chosen_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    await make_folders(str(tmp_path / "link"), str(tmp_path / "link" / "a"))
    assert (tmp_path / "real" / "a").is_dir()


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
@pytest.mark.parametrize("below", ["", "deeper"])
async def test_no_link_below_it_is_followed(tmp_path: Path, target: str, below: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "sub").symlink_to(tmp_path / target)
    with pytest.raises(LocalError) as caught:
        await make_folders(str(tmp_path / "root"), os.path.join(tmp_path, "root", "sub", below))
    assert caught.value.code == "unsafe-link"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


async def test_a_dangling_link_as_the_chosen_folder(tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to(tmp_path / "nowhere")
    with pytest.raises(LocalError):
        await make_folders(str(tmp_path / "root"), str(tmp_path / "root" / "a"))


# --- temporary files


def test_a_temporary_name_is_steady_short_and_beside_its_target() -> None:
    one = temporary_path("/d/" + "x" * 255, "7@1.5")
    assert os.path.dirname(one) == "/d"
    assert len(os.path.basename(one)) < 40
    assert one == temporary_path("/d/renamed", "7@1.5")
    assert one != temporary_path("/d/renamed", "8@1.5")


async def test_the_whole_length_is_reserved(tmp_path: Path) -> None:
    path = tmp_path / "t"
    assert await prepare_file(str(path), 3_000_000) == -1
    assert path.stat().st_size == 3_000_000
    assert path.stat().st_blocks * 512 >= 3_000_000
    assert await prepare_file(str(path), 3_000_000) == 3_000_000
    assert await prepare_file(str(path), 10) == 3_000_000
    assert path.stat().st_size == 10


async def test_what_is_kept_in_it_stays(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"kept")
    await prepare_file(str(path), 4)
    assert path.read_bytes() == b"kept"


async def test_a_link_in_its_place_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "t").symlink_to(tmp_path / "precious")
    with pytest.raises(LocalError):
        await prepare_file(str(tmp_path / "t"), 2)
    assert (tmp_path / "precious").read_bytes() == b"precious"


async def test_a_full_disk_is_found_before_the_first_byte(small_disk: Path) -> None:
    path = small_disk / "t"
    with pytest.raises(LocalError) as caught:
        await prepare_file(str(path), 8 << 20)
    assert caught.value.code == "disk-full"
    assert str(path) in caught.value.sentence
    assert not path.exists()


# --- the end


async def test_a_file_is_put_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"new")
    (tmp_path / "f").write_bytes(b"old")
    await put_in_place(str(tmp_path / "t"), str(tmp_path / "f"), replace=True)
    assert (tmp_path / "f").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


async def test_nothing_is_replaced_without_leave(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"new")
    for name in ("file", "dangling"):
        if name == "file":
            (tmp_path / name).write_bytes(b"old")
        else:
            (tmp_path / name).symlink_to("nowhere")
        with pytest.raises(LocalError) as caught:
            await put_in_place(str(tmp_path / "t"), str(tmp_path / name), replace=False)
        assert caught.value.code == "exists"
    await put_in_place(str(tmp_path / "t"), str(tmp_path / "free"), replace=False)
    assert (tmp_path / "free").read_bytes() == b"new"


async def test_a_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(LocalError) as caught:
        await put_in_place(str(tmp_path / "t"), str(tmp_path / "folder"), replace=True)
    assert caught.value.code == "is-a-folder"
    with pytest.raises(LocalError):
        await refuse_folder(str(tmp_path / "folder"))
    (tmp_path / "link").symlink_to("folder")
    await refuse_folder(str(tmp_path / "link"))  # the link is replaced, not the folder
    await refuse_folder(str(tmp_path / "none"))


async def test_a_temporary_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(LocalError):
        await put_in_place(str(tmp_path / "none"), str(tmp_path / "f"), replace=True)
    assert list(tmp_path.iterdir()) == []


async def test_removing(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    await remove_file(str(tmp_path / "f"))
    await remove_file(str(tmp_path / "f"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(LocalError):
        await remove_file(str(tmp_path / "folder"))


async def test_lengths_and_free_names(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"123")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert await length_of(str(tmp_path / "f")) == 3
    assert await length_of(str(tmp_path)) == -1
    assert await length_of(str(tmp_path / "none")) == -1
    assert await is_free(str(tmp_path / "none"))
    assert not await is_free(str(tmp_path / "dangling"))
