"""`sluice`: the window, or a command where one is named; chooses before anything of Qt is imported."""

from __future__ import annotations

import sys

_OF_THE_COMMAND_LINE = ("--version", "--help", "-h")


def main() -> int:
    """The exit code."""
    if _names_a_command(sys.argv[1:]):
        from core.host.cli import main as run_command

        return run_command(sys.argv[1:])
    from app.bootstrap import main as open_window

    return open_window(sys.argv)


def _names_a_command(words: list[str]) -> bool:
    """Options alone are the window's, but for those that ask what there is."""
    return bool(words) and (not words[0].startswith("-") or words[0] in _OF_THE_COMMAND_LINE)


if __name__ == "__main__":
    sys.exit(main())
