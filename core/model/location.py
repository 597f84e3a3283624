"""Where bytes live: a path on this machine, or a key in a bucket of an account."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from core.model.errors import LocalError, UsageError

MAX_KEY_BYTES = 1024  # S3's limit on a key, in UTF-8 bytes


@dataclass(frozen=True, slots=True)
class Remote:
    """A bucket, and a key or prefix in it (empty for the whole bucket), seen through one account.

    An empty `account` means the standard AWS environment and configuration (`AWS_*` variables, `~/.aws`).
    """

    bucket: str
    key: str = ""
    account: str = ""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_prefix(self) -> bool:
        """True where the key can only name a group of objects."""
        return self.key == "" or self.key.endswith("/")

    @property
    def name(self) -> str:
        """The last segment of the key."""
        return posixpath.basename(self.key.rstrip("/"))

    def joined(self, relative: str) -> Remote:
        """The object at `relative` (slash-separated) under this prefix."""
        prefix = self.key if self.is_prefix else self.key + "/"
        return Remote(self.bucket, prefix + relative, self.account)


def parse_remote(text: str, account: str = "") -> Remote:
    """`s3://BUCKET[/KEY]` taken apart. Raises UsageError (`bad-location`, `bad-key`) saying what is wrong."""
    if not text.startswith("s3://"):
        raise UsageError("bad-location", f"“{text}” is not an S3 location; write it like s3://bucket/key.", where=text)
    bucket, _, key = text[5:].partition("/")
    if not bucket:
        raise UsageError("bad-location", f"“{text}” names no bucket; write it like s3://bucket/key.", where=text)
    if bucket in (".", "..") or any(c in " \\?#%" or not c.isprintable() for c in bucket):
        raise UsageError("bad-location", f"“{bucket}” cannot be a bucket's name.", where=text)
    check_key(key)
    return Remote(bucket, key, account)


def is_remote(text: str) -> bool:
    """True for anything written as a URL of a store."""
    return text.startswith("s3:")


def check_key(key: str) -> str:
    """The key itself. Raises UsageError (`bad-key`) where S3 could not hold it."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise UsageError(
            "bad-key", f"The name {key!r} is not valid Unicode and cannot be an S3 key.", where=key
        ) from None
    if size > MAX_KEY_BYTES:
        raise UsageError("bad-key", f"The key is {size} bytes long; S3 allows {MAX_KEY_BYTES}.", where=key)
    if "\0" in key:
        raise UsageError("bad-key", "A key cannot hold a NUL character.", where=key)
    return key


def safe_relative(key: str) -> str:
    """A key's path under a download folder, slash-separated, never leaving it.

    Refused (LocalError `unsafe-key`): absolute paths, `.` and `..` segments, empty segments, NUL, backslashes and
    segments that begin with a drive letter, since each of them would write elsewhere on some system. Refusing rather
    than rewriting keeps two keys from landing on one file.
    """
    segments = key.split("/")
    unsafe = (
        not key
        or "\0" in key
        or "\\" in key
        or any(segment in ("", ".", "..") for segment in segments)
        or any(segment[1:2] == ":" and segment[0].isalpha() for segment in segments)
    )
    if unsafe:
        raise LocalError(
            "unsafe-key",
            f"The key {key!r} would be written outside the chosen folder, so it was not downloaded.",
            where=key,
        )
    for segment in segments:
        if len(segment.encode("utf-8", "surrogatepass")) > 255:
            raise LocalError(
                "name-too-long",
                f"The name “{segment[:40]}…” is longer than the 255 bytes a file system allows.",
                where=key,
            )
    return key
