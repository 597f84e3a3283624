"""The list of commands, and that each of them is answered."""

from core.engine.handlers import HANDLERS
from core.protocol.commands import COMMANDS, RESULTS


def test_every_command_has_a_handler_and_an_answer() -> None:
    assert set(HANDLERS) == set(COMMANDS) == set(RESULTS)


def test_commands_are_told_apart_by_their_names() -> None:
    names = [command.__struct_config__.tag for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert names == [command.__name__ for command in COMMANDS]
