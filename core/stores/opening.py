"""An account becomes a store: the one place that knows which class serves which kind."""

from __future__ import annotations

from core.model.account import Account, AccountKind
from core.stores.base import ObjectStore


async def open_store(account: Account, secret: str = "") -> ObjectStore:
    """The account's store, to be closed by the caller. Nothing is asked of the other side yet.

    Each kind is imported when it is wanted: the AWS SDK alone takes most of a second.
    """
    match account.kind:
        case AccountKind.S3:
            from core.stores.s3.store import S3Store

            return S3Store(account, secret)
        case AccountKind.LOCAL:
            from core.stores.local.store import LocalStore

            return LocalStore(account)
        case AccountKind.MEMORY:
            from core.stores.memory.store import MemoryStore

            return MemoryStore(account)
