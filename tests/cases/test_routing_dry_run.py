"""A draft of the rules tried on past cases: what would go elsewhere; and the whole agrees with the single choice."""

import random
from datetime import UTC, date, datetime, time, timedelta

import pytest
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, box
from sqlalchemy import text

from tests import city
from webgis.accounts import operations as accounts
from webgis.accounts import queries
from webgis.cases import routing, routing_replay, routing_sets
from webgis.cases.routing_models import RoutingRule, RoutingSet
from webgis.errors import Conflict, NotFound
from webgis.geo import SRID

UNTIL = datetime(2026, 11, 22, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=30)
CREDITS = ("91510100MA6AAAAA1X", "91510100MA6BBBBB2X", "91510100MA6CCCCC3X", None)
CLASSES = (
    ("matter", "06010"),
    ("matter", "06011"),
    ("matter", "01001"),
    ("component", "01001"),
    ("component", "02014"),
)


@pytest.fixture
def town(city_runtime):
    """The small city with more departments, in a session that is not committed."""
    with city_runtime.sessions() as session:
        for code, area in (("A", None), ("B", city.COUNTY), ("C", city.EAST), ("D", None)):
            accounts.add_department(session, code, f"部门{code}", f"Department {code}", kind="other", area=area)
        for code, credit in (("A", CREDITS[0]), ("C", CREDITS[1])):
            session.execute(
                text("UPDATE city.department SET credit_code = :credit WHERE code = :code"),
                {"code": code, "credit": credit},
            )
        session.flush()
        yield session


def components(session, chance: random.Random, count: int) -> list[str]:
    """Components of the register with owners and maintainers by chance; their codes."""
    codes = [f"51010401001{number:06d}" for number in range(1, count + 1)]
    for code in codes:
        session.execute(
            text(
                "INSERT INTO city.component"
                " (code, standard, class_code, name, owner_code, maintainer_code, cell_code, geom) VALUES"
                " (:code, 'GB/T 47678.5-2026', '01001', '供水井盖', :owner, :maintainer, :cell,"
                " ST_SetSRID(ST_Point(104.0622, 30.6571), 4490))"
            ),
            {
                "code": code,
                "owner": chance.choice(CREDITS),
                "maintainer": chance.choice(CREDITS),
                "cell": city.WEST + "001",
            },
        )
    return codes


_CASE = text(
    """
    INSERT INTO city.case (number, kind, standard, class_code, description, geom, crs, cell_id, cell_code, source,
        state, condition_id, department_code, component_code, reported_at, dispatched_at, changed_at, head)
    SELECT :number, :kind, 'GB/T 47678.5-2026', :class_code, '问题', ST_SetSRID(ST_Point(:lon, :lat), 4490), 'wgs84',
        c.id, c.code, 'inspector', 'reported', :condition, :department, :component, :at, :dispatched, :at, sha256('')
    FROM fn.cell_at(ST_SetSRID(ST_Point(:lon, :lat), 4490)) c
    """
)


def cases(session, chance: random.Random, count: int, components=(), departments=("A", "B", "C", "D", None)) -> None:
    """Filed cases of the last 30 days at places, of classes and at moments by chance."""
    conditions = {
        (kind, code): id
        for id, kind, code in session.execute(
            text("SELECT id, kind, class_code FROM city.filing_condition ORDER BY id DESC")
        )
    }
    for number in range(count):
        kind, class_code = chance.choice(CLASSES)
        at = SINCE + timedelta(seconds=chance.randrange(30 * 86400))
        session.execute(
            _CASE,
            {
                "number": f"51010420261101{number:05d}",
                "kind": kind,
                "class_code": class_code,
                "lon": chance.uniform(104.0601, 104.0699),
                "lat": chance.uniform(30.6551, 30.6599),
                "condition": conditions.get((kind, class_code), max(conditions.values())),
                "department": chance.choice(departments),
                "component": chance.choice(components) if components and chance.random() < 0.4 else None,
                "at": at,
                "dispatched": chance.choice([None, at + timedelta(hours=chance.randrange(48))]),
            },
        )


def any_rule(chance: random.Random, cells: list[str]) -> dict:
    """The columns of a rule with conditions by chance."""
    some = lambda odds, value: value if chance.random() < odds else None  # noqa: E731 - one line says it
    hours = some(0.3, [time(chance.randrange(24)), time(chance.randrange(24))]) or [None, None]
    corner = chance.uniform(104.06, 104.068), chance.uniform(30.655, 30.659)
    shape = MultiPolygon([box(*corner, corner[0] + 0.003, corner[1] + 0.002)])
    areas = ["", "", city.CITY, city.COUNTY, city.SUBDISTRICT, city.WEST, city.EAST, chance.choice(cells)]
    return {
        "priority": chance.choice([50, 100, 100, 100, 200]),
        "kind": chance.choice(["", "", "component", "matter"]),
        "class_code": chance.choice(["", "01", "06", "01001", "06010", "02014"]),
        "area_code": chance.choice(areas),
        "geom": from_shape(shape, srid=SRID) if chance.random() < 0.25 else None,
        "owner_code": some(0.15, chance.choice(CREDITS[:3])),
        "maintainer_code": some(0.15, chance.choice(CREDITS[:3])),
        "days": some(0.3, sorted(chance.sample(range(1, 8), chance.randrange(1, 7)))),
        "from_time": hours[0],
        "until_time": hours[1],
        "first_day": some(0.15, date(2026, 11, chance.randrange(1, 21))),
        "zone": some(0.05, "L1"),
        "department_code": chance.choice("ABCD"),
    }


