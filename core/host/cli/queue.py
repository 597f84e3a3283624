"""The queue from the command line: showing it, and pausing, resuming, cancelling and retrying what is in it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable

from core.host.cli.goals import EverythingGoal, Goal, IdsGoal, all_rows
from core.host.cli.link import Link
from core.host.cli.output import Output, printable, transfer_record
from core.host.cli.progress import progress_for
from core.host.cli.signals import interruptions
from core.host.cli.waiting import Waiting
from core.model.errors import UsageError
from core.model.units import format_size
from core.protocol import commands as c
from core.protocol.rows import Filter, Selection, TransferRow, View

_Change = Callable[[Selection], c.Command[c.Changed]]


async def show(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    async for row in all_rows(link, View(filter=Filter(wishes.filter), search=wishes.search)):
        out.tell(transfer_record(row), _line(row))
    return 0


async def pause(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    await _change(wishes, link, out, lambda selection: c.PauseTransfers(selection=selection), "paused")
    return 0


async def cancel(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    await _change(wishes, link, out, lambda selection: c.CancelTransfers(selection=selection), "cancelled")
    return 0


async def resume(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    await link.bring_keys_again()
    return await _change(wishes, link, out, lambda selection: c.ResumeTransfers(selection=selection), "resumed")


async def retry(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    await link.bring_keys_again()
    return await _change(wishes, link, out, lambda selection: c.RetryTransfers(selection=selection), "queued again")


async def _change(wishes: argparse.Namespace, link: Link, out: Output, change: _Change, done: str) -> int:
    """Change what is meant; the exit code of the wait, 0 without one."""
    if bool(wishes.ids) == wishes.everything:
        raise UsageError("usage", "Say which transfers: their numbers (see sluice queue) or --all, not both.")
    goal: Goal = await EverythingGoal.from_now(link) if wishes.everything else IdsGoal(wishes.ids)
    # a number that does not exist is told, and then nothing is changed
    await asyncio.gather(*(link.call(c.GetTransfer(id=one)) for one in wishes.ids))
    count = (await link.call(change(goal.selection))).count
    out.tell({"changed": count}, f"{count} {'transfer' if count == 1 else 'transfers'} {done}.")
    if not wishes.wait:
        return 0
    with interruptions() as interrupted:
        return await Waiting(link, goal, out, progress_for(out, terminal=sys.stderr.isatty())).run(interrupted)


def _line(row: TransferRow) -> str:
    percent = 100 * row.committed_bytes // row.size_bytes if row.size_bytes else 0
    words = [
        f"{row.id:>6}  {row.state:<10} {percent:>3} %  {format_size(row.size_bytes):>10}",
        f"{printable(row.source)} -> {printable(row.destination)}",
    ]
    if row.error is not None:
        words.append(f"({printable(row.error.sentence)})")
    return "  ".join(words)
