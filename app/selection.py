"""Which transfers a person has chosen: some by id, or all but some. Plain sets, whatever the table can see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.protocol.rows import Selection, View


@dataclass(frozen=True, slots=True)
class Chosen:
    """With `everything`, `ids` are the exceptions; without, they are the chosen ones."""

    everything: bool = False
    ids: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self.everything or bool(self.ids)

    def __contains__(self, transfer_id: object) -> bool:
        return (transfer_id in self.ids) is not self.everything

    def with_(self, ids: Collection[int]) -> Chosen:
        return Chosen(self.everything, self.ids - set(ids) if self.everything else self.ids | set(ids))

    def without(self, ids: Collection[int]) -> Chosen:
        return Chosen(self.everything, self.ids | set(ids) if self.everything else self.ids - set(ids))

    def toggled(self, ids: Collection[int]) -> Chosen:
        return Chosen(self.everything, self.ids ^ set(ids))

    def count(self, total: int) -> int:
        """How many are chosen when the filter holds `total`."""
        return max(0, total - len(self.ids)) if self.everything else len(self.ids)

    def selection(self, view: View) -> Selection:
        """The same choice as the engine takes it; `view` is the filter it was made in."""
        if self.everything:
            return Selection(everything=True, view=view, but=tuple(sorted(self.ids)))
        return Selection(ids=tuple(sorted(self.ids)))


ALL = Chosen(everything=True)
NONE = Chosen()
