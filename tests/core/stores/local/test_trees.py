"""Listings of any tree, held against a store that just sorts its keys."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.model.account import Account, AccountKind
from core.stores.base import ObjectStore
from core.stores.local.store import LocalStore
from core.stores.memory.contents import forget
from core.stores.memory.store import MemoryStore
from tests.conformance.acts import pages, put

_names = st.text(st.sampled_from("ab-.0 /ä🎬"), min_size=1, max_size=3).filter(
    lambda name: "/" not in name and name not in (".", "..")
)
_paths = st.lists(_names, min_size=1, max_size=4).map("/".join)


def _fits(keys: list[str]) -> bool:
    """No key is a folder of another."""
    return not any(other.startswith(f"{key}/") for key in keys for other in keys)


async def _listed(store: ObjectStore, prefix: str, delimiter: str, count: int) -> list[tuple[list[str], list[str]]]:
    found = await pages(store, "bucket", prefix=prefix, delimiter=delimiter, count=count)
    return [([info.key for info in page.objects], list(page.prefixes)) for page in found]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    keys=st.lists(_paths, max_size=12, unique=True).filter(_fits),
    prefix=st.one_of(st.just(""), _paths, _paths.map(lambda path: f"{path}/"), _paths.map(lambda path: path[:2])),
    delimiter=st.sampled_from(["", "/", "-", "a/"]),
    count=st.integers(1, 5),
)
async def test_any_tree_is_listed_as_its_keys_sort(keys: list[str], prefix: str, delimiter: str, count: int) -> None:
    forget("trees")
    memory = MemoryStore(Account("trees", AccountKind.MEMORY))
    with tempfile.TemporaryDirectory() as root:
        local = LocalStore(Account("trees", AccountKind.LOCAL, root=root))
        for store in (memory, local):
            await store.create_bucket("bucket")
        for key in keys:
            await put(memory, "bucket", key)
            path = Path(root, "bucket", key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"data")
        expected = await _listed(memory, prefix, delimiter, count)
        assert await _listed(local, prefix, delimiter, count) == expected
        local._walks.clear()  # whoever goes on without the suspended walk finds the same
        assert await _listed(_Forgetful(local), prefix, delimiter, count) == expected


class _Forgetful(LocalStore):
    """Reads its folders again for each page, as a new opening would."""

    def __init__(self, other: LocalStore) -> None:
        super().__init__(other._account)

    async def list_objects(self, bucket: str, **how: object):
        self._walks.clear()
        return await super().list_objects(bucket, **how)  # type: ignore[arg-type]
