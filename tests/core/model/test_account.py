"""What an account may be."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.account import Account, AccountKind, Credentials, check_account
from core.model.errors import UsageError


@pytest.mark.parametrize(
    "account",
    [
        Account("aws"),
        Account("Lab (Ceph)", endpoint="http://10.0.0.7:7480", region="default"),
        Account("v6", endpoint="https://[fd00::1]:9000/"),
        Account("prefixed", endpoint="https://storage.example.com/s3"),
        Account("mine", AccountKind.LOCAL, root="/srv/store"),
        Account("é" * 64),
    ],
)
def test_good_accounts(account: Account) -> None:
    assert check_account(account) is account


@pytest.mark.parametrize(
    "account",
    [
        Account(""),
        Account(" a"),
        Account("a/b"),
        Account("a\\b"),
        Account("a\nb"),
        Account("x" * 65),
        Account("a", endpoint="s3.example.com"),
        Account("a", endpoint="ftp://s3.example.com"),
        Account("a", endpoint="https://"),
        Account("a", endpoint="https://h:port"),
        Account("a", endpoint="https://h:70000"),
        Account("a", endpoint="https://h:0"),
        Account("a", endpoint="http://[x"),
        Account("a", endpoint="https://h/?x=1"),
        Account("a", endpoint="https://h/#x"),
        Account("a", endpoint="https://key:secret@h"),
        Account("a", AccountKind.LOCAL),
        Account("a", limit_up_bps=-1),
        Account("a", limit_down_bps=-1),
    ],
)
def test_bad_accounts_are_refused_in_a_sentence(account: Account) -> None:
    with pytest.raises(UsageError) as caught:
        check_account(account)
    assert caught.value.code == "bad-account"
    assert "secret" not in caught.value.sentence


@given(st.text(), st.text())
def test_any_text_is_judged(name: str, endpoint: str) -> None:
    with suppress(UsageError):
        assert check_account(Account(name, endpoint=endpoint)).name.strip()


def test_secrets_are_not_shown() -> None:
    shown = f"{Credentials('AKID', 'top-secret', 'token-secret')!r}"
    assert "AKID" in shown
    assert "secret" not in shown
