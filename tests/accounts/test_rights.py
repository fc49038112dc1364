"""Every address x every role x inside and outside one's area, and one's classes, held against the table of rights.

The addresses come from the application itself: one that names no action, or takes a part in its path that nobody has
told this test how to fill, fails here.
"""

from dataclasses import dataclass, field
from io import BytesIO

import pytest
from shapely import Point
from sqlalchemy import text
from werkzeug.datastructures import MultiDict

from tests import city
from tests.accounts.doors import OPEN, WAYS, Way
from tests.cases.life import Life
from webgis.accounts import logins, operations, permissions
from webgis.accounts.actor import ROLES, Actor
from webgis.app import create_app
from webgis.cases import routing_sets
from webgis.catalog import components

INSIDE_WORDS, OUTSIDE_WORDS, OTHER_WORDS = "西社区的路灯", "东社区不可见之物", "西社区他类之物"
LAMP = "51010401037000001"
LAMPS = "component:01"
SANITATION, WORKS = "510104-sanitation", "510104-works"


@dataclass
class Town:
    """The small city with a case in each community and one of another class, and of each role one person who is limited
    to the west and one who is limited to the class of the first two."""

    app: object
    numbers: dict[str, str] = field(default_factory=dict)
    ids: dict[str, dict[str, int]] = field(default_factory=dict)
    logins: dict[tuple[str, str], str] = field(default_factory=dict)

    def parts(self, where: str) -> dict[str, object]:
        """What paths are filled with: of the case inside, or outside."""
        return self.ids[where] | {"number": self.numbers[where]}


@pytest.fixture(scope="module")
def town(clone, city_template):
    with clone(city_template) as settings:
        app = create_app(settings)
        app.testing = True
        app.config["WTF_CSRF_METHODS"] = []
        made = Town(app)
        _cases(made, Life(app.extensions["webgis"]))
        _people(made)
        yield made
        app.extensions["webgis"].dispose()


def _cases(town: Town, life: Life) -> None:
    """A case in each community, and one of another class, that went the same road, and what else speaks of cases: a
    component with two in its history, deadlines that a calendar moved, routing rules that would send all elsewhere."""
    of_lamp = {"kind": "component", "class_code": LAMP[6:11], "component": _component(life)}
    for where, place, words, department, login, about in (
        ("inside", city.IN_WEST, INSIDE_WORDS, SANITATION, "sanitation1", of_lamp),
        ("outside", city.IN_EAST, OUTSIDE_WORDS, WORKS, "works1", of_lamp),
        ("other", city.IN_WEST, OTHER_WORDS, SANITATION, "sanitation1", {}),
    ):
        number = town.numbers[where] = life.filed(place=place, description=words, **about)
        life.do("dispatcher1", number, "dispatch", department=department)
        life.do(login, number, "receive")
        asked = life.ask(login, number, "extension")
        with life.runtime.transaction() as session:
            photo = session.scalar(text("SELECT min(id) FROM city.photo WHERE case_id = :id"), {"id": asked.case_id})
            session.execute(text(MOVED), {"id": asked.case_id})
        town.ids[where] = {"photo_id": photo, "request_id": asked.id}
    manager = life.actor("manager1")
    with life.runtime.transaction() as session:
        rules = routing_sets.new_draft(session, manager, "冬季规则").version
        routing_sets.add_rule(session, manager, rules, {"department": WORKS})
        routing_sets.add_rule(session, manager, rules, {"department": SANITATION, "area": city.EAST})


MOVED = """
    WITH once AS (INSERT INTO city.recompute (at, calendar_version, checked, moved) SELECT now(), 1, 2, 2
                  WHERE NOT EXISTS (SELECT FROM city.recompute) RETURNING id)
    INSERT INTO city.recompute_move (recompute_id, case_id, old_due_at, new_due_at)
    SELECT coalesce((SELECT id FROM once), 1), :id, now(), now()
"""


def _component(life: Life) -> str:
    with life.runtime.transaction() as session:
        given = {"class": LAMP[6:11]}
        return components.add(session, given, Point(*city.IN_WEST), at=life.now, reason="登记")


