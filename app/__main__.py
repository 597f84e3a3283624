"""`sluice`: the window without arguments, else a command; chooses before anything of Qt is imported."""

from __future__ import annotations

import sys


def main() -> int:
    """The exit code."""
    if len(sys.argv) > 1:
        from core.host.cli import main as run_command

        return run_command(sys.argv[1:])
    from app.bootstrap import main as open_window

    code: int = open_window(sys.argv)
    return code


if __name__ == "__main__":
    sys.exit(main())
