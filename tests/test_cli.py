"""The command line as a whole: every command and option says what it is for."""

import click
import pytest

from webgis.cli import group


def _commands(command: click.Command, path: tuple[str, ...] = ()):
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from _commands(command.get_command(context, name), (*path, name))


@pytest.mark.parametrize(("path", "command"), list(_commands(group)), ids=str)
def test_every_command_and_option_has_help(path, command):
    assert command.help
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []
