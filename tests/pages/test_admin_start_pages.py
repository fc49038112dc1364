"""Setting up a city of one's own without a screen: from an empty database to one that can work."""

import json
import re
from importlib.resources import files

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from tests import city
from tests.pages.conftest import Reader
from tests.pages.sending import do, looked_at, send
from webgis import cli
from webgis.accounts import first, operations
from webgis.accounts.models import AdminEvent, Department
from webgis.catalog import queries as catalog
from webgis.demo import loading
from webgis.errors import Conflict
from webgis.exchange import first_run

EXAMPLE = files("webgis.exchange").joinpath("data", "example_city.geojson")


@pytest.fixture
def newcomer(app, runtime):
    """The administrator of an empty database."""
    with runtime.transaction() as session:
        operations.add_person(session, "boss", "boss", "administrator", city.PASSWORD)
    return Reader(app, "boss", "en")


def _step(page: str) -> str:
    """The step that comes next."""
    return re.search(r'data-step="(\w+)" aria-current="step"', page)[1]


def test_an_empty_city_is_set_up_step_by_step_and_then_not_offered_again(newcomer, runtime):
    assert newcomer.get("/admin").location == "/admin/start"
    assert _step(newcomer.get("/admin/start").text) == "boundaries"
    assert newcomer.send("/admin/start/go").status_code == 409
    broken = json.loads(EXAMPLE.read_text())
    broken["features"] = [one for one in broken["features"] if one["properties"]["code"] != "990001001"]
    asked = send(newcomer, "/admin/areas/import", json.dumps(broken).encode(), kind="areas")
    path = looked_at(newcomer, runtime, asked)
    page = newcomer.get(path).text
    assert "990001001, is neither stored nor in the file" in page and "Go on with the set-up" in page
    path = looked_at(newcomer, runtime, newcomer.send("/admin/start/example"))
    assert "8 areas were read" in newcomer.get(path).text and "1 fault" not in newcomer.get(path).text
    assert "Go on" in newcomer.get("/admin/start").text
    newcomer.send(f"{path}/take")
    do(runtime)
    assert _step(newcomer.get("/admin/start").text) == "grid"
    path = looked_at(newcomer, runtime, newcomer.send("/admin/areas/divide", ground="9900", size_m="100"))
    newcomer.send(f"{path}/take")
    do(runtime)
    assert _step(newcomer.get("/admin/start").text) == "people"
    made = newcomer.send("/admin/start/people")
    assert made.status_code == 201 and made.text.count('class="made-key"') == 24
    assert "made-key" not in newcomer.send("/admin/start/people").text
    assert _step(newcomer.get("/admin/start").text) == "standard"
    assert newcomer.send("/admin/start/standard").status_code == 303
    with runtime.transaction() as session:
        assert catalog.active_filing_standard(session).city_code == "9900"
        assert session.get(Department, "9900-municipal-works").kind == "municipal_works"
    assert newcomer.get("/admin").location != "/admin/start"
    assert _step(newcomer.get("/admin/start").text) == "go"
    assert newcomer.send("/admin/start/go").status_code == 303
    with runtime.transaction() as session:
        act = session.scalar(select(AdminEvent).filter_by(action=first_run.BEGUN))
    assert act.after["community"] == 4 and act.who == "boss"
    assert "example_city.geojson" in newcomer.get("/admin/start/example.geojson").headers["Content-Disposition"]


def test_a_city_that_has_all_is_not_offered_it(reader):
    assert "/admin/start" not in reader("administrator1").get("/admin/people").text
    assert reader("manager1").get("/admin/start").status_code == 403


def test_the_first_administrator_comes_from_the_machine_and_once(runtime, app):
    made = CliRunner().invoke(cli.group, ["accounts", "first", "--json"], obj=runtime)
    told = json.loads(made.output)[0]
    page = app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.get("/login").text)[1]
    entered = page.post("/login", data={"csrf_token": token, "login": told["login"], "password": told["password"]})
    assert entered.location.startswith("/login/password")
    again = CliRunner().invoke(cli.group, ["accounts", "first"], obj=runtime)
    assert isinstance(again.exception, Conflict) and again.exception.code == "accounts.not-first"
    with runtime.transaction() as session:
        assert not first.nobody(session)
    assert loading.ensure(runtime, progress=False) is None


def test_the_usual_posts_come_from_the_command_line_too(runtime):
    made = CliRunner().invoke(cli.group, ["accounts", "usual", "--area", "9900", "--lang", "en", "--json"], obj=runtime)
    assert {"inspector1", "inspector2", "dispatcher1", "sanitation1"} <= {
        one["login"] for one in json.loads(made.output)
    }
    assert (
        json.loads(CliRunner().invoke(cli.group, ["accounts", "usual", "--area", "9900", "--json"], obj=runtime).output)
        == []
    )
