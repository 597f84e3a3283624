"""The folders Sluice keeps things in, as plain paths; `core.host.places` finds and makes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class Places:
    """One home of Sluice. Everything in it belongs to one engine at a time."""

    home: str  # what tells this home from others: SLUICE_HOME, or the data folder
    config: PurePath  # settings and accounts
    data: PurePath  # the queue; the engine's lock and address
    cache: PurePath  # can be deleted at any time
    runtime: PurePath  # the engine's socket; short enough for one
    log: PurePath
    portable: bool = False  # SLUICE_HOME is set, and all of it lies inside

    @property
    def socket(self) -> PurePath:
        return self.runtime / "engine.sock"

    @property
    def lock(self) -> PurePath:
        """Lies with the data it protects: two environments may disagree on the runtime folder, never on the data."""
        return self.data / "engine.lock"

    @property
    def address(self) -> PurePath:
        """Says where the running engine listens."""
        return self.data / "engine.json"

    @property
    def engine_log(self) -> PurePath:
        return self.log / "engine.log"

    @property
    def agent_output(self) -> PurePath:
        """What an agent writes to its standard streams: normally nothing, else the reason why it did not start."""
        return self.log / "agent.out"
