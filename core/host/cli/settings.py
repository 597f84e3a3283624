"""`sluice settings`: show them, or change one; in force at once."""

from __future__ import annotations

import argparse
import dataclasses

from core.host.cli.link import Link
from core.host.cli.output import Output
from core.model.errors import UsageError
from core.model.settings import changed
from core.protocol import commands as c


async def settings(wishes: argparse.Namespace, link: Link, out: Output) -> int:
    current = await link.call(c.GetSettings())
    if wishes.verb == "set":
        changes = {wishes.name: wishes.value}
        changed(current, changes)
        current = await link.call(c.ChangeSettings(changes=changes))
    values = dataclasses.asdict(current)
    name = getattr(wishes, "name", "")
    if name and name not in values:
        raise UsageError("bad-setting", f"There is no setting “{name}”; there are: {', '.join(values)}.", where=name)
    shown = {name: values[name]} if name else values
    out.tell(shown, "\n".join(f"{key} = {value}" for key, value in shown.items()))
    return 0