def rule_set(session, rules: list[dict], state: str = "draft") -> int:
    """A rule set of these rules, numbered from 1; its version."""
    made = RoutingSet(name="试", state="draft")
    session.add(made)
    session.flush()
    session.add_all(RoutingRule(version=made.version, number=n, **one) for n, one in enumerate(rules, start=1))
    session.flush()
    made.state = state
    session.flush()
    return made.version


@pytest.mark.parametrize("seed", range(6))
def test_the_replay_of_all_cases_gives_for_each_what_the_single_choice_gives(town, seed):
    chance = random.Random(seed)
    cells = list(town.scalars(text("SELECT code FROM city.cell ORDER BY code")))
    cases(town, chance, 150, components(town, chance, 12))
    version = rule_set(town, [any_rule(chance, cells) for _ in range(chance.choice([1, 8, 40]))])
    replayed = {
        row.case_id: (row.becomes, row.rule_id or row.source)
        for row in town.execute(
            text("SELECT * FROM fn.replay_rules(:version, :since, :until, 'Asia/Shanghai')"),
            {"version": version, "since": SINCE, "until": UNTIL},
        )
    }
    assert len(replayed) == 150
    for case in town.execute(
        text(
            "SELECT *, ST_X(geom) AS lon, ST_Y(geom) AS lat, coalesce(dispatched_at, reported_at) AS at FROM city.case"
        )
    ).all():
        given = {name: getattr(case, name) for name in ("kind", "class_code", "cell_code", "lon", "lat", "at")}
        units = {"component_code": case.component_code, "condition_id": case.condition_id}
        chosen = routing.choose(town, **given, **units, version=version)
        assert replayed[case.id] == (chosen.department, chosen.why["rule"])


def test_a_dry_run_says_which_cases_would_go_elsewhere_from_where_to_where_and_why(town):
    cases(town, random.Random(1), 60, departments=("A",))
    version = rule_set(town, [{"department_code": "A"}, {"class_code": "06010", "department_code": "B"}])
    done = routing_replay.dry_run(town, version, since=SINCE, until=UNTIL, examples=3)
    moved = town.scalar(text("SELECT count(*) FROM city.case WHERE class_code = '06010'"))
    assert (done.replayed, done.same, done.elsewhere, done.unset) == (60, 60 - moved, moved, 0) and moved > 3
    (group,) = done.groups
    assert (group["from"], group["to"], group["rule"], group["cases"]) == ("A", "B", 2, moved)
    assert (group["from_zh"], group["to_en"]) == ("部门A", "Department B")
    assert "规则 2" in group["why_zh"] and "class 06010" in group["why_en"]
    assert len(done.cases) == 3
    for one in done.cases:
        assert (one["from"], one["to"], one["why"]["number"]) == ("A", "B", 2)
        assert one["why"]["beaten"][0]["number"] == 1 and len(one["number"]) == 19


def test_a_dry_run_changes_nothing(town):
    cases(town, random.Random(2), 10)
    version = rule_set(town, [{"department_code": "A"}])
    tables = "SELECT (SELECT jsonb_agg(c) FROM city.case c), (SELECT jsonb_agg(s) FROM city.routing_set s)"
    before = town.execute(text(tables)).one()
    routing_replay.dry_run(town, version, since=SINCE, until=UNTIL)
    assert town.execute(text(tables)).one() == before


def test_against_what_is_compared_is_chosen(town):
    cases(town, random.Random(3), 20, departments=("C", None))
    version = rule_set(town, [{"department_code": "B"}])
    with pytest.raises(Conflict) as none_active:
        routing_replay.dry_run(town, version, since=SINCE, until=UNTIL, against="active")
    assert none_active.value.code == "cases.no-active-rules"
    rule_set(town, [{"department_code": "B"}, {"class_code": "06", "department_code": "D"}], state="active")
    actual = routing_replay.dry_run(town, version, since=SINCE, until=UNTIL)
    assert actual.unset > 0 and actual.same == 0 and actual.elsewhere == 20 - actual.unset
    active = routing_replay.dry_run(town, version, since=SINCE, until=UNTIL, against="active")
    assert active.unset == 0 and active.same + active.elsewhere == 20
    assert {(group["from"], group["to"]) for group in active.groups} == {("D", "B")}


def test_only_cases_reported_in_the_span_are_replayed(town):
    cases(town, random.Random(4), 40)
    version = rule_set(town, [{"department_code": "B"}])
    half = UNTIL - timedelta(days=15)
    parts = [
        routing_replay.dry_run(town, version, since=a, until=b).replayed for a, b in ((SINCE, half), (half, UNTIL))
    ]
    assert sum(parts) == 40 and all(parts)
    assert routing_replay.dry_run(town, version, since=UNTIL, until=UNTIL).replayed == 0


def test_a_version_that_does_not_exist_is_refused(town):
    with pytest.raises(NotFound) as refused:
        routing_replay.dry_run(town, 4711, since=SINCE, until=UNTIL)
    assert refused.value.code == "cases.rule-set-unknown"


def test_after_activation_the_same_choice_is_made(town):
    cases(town, random.Random(5), 5)
    version = rule_set(town, [{"class_code": "06", "department_code": "D"}])
    manager = queries.actor(town, "manager1")
    routing_sets.activate(town, manager, version, at=UNTIL)
    given = {"kind": "matter", "class_code": "06010", "cell_code": city.WEST + "001", "lon": 104.0622, "lat": 30.6571}
    assert routing.choose(town, **given, at=UNTIL).department == "D"
