"""A small demo city made through the operations: all states, working accounts, and a second load that does nothing."""

import json
import stat
from datetime import UTC, datetime

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests.demo.conftest import HUANGPU
from webgis import cli
from webgis.accounts import logins
from webgis.accounts.actor import ROLES
from webgis.cases.workflow import STATES
from webgis.demo import cases, components, loading, people, stories
from webgis.errors import Invalid, NotFound

CASES = 24
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def loaded(copied, county):
    """Settings of a city with one loaded county of Shanghai, to be copied."""
    with copied(county) as runtime:
        loading.load(runtime, [HUANGPU], count=CASES, quiet=True)
        runtime.dispose()
        yield runtime.settings


@pytest.fixture(scope="module")
def demo(copied, loaded):
    """A runtime with one loaded county of Shanghai."""
    with copied(loaded) as runtime:
        yield runtime


def _all(runtime, statement, **values):
    with runtime.transaction() as session:
        return session.execute(text(statement), values).all()


def test_areas_are_stored_from_city_to_community_and_say_what_is_made_up(demo):
    levels = dict(_all(demo, "SELECT level, bool_and(illustrative) FROM city.area GROUP BY level"))
    assert levels == {"city": True, "county": False, "subdistrict": True, "community": True}


def test_made_up_people_live_where_areas_are_made_up_and_hazard_sources_are_graded_by_them(demo):
    people = dict(_all(demo, "SELECT level, sum(population) FROM city.area GROUP BY level"))
    assert people["community"] == people["subdistrict"] > 0 and people["county"] is None and people["city"] is None
    graded = _all(demo, "SELECT level, people_from FROM city.hazard_grade WHERE major AND people_from = 'population'")
    assert {level for level, _from in graded} >= {1, 2}


def test_the_city_has_its_own_projected_system(demo):
    assert _all(demo, "SELECT projected_srid FROM city.area WHERE level = 'city'") == [(4549,)]


def test_cells_cover_the_county(demo):
    ((cells, county),) = _all(
        demo,
        "SELECT (SELECT sum(area_m2) FROM city.cell), (SELECT area_m2 FROM city.area WHERE code = :code)",
        code=HUANGPU,
    )
    assert cells == pytest.approx(county, abs=county / 1e6)


def test_there_is_a_case_in_every_state_with_its_whole_history(demo):
    assert {state for (state,) in _all(demo, "SELECT DISTINCT state FROM city.case")} == set(STATES)
    ((total,),) = _all(demo, "SELECT count(*) FROM city.case WHERE relation IS DISTINCT FROM 'task'")
    assert total == CASES
    broken = _all(
        demo,
        "SELECT 1 FROM city.case c WHERE state IS DISTINCT FROM"
        " (SELECT to_state FROM city.case_event e WHERE e.case_id = c.id ORDER BY e.id DESC LIMIT 1)",
    )
    assert broken == []


def test_the_register_has_components_of_departments_in_the_county(demo):
    found = _all(
        demo,
        "SELECT count(*), bool_and(c.cell_code LIKE :county), bool_and(d.code IS NOT NULL) FROM city.component c"
        " LEFT JOIN city.department d ON d.credit_code = c.maintainer_code",
        county=f"{HUANGPU}%",
    )
    assert found == [(components.COUNT, True, True)]


def test_nothing_lies_in_the_future_and_steps_follow_one_another(demo):
    wrong = _all(
        demo,
        "SELECT 1 FROM (SELECT at, lag(at) OVER (PARTITION BY case_id ORDER BY id) AS before FROM city.case_event) e"
        " WHERE at > now() OR at < before",
    )
    assert wrong == []


def test_every_role_has_an_account_that_can_log_in(demo):
    found = people.accounts(demo)
    assert {account["role"] for account in found} == set(ROLES)
    for role in ROLES:
        account = next(account for account in found if account["role"] == role)
        with demo.transaction() as session:
            device = logins.Device()
            assert logins.log_in(session, demo.settings, account["login"], account["password"], device).token


def test_passwords_are_made_for_this_installation_and_only_its_owner_reads_them(demo):
    file = demo.settings.var_dir / "demo-accounts.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passwords = [account["password"] for account in people.accounts(demo)]
    assert len(set(passwords)) == len(passwords)


def test_webgis_demo_accounts_lists_login_role_department_and_password(demo):
    listed = CliRunner().invoke(cli.group, ["demo", "accounts", "--json"], obj=demo)
    assert listed.exit_code == 0
    assert {"login", "role", "department", "password"} <= json.loads(listed.output)[0].keys()


def test_a_second_load_does_nothing(demo):
    again = loading.load(demo, [HUANGPU], count=CASES, quiet=True)
    assert (again.areas, again.cells, again.accounts, again.components, again.cases) == (0, 0, 0, 0, 0)
    assert loading.ensure(demo, progress=False) is None


def test_a_load_that_was_interrupted_is_finished(copied, loaded):
    with copied(loaded) as runtime:
        loading.note_load(runtime, [HUANGPU], CASES + 2, loading.SEED, done=False)
        finished = loading.ensure(runtime, progress=False)
        assert (finished.areas, finished.cells, finished.cases) == (0, 0, 2)


@pytest.mark.parametrize(
    ("counties", "refusal"), [(["310101", "510104"], Invalid), (["999999"], NotFound), (["31010"], NotFound)]
)
def test_counties_that_cannot_be_loaded_are_refused(runtime, counties, refusal):
    with pytest.raises(refusal):
        loading.load(runtime, counties, count=0, quiet=True)
    assert _all(runtime, "SELECT 1 FROM city.area") == []


def test_the_same_seed_tells_the_same_stories():
    weights = np.ones(50)
    assert stories.plan(40, weights, NOW, 7) == stories.plan(40, weights, NOW, 7)
    assert stories.plan(40, weights, NOW, 7) != stories.plan(40, weights, NOW, 8)


def test_every_class_of_the_stories_is_in_the_catalogue(demo):
    classes = {(kind, code) for kind, code, _text, _parts in stories.MATTERS}
    stored = {tuple(row) for row in _all(demo, "SELECT kind, code FROM city.class WHERE standard LIKE '%47678%'")}
    assert classes <= stored


def test_a_drawn_picture_is_a_small_jpeg():
    drawn = cases.picture("DEMO 06010 before", 3)
    assert drawn.startswith(b"\xff\xd8") and len(drawn) < 60_000
