from dataclasses import asdict

import msgspec
import pytest

from core.host.cli.environment import environment_account, shown_name
from core.model.errors import UsageError

KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "hush"}


def test_keys_are_sent_for_memory_only() -> None:
    command = environment_account(KEYS | {"AWS_ENDPOINT_URL": "http://localhost:9000", "AWS_REGION": "eu-1"})
    assert (command.secret, command.memory_only) == ("hush", True)
    account = command.account
    assert (account.access_key, account.endpoint, account.region) == ("AK", "http://localhost:9000", "eu-1")
    assert account.path_style
    assert shown_name(account.name) == "environment"


def test_a_session_token_goes_with_the_secret() -> None:
    assert environment_account(KEYS | {"AWS_SESSION_TOKEN": "token"}).secret == "hush\ntoken"


def test_no_secret_is_in_what_is_kept() -> None:
    command = environment_account(KEYS | {"AWS_SESSION_TOKEN": "token"})
    assert "hush" not in str(asdict(command.account))
    assert "token" not in str(asdict(command.account))


def test_without_keys_a_profile_or_the_default_chain_is_meant() -> None:
    command = environment_account({"AWS_PROFILE": "work"})
    assert (command.account.profile, command.account.access_key, command.secret) == ("work", "", None)
    assert environment_account({}).account.profile == ""


def test_keys_come_before_a_profile_as_in_the_sdk() -> None:
    assert environment_account(KEYS | {"AWS_PROFILE": "work"}).account.profile == ""


def test_the_more_special_variable_wins() -> None:
    account = environment_account(
        {
            "AWS_ENDPOINT_URL": "http://all",
            "AWS_ENDPOINT_URL_S3": "http://s3",
            "AWS_DEFAULT_REGION": "one",
            "AWS_REGION": "two",
        }
    ).account
    assert (account.endpoint, account.region) == ("http://s3", "two")


def test_the_same_environment_is_the_same_account_whatever_its_secret() -> None:
    name = environment_account(KEYS).account.name
    assert environment_account(KEYS | {"AWS_SECRET_ACCESS_KEY": "corrected", "HOME": "/x"}).account.name == name


@pytest.mark.parametrize(
    "other",
    [{"AWS_ACCESS_KEY_ID": "B"}, {"AWS_REGION": "r"}, {"AWS_ENDPOINT_URL": "http://e"}, {"AWS_CA_BUNDLE": "/c"}],
)
def test_another_environment_is_another_account(other: dict[str, str]) -> None:
    assert environment_account(KEYS | other).account.name != environment_account(KEYS).account.name


@pytest.mark.parametrize("environ", [{"AWS_ACCESS_KEY_ID": "AK"}, {"AWS_ENDPOINT_URL": "localhost:9000"}])
def test_half_an_environment_is_told(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        environment_account(environ)
    assert caught.value.code == "bad-account"


def test_it_crosses_as_it_is() -> None:
    command = environment_account(KEYS)
    assert msgspec.json.decode(msgspec.json.encode(command), type=type(command)) == command
