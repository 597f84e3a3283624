"""What an engine is made of, joined: what the handlers of commands work with."""

from __future__ import annotations

import asyncio
import time

from core.engine.accounts import Accounts
from core.engine.intake import Intake
from core.engine.live import Live
from core.engine.pulse import Pulse
from core.engine.queue import Queue
from core.engine.runner import Runner
from core.engine.watching import Watching
from core.model.places import Places
from core.state.database import Database
from core.state.transfers import Transfers
from core.transfer.crew import Crew


class Pieces:
    """Each piece knows only those it is given here."""

    def __init__(self, places: Places, database: Database, accounts: Accounts, crew: Crew) -> None:
        self.places = places
        self.database = database
        self.accounts = accounts
        self.crew = crew
        self.transfers = Transfers(database)
        self.live = Live()
        self.pulse = Pulse()
        self.runner = Runner(self.transfers, accounts, crew, self.live, self.pulse)
        self.queue = Queue(self.transfers, accounts, self.runner, self.live, self.pulse)
        self.watching = Watching(self.transfers, self.live, self.pulse, lambda: accounts.held)
        self.intake = Intake(
            self.transfers,
            accounts,
            self.live,
            self.pulse,
            lambda kind, sentence, batch: self.watching.tell(kind, sentence, batch=batch),
            self.queue.look_again,
        )
        self.started_s = time.time()
        self.stopping = asyncio.Event()
