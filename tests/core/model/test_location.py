"""Keys, URLs, and keys that become paths."""

import ntpath
import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.model.errors import LocalError, UsageError
from core.model.location import MAX_KEY_BYTES, Remote, check_key, is_remote, parse_remote, safe_relative

BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]", fullmatch=True)
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
NASTY = st.lists(
    st.sampled_from(
        ["..", ".", "", "a", "b c", "C:", "c:x", "\\", "a\\b", "\0", "~", "é", "/", "...", "x" * 300, "CON"]
    ),
    min_size=1,
    max_size=6,
).map("/".join)


@given(BUCKETS, KEYS)
def test_a_url_is_read_back_as_it_was_written(bucket: str, key: str) -> None:
    remote = Remote(bucket, key, "acc")
    assert parse_remote(remote.url, "acc") == remote
    assert is_remote(remote.url)


@pytest.mark.parametrize(
    "text",
    [
        *("", "bucket/key", "http://bucket/key", "s3:/bucket", "s3://", "s3:///key", "s3://a b/k", "s3://a?b"),
        *("s3://a\\b/k", "s3://../key", "s3://./key", "s3://a\0b/key", "s3://a\nb", "s3://a\udc80b"),
    ],
)
def test_what_is_no_location_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_remote(text)
    assert caught.value.code == "bad-location"


def test_prefixes_and_names() -> None:
    assert Remote("b").is_prefix
    assert Remote("b", "x/").is_prefix
    assert not Remote("b", "x").is_prefix
    assert Remote("b", "x/y/").name == "y"
    assert Remote("b", "x").joined("y") == Remote("b", "x/y")
    assert Remote("b", "x/", "acc").joined("y/z") == Remote("b", "x/y/z", "acc")
    assert Remote("b").joined("y") == Remote("b", "y")


@given(st.text(max_size=1200))
def test_keys_that_s3_can_hold(key: str) -> None:
    fits = len(key.encode()) <= MAX_KEY_BYTES and "\0" not in key
    if fits:
        assert check_key(key) == key
    else:
        with pytest.raises(UsageError):
            check_key(key)


def test_a_key_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        check_key("caf\udce9")
    assert caught.value.code == "bad-key"
    caught.value.sentence.encode()  # can be shown


@given(KEYS | NASTY)
@example("a/C:/x")
@example("C:evil")
@example("\udc80")
@example("\ud800")
def test_a_safe_path_never_leaves_the_folder(key: str) -> None:
    try:
        safe = safe_relative(key)
    except LocalError:
        return
    assert safe == key  # refused or kept, never rewritten
    for system, root in ((posixpath, "/home/me/in"), (ntpath, "D:\\me\\in")):
        path = system.normpath(system.join(root, *safe.split("/")))
        assert path.startswith(root + system.sep)
        assert system.dirname(path).startswith(root)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a/..",
        ".",
        "a/./b",
        "a//b",
        "a/",
        "a\0b",
        "a\\b",
        "C:/x",
        "C:x",
        "d/c:/x",
    ],
)
def test_unsafe_keys_are_refused(key: str) -> None:
    with pytest.raises(LocalError) as caught:
        safe_relative(key)
    assert caught.value.code == "unsafe-key"


@pytest.mark.parametrize("key", ["a", "a/b c/é", "...", "..a/b..", "12:30.txt", "a~b", "-rf"])
def test_ordinary_keys_are_kept(key: str) -> None:
    assert safe_relative(key) == key


def test_names_too_long_for_a_file_system() -> None:
    with pytest.raises(LocalError) as caught:
        safe_relative("a/" + "é" * 128)
    assert caught.value.code == "name-too-long"
    assert safe_relative("a/" + "é" * 127)
