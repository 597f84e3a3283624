"""What one running transfer has got done: its plan, its parts, its irreversible acts."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from core.model.transfer import PartRecord, State
from core.state.ledger import Ledger, Tally
from core.state.rows import from_part, search_name, to_json

_PUT_PART = (
    "INSERT INTO parts (transfer_id, number, offset, size_bytes, done, etag, crc64nvme, md5)"
    " SELECT ?, ?, ?, ?, {done}, ?, ?, ? WHERE EXISTS (SELECT 1 FROM transfers WHERE id = ?1)"
    " ON CONFLICT (transfer_id, number) DO UPDATE SET offset = excluded.offset, size_bytes = excluded.size_bytes,"
    " done = excluded.done, etag = excluded.etag, crc64nvme = excluded.crc64nvme, md5 = excluded.md5"
)
_START_PART = _PUT_PART.format(done=0) + " WHERE parts.done = 0"
_FINISH_PART = _PUT_PART.format(done=1)


class Progress(Ledger):
    """The part of the queue that a running transfer writes. Notes on a transfer that is gone are passed over."""

    async def planned(
        self,
        transfer_id: int,
        part_size_bytes: int,
        upload_id: str,
        source_stamp: str,
        size_bytes: int,
        checksums: bool = False,
    ) -> None:
        """The plan that is followed from now on. With an upload id on disk, the intent to open one is fulfilled."""

        def change(connection: sqlite3.Connection, tally: Tally) -> None:
            _resize(connection, tally, transfer_id, size_bytes=size_bytes)
            connection.execute(
                "UPDATE transfers SET part_size_bytes = ?, upload_id = ?, source_stamp = ?, checksums = ?, intent = ''"
                " WHERE id = ?",
                (part_size_bytes, upload_id, source_stamp, int(checksums), transfer_id),
            )

        await self._change(change)

    async def started_over(self, transfer_id: int) -> None:
        """Plan, upload id and parts are void; nothing is committed."""

        def change(connection: sqlite3.Connection, tally: Tally) -> None:
            connection.execute("DELETE FROM parts WHERE transfer_id = ?", (transfer_id,))
            _resize(connection, tally, transfer_id, committed_bytes=0)
            connection.execute(
                "UPDATE transfers SET part_size_bytes = 0, upload_id = '', checksums = 0, intent = '' WHERE id = ?",
                (transfer_id,),
            )

        await self._change(change)

    def part_started(self, transfer_id: int, part: PartRecord) -> None:
        """Written with the next commit. A part that is done stays done."""
        values = from_part(transfer_id, part)
        self._database.write_soon(lambda connection: connection.execute(_START_PART, values))

    async def part_done(self, transfer_id: int, part: PartRecord) -> None:
        """The other side has this part; its bytes count as committed."""

        def change(connection: sqlite3.Connection, tally: Tally) -> None:
            had = connection.execute(
                "SELECT coalesce(sum(size_bytes), 0) FROM parts WHERE transfer_id = ? AND number = ? AND done",
                (transfer_id, part.number),
            ).fetchone()[0]
            connection.execute(_FINISH_PART, from_part(transfer_id, part))
            _resize(connection, tally, transfer_id, more_bytes=part.size_bytes - had)

        await self._change(change)

    async def kept(self, transfer_id: int, numbers: Collection[int], resent_bytes: int) -> None:
        """After a restart: only these parts are still trusted, and this much of the rest is sent again."""

        def change(connection: sqlite3.Connection, tally: Tally) -> None:
            connection.execute(
                "DELETE FROM parts WHERE transfer_id = ? AND number NOT IN (SELECT value FROM json_each(?))",
                (transfer_id, to_json(list(numbers))),
            )
            committed = connection.execute(
                "SELECT coalesce(sum(size_bytes), 0) FROM parts WHERE transfer_id = ? AND done", (transfer_id,)
            ).fetchone()[0]
            _resize(connection, tally, transfer_id, committed_bytes=committed)
            _add_sent_again(connection, transfer_id, resent_bytes)

        await self._change(change)

    def sent_again(self, transfer_id: int, size_bytes: int) -> None:
        """Bytes of an attempt that failed; written with the next commit."""
        self._database.write_soon(lambda connection: _add_sent_again(connection, transfer_id, size_bytes))

    def part_dropped(self, transfer_id: int, number: int) -> None:
        """An attempt ended in order and without success; written with the next commit. A part that is done stays."""
        self._database.write_soon(
            lambda connection: connection.execute(
                "DELETE FROM parts WHERE transfer_id = ? AND number = ? AND NOT done", (transfer_id, number)
            )
        )

    def rested(self, transfer_id: int, seconds: float) -> None:
        """It ran for so long and stopped; written with the next commit, after which views read the row again."""

        def change(connection: sqlite3.Connection, tally: Tally) -> None:
            connection.execute("UPDATE transfers SET active_s = active_s + ? WHERE id = ?", (seconds, transfer_id))
            tally.listed = True

        self._change_soon(change)

    async def redirect(self, transfer_id: int, destination: str) -> None:
        """It goes to another name, since its own was taken."""

        def change(connection: sqlite3.Connection, tally: Tally) -> None:
            source = connection.execute("SELECT source FROM transfers WHERE id = ?", (transfer_id,)).fetchone()
            if source is not None:
                connection.execute(
                    "UPDATE transfers SET destination = ?, name = ? WHERE id = ?",
                    (destination, search_name(source[0], destination), transfer_id),
                )
                tally.listed = True

        await self._change(change)

    async def intent(self, transfer_id: int, act: str) -> None:
        """An irreversible act is about to happen; it is forgotten when the transfer is done or starts over."""
        await self._database.write(
            lambda connection: (
                connection.execute("UPDATE transfers SET intent = ? WHERE id = ?", (act, transfer_id)).rowcount
            )
        )

    async def intents(self) -> dict[int, str]:
        """Acts that were about to happen and whose outcome is not known, by transfer."""
        return await self._database.read(
            lambda connection: dict(
                connection.execute("SELECT id, intent FROM transfers WHERE intent <> '' ORDER BY id").fetchall()
            )
        )


def _add_sent_again(connection: sqlite3.Connection, transfer_id: int, size_bytes: int) -> None:
    connection.execute(
        "UPDATE transfers SET sent_again_bytes = sent_again_bytes + ? WHERE id = ?", (size_bytes, transfer_id)
    )


def _resize(
    connection: sqlite3.Connection,
    tally: Tally,
    transfer_id: int,
    *,
    size_bytes: int | None = None,
    committed_bytes: int | None = None,
    more_bytes: int = 0,
) -> None:
    """Set the size or the committed bytes of a transfer (or add to them), and keep the sums in step."""
    row = connection.execute(
        "SELECT batch_id, state, size_bytes, committed_bytes FROM transfers WHERE id = ?", (transfer_id,)
    ).fetchone()
    if row is None:
        return
    batch_id, state, old_size, old_committed = row
    size = old_size if size_bytes is None else size_bytes
    committed = (old_committed if committed_bytes is None else committed_bytes) + more_bytes
    connection.execute(
        "UPDATE transfers SET size_bytes = ?, committed_bytes = ? WHERE id = ?", (size, committed, transfer_id)
    )
    tally.add(batch_id, State(state), 0, size - old_size, committed - old_committed)
    tally.listed = tally.listed or size != old_size
