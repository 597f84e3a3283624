"""The rows inside a view: an index of ids, sorted and filtered by the database, and the page that is looked at."""

from __future__ import annotations

import time
from array import array
from dataclasses import replace

from core.engine.live import Live
from core.protocol.rows import TransferRow, View
from core.state.transfers import Transfers

_MOST_ROWS = 500
_REST = 5  # an index that takes a second to build is built anew every five seconds at most


def bounded(view: View) -> View:
    """The view within what one window may hold."""
    return replace(view, first=max(0, view.first), count=max(0, min(_MOST_ROWS, view.count)))


class QueueWindow:
    """Keeps the index and the page of one watch, and reads them again only when the queue has changed."""

    def __init__(self, transfers: Transfers, live: Live) -> None:
        self._transfers = transfers
        self._live = live
        self._index: array[int] = array("q")
        self._index_of: tuple[object, ...] = ()
        self._index_version = -1
        self._index_at = 0.0
        self._index_took_s = 0.0
        self._page: dict[int, TransferRow] = {}
        self._page_of: tuple[object, ...] = ()

    @property
    def total(self) -> int:
        """Rows in the whole filter."""
        return len(self._index)

    @property
    def stale(self) -> bool:
        """Whether the queue has changed since the index was built."""
        return self._index_version != self._transfers.version

    async def rows(self, view: View) -> list[TransferRow]:
        await self._refresh(view)
        ids = self._index[view.first : view.first + view.count].tolist()
        wanted = (self._transfers.version, tuple(ids))
        if wanted != self._page_of:
            self._page = {row.id: row for row in await self._transfers.page(ids)}
            self._page_of = wanted
        now_s = time.time()
        return [self._live.overlaid(self._page[i], now_s) for i in ids if i in self._page]

    async def _refresh(self, view: View) -> None:
        """Sort and filter again when the queue changed; the longer that takes the rarer it is done."""
        key = (view.filter, view.search, view.order, view.descending, view.batch)
        same = self._index_of == key
        rested = time.monotonic() - self._index_at >= _REST * self._index_took_s
        if same and not (self.stale and rested):
            return
        version = self._transfers.version
        started = time.monotonic()
        self._index = await self._transfers.index(view)
        self._index_at = time.monotonic()
        self._index_took_s = self._index_at - started
        self._index_of, self._index_version = key, version
