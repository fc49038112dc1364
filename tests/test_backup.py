"""The database as one file and back, into another database and over one in use."""

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from webgis.cli import group
from webgis.errors import Conflict, Invalid


@pytest.fixture
def call(city_runtime):
    def run(*args):
        return CliRunner().invoke(group, ["db", *map(str, args)], obj=city_runtime)

    return run


def names(runtime):
    with runtime.transaction() as session:
        return session.scalars(text("SELECT name_zh FROM city.area ORDER BY code")).all()


def test_a_city_is_put_back_as_it_was_and_nothing_but_a_city_is_loaded(city_runtime, call, tmp_path):
    file, before = tmp_path / "city.dump", names(city_runtime)
    assert "bytes" in call("dump", file).output and file.stat().st_size > 10_000
    assert isinstance(call("dump", file).exception, Conflict)
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.area SET name_zh = 'x'"))
    refused = call("load", file).exception
    assert refused.code == "db.in-use" and set(names(city_runtime)) == {"x"}
    assert "already at the newest revision" in call("load", file, "--replace").output
    assert names(city_runtime) == before
    other = tmp_path / "other"
    other.write_bytes(b"no dump")
    assert isinstance(call("load", other, "--replace").exception, Invalid)
    assert names(city_runtime) == before, "nothing was removed"
