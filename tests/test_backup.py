"""The database as one file and back, into another database and over one in use."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from webgis import backup
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


def version(runtime):
    with runtime.transaction() as session:
        return session.scalar(text("SELECT fn.layer_version(ARRAY['areas'], false)"))


def test_a_city_is_put_back_as_it_was_and_nothing_but_a_city_is_loaded(city_runtime, call, tmp_path):
    file, before = tmp_path / "city.dump", names(city_runtime)
    assert "bytes" in call("dump", file).output and file.stat().st_size > 10_000
    assert file.stat().st_mode & 0o777 == 0o600
    assert isinstance(call("dump", file).exception, Conflict)
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.area SET name_zh = 'x'"))
    refused, drawn = call("load", file).exception, version(city_runtime)
    assert refused.code == "db.in-use" and set(names(city_runtime)) == {"x"}
    assert "already at the newest revision" in call("load", file, "--replace").output
    assert names(city_runtime) == before
    assert version(city_runtime) != drawn, "no tile of the city that was removed is taken for one of this"
    other = tmp_path / "other"
    other.write_bytes(b"no dump")
    assert isinstance(call("load", other, "--replace").exception, Invalid)
    assert names(city_runtime) == before, "nothing was removed"


def test_a_load_that_is_killed_before_its_end_has_changed_nothing(city_runtime, call, tmp_path):
    file, before = tmp_path / "city.dump", names(city_runtime)
    call("dump", file)
    asked = (city_runtime.settings, city_runtime.engine)
    script = b"".join(backup.script(*asked, file))
    for at in (script.index(b"-- Data for Name: area;"), script.rindex(b"-- Name: "), script.rindex(b"COMMIT;")):
        backup.play(*asked, [script[:at]])
        assert names(city_runtime) == before
        with city_runtime.transaction() as session:
            assert session.scalar(text("SELECT count(*) FROM pg_constraint WHERE conrelid = 'city.area'::regclass")) > 1


def test_a_city_of_a_newer_webgis_is_refused_before_anything_is_removed(city_runtime, call, tmp_path):
    file = tmp_path / "city.dump"
    with city_runtime.transaction() as session:
        was = session.scalar(text("SELECT version_num FROM city.alembic_version"))
        session.execute(text("UPDATE city.alembic_version SET version_num = '9999_later'"))
    call("dump", file)
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.alembic_version SET version_num = :was"), {"was": was})
    before = names(city_runtime)
    refused = call("load", file, "--replace").exception
    assert (refused.code, refused.facts["got"]) == ("db.newer-file", "9999_later")
    assert names(city_runtime) == before


def test_what_the_database_refuses_is_said_and_nothing_is_changed(city_runtime):
    asked, before = (city_runtime.settings, city_runtime.engine), names(city_runtime)
    pieces = [b"BEGIN;\nDELETE FROM city.area_name;\n", b"SELECT 1 / 0;\n", *[b"-- and more\n" * 10_000] * 50]
    with pytest.raises(Invalid, match="area_name"):
        backup.play(*asked, pieces)
    assert names(city_runtime) == before


def test_two_dumps_into_one_file_do_not_write_into_each_other(city_runtime, tmp_path):
    file, asked = tmp_path / "city.dump", (city_runtime.settings, city_runtime.engine)
    with ThreadPoolExecutor(2) as threads:
        sizes = [done.result() for done in [threads.submit(backup.write, *asked, file) for _ in range(2)]]
    assert file.stat().st_size in sizes and b"COMMIT" in b"".join(backup.script(*asked, file))
    assert list(tmp_path.iterdir()) == [file]
