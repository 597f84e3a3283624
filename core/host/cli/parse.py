"""The words of the command line. Wrong ones become a UsageError in one sentence."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from core.model.errors import UsageError
from core.model.transfer import Conflict, Verify
from core.protocol.rows import Filter

_BUCKET = "s3://BUCKET[/PREFIX]"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        sentence = message[:1].upper() + message[1:].rstrip(".")
        raise UsageError("usage", f"{sentence}. Try: {self.prog} --help")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The wishes, with `command` naming what is asked for. Raises UsageError (`usage`); SystemExit after --help."""
    wishes = _parser().parse_args(argv)
    if not getattr(wishes, "command", ""):
        raise UsageError("usage", "Say what to do. Try: sluice --help")
    return wishes


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("sluice", description="Move files to and from S3 storage. Without a command: open the window.")
    parser.add_argument("--version", action="store_true", help="say the version and end")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    _copying(commands)
    _objects(commands)
    _queue(commands)
    _settings(commands)
    _accounts(commands)
    _agent(commands)
    return parser


if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[Any]  # argparse has no public name for it


def _add(commands: _Commands, name: str, help_: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_, description=help_[:1].upper() + help_[1:] + "."
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def _account_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--account", default="", metavar="NAME", help="an account of `sluice account`; default: the AWS_* environment"
    )


def _copying(commands: _Commands) -> None:
    cp = _add(commands, "cp", "send files to a bucket, fetch objects, or copy within a store")
    cp.add_argument("sources", nargs="+", metavar="SOURCE", help="a file, a folder, or s3://BUCKET/KEY")
    cp.add_argument("destination", metavar="DESTINATION")
    _account_option(cp)
    cp.add_argument("-r", "--recursive", action="store_true", help="whole folders, whole prefixes")
    cp.add_argument("--files", metavar="N", help="files at the same time")
    cp.add_argument("--parts", metavar="N", help="parts at the same time, per file")
    cp.add_argument("--part-size", metavar="SIZE", help="for example 16MiB")
    cp.add_argument("--limit-up", metavar="RATE", help="for example 30MB/s")
    cp.add_argument("--limit-down", metavar="RATE", help="for example 30MB/s")
    cp.add_argument(
        "--on-conflict",
        choices=[*Conflict],
        default=Conflict.OVERWRITE,
        help="what to do where the target exists (default: overwrite)",
    )
    cp.add_argument("--verify", choices=[*Verify], help="read-back: read again what the server cannot prove")
    cp.add_argument("--no-wait", action="store_true", help="queue it and return at once")


def _objects(commands: _Commands) -> None:
    ls = _add(commands, "ls", "list buckets, or the objects of one")
    ls.add_argument("location", nargs="?", default="", metavar=_BUCKET)
    ls.add_argument("-r", "--recursive", action="store_true", help="all keys, not grouped at the next slash")
    mb = _add(commands, "mb", "make a bucket")
    mb.add_argument("location", metavar="s3://BUCKET")
    rm = _add(commands, "rm", "delete an object, or with --recursive all under a prefix")
    rm.add_argument("location", metavar="s3://BUCKET/KEY")
    rm.add_argument("-r", "--recursive", action="store_true", help="everything that starts with this key")
    uploads = _add(commands, "uploads", "list the multipart uploads that are still open")
    uploads.add_argument("location", metavar=_BUCKET)
    for parser in (ls, mb, rm, uploads):
        _account_option(parser)


def _queue(commands: _Commands) -> None:
    queue = _add(commands, "queue", "show the transfers")
    queue.add_argument("--filter", choices=[*Filter], default=Filter.ALL, help="only some of them")
    queue.add_argument("--search", default="", metavar="TEXT", help="only those whose name has this in it")
    for name, help_ in (
        ("pause", "pause transfers"),
        ("resume", "let paused transfers go on"),
        ("cancel", "stop transfers for good and remove what is half done"),
        ("retry", "try failed and cancelled transfers again"),
    ):
        parser = _add(commands, name, help_)
        parser.add_argument("ids", nargs="*", type=int, metavar="ID")
        parser.add_argument("--all", action="store_true", dest="everything", help="all that this can be done to")
        parser.add_argument("--wait", action="store_true", help="return when they have come to rest")


def _settings(commands: _Commands) -> None:
    settings = _add(commands, "settings", "show or change the settings")
    verbs = settings.add_subparsers(metavar="get|set", dest="verb")
    get = _add(verbs, "get", "show all settings or one")
    get.add_argument("name", nargs="?", default="", metavar="NAME")
    put = _add(verbs, "set", "change a setting; in force at once")
    put.add_argument("name", metavar="NAME")
    put.add_argument("value", metavar="VALUE")


def _accounts(commands: _Commands) -> None:
    account = _add(commands, "account", "add, list, test and remove accounts")
    verbs = account.add_subparsers(metavar="add|list|test|remove", dest="verb", required=True)
    add = _add(verbs, "add", "add an account or change it")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--endpoint", default="", metavar="URL", help="default: AWS itself")
    add.add_argument("--region", default="", metavar="R")
    add.add_argument("--path-style", action=argparse.BooleanOptionalAction, help="default: for all but AWS itself")
    add.add_argument("--access-key", default="", metavar="K")
    add.add_argument("--secret-stdin", action="store_true", help="read the secret key from standard input")
    add.add_argument("--profile", default="", metavar="P", help="keys of a profile of ~/.aws instead")
    add.add_argument("--ca-file", default="", metavar="F", help="certificates to trust, in PEM")
    add.add_argument("--root", default="", metavar="FOLDER", help="a local store in this folder")
    add.add_argument("--memory-only", action="store_true", help="forget the secret when the engine stops")
    _add(verbs, "list", "list the accounts")
    for name, help_ in (("test", "try an account step by step"), ("remove", "forget an account and its secret")):
        _add(verbs, name, help_).add_argument("name", metavar="NAME")


def _agent(commands: _Commands) -> None:
    agent = _add(commands, "agent", "run the engine in the foreground, or ask for it")
    agent.add_argument("--status", action="store_true", help="say whether one runs")
    agent.add_argument("--stop", action="store_true", help="stop it in an orderly way; transfers are kept")
    agent.add_argument("--keep", action="store_true", help="stay without clients and work")
    agent.add_argument("--idle-s", metavar="S", help="end after so many idle seconds")
