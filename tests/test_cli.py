"""The command line as a whole: every command and option says what it is for."""

import sys

import click
import pytest

from tests import city
from webgis.cli import group, main


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["catalog", "export", "{folder}/absent/rows.csv"], "absent"),
        (["areas", "export", "--level", "county", "--area", city.CITY, "{folder}/absent/areas.gpkg"], "absent"),
        (["areas", "import", "{folder}/\udcff.geojson", "--level", "county", "--crs", "wgs84"], "UTF-8"),
        (["jobs", "retry", "9" * 30], "range"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_line_and_exit_code_2(
    monkeypatch, capsys, tmp_path, city_settings, arguments, said
):
    (tmp_path / "\udcff.geojson").write_text("{}")
    monkeypatch.setenv("WEBGIS_DATABASE_URL", city_settings.database)
    monkeypatch.setenv("WEBGIS_REDIS_URL", city_settings.redis)
    monkeypatch.setattr(sys, "argv", ["webgis", *(part.format(folder=tmp_path) for part in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in error.strip().splitlines()[-1]
