"""`sluice agent --status` and `--stop`: about the engine, without starting one."""

from __future__ import annotations

import argparse
from typing import Any

import msgspec

from core.host import endpoint
from core.host.cli.link import Link
from core.host.cli.output import Output
from core.host.places import find_places
from core.model.errors import UsageError
from core.model.units import format_rate
from core.protocol.commands import Status

NOT_RUNNING = 1


async def ask(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    if wishes.stop:
        stopped = await endpoint.stop(find_places())
        out.tell({"stopped": stopped}, "The engine has stopped." if stopped else "No engine is running.")
        return 0
    if not wishes.status:
        raise UsageError("usage", "--json goes with --status or --stop.")
    status = await endpoint.describe(find_places())
    if status is None:
        out.tell({"running": False}, "No engine is running.")
        return NOT_RUNNING
    record: dict[str, Any] = {"running": True, **msgspec.to_builtins(status)}
    out.tell(record, _text(status))
    return 0


def _text(status: Status) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in status.counts.items() if count) or "none"
    rates = f"up {format_rate(status.totals.up_bps)}, down {format_rate(status.totals.down_bps)}"
    return (
        f"The engine runs: process {status.pid}, version {status.version}, home {status.home}.\n"
        f"Transfers: {counts}. {rates[:1].upper()}{rates[1:]}."
    )
