"""People, passwords, logins and keys."""

import json
import re
from functools import partial

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, text, update

from tests import city
from webgis import cli, db
from webgis.accounts import logins, operations, queries
from webgis.accounts.models import LoginSession
from webgis.errors import Conflict, Invalid, NotFound


def _log_in(session, login: str, password: str):
    """Who has logged in, and the token."""
    tried = logins.log_in(session, session.info["settings"], login, password, logins.Device("Firefox", "192.0.2.7"))
    if tried.refused:
        raise tried.refused
    return tried.person, tried.token


def _department(session):
    return operations.add_department(session, "d-1", "环卫所", kind="sanitation")


def test_a_password_is_kept_as_an_argon2id_hash_only(session):
    person = operations.add_person(session, "inspector9", "巡查岗", "inspector", "long enough")
    assert person.password_hash.startswith("$argon2id$")
    assert "long enough" not in person.password_hash


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"login": "x"}, "login"),
        ({"login": "a b"}, "login"),
        ({"role": "mayor"}, "role"),
        ({"password": "short"}, "password"),
        ({"role": "department"}, "department"),
        ({"role": "department", "department": "nowhere"}, "department"),
    ],
)
def test_a_person_that_cannot_be_is_refused_by_field(session, changes, field):
    given = {"login": "inspector9", "name": "岗", "role": "inspector", "password": "long enough"} | changes
    with pytest.raises(Invalid) as refused:
        operations.add_person(session, **given)
    assert refused.value.facts["field"] == field


def test_logins_are_unique_whatever_their_case(session):
    operations.add_person(session, "inspector9", "岗", "inspector", "long enough")
    with pytest.raises(Conflict):
        operations.add_person(session, "Inspector9", "岗", "inspector", "long enough")
    assert queries.person_by_login(session, "INSPECTOR9").login == "inspector9"


def test_a_department_has_a_known_kind_and_an_own_code(session):
    _department(session)
    with pytest.raises(Conflict):
        _department(session)
    with pytest.raises(Invalid):
        operations.add_department(session, "d-2", "所", kind="circus")


def test_a_wrong_password_and_an_unknown_login_are_refused_alike(session):
    operations.add_person(session, "inspector9", "岗", "inspector", "long enough")
    messages = set()
    for login, password in (("inspector9", "wrong"), ("nobody", "long enough")):
        with pytest.raises(Invalid) as refused:
            _log_in(session, login, password)
        messages.add(refused.value.message)
    assert len(messages) == 1


def test_a_login_that_has_ended_speaks_for_nobody(session):
    operations.add_person(session, "inspector9", "岗", "inspector", "long enough")
    _person, token = _log_in(session, "inspector9", "long enough")
    assert queries.actor_of_session(partial(db.call, session), token).login == "inspector9"
    session.execute(update(LoginSession).values(expires_at=func.now() - text("interval '1 s'")))
    assert queries.actor_of_session(partial(db.call, session), token) is None


def test_a_new_password_ends_all_logins(session):
    operations.add_person(session, "inspector9", "岗", "inspector", "long enough")
    _person, token = _log_in(session, "inspector9", "long enough")
    operations.set_password(session, "inspector9", "another one")
    assert queries.actor_of_session(partial(db.call, session), token) is None
    with pytest.raises(Invalid):
        _log_in(session, "inspector9", "long enough")


def test_keys_and_tokens_are_stored_as_hashes(session):
    operations.add_person(session, "inspector9", "岗", "inspector", "long enough")
    key = operations.make_key(session, "inspector9")
    _person, token = _log_in(session, "inspector9", "long enough")
    stored = session.execute(text("SELECT key_hash FROM city.api_key")).scalars().all()
    stored += session.execute(select(LoginSession.token_hash)).scalars().all()
    assert all(secret.encode() not in bytes(one) for secret in (key, token) for one in stored)


def test_a_key_for_nobody_is_refused(session):
    with pytest.raises(NotFound):
        operations.make_key(session, "nobody")


