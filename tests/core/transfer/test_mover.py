"""What a mover keeps open for each account."""

from dataclasses import replace

from core.model.account import Account, Credentials
from core.stores.base import Access
from core.transfer.mover import Carriers

ACCESS = Access(Account(name="a", endpoint="http://127.0.0.1:1"), Credentials("key", "old"))


async def test_new_keys_go_into_the_open_carrier() -> None:
    carriers = Carriers()
    first = carriers.of(ACCESS)
    again = carriers.of(replace(ACCESS, credentials=Credentials("key", "new")))
    assert again is first
    assert again.access.credentials.secret_key == "new"  # type: ignore[attr-defined]
    await carriers.close()


async def test_another_place_is_opened_anew() -> None:
    carriers = Carriers()
    first = carriers.of(ACCESS)
    moved = replace(ACCESS, account=replace(ACCESS.account, endpoint="http://127.0.0.1:2"))
    assert carriers.of(moved) is not first
    assert carriers.of(moved) is carriers.of(moved)
    await carriers.close()
