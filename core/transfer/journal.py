"""What one transfer must have remembered on disk, as it sees it; the engine implements it over its database."""

from __future__ import annotations

from typing import Protocol

from core.model.transfer import PartRecord


class Journal(Protocol):
    """An awaited call returns when the fact is on disk; the others are written with the next commit."""

    async def planned(
        self, *, part_size_bytes: int, upload_id: str, checksums: bool, source_stamp: str, size_bytes: int
    ) -> None:
        """The plan that will be followed from now on, and the open upload's id. Ends the intent `create`."""

    async def started_over(self) -> None:
        """The plan, the upload id and all parts are void."""

    def part_started(self, part: PartRecord) -> None:
        """Written soon: after a crash it says what was in flight."""

    async def part_done(self, part: PartRecord) -> None: ...

    def part_dropped(self, number: int) -> None:
        """A part that was started has ended without success, and its bytes are accounted for (`sent_again`)."""

    async def kept(self, numbers: list[int], resent_bytes: int) -> None:
        """After a restart: only these parts are still trusted; this much of the rest will be sent again."""

    def sent_again(self, size_bytes: int) -> None:
        """Bytes of an attempt that failed or was stopped."""

    async def intent(self, act: str) -> None:
        """An irreversible act (`create`, `put`, `complete`, `replace`) is about to happen."""
