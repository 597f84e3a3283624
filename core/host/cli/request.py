"""What `cp` was asked for, checked as far as this machine can tell before anything is queued."""

from __future__ import annotations

import argparse
import os
import stat
from collections.abc import Sequence

from core.model.errors import UsageError
from core.model.location import check_key, is_remote, parse_remote
from core.model.settings import Settings, changed
from core.model.transfer import Conflict, Options, Verify
from core.protocol.commands import AddTransfers


def transfer_request(wishes: argparse.Namespace) -> AddTransfers:
    """The request, without accounts. Local paths become absolute; a slash at the end keeps its meaning.

    Raises UsageError for what cannot be meant: a source that is missing or no file, a folder without --recursive, two
    local sides, two sources of one name.
    """
    remote = {is_remote(source) for source in wishes.sources}
    if len(remote) > 1:
        raise UsageError("mixed-sources", "Files of this machine and s3:// locations cannot be sources together.")
    from_store, to_store = remote.pop(), is_remote(wishes.destination)
    if not from_store and not to_store:
        raise UsageError("no-remote", "One side must be an s3:// location: write it like s3://bucket/key.")
    check = _checked_remote if from_store else _checked_local
    sources = tuple(check(source, recursive=wishes.recursive) for source in wishes.sources)
    _check_names(sources)
    if len(sources) == 1 and wishes.recursive:
        sources = (_contents_of(sources[0]),)
    return AddTransfers(
        sources=sources,
        destination=_remote_target(wishes.destination) if to_store else _local_target(wishes.destination, sources),
        recursive=wishes.recursive,
        options=options_of(wishes),
    )


def _contents_of(source: str) -> str:
    """A single folder or prefix stands for what is in it, as in the other S3 command lines; the slash says so."""
    grouped = is_remote(source) or os.path.isdir(source)
    return source + "/" if grouped and not source.endswith("/") else source


def options_of(wishes: argparse.Namespace) -> Options:
    """The wishes that go with a batch, held to the same limits as the settings."""
    texts = {
        "files_parallel": wishes.files,
        "parts_parallel": wishes.parts,
        "part_size_bytes": wishes.part_size,
        "limit_up_bps": wishes.limit_up,
        "limit_down_bps": wishes.limit_down,
    }
    asked = {name: text for name, text in texts.items() if text is not None}
    values = changed(Settings(), asked)
    return Options(
        files=values.files_parallel if wishes.files else 0,
        parts=values.parts_parallel if wishes.parts else 0,
        part_size_bytes=values.part_size_bytes if wishes.part_size else 0,
        limit_up_bps=values.limit_up_bps,
        limit_down_bps=values.limit_down_bps,
        conflict=Conflict(wishes.on_conflict),
        verify=Verify(wishes.verify) if wishes.verify else None,
    )


def _checked_remote(text: str, *, recursive: bool) -> str:
    remote = parse_remote(text)
    if remote.is_prefix and not recursive:
        raise UsageError(
            "is-a-prefix", f"{text} names a group of objects; add --recursive to copy it whole.", where=text
        )
    return remote.url


def _checked_local(text: str, *, recursive: bool) -> str:
    path = _absolute(text)
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise UsageError("no-such-file", f"“{_shown(text)}” {reason}.", where=text) from None
    if stat.S_ISDIR(mode) and not recursive:
        raise UsageError("is-a-folder", f"“{_shown(text)}” is a folder; add --recursive to send it whole.", where=text)
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise UsageError("not-a-file", f"“{_shown(text)}” is {_kind(mode)}, not a file that could be sent.", where=text)
    return path


def _absolute(text: str) -> str:
    if text == "-":
        raise UsageError("not-a-file", "“-” (a stream) cannot be sent or received; name a file.", where=text)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("bad-key", f"The name {text!r} is not valid Unicode and cannot be an S3 key.") from None
    if ".." in text.split("/"):  # beyond a symbolic link it means another folder than the text says
        folder, name = os.path.split(text.rstrip("/"))
        path = os.path.realpath(text) if name == ".." else os.path.join(os.path.realpath(folder), name)
    else:
        path = os.path.abspath(text)
    return path + "/" if text.endswith(("/", os.sep)) and not path.endswith("/") else path


def _remote_target(text: str) -> str:
    target = parse_remote(text)
    check_key(target.key)
    return target.url


def _local_target(text: str, sources: Sequence[str]) -> str:
    path = _absolute(text)
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return path
    if stat.S_ISDIR(mode):
        return path
    if not stat.S_ISREG(mode):
        raise UsageError(
            "not-a-file", f"“{_shown(text)}” is {_kind(mode)}, not a file that could be written.", where=text
        )
    if len(sources) > 1 or parse_remote(sources[0]).is_prefix:
        raise UsageError("not-a-folder", f"“{_shown(text)}” is a file; several objects need a folder.", where=text)
    return path


def _check_names(sources: Sequence[str]) -> None:
    """Two sources of one name would be one target: the first would be lost without a word."""
    seen: dict[str, str] = {}
    for source in sources:
        if source.endswith("/"):
            continue  # its contents go in, not itself
        name = source.rpartition("/")[2]
        if name in seen:
            raise UsageError(
                "same-name", f"“{_shown(seen[name])}” and “{_shown(source)}” would become one; copy them one by one."
            )
        seen[name] = source


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFBLK: "a device",
        stat.S_IFCHR: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def _shown(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
