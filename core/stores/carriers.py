"""What a mover opens: the half of a store that carries bytes, without the SDK that the control calls need."""

from __future__ import annotations

from core.model.account import AccountKind
from core.stores.base import Access, ByteStore


def open_carrier(access: Access) -> ByteStore:
    """A store for bytes only, to be closed by the caller. A memory store is empty in any process but its own."""
    match access.account.kind:
        case AccountKind.S3:
            from core.stores.s3.wire import S3Wire

            return S3Wire(access)
        case AccountKind.LOCAL:
            from core.stores.local.store import LocalStore

            return LocalStore(access.account)
        case AccountKind.MEMORY:
            from core.stores.memory.store import MemoryStore

            return MemoryStore(access.account, keeps_checksums=access.checksums)


def renewed(carrier: ByteStore, access: Access) -> bool:
    """Give an open carrier new keys for the same place; False where it must be opened anew."""
    known = getattr(carrier, "access", None)
    if known is None or known.account != access.account:
        return False
    carrier.access = access  # type: ignore[attr-defined]  # S3's alone has keys that change
    return True
