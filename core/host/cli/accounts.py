"""`sluice account`: add, list, test and remove. Secrets come from standard input or a prompt, never an argument."""

from __future__ import annotations

import argparse
import os
import sys
from urllib.parse import urlsplit

from core.host.cli.environment import SHOWN, shown_name
from core.host.cli.link import Link
from core.host.cli.output import Output, error_record, printable
from core.model.account import Account, AccountKind, check_account
from core.model.errors import UsageError
from core.protocol import commands as c
from core.protocol.rows import AccountRow


async def account(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    match wishes.verb:
        case "add":
            return await _add(wishes, link, out)
        case "list":
            return await _list(link, out)
        case "test":
            return await _test(wishes, link, out)
    await link.call(c.RemoveAccount(name=await link.account(wishes.name)))
    out.tell({"removed": wishes.name}, f"Account {wishes.name} is removed.")
    return 0


async def _add(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    added = check_account(_wished(wishes))
    secret = _secret(wishes) if added.access_key else None
    row = await link.call(c.PutAccount(account=added, secret=secret, memory_only=wishes.memory_only))
    out.tell(_record(row), f"Account {added.name} is saved (secret: {row.secret}).")
    return 0


def _wished(wishes: argparse.Namespace) -> Account:
    if shown_name(wishes.name) == SHOWN:
        raise UsageError("bad-account", f"“{wishes.name}” is the name of the AWS_* environment; choose another.")
    if wishes.secret_stdin and not wishes.access_key:
        raise UsageError("bad-account", "A secret key needs its --access-key.")
    if wishes.root:
        return Account(name=wishes.name, kind=AccountKind.LOCAL, root=os.path.abspath(wishes.root))
    path_style = wishes.path_style
    return Account(
        name=wishes.name,
        endpoint=wishes.endpoint,
        region=wishes.region,
        path_style=_wants_path_style(wishes.endpoint) if path_style is None else path_style,
        access_key=wishes.access_key,
        profile=wishes.profile,
        ca_file=os.path.abspath(wishes.ca_file) if wishes.ca_file else "",
    )


def _wants_path_style(endpoint: str) -> bool:
    """Servers of one's own rarely have a name for each bucket; AWS itself does."""
    return bool(endpoint) and not (urlsplit(endpoint).hostname or "").endswith(".amazonaws.com")


def _secret(wishes: argparse.Namespace) -> str:
    if wishes.secret_stdin:
        secret = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        import getpass

        secret = getpass.getpass(f"Secret key of {wishes.access_key}: ")
    else:
        raise UsageError("bad-account", "Say --secret-stdin and give the secret key on standard input.")
    if not secret:
        raise UsageError("bad-account", "The secret key is empty.")
    return secret


async def _list(link: Link, out: Output) -> int:
    for row in (await link.call(c.ListAccounts())).accounts:
        out.tell(_record(row), _line(row))
    return 0


async def _test(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    steps = (await link.call(c.TestAccount(name=await link.account(wishes.name)))).steps
    for step in steps:
        record = {"step": step.step, "ok": step.ok, "sentence": step.sentence}
        out.tell(record, f"{'ok' if step.ok else 'FAILED':<6}  {step.step}: {printable(step.sentence)}")
    return 0 if all(step.ok for step in steps) else 1


def _where(one: Account) -> str:
    return one.root or one.endpoint or ("memory" if one.kind is AccountKind.MEMORY else "AWS")


def _record(row: AccountRow) -> dict[str, object]:
    one = row.account
    record: dict[str, object] = {
        "name": one.name,
        "shown_name": shown_name(one.name),
        "kind": one.kind.value,
        "where": _where(one),
        "endpoint": one.endpoint,
        "region": one.region,
        "path_style": one.path_style,
        "access_key": one.access_key,
        "profile": one.profile,
        "secret": row.secret,
        "builtin": row.builtin,
    }
    return record | ({"error": error_record(row.held)} if row.held is not None else {})


def _line(row: AccountRow) -> str:
    words = [
        f"{printable(shown_name(row.account.name)):<20}",
        f"{printable(_where(row.account))}",
        f"secret: {row.secret}",
    ]
    if row.held is not None:
        words.append(f"held: {printable(row.held.sentence)}")
    return "  ".join(words)
