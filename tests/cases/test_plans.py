"""No statement on the way of a case reads a large table from end to end: plans as the server made them, also those
inside functions, in a district with 20,000 cases. And what the generator of those cases makes is as the product makes
it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle

import pytest
from sqlalchemy import event, text

from tests import city
from tests.cases.life import Life
from tests.conftest import Api
from webgis.app import create_app
from webgis.cases import audit
from webgis.db import Runtime
from webgis.demo import filling, loading

CASES, OPEN = 20_000, 6_000
LARGE = {"case", "case_event", "open_case", "photo", "component", "component_event", "cell", "outbox"}
KEPT_PLANS = 8
"""From the sixth call on PostgreSQL may keep one plan for all values: both kinds are looked at."""

_EXPLAIN = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
SET auto_explain.log_format = json; SET auto_explain.log_verbose = on; SET client_min_messages = log;
"""
_OUTBOX = text(
    "INSERT INTO city.outbox (queue, task, args, due_at, dead_at)"
    " SELECT 'slow', 'test.job', jsonb_build_object('n', n), now() + interval '1 day',"
    " CASE WHEN n % 2 = 0 THEN now() END"
    " FROM generate_series(1, 10000) AS n"
)
_PLACES = text("SELECT ST_X(geom), ST_Y(geom) FROM city.case WHERE outcome IS NULL ORDER BY md5(number)")


@dataclass
class Watched:
    """The application on the district, places of its open cases, and what connections were told of plans."""

    runtime: Runtime
    places: Iterator[tuple[float, float]]
    users: dict[str, Api] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def plans(self, act: Callable[[], object], times: int = KEPT_PLANS) -> list[dict]:
        """The plans of all statements that `act` makes when it is done `times` times."""
        self.told.clear()
        for _ in range(times):
            act()
        assert self.told, "no plan was seen"
        return [json.loads(notice[notice.index("{") :]) for notice in self.told]

    def append(self, notice: str) -> None:
        """Take a notice of a connection: its own list is short, and SQLAlchemy empties it."""
        if "plan:" in notice:
            self.told.append(notice)


@pytest.fixture(scope="module")
def district(make_settings) -> Iterator[Watched]:
    """Jinjiang district of the demo, with components, a past and a full outbox."""
    runtime = Runtime(make_settings())
    loading.load(runtime, ["510104"], count=0, quiet=True)
    filling.fill(runtime, CASES, open_cases=OPEN)
    with runtime.transaction() as session:
        session.execute(_OUTBOX)
    with runtime.reading() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    app = create_app(runtime.settings)
    app.testing = True
    with runtime.transaction() as session:
        places = [tuple(row) for row in session.execute(_PLACES)]
        departments = session.scalars(text("SELECT login FROM city.person WHERE role = 'department'")).all()
    runtime.engine.dispose()
    watched = Watched(app.extensions["webgis"], cycle(places))

    @event.listens_for(watched.runtime.engine, "connect")
    def explain(connection, _record) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_EXPLAIN)
        connection.commit()
        connection.notices = watched

    for login in ("inspector1", "inspector2", "acceptor1", "dispatcher1", "manager1", *departments):
        watched.users[login] = Api(app, login)
    yield watched
    watched.runtime.engine.dispose()


def nodes(plan: dict) -> Iterator[dict]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def scanned(plans: list[dict]) -> set[tuple[str, str]]:
    """(table, statement) of every sequential scan of a large table."""
    return {
        (node["Relation Name"], " ".join(plan["Query Text"].split())[:200])
        for plan in plans
        for node in nodes(plan["Plan"])
        if node["Node Type"] == "Seq Scan" and node.get("Schema") == "city" and node["Relation Name"] in LARGE
    }


def report(watched: Watched, login: str = "inspector1", photos=True, **given):
    lon, lat = given.pop("place", None) or next(watched.places)
    fields = {"lon": lon, "lat": lat, "crs": "cgcs2000", "kind": "matter", "class": city.REFUSE, "description": "垃圾"}
    answer = watched.users[login].post("/api/v1/cases", fields | given, [city.photo()] if photos else ())
    assert answer.status_code == 201, answer.text
    return answer.json["properties"]


def act(watched: Watched, login: str, case: dict, action: str, **given) -> dict:
    answer = watched.users[login].post(f"/api/v1/cases/{case['number']}/actions/{action}", given)
    assert answer.status_code == 200, answer.text
    return answer.json["properties"]


def whole_life(watched: Watched) -> None:
    """One case through every step that is somebody's daily work."""
    lon, lat = next(watched.places)
    here = {"lon": lon, "lat": lat, "crs": "cgcs2000"}
    case = report(watched, "acceptor1", photos=False, place=(lon, lat))
    act(watched, "acceptor1", case, "request_confirmation", inspector="inspector1")
    photo = [city.photo()]
    confirmed = watched.users["inspector1"].post(
        f"/api/v1/cases/{case['number']}/actions/confirm", here | {"result": "found"}, photo
    )
    assert confirmed.status_code == 200, confirmed.text
    case = act(watched, "acceptor1", case, "relocate", **here)
    act(watched, "acceptor1", case, "file", condition=case["conditions"][0]["id"])
    department = act(watched, "dispatcher1", case, "dispatch", department="auto")["department"]
    act(watched, department, case, "receive")
    act(watched, "manager1", case, "urge")
    act(watched, department, case, "resolve", note="已清理")
    act(watched, "dispatcher1", case, "request_verification", inspector="inspector2")
    act(watched, "inspector2", case, "verify", result="pass", **here)
    act(watched, "acceptor1", case, "close")


def test_a_report_reads_no_large_table_from_end_to_end(district):
    assert scanned(district.plans(lambda: report(district))) == set()


