"""What a command waits for: the transfers of a batch, some by their numbers, or all there are."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.host.cli.link import Link
from core.model.errors import ErrorRecord
from core.model.transfer import ENDED, BatchState, State, Transfer
from core.protocol import commands as c
from core.protocol.rows import Filter, Order, Selection, TransferRow, View

PAGE = 1000
BARS = 8  # rows shown while they move
_MOVING = View(filter=Filter.MOVING, count=BARS)
_EVERYTHING = Selection(everything=True)
_MOVES = frozenset({State.QUEUED, State.RUNNING, State.WAITING, State.CANCELLING})


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand at one moment."""

    counts: Counter[State]
    walking: bool = False  # folders or listings are still being read, so there will be more
    size_bytes: int = 0
    committed_bytes: int = 0
    passed_over: int = 0  # sources left out with a reason
    passed_why: str = ""  # a sentence about them
    error: ErrorRecord | None = None  # why the listing ended early
    accounts: frozenset[str] | None = None  # that these transfers need; None when it may be any

    @property
    def at_rest(self) -> bool:
        """Nothing will change by itself any more."""
        return not self.walking and not any(self.counts[state] for state in _MOVES)

    @property
    def stands_still(self) -> bool:
        """Nothing is moving just now, for whatever reason."""
        return not self.counts[State.RUNNING] and not self.counts[State.CANCELLING]


class Goal(Protocol):
    view: View
    selection: Selection

    async def standing(self, link: Link) -> Standing: ...

    async def ended(self, link: Link) -> Sequence[TransferRow]:
        """Some of those that have ended and were not given out before; empty when there are no more just now."""

    def left(self, link: Link) -> AsyncIterator[TransferRow]:
        """Those that have not ended."""


@dataclass
class BatchGoal:
    """All of one request."""

    batch: int
    account: str
    after: int = 0

    def __post_init__(self) -> None:
        self.view = View(filter=Filter.MOVING, count=BARS, batch=self.batch)
        self.selection = Selection(everything=True, view=View(batch=self.batch))

    async def standing(self, link: Link) -> Standing:
        row = await link.call(c.GetBatch(batch=self.batch))
        failed = row.state is BatchState.FAILED
        return Standing(
            counts=Counter(row.counts),
            walking=row.state is BatchState.WALKING,
            size_bytes=row.size_bytes,
            committed_bytes=row.committed_bytes,
            passed_over=row.skipped,
            passed_why=row.error.sentence if row.error is not None and not failed else "",
            error=row.error if failed else None,
            accounts=frozenset({self.account}),
        )

    async def ended(self, link: Link) -> Sequence[TransferRow]:
        rows = (await link.call(c.ListEnded(batch=self.batch, after=self.after, count=PAGE))).rows
        self.after = rows[-1].ended_no if rows else self.after
        return rows

    def left(self, link: Link) -> AsyncIterator[TransferRow]:
        return _not_ended(link, View(batch=self.batch))


@dataclass
class EverythingGoal:
    """The whole queue; of what has ended, only what ends from now on. Make one with `from_now`."""

    after: int = 0
    view: View = _MOVING
    selection: Selection = _EVERYTHING

    @classmethod
    async def from_now(cls, link: Link) -> EverythingGoal:
        newest = View(order=Order.ENDED, descending=True, count=1)
        rows = (await link.call(c.ListTransfers(view=newest))).rows
        return cls(after=rows[0].ended_no if rows else 0)

    async def standing(self, link: Link) -> Standing:
        status = await link.call(c.GetStatus())
        counts = Counter({State(name): count for name, count in status.counts.items()})
        return Standing(counts=counts, walking=status.totals.walking > 0)

    async def ended(self, link: Link) -> Sequence[TransferRow]:
        rows = (await link.call(c.ListEnded(after=self.after, count=PAGE))).rows
        self.after = rows[-1].ended_no if rows else self.after
        return rows

    def left(self, link: Link) -> AsyncIterator[TransferRow]:
        return _not_ended(link, View())


@dataclass
class IdsGoal:
    """Some transfers by their numbers."""

    ids: Sequence[int]
    view: View = _MOVING
    _given: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.selection = Selection(ids=tuple(self.ids))

    async def standing(self, link: Link) -> Standing:
        transfers = await self._all(link)
        return Standing(
            counts=Counter(transfer.state for transfer in transfers),
            size_bytes=sum(transfer.size_bytes for transfer in transfers),
            committed_bytes=sum(transfer.committed_bytes for transfer in transfers),
            accounts=frozenset(t.destination_account or t.source_account for t in transfers),
        )

    async def ended(self, link: Link) -> Sequence[TransferRow]:
        rows = [row_of(t) for t in await self._all(link) if t.state in ENDED and t.id not in self._given]
        self._given.update(row.id for row in rows)
        return rows

    async def left(self, link: Link) -> AsyncIterator[TransferRow]:
        for transfer in await self._all(link):
            if transfer.state not in ENDED:
                yield row_of(transfer)

    async def _all(self, link: Link) -> list[Transfer]:
        return await asyncio.gather(*(link.call(c.GetTransfer(id=one)) for one in self.ids))


def row_of(transfer: Transfer) -> TransferRow:
    """The row of a transfer that is looked at by its number."""
    return TransferRow(
        id=transfer.id,
        batch=transfer.batch_id,
        direction=transfer.direction,
        state=transfer.state,
        name=transfer.source.rstrip("/").rpartition("/")[2],
        source=transfer.source,
        destination=transfer.destination,
        size_bytes=transfer.size_bytes,
        committed_bytes=transfer.committed_bytes,
        error=transfer.error,
        question=transfer.question,
        verified_by=transfer.verified_by,
        seconds=transfer.active_s,
        resent_bytes=transfer.sent_again_bytes,
        added_s=transfer.added_s,
        ended_s=transfer.ended_s,
        ended_no=transfer.ended_no,
    )


async def _not_ended(link: Link, view: View) -> AsyncIterator[TransferRow]:
    async for row in all_rows(link, view):
        if row.state not in ENDED:
            yield row


async def all_rows(link: Link, view: View) -> AsyncIterator[TransferRow]:
    """Every row of a view's filter, page by page, in the order they were added."""
    first = 0
    while True:
        page = View(
            filter=view.filter, search=view.search, order=Order.ADDED, first=first, count=PAGE, batch=view.batch
        )
        rows = (await link.call(c.ListTransfers(view=page))).rows
        for row in rows:
            yield row
        first += len(rows)
        if len(rows) < PAGE:
            return
