"""A real agent process around the fake engine: `python -m tests.support.fake_agent [ARGUMENT...]`."""

import os
import sys
from pathlib import Path

from core.host import agent
from core.model.errors import StateError
from core.model.places import Places
from tests.support.fake_engine import FakeEngine


async def start(places: Places) -> FakeEngine:
    """Fails in the way the environment wishes for."""
    with Path(places.data, "starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    match os.environ.get("FAKE_AGENT_FAULT"):
        case "state":
            raise StateError("newer-state", "The queue was written by a newer Sluice.")
        case "bug":
            raise ZeroDivisionError("oh")
        case "exit":
            os._exit(9)
    return await FakeEngine.start(places)


if __name__ == "__main__":
    sys.exit(agent.main(sys.argv[1:], start))
