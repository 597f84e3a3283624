"""Settings as people change them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import UsageError
from core.model.settings import Settings, changed
from core.model.transfer import Verify
from core.model.units import MIB

NUMBERS = ("files_parallel", "parts_parallel", "connections", "part_size_bytes", "limit_up_bps", "limit_down_bps")


def test_what_people_write() -> None:
    settings = changed(
        Settings(),
        {
            "files_parallel": " 3 ",
            "part_size_bytes": "16MiB",
            "limit_up_bps": "30MB/s",
            "limit_down_bps": "none",
            "verify": "read-back",
        },
    )
    assert settings == Settings(
        files_parallel=3, part_size_bytes=16 * MIB, limit_up_bps=30_000_000, verify=Verify.READ_BACK
    )


def test_nothing_changes_nothing() -> None:
    assert changed(Settings(connections=7), {}) == Settings(connections=7)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("files_parallel", "0"),
        ("files_parallel", "257"),
        ("files_parallel", "-1"),
        ("files_parallel", "²"),
        ("files_parallel", "9" * 5000),
        ("files_parallel", "eight"),
        ("connections", ""),
        ("part_size_bytes", "4MiB"),
        ("part_size_bytes", "6GiB"),
        ("limit_up_bps", "fast"),
        ("verify", "maybe"),
        ("colour", "blue"),
    ],
)
def test_what_cannot_be_is_refused(name: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        changed(Settings(), {name: text})
    assert caught.value.code in ("bad-setting", "bad-size")


@given(st.dictionaries(st.sampled_from([*NUMBERS, "verify", "x"]), st.text(max_size=6) | st.integers().map(str)))
def test_any_text_is_a_setting_or_refused(changes: dict[str, str]) -> None:
    try:
        settings = changed(Settings(), changes)
    except UsageError:
        return
    assert {name for name in changes if name == "x"} == set()
    again = {name: str(getattr(settings, name)) for name in NUMBERS}
    assert changed(Settings(verify=settings.verify), again) == settings  # within their limits