def test_webgis_accounts_key_prints_a_key_that_works(city_app, city_runtime):
    made = CliRunner().invoke(cli.group, ["accounts", "key", "acceptor1", "--json"], obj=city_runtime)
    assert made.exit_code == 0
    key = json.loads(made.output)["key"]
    answer = city_app.test_client().get("/api/v1/cases", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


def test_webgis_accounts_lists_and_adds_people(city_runtime):
    command = ["accounts", "add", "manager9", "--role", "manager", "--password", "long enough"]
    assert CliRunner().invoke(cli.group, command, obj=city_runtime).exit_code == 0
    limits = ["accounts", "change", "manager9", "--area", city.WEST, "--classes", "matter:06 component:01001"]
    assert CliRunner().invoke(cli.group, limits, obj=city_runtime).exit_code == 0
    wrong = ["accounts", "change", "manager9", "--classes", "99"]
    assert CliRunner().invoke(cli.group, wrong, obj=city_runtime).exit_code
    listed = CliRunner().invoke(cli.group, ["accounts", "list", "--json"], obj=city_runtime)
    assert {
        "login": "manager9",
        "name": "manager9",
        "role": "manager",
        "department": None,
        "active": True,
        "area": city.WEST,
        "classes": "component:01001,matter:06",
    } in json.loads(listed.output)


def _token(page) -> str:
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)[1]


def test_someone_logs_in_works_and_logs_out(city_app):
    browser = city_app.test_client()
    asked = browser.get("/cases?state=filed")
    assert asked.status_code == 302 and "/login" in asked.location
    form = {"login": "dispatcher1", "password": city.PASSWORD, "csrf_token": _token(browser.get(asked.location))}
    entered = browser.post(asked.location, data=form)
    assert entered.status_code == 302 and entered.location == "/cases?state=filed"
    cookie = entered.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    page = browser.get("/cases")
    assert page.status_code == 200
    assert browser.post("/logout", data={"csrf_token": _token(page)}).status_code == 302
    assert browser.get("/cases").status_code == 302


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:1"]
)
def test_after_the_login_one_stays_on_this_site(city_app, wanted):
    browser = city_app.test_client()
    token = _token(browser.get("/login"))
    form = {"login": "dispatcher1", "password": city.PASSWORD, "csrf_token": token}
    assert browser.post("/login", query_string={"next": wanted}, data=form).location == "/"


def test_a_wrong_password_is_said_on_the_page_and_keeps_the_login(city_app):
    browser = city_app.test_client()
    token = _token(browser.get("/login"))
    refused = browser.post("/login", data={"login": "dispatcher1", "password": "wrong", "csrf_token": token})
    assert refused.status_code == 422 and 'value="dispatcher1"' in refused.text


def test_departments_that_serve_a_place_come_with_the_smallest_area_first(session):
    for code, kind, area in (
        ("everywhere", "sanitation", None),
        ("district", "sanitation", "510104"),
        ("street", "sanitation", "510104017"),
        ("elsewhere", "sanitation", "510105"),
        ("lamps", "power", "510104"),
    ):
        operations.add_department(session, code, code, kind=kind, area=area)
    found = queries.serving(queries.departments(session, "sanitation"), "510104017001003")
    assert [one.code for one in found] == ["street", "district", "everywhere"]


def test_programs_find_the_departments_that_a_case_can_be_dispatched_to(api):
    found = (
        api("dispatcher1").get("/api/v1/departments", kind="sanitation", place=f"{city.WEST}001").json["departments"]
    )
    assert [(one["code"], one["area"]) for one in found] == [("510104-sanitation", city.COUNTY)]
    assert api("dispatcher1").get("/api/v1/departments", place="310101").json["departments"] == []
    refused = api("dispatcher1").get("/api/v1/departments", kind="circus")
    assert (refused.status_code, refused.json["field"]) == (422, "kind")
