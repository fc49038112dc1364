"""`--check` on the command line looks as the administrators' pages do: it says what would be, and changes nothing."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from tests.pages.sending import areas_file, table
from tests.pages.test_admin_areas_pages import LAYER
from tests.pages.test_admin_rules_pages import CONDITIONS, REFUSE
from webgis import cli
from webgis.accounts import queries as accounts
from webgis.accounts.models import AdminEvent
from webgis.catalog import queries as catalog
from webgis.errors import Invalid
from webgis.exchange import work
from webgis.grid import queries


@pytest.fixture
def call(city_runtime):
    """A function that runs a command and gives its result."""
    return lambda *words: CliRunner().invoke(cli.group, list(words), obj=city_runtime)


def _acts(runtime) -> list[str]:
    with runtime.transaction() as session:
        return list(session.scalars(select(AdminEvent.action).where(AdminEvent.who.contains("command-line"))))


def test_areas_are_looked_at_and_their_import_is_written_down(call, city_runtime, tmp_path):
    file = tmp_path / "areas.geojson"
    file.write_bytes(areas_file(tmp_path, LAYER))
    looked = call("areas", "import", str(file), "--check")
    assert (
        looked.exit_code == 0 and "it would be: 1 added" in looked.output and "areas.import" not in _acts(city_runtime)
    )
    with city_runtime.transaction() as session:
        assert queries.counts(session)["community"] == 2
    assert call("areas", "import", str(file)).exit_code == 0
    assert "areas.import" in _acts(city_runtime)


def test_a_standard_and_days_are_looked_at(call, city_runtime, tmp_path):
    standard, days = tmp_path / "standard.xlsx", tmp_path / "days.xlsx"
    standard.write_bytes(table([CONDITIONS, REFUSE]))
    days.write_bytes(table([("日期", "是否工作日"), ("2027-03-01", "否")]))
    looked = call("catalog", "import", str(standard), "--code", "cd", "--name", "成都", "--check", "--json")
    counts = json.loads(looked.output)
    assert counts["changed"] == 1 and counts["added"] == 0 and counts["removed"] > 100
    looked = json.loads(call("clock", "calendar", "import", str(days), "--check", "--json").output)
    assert looked["turned"] == {"2027-03-01": False} and looked["moved"] == 0
    with city_runtime.transaction() as session:
        assert len(catalog.filing_standards(session)) == 1
    assert not {"catalog.import", "calendar.import"} & set(_acts(city_runtime))
    shown = json.loads(call("clock", "calendar", "show", "--year", "2027", "--json").output)
    assert next(one for one in shown["days"] if one["day"] == "2027-03-01")["working"]


@pytest.mark.parametrize(
    ("called", "content"),
    [
        ("x.geojson", b"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc/passwd</SrcDataSource>"),
        ("x.gpkg", b"{}"),
        ("x.zip", b"PK"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_not_kept(city_runtime, tmp_path, called, content):
    file = tmp_path / called
    file.write_bytes(content)
    with city_runtime.transaction() as session, pytest.raises(Invalid):
        work.begin(session, city_runtime.settings, accounts.actor(session, "administrator1"), "areas", {}, file)
    assert not list((city_runtime.settings.var_dir / "work").glob("*"))
