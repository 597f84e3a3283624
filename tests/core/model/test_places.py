"""Where the files of a home lie."""

from pathlib import PurePosixPath

from core.model.places import Places


def test_the_lock_and_the_address_lie_with_the_data() -> None:
    root = PurePosixPath("/h")
    places = Places("/h", root / "config", root / "data", root / "cache", root / "run", root / "log")
    assert places.lock.parent == places.address.parent == places.data
    assert places.socket.parent == places.runtime
    assert places.engine_log.parent == places.agent_output.parent == places.log
