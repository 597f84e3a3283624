"""The journal of one transfer, kept in the engine's database."""

from __future__ import annotations

import time

from core.model.transfer import PartRecord
from core.state.transfers import Transfers


class DatabaseJournal:
    """Implements `core.transfer.journal.Journal` for one transfer."""

    def __init__(self, transfers: Transfers, transfer_id: int) -> None:
        self._transfers = transfers
        self._id = transfer_id

    async def planned(
        self, *, part_size_bytes: int, upload_id: str, checksums: bool, source_stamp: str, size_bytes: int
    ) -> None:
        await self._transfers.planned(
            self._id,
            part_size_bytes=part_size_bytes,
            upload_id=upload_id,
            checksums=checksums,
            source_stamp=source_stamp,
            size_bytes=size_bytes,
        )

    async def started_over(self) -> None:
        await self._transfers.started_over(self._id)

    def part_started(self, part: PartRecord) -> None:
        self._transfers.part_started(self._id, part)

    async def part_done(self, part: PartRecord) -> None:
        await self._transfers.part_done(self._id, part)

    def part_dropped(self, number: int) -> None:
        self._transfers.part_dropped(self._id, number)

    async def kept(self, numbers: list[int], resent_bytes: int) -> None:
        await self._transfers.kept(self._id, numbers, resent_bytes)

    def sent_again(self, size_bytes: int) -> None:
        if size_bytes > 0:
            self._transfers.sent_again(self._id, size_bytes)

    async def intent(self, act: str) -> None:
        await self._transfers.intent(self._id, f"{act}@{time.time():.3f}")
