"""Batches: what the user asked for, and how its transfers stand together."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from core.model.errors import ErrorRecord, UsageError
from core.model.transfer import Batch, BatchState, Options, State
from core.protocol.rows import BatchRow
from core.state.ledger import Ledger
from core.state.rows import SELECT_BATCH, from_field, to_batch, to_json


class Batches(Ledger):
    """The part of the queue that is about batches."""

    async def add_batch(
        self,
        *,
        sources: Sequence[str],
        source_account: str,
        destination: str,
        destination_account: str,
        recursive: bool,
        options: Options,
        added_s: float,
    ) -> Batch:
        """A new batch whose sources are still to be listed."""

        def change(connection: sqlite3.Connection) -> Batch:
            cursor = connection.execute(
                "INSERT INTO batches (sources, source_account, destination, destination_account, recursive, options,"
                " state, added_s) VALUES (?, ?, ?, ?, ?, ?, 'walking', ?)",
                (
                    to_json(list(sources)),
                    source_account,
                    destination,
                    destination_account,
                    int(recursive),
                    to_json(options),
                    added_s,
                ),
            )
            return batch_of(connection, cursor.lastrowid or 0)

        return await self._database.write(change)

    async def finish_walk(
        self, batch_id: int, state: BatchState, error: ErrorRecord | None = None, skipped: int = 0
    ) -> None:
        """The sources have been listed, or cannot be. Raises UsageError `no-such-batch`."""

        def change(connection: sqlite3.Connection) -> None:
            cursor = connection.execute(
                "UPDATE batches SET state = ?, error = ?, skipped = ? WHERE id = ?",
                (state.value, from_field(error), skipped, batch_id),
            )
            if cursor.rowcount == 0:
                raise _no_such_batch(batch_id)

        await self._database.write(change)

    async def walking(self) -> list[Batch]:
        """Batches whose listing is not finished, oldest first: after a restart it is begun again."""
        return await self._database.read(
            lambda connection: [
                to_batch(row) for row in connection.execute(f"{SELECT_BATCH} WHERE state = 'walking' ORDER BY id")
            ]
        )

    async def batch(self, batch_id: int) -> Batch:
        """Raises UsageError `no-such-batch`."""
        return await self._database.read(lambda connection: batch_of(connection, batch_id))

    async def batch_row(self, batch_id: int) -> BatchRow:
        """A batch with the sums over its transfers. Raises UsageError `no-such-batch`."""

        def query(connection: sqlite3.Connection) -> BatchRow:
            batch = batch_of(connection, batch_id)
            sums = connection.execute(
                "SELECT state, transfers, size_bytes, committed_bytes FROM tally WHERE batch_id = ?", (batch_id,)
            ).fetchall()
            return BatchRow(
                id=batch.id,
                state=batch.state,
                sources=batch.sources,
                destination=batch.destination,
                counts={State(state): transfers for state, transfers, _, _ in sums if transfers},
                size_bytes=sum(row[2] for row in sums),
                committed_bytes=sum(row[3] for row in sums),
                skipped=batch.skipped,
                error=batch.error,
            )

        return await self._database.read(query)

    async def change_batch_options(self, batch_id: int, options: Options) -> None:
        """Raises UsageError `no-such-batch`."""

        def change(connection: sqlite3.Connection) -> None:
            cursor = connection.execute("UPDATE batches SET options = ? WHERE id = ?", (to_json(options), batch_id))
            if cursor.rowcount == 0:
                raise _no_such_batch(batch_id)

        await self._database.write(change)

    async def counts_of(self, batch: int) -> dict[State, int]:
        """How many transfers of a batch are in each state; of all batches for 0."""
        if batch == 0:
            return dict(self.counts)

        def query(connection: sqlite3.Connection) -> dict[State, int]:
            found = connection.execute("SELECT state, transfers FROM tally WHERE batch_id = ?", (batch,))
            return dict.fromkeys(State, 0) | {State(state): transfers for state, transfers in found}

        return await self._database.read(query)


def batch_of(connection: sqlite3.Connection, batch_id: int) -> Batch:
    row = connection.execute(f"{SELECT_BATCH} WHERE id = ?", (batch_id,)).fetchone()
    if row is None:
        raise _no_such_batch(batch_id)
    return to_batch(row)


def _no_such_batch(batch_id: int) -> UsageError:
    return UsageError("no-such-batch", f"There is no batch {batch_id}.", where=str(batch_id))
