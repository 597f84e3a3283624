"""`sluice cp`: queue a request, and unless asked not to, wait until it has come to rest."""

from __future__ import annotations

import argparse
import sys

import msgspec

from core.host.cli.goals import BatchGoal
from core.host.cli.link import Link
from core.host.cli.output import Output
from core.host.cli.progress import progress_for
from core.host.cli.request import transfer_request
from core.host.cli.signals import interruptions
from core.host.cli.waiting import Waiting
from core.model.location import is_remote
from core.protocol.commands import AddTransfers

checked = transfer_request


async def copy(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    account = await link.account(wishes.account)
    await link.client()  # Ctrl-C ends this at once; from here on it must not lose sight of what it has queued
    with interruptions() as interrupted:
        batch = (await link.call(_with_account(wishes.request, account))).batch
        if wishes.no_wait:
            out.tell({"batch": batch}, f"Queued as batch {batch}; look with: sluice queue")
            return 0
        progress = progress_for(out, terminal=sys.stderr.isatty(), batch=batch)
        return await Waiting(link, BatchGoal(batch, account), out, progress).run(interrupted)


def _with_account(request: AddTransfers, account: str) -> AddTransfers:
    return msgspec.structs.replace(
        request,
        source_account=account if is_remote(request.sources[0]) else "",
        destination_account=account if is_remote(request.destination) else "",
    )