def _people(town: Town) -> None:
    with town.app.extensions["webgis"].transaction() as session:
        for role in ROLES:
            department = SANITATION if role == "department" else None
            for limit, classes in (("area", None), ("classes", LAMPS)):
                login = town.logins[role, limit] = f"{limit}-{role}"
                person = operations.add_person(
                    session, login, role, role, city.PASSWORD, department=department, classes=classes
                )
                person.area_code = city.WEST if limit == "area" and role != "department" else None
        operations.add_person(session, "whole-administrator", "全市", "administrator", city.PASSWORD)


def closed(app):
    """(rule, method) of every address that is not open to all."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint):
        view = app.view_functions[rule.endpoint]
        if rule.endpoint != "static" and not getattr(view, "open_to_all", False):
            yield rule, next(iter(rule.methods - {"HEAD", "OPTIONS"}))


PARTS = {"number", "photo_id", "request_id"}
"""Parts of paths that say which case."""


def fault(app, rule) -> str | None:
    """Why an address cannot be walked, or None."""
    if getattr(app.view_functions[rule.endpoint], "permits", None) not in permissions.BY_ACTION:
        return "name an action of permissions.TABLE with web.permits, or open_to_all"
    filled = PARTS | WAYS.get(rule.endpoint, Way()).parts.keys()
    return "say in tests/accounts/doors.py how its path is filled" if rule.arguments - filled else None


def rules(app):
    """The same, without those that the first test finds fault with."""
    return [(rule, method) for rule, method in closed(app) if fault(app, rule) is None]


def asked(app, client, rule, method: str, parts: dict[str, object], headers=None):
    """The answer of an address, its path filled and its query or body as `doors.py` has it."""
    way = WAYS.get(rule.endpoint, Way())
    given = {name: way.parts.get(name, parts.get(name)) for name in rule.arguments}
    with app.test_request_context():
        path = app.url_map.bind("localhost").build(rule.endpoint, given, method=method)
    filled = {name: str(value).format(**parts) for name, value in (way.query or {}).items()}
    body = {"json": way.body} if way.form is None else {"data": MultiDict(way.form)}
    sent = body if method in ("POST", "PUT", "PATCH") else {}
    told = {"Accept": "application/json", "X-Acknowledge-Duplicate": "true"} | (headers or {})
    return client.open(path, method=method, query_string=filled, headers=told, **sent)


def client_of(town: Town, login: str):
    """A browser in which someone is logged in."""
    client = town.app.test_client()
    runtime = town.app.extensions["webgis"]
    with runtime.transaction() as session:
        person = logins.require_person(session, login)
        token = logins.let_in(session, runtime.settings, person, logins.Device("test")).token
    with client.session_transaction() as cookie:
        cookie["token"] = token
    return client


def test_every_address_names_an_action_of_the_table_and_few_are_open(town):
    wrong = {rule.endpoint: fault(town.app, rule) for rule, _method in closed(town.app) if fault(town.app, rule)}
    assert not wrong
    opened = {name for name, view in town.app.view_functions.items() if getattr(view, "open_to_all", False)}
    assert opened == OPEN


def test_what_changes_nothing_is_no_action_that_changes(town):
    """A key that only reads must not change anything by an address whose action says that it changes nothing."""
    reading_posts = {"hotline.callers", "heat.see", "live.listen", "department.use", "desk.use"}
    for rule, method in rules(town.app):
        one = permissions.BY_ACTION[town.app.view_functions[rule.endpoint].permits]
        assert one.changes or method == "GET" or one.action in reading_posts, rule.endpoint


def code_of(answer) -> str | None:
    return (answer.get_json(silent=True) or {}).get("code") if answer.status_code >= 400 else None


def expected(actor: Actor, action: str) -> str | None:
    found = permissions.hindrance(actor, action)
    return found and found.code


def seen_in(answer) -> str:
    return answer.get_data().decode("utf-8", "replace")


LIMITS = {"area": ("outside", OUTSIDE_WORDS), "classes": ("other", OTHER_WORDS)}
"""What somebody may be limited to, and the case that lies outside, with its words."""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("limit", LIMITS)
def test_a_role_is_answered_as_the_table_says_and_what_is_outside_does_not_exist(town, role, limit):
    login, (outside, words) = town.logins[role, limit], LIMITS[limit]
    client = client_of(town, login)
    area = city.WEST if limit == "area" and role != "department" else None
    actor = Actor(1, login, role, role, area=area, classes=() if limit == "area" else (LAMPS,))
    for rule, method in rules(town.app):
        one = permissions.BY_ACTION[town.app.view_functions[rule.endpoint].permits]
        about_a_case = rule.arguments & {"number", "request_id"} - WAYS.get(rule.endpoint, Way()).parts.keys()
        for where in (outside, "inside") if about_a_case else ("inside",):
            answer = asked(town.app, client, rule, method, town.parts(where))
            told = (rule.endpoint, where, answer.status_code, code_of(answer))
            refused = expected(actor, one.action)
            assert answer.status_code < 500, told
            if refused:
                assert (answer.status_code, code_of(answer)) == (403, refused), told
                continue
            assert answer.status_code != 401 and not (code_of(answer) or "").startswith("accounts.not-your-role"), told
            if about_a_case:
                assert (answer.status_code == 404) == (where == outside or role == "system"), told
            if where == "inside":
                assert town.numbers[outside] not in seen_in(answer), told
                assert words not in seen_in(answer), told


def test_who_reaches_the_whole_city_is_answered(town):
    client = client_of(town, "whole-administrator")
    for rule, method in rules(town.app):
        one = permissions.BY_ACTION[town.app.view_functions[rule.endpoint].permits]
        if one.scope == "city" and "administrator" in one.roles:
            assert asked(town.app, client, rule, method, town.parts("inside")).status_code != 403, rule.endpoint


def test_a_stranger_is_sent_to_the_login(town):
    client = town.app.test_client()
    for rule, method in rules(town.app):
        assert asked(town.app, client, rule, method, town.parts("inside")).status_code == 401, rule.endpoint


KEYS = (
    ({}, lambda one: None if one.keys else "accounts.not-by-key"),
    (
        {"read_only": True},
        lambda one: "accounts.not-by-key" if not one.keys else "accounts.key-limited" if one.changes else None,
    ),
    (
        {"actions": ["cases.see"]},
        lambda one: (
            "accounts.not-by-key" if not one.keys else None if one.action == "cases.see" else "accounts.key-limited"
        ),
    ),
)


@pytest.mark.parametrize(("limits", "told"), KEYS, ids=("everything", "read-only", "some-actions"))
@pytest.mark.parametrize("login", ["dispatcher2", "whole-administrator"])
def test_a_key_speaks_for_its_owner_as_far_as_it_was_made_for(town, login, limits, told):
    with town.app.extensions["webgis"].transaction() as session:
        key = operations.make_key(session, login, **limits)
    headers = {"Authorization": f"Bearer {key}"}
    actor = Actor(1, login, login, "dispatcher" if login == "dispatcher2" else "administrator")
    for rule, method in rules(town.app):
        one = permissions.BY_ACTION[town.app.view_functions[rule.endpoint].permits]
        answer = asked(town.app, town.app.test_client(), rule, method, town.parts("inside"), headers)
        wanted = expected(actor, one.action) or told(one)
        got = code_of(answer) if answer.status_code == 403 else None
        assert got == wanted or (wanted is None and not (got or "").startswith("accounts.")), (rule.endpoint, got)


def test_a_form_without_its_token_is_refused_before_anything(town, monkeypatch):
    monkeypatch.setitem(town.app.config, "WTF_CSRF_METHODS", ["POST", "PUT", "PATCH", "DELETE"])
    client = client_of(town, "whole-administrator")
    answer = client.post("/cases/claim", data={"file": (BytesIO(b""), "x")}, headers={"Accept": "application/json"})
    assert answer.status_code in (400, 403)
