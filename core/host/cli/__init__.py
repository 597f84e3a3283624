"""The command line: decides what is asked for before anything slow is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code.

    0: done and verified (or skipped); 1: failed or cancelled; 2: asked wrongly; 3: paused, or waits for somebody;
    130: interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        import core

        sys.stdout.write(f"sluice {core.__version__}\n")
        return 0
    if arguments[:1] == ["agent"] and not {"--status", "--stop", "--json", "--help", "-h"} & set(arguments):
        from core.host.agent import main as run_agent

        return run_agent(arguments[1:])
    from core.host.cli.run import run

    return run(arguments)