def test_a_report_that_may_be_a_duplicate_is_found_without_reading_all_cases(district):
    place = next(district.places)
    report(district, place=place)
    asked = {"lon": place[0], "lat": place[1], "crs": "cgcs2000", "kind": "matter", "class": city.REFUSE}

    def refused() -> None:
        answer = district.users["inspector1"].post(
            "/api/v1/cases", asked | {"description": "垃圾"}, [city.photo()], X_Acknowledge_Duplicate="false"
        )
        assert answer.json["code"] == "cases.duplicate", answer.text

    assert scanned(district.plans(refused)) == set()


def test_every_step_locks_and_writes_by_indexes(district):
    assert scanned(district.plans(lambda: whole_life(district))) == set()


def test_a_case_on_a_component_reads_the_register_by_its_code(district):
    found = text(
        "SELECT code, class_code, ST_X(fn.component_place(geom)) AS lon, ST_Y(fn.component_place(geom)) AS lat"
        " FROM city.component ORDER BY code LIMIT :most"
    )
    with district.runtime.transaction() as session:
        components = iter(session.execute(found, {"most": KEPT_PLANS}).all())

    def reported() -> None:
        one = next(components)
        given = {"kind": "component", "class": one.class_code, "component": one.code, "place": (one.lon, one.lat)}
        act(district, "acceptor1", report(district, **given), "void", reason="重复录入")

    assert scanned(district.plans(reported)) == set()


@pytest.mark.parametrize(
    ("login", "query"),
    [
        ("acceptor1", {"state": "reported", "order": "due"}),
        ("acceptor1", {"state": "reported,verified", "order": "due"}),
        ("dispatcher1", {"state": "filed,resolved", "order": "due"}),
        ("dispatcher1", {"order": "due"}),
        ("510104-sanitation", {"state": "dispatched,handling", "order": "due"}),
        ("510104-sanitation", {}),
        ("manager1", {}),
        ("manager1", {"state": "closed"}),
        ("manager1", {"class": city.REFUSE, "kind": "matter"}),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(f"{k}={v}" for k, v in value.items()) or "all",
)
def test_a_page_of_a_queue_reads_an_index(district, login, query):
    def first_two_pages() -> None:
        page = district.users[login].get("/api/v1/cases", limit=50, **query)
        assert page.status_code == 200, page.text
        if page.json["next"]:
            district.users[login].get("/api/v1/cases", limit=50, **query, cursor=page.json["next"])

    assert scanned(district.plans(first_two_pages)) == set()


def test_a_claim_reads_the_queue_by_an_index(district):
    def claimed() -> None:
        for login in ("acceptor1", "dispatcher1", "510104-sanitation", "inspector2"):
            answer = district.users[login].post("/api/v1/cases/claim")
            assert answer.status_code in (200, 204)
            if answer.status_code == 200:
                number = answer.json["properties"]["number"]
                user = district.users[login]
                assert user.post(f"/api/v1/cases/{number}/claim").status_code == 200
                assert user.client.delete(f"/api/v1/cases/{number}/claim", headers=user.headers).status_code == 204

    assert scanned(district.plans(claimed)) == set()


def test_a_case_with_its_history_is_read_by_indexes(district):
    case = report(district)

    def read() -> None:
        for path in ("", "/events", "/tasks", "/requests"):
            assert district.users["manager1"].get(f"/api/v1/cases/{case['number']}{path}").status_code == 200

    assert scanned(district.plans(read)) == set()


@pytest.mark.parametrize(
    ("index", "table", "done"),
    [
        ("ix_photo_case_id", "photo", report),
        ("ix_case_parent_id", "case", lambda district: district.users["manager1"].get(_newest(district) + "/tasks")),
        ("ix_cell_geom", "cell", report),
        (
            "uq_case_event_seq",
            "case_event",
            lambda district: district.users["manager1"].get(_newest(district) + "/events"),
        ),
    ],
)
def test_a_missing_index_shows(district, index, table, done):
    """What the tests above look for is there to be seen: without its index the table is read from end to end."""
    with district.runtime.transaction() as session:
        definition = session.scalar(text("SELECT pg_get_indexdef(CAST(:name AS regclass))"), {"name": f"city.{index}"})
        session.execute(text(f"DROP INDEX city.{index}"))
    try:
        assert table in {name for name, _statement in scanned(district.plans(lambda: done(district), times=1))}
    finally:
        with district.runtime.transaction() as session:
            session.execute(text(definition))


def _newest(district: Watched) -> str:
    with district.runtime.transaction() as session:
        return f"/api/v1/cases/{session.scalar(text('SELECT max(number) FROM city.case'))}"


def test_what_the_generator_makes_is_as_if_it_had_been_lived(city_runtime):
    filling.fill(city_runtime, 1000, open_cases=200)
    life = Life(city_runtime)
    assert life.check() == 1000
    filling.fill(city_runtime, 500, open_cases=100, seed=2, classes=2)
    life.closed()
    assert life.check() == 1501
    assert audit.verify(city_runtime.engine, city_runtime.settings).findings == ()


def test_the_same_seed_makes_the_same_cases(city_runtime):
    made = text("SELECT array_agg(number || state || reported_at ORDER BY id) FROM city.case WHERE id > :after")
    found = []
    for workers in (1, 2):
        with city_runtime.transaction() as session:
            after = session.scalar(text("SELECT coalesce(max(id), 0) FROM city.case"))
        filling.fill(city_runtime, 300, workers=workers, classes=3)
        with city_runtime.transaction() as session:
            found.append([one[8:16] + one[19:] for one in session.scalar(made, {"after": after})])
    assert found[0] == found[1]
