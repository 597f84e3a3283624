"""Runs one command of the command line and turns how it went into an exit code."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence

from core.host.cli import accounts, agent, copying, objects, queue, settings
from core.host.cli.link import Link
from core.host.cli.output import Output
from core.host.cli.parse import parse
from core.model.errors import CoreError, UsageError, describe

FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141

_COMMANDS: dict[str, Callable[[argparse.Namespace, Link, Output], Awaitable[int]]] = {
    "cp": copying.copy,
    "ls": objects.list_,
    "mb": objects.make_bucket,
    "rm": objects.remove,
    "uploads": objects.list_uploads,
    "queue": queue.show,
    "pause": queue.pause,
    "resume": queue.resume,
    "cancel": queue.cancel,
    "retry": queue.retry,
    "settings": settings.settings,
    "account": accounts.account,
    "agent": agent.ask,
}


def run(argv: Sequence[str]) -> int:
    """The exit code; see `core.host.cli.main`."""
    out = Output(as_json="--json" in argv)
    try:
        return asyncio.run(_run(parse(argv), out))
    except CoreError as error:
        out.failure(error)
        return USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read has seen enough; the interpreter must not trip over it once more when it flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except SystemExit as end:  # argparse after --help
        return int(end.code or 0)
    except Exception as error:
        out.failure(describe(error).revive())
        if os.environ.get("SLUICE_DEBUG"):
            raise
        return FAILED


async def _run(wishes: argparse.Namespace, out: Output) -> int:
    if wishes.command == "cp":
        wishes.request = copying.checked(wishes)  # asked wrongly is told before an engine is started
    link = Link()
    try:
        code = await _COMMANDS[wishes.command](wishes, link, out)
        out.flush()
        return code
    finally:
        await link.close()
