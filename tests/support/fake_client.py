"""An engine's double for tests of the window: a queue in memory, told through real Snapshots and Deltas.

It filters, sorts and cuts as the engine does, records every command, and answers the harmless ones. It moves no bytes:
a test changes rows with `put`, `drop` or `answer`. Every message makes the round trip through the codec.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

from core.model.account import Account, AccountKind
from core.model.errors import NetworkError
from core.model.objects import Bucket, Page
from core.model.settings import Settings, changed
from core.model.transfer import Direction, State
from core.protocol import codec, commands
from core.protocol.events import Delta, Notice, Snapshot
from core.protocol.rows import (
    FILTER_STATES,
    AccountRow,
    CheckRow,
    Filter,
    Order,
    Selection,
    Totals,
    TransferRow,
    View,
)

Event = Snapshot | Delta | Notice
BUILTIN = AccountRow(
    account=Account(name="Try it here", kind=AccountKind.LOCAL, root="/tmp"), secret="none needed", builtin=True
)
_KEYS: dict[Order, Callable[[TransferRow], Any]] = {
    Order.NAME: lambda row: row.name,
    Order.SIZE: lambda row: row.size_bytes,
    Order.STATE: lambda row: row.state,
    Order.ADDED: lambda row: row.added_s,
    Order.ENDED: lambda row: row.ended_s,
}


class FakeWatch:
    """One view onto the fake queue."""

    def __init__(self, client: FakeClient, view: View) -> None:
        self._client = client
        self._events: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self._seq = 0
        self.view = view
        self.views = [view]
        self._ids: tuple[int, ...] = ()
        self._total = -1
        self.snapshot()

    def look(self, view: View) -> None:
        self.view = view
        self.views.append(view)
        self.snapshot()

    def next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def send(self, event: Event) -> None:
        """Hand over an event as the wire would."""
        told = codec.decode_to_client(codec.encode(codec.Told(watch=1, event=event)))
        assert isinstance(told, codec.Told)
        self._events.put_nowait(told.event)

    def snapshot(self) -> None:
        rows, total = self._client.window(self.view)
        self._ids, self._total = tuple(row.id for row in rows), total
        client = self._client
        self.send(
            Snapshot(
                seq=self.next_seq(), view=self.view, total=total, rows=rows,
                counts=client.counts(), totals=client.totals, held=client.held,
            )
        )  # fmt: skip

    def delta(self, touched: set[int]) -> None:
        rows, total = self._client.window(self.view)
        ids = tuple(row.id for row in rows)
        fresh = set(ids) - set(self._ids)
        event = Delta(
            seq=self.next_seq(),
            total=total if total != self._total else None,
            ids=ids if ids != self._ids else None,
            rows=tuple(row for row in rows if row.id in touched | fresh),
            counts=self._client.counts(),
            totals=self._client.totals,
        )
        self._ids, self._total = ids, total
        self.send(event)

    def end(self, error: Exception | None = None) -> None:
        self._events.put_nowait(error)

    async def close(self) -> None:
        self.end()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self._events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event


class FakeClient:
    """Owns the rows. `refusals` maps a command class to the error it is answered with."""

    def __init__(self, rows: Sequence[TransferRow] = ()) -> None:
        self.rows: Sequence[TransferRow] = rows if isinstance(rows, LazyRows) else list(rows)
        self.totals = Totals()
        self.held: dict[str, Any] = {}
        self.settings = Settings()
        self.accounts: list[AccountRow] = [BUILTIN]
        self.buckets: dict[str, list[str]] = {"Try it here": ["my-first-bucket"]}
        self.prefixes: tuple[str, ...] = ()
        self.checks: tuple[CheckRow, ...] = ()
        self.commands: list[Any] = []
        self.refusals: dict[type, Exception] = {}
        self.watches: list[FakeWatch] = []
        self.closed = False

    # --- the queue

    def window(self, view: View) -> tuple[tuple[TransferRow, ...], int]:
        """The rows of a view, and how many its filter holds."""
        if isinstance(self.rows, LazyRows):
            return tuple(self.rows[view.first : view.first + view.count]), len(self.rows)
        rows = [row for row in self.rows if row.state in FILTER_STATES[view.filter]]
        if view.search:
            rows = [row for row in rows if view.search.lower() in row.name.lower()]
        if view.order in _KEYS:
            rows.sort(key=_KEYS[view.order], reverse=view.descending)
        return tuple(rows[view.first : view.first + view.count]), len(rows)

    def counts(self) -> dict[str, int]:
        if isinstance(self.rows, LazyRows):
            return {Filter.ALL: len(self.rows), Filter.WAITING: len(self.rows)}
        return {one: sum(row.state in states for row in self.rows) for one, states in FILTER_STATES.items()}

    def put(self, *rows: TransferRow) -> None:
        """Add rows or change those of the same id, and tell the watches."""
        own = {row.id: index for index, row in enumerate(self.rows)}
        assert isinstance(self.rows, list)
        for row in rows:
            if row.id in own:
                self.rows[own[row.id]] = row
            else:
                self.rows.append(row)
        self._tell({row.id for row in rows})

    def drop(self, *ids: int) -> None:
        self.rows = [row for row in self.rows if row.id not in ids]
        self._tell(set())

    def shuffle(self, order: Sequence[int]) -> None:
        """The same rows in another order of the queue."""
        place = {one: index for index, one in enumerate(order)}
        self.rows = sorted(self.rows, key=lambda row: place[row.id])
        self._tell(set())

    def _tell(self, touched: set[int]) -> None:
        for watch in self.watches:
            watch.delta(touched)

    def notify(self, kind: str, sentence: str) -> None:
        for watch in self.watches:
            watch.send(Notice(seq=watch.next_seq(), kind=kind, sentence=sentence))

    def lose(self) -> None:
        """The engine is gone."""
        for watch in self.watches:
            watch.end(NetworkError("engine-lost", "The connection to the engine was lost."))
        self.watches.clear()

    def said(self, kind: type) -> list[Any]:
        """The commands of one class, in order."""
        return [command for command in self.commands if isinstance(command, kind)]

    # --- the client's verbs

    def watch(self, view: View) -> FakeWatch:
        watch = FakeWatch(self, view)
        self.watches.append(watch)
        return watch

    async def close(self) -> None:
        self.closed = True

    async def call(self, command: commands.Command[Any]) -> Any:
        request = codec.decode_to_engine(codec.encode(codec.Request(number=1, command=command)))
        assert isinstance(request, codec.Request)
        self.commands.append(request.command)
        await asyncio.sleep(0)
        refusal = self.refusals.get(type(command))
        if refusal is not None:
            raise refusal
        return codec.decode_result(command, codec.encode(self._answer(request.command)))

    def _answer(self, command: Any) -> Any:
        match command:
            case commands.GetSettings():
                return self.settings
            case commands.ChangeSettings():
                self.settings = changed(self.settings, command.changes)
                return self.settings
            case commands.ListAccounts():
                return commands.Accounts(accounts=tuple(self.accounts))
            case commands.PutAccount():
                row = AccountRow(account=command.account, secret="keyring" if command.secret else "none needed")
                self.accounts = [one for one in self.accounts if one.account.name != row.account.name] + [row]
                return row
            case commands.TestAccount():
                return commands.Checks(steps=self.checks)
            case commands.ListBuckets():
                names = self.buckets.get(command.account, [])
                return commands.Buckets(buckets=tuple(Bucket(name) for name in names))
            case commands.CreateBucket():
                self.buckets.setdefault(command.account, []).append(command.bucket)
                return commands.Done()
            case commands.ListObjects():
                return Page(prefixes=tuple(one for one in self.prefixes if one.startswith(command.prefix)))
            case commands.AddTransfers():
                return commands.Added(batch=1)
            case commands.ListTransfers():
                rows, total = self.window(command.view)
                return commands.Rows(total=total, rows=rows)
            case commands.RemoveAccount():
                self.accounts = [one for one in self.accounts if one.account.name != command.name]
                return commands.Done()
            case commands.StopEngine():
                return commands.Done()
        selection = getattr(command, "selection", Selection())
        return commands.Changed(count=len(selection.ids))


class LazyRows(Sequence[TransferRow]):
    """As many queued transfers as one likes, made when they are looked at; `made` tells which."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.made: set[int] = set()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._row(number) for number in range(*index.indices(self._count))]
        return self._row(index)

    def _row(self, number: int) -> TransferRow:
        self.made.add(number)
        return row(number + 1, name=f"file-{number:07}.bin")


def row(number: int, state: State = State.QUEUED, **fields: Any) -> TransferRow:
    """A transfer with plausible defaults."""
    name = fields.pop("name", f"file-{number}.bin")
    plain = TransferRow(
        id=number, batch=1, direction=Direction.UP, state=state, name=name,
        source=f"/home/me/{name}", destination=f"s3://my-first-bucket/{name}", size_bytes=8 << 20,
    )  # fmt: skip
    return replace(plain, **fields)
