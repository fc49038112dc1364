"""Which department a case goes to: the order of rules as a table, the reasons that are stored, and when hours hold."""

from datetime import UTC, date, datetime, time

import pytest
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, box
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests import city
from webgis.accounts import operations as accounts
from webgis.cases import routing
from webgis.cases.routing_models import RoutingRule, RoutingSet
from webgis.geo import SRID

FRIDAY = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
"""Friday, 20 November 2026, 10:00 in the city."""
CELL = city.WEST + "001"
HERE = (104.0622, 30.6571)
MAINTAINER, OWNER = "91510100MA6AAAAA1X", "91510100MA6BBBBB2X"
COVER = "51010401001000001"
"""A component: the cover of a manhole."""

NARROW = MultiPolygon([box(104.062, 30.657, 104.063, 30.658)])
WIDE = MultiPolygon([box(104.06, 30.655, 104.07, 30.66)])


@pytest.fixture
def town(session):
    """Departments A to D, and E that has the credit code of the maintainer, F that of the owner."""
    for code in "ABCD":
        accounts.add_department(session, code, f"部门{code}", f"Department {code}", kind="other")
    for code, credit in (("E", MAINTAINER), ("F", OWNER)):
        accounts.add_department(session, code, f"部门{code}", f"Department {code}", kind="gas").credit_code = credit
    accounts.add_department(session, "K", "部门K", "Department K", kind="sanitation", area=city.COUNTY)
    session.flush()
    return session


def rules(session, *given: dict, state: str = "active") -> RoutingSet:
    """A rule set of these rules, numbered from 1, each to department A, B, C ... unless it says another."""
    made = RoutingSet(name="规则", state="draft")
    session.add(made)
    session.flush()
    for number, one in enumerate(given, start=1):
        shape = {"geom": from_shape(one["geom"], srid=SRID)} if "geom" in one else {}
        department = {"department_code": "ABCD"[(number - 1) % 4]}
        session.add(RoutingRule(version=made.version, number=number, **(department | one | shape)))
    session.flush()
    made.state = state
    session.flush()
    return made


def choose(session, **changed) -> routing.Chosen:
    given = {"kind": "matter", "class_code": "06010", "cell_code": CELL, "lon": HERE[0], "lat": HERE[1], "at": FRIDAY}
    return routing.choose(session, **(given | changed))


PRECEDENCE = [
    ("the higher priority", {"priority": 200}, {"priority": 100, "class_code": "06010", "area_code": CELL}),
    ("a class before its group", {"class_code": "06010"}, {"class_code": "06", "area_code": CELL}),
    ("a group before all classes", {"class_code": "06"}, {"area_code": CELL}),
    ("one kind before both", {"class_code": "06010", "kind": "matter"}, {"class_code": "06010", "area_code": CELL}),
    ("any kind's class before a kind alone", {"class_code": "06"}, {"kind": "matter"}),
    ("a zone before a cell", {"zone": "L1"}, {"area_code": CELL}),
    ("a cell before a polygon", {"area_code": CELL}, {"geom": NARROW}),
    ("the smaller polygon", {"geom": NARROW}, {"geom": WIDE}),
    ("a polygon before a community", {"geom": WIDE}, {"area_code": city.WEST}),
    ("a community before a subdistrict", {"area_code": city.WEST}, {"area_code": city.SUBDISTRICT}),
    ("a subdistrict before a county", {"area_code": city.SUBDISTRICT}, {"area_code": city.COUNTY}),
    ("a county before the city", {"area_code": city.COUNTY}, {"area_code": city.CITY}),
    ("the city before nothing", {"area_code": city.CITY}, {}),
    ("a place before hours", {"area_code": city.CITY}, {"days": [5], "from_time": time(8), "until_time": time(18)}),
    ("days and hours before days", {"days": [5], "from_time": time(8), "until_time": time(18)}, {"days": [5]}),
    ("a period before nothing", {"first_day": date(2026, 11, 1)}, {}),
    ("of two alike the lower number", {"department_code": "C"}, {"department_code": "A"}),
]


@pytest.mark.parametrize("turned", [False, True], ids=["first", "last"])
@pytest.mark.parametrize("winner, loser", [row[1:] for row in PRECEDENCE], ids=[row[0] for row in PRECEDENCE])
def test_one_rule_wins_over_another(town, winner, loser, turned):
    given = [{"department_code": "A"} | winner, {"department_code": "B"} | loser]
    alike = loser == {"department_code": "A"}
    rules(town, *(given[::-1] if turned and not alike else given))
    chosen = choose(town, zones=["L1"])
    assert chosen.department == given[0]["department_code"]
    assert [one["department"] for one in chosen.why["beaten"]] == [given[1]["department_code"]]
    assert chosen.why["beaten"][0]["lost_zh"] and chosen.why["beaten"][0]["lost_en"]


def component(session, owner=OWNER, maintainer=MAINTAINER) -> None:
    """The cover in the register, with these units."""
    session.execute(
        text(
            "INSERT INTO city.class (standard, kind, code, major_code, major_zh, major_en, name_zh)"
            " VALUES ('GB/T 47678.5-2026', 'component', '01001', '01', '市政', 'Utilities', '供水井盖')"
        )
    )
    session.execute(
        text(
            "INSERT INTO city.component"
            " (code, standard, class_code, name, owner_code, maintainer_code, cell_code, geom)"
            " VALUES (:code, 'GB/T 47678.5-2026', '01001', '供水井盖', :owner, :maintainer, :cell,"
            " ST_SetSRID(ST_Point(104.0622, 30.6571), 4490))"
        ),
        {"code": COVER, "owner": owner, "maintainer": maintainer, "cell": CELL},
    )


def on_cover(session, **changed) -> routing.Chosen:
    return choose(session, kind="component", class_code="01001", component_code=COVER, **changed)


@pytest.mark.parametrize(
    ("given", "units", "department", "rule"),
    [
        ([{"class_code": "01001", "priority": 1000}], {}, "E", "component-maintainer"),
        ([{"class_code": "01001", "priority": 1000}, {"maintainer_code": MAINTAINER, "priority": 0}], {}, "B", 2),
        ([{"owner_code": OWNER, "priority": 0}], {"maintainer": None}, "A", 1),
        ([{"owner_code": OWNER}, {"class_code": "01001", "kind": "component"}], {"maintainer": None}, "A", 1),
        ([{"owner_code": OWNER}, {"class_code": "01001", "priority": 101}], {"maintainer": None}, "B", 2),
        ([], {"maintainer": None}, "F", "component-owner"),
        ([{"class_code": "02"}], {"maintainer": None}, "F", "component-owner"),
        ([{"class_code": "01"}], {"maintainer": "91510100MA6NOBODY9"}, "A", 1),
        ([{"maintainer_code": OWNER}], {"maintainer": None, "owner": None}, None, None),
    ],
    ids=[
        "the maintainer's department before any rule for the class",
        "a rule that names the maintainer before its department",
        "a rule that names the owner",
        "the owner before a class",
        "priority before the owner",
        "the owner's department where no rule speaks",
        "and where rules speak of other classes",
        "a maintainer that is no department leaves it to the rules",
        "an owner's code is no maintainer's",
    ],
)
def test_the_components_own_units_have_their_place_in_the_order(town, given, units, department, rule):
    rules(town, *given)
    component(town, **units)
    chosen = on_cover(town)
    assert (chosen.department, chosen.why.get("number", chosen.why["rule"])) == (department, rule)


def test_a_maintainers_department_must_serve_the_cell_and_the_smallest_area_is_taken(town):
    component(town)
    for code, area in (("E-county", city.COUNTY), ("E-city", city.CITY), ("E-elsewhere", "510105")):
        made = accounts.add_department(town, code, code, kind="gas", area=area)
        made.credit_code = MAINTAINER
    town.flush()
    assert on_cover(town).department == "E-county"
    town.execute(text("UPDATE city.department SET credit_code = NULL WHERE code <> 'E-elsewhere'"))
    assert on_cover(town).why["rule"] is None


def test_without_a_rule_it_is_the_department_of_the_conditions_kind_that_serves_the_cell(town):
    condition = _condition(town, "sanitation")
    accounts.add_department(town, "K-city", "市环卫", kind="sanitation", area=city.CITY)
    accounts.add_department(town, "K-other", "他区环卫", kind="sanitation", area="510105")
    chosen = choose(town, condition_id=condition)
    assert (chosen.department, chosen.why["rule"]) == ("K", "condition-kind")
    assert "Department K" in chosen.why["text_en"] and "部门K" in chosen.why["text_zh"]
    assert "condition: Sanitation ->" in chosen.why["text_en"] and "部门类别：环境卫生 →" in chosen.why["text_zh"]
    rules(town, {"class_code": "06"})
    assert choose(town, condition_id=condition).department == "A"
    assert choose(town, condition_id=condition).why["beaten"][0]["rule"] == "condition-kind"


def _condition(session, kind) -> int:
    session.execute(
        text(
            "INSERT INTO city.class (standard, kind, code, major_code, major_zh, major_en, name_zh)"
            " VALUES ('GB/T 47678.5-2026', 'matter', '06010', '06', '市容', 'Appearance', '暴露垃圾')"
        )
    )
    standard = session.scalar(
        text(
            "INSERT INTO city.filing_standard (city_code, code, version, name_zh, standard, digest)"
            " VALUES ('5101', 'own', 1, '立案标准', 'GB/T 47678.5-2026', 'x') RETURNING id"
        )
    )
    return session.scalar(
        text(
            "INSERT INTO city.filing_condition (filing_standard_id, standard, kind, class_code, seq, text_zh,"
            " limit_value, limit_unit, closing_zh, department_kind) VALUES (:standard, 'GB/T 47678.5-2026', 'matter',"
            " '06010', 1, '有垃圾', 4, 'working_hour', '已清', :kind) RETURNING id"
        ),
        {"standard": standard, "kind": kind},
    )


def test_with_nothing_that_speaks_for_a_department_there_is_none_and_the_reason_says_so(town):
    chosen = choose(town)
    assert chosen.department is None and chosen.why["rule"] is None
    assert "没有规则适用" in chosen.why["text_zh"] and "No rule applies" in chosen.why["text_en"]


@pytest.mark.parametrize(
    ("rule", "case"),
    [
        ({"kind": "component"}, {}),
        ({"class_code": "06011"}, {}),
        ({"class_code": "07"}, {}),
        ({"area_code": city.EAST}, {}),
        ({"area_code": "510105"}, {}),
        ({"geom": NARROW}, {"lon": 104.066, "lat": 30.6571}),
        ({"zone": "L1"}, {"zones": ["L2"]}),
        ({"zone": "L1"}, {}),
        ({"owner_code": OWNER}, {}),
        ({"maintainer_code": MAINTAINER}, {}),
        ({"days": [1, 2, 3, 4, 6, 7]}, {}),
        ({"from_time": time(12), "until_time": time(18)}, {}),
        ({"first_day": date(2026, 11, 21)}, {}),
        ({"last_day": date(2026, 11, 19)}, {}),
    ],
)
def test_a_rule_does_not_hold_when_one_of_its_conditions_does_not(town, rule, case):
    rules(town, rule)
    assert choose(town, **case).department is None


def test_only_the_active_set_is_asked_unless_another_is_named(town):
    retired, draft = rules(town, {"department_code": "A"}, state="retired"), rules(town, {}, {"class_code": "06"})
    assert choose(town).department == "B"
    assert choose(town, version=retired.version).department == "A"
    assert choose(town, version=draft.version).why["version"] == draft.version


def test_the_reason_names_the_rule_its_conditions_and_what_it_beat_in_both_languages(town):
    made = rules(
        town,
        {
            "class_code": "06010", "kind": "matter", "area_code": city.WEST, "days": [4, 5], "from_time": time(22),
            "until_time": time(12), "first_day": date(2026, 1, 1), "zone": "L1", "geom": WIDE,
        },
        {"class_code": "06"}, {"class_code": "06", "priority": 20},
    )  # fmt: skip
    why = choose(town, zones=["L1"]).why
    assert (why["version"], why["number"]) == (made.version, 1)
    for part in (
        "规则 1",
        "事项",
        "类 06010",
        f"区域 {city.WEST}",
        "多边形内",
        "保护区 L1",
        "2026-01-01 起",
        "周四、五",
        "22:00-12:00",
    ):
        assert part in why["text_zh"]
    assert "class 06010" in why["text_en"] and "Thu/Fri" in why["text_en"] and why["text_en"].endswith("Department A")
    assert [(one["number"], one["lost_en"]) for one in why["beaten"]] == [
        (2, "its class is wider"),
        (3, "its priority is lower"),
    ]
    assert [one["lost_zh"] for one in why["beaten"]] == ["类别较宽", "优先级较低"]


def moment(written: str) -> datetime:
    """A local moment of the city."""
    return datetime.fromisoformat(written + ":00+08:00")


NIGHT = {"from_time": time(22), "until_time": time(6)}


@pytest.mark.parametrize(
    ("conditions", "at", "holds"),
    [
        ({"from_time": time(8), "until_time": time(18)}, "2026-11-20T08:00", True),
        ({"from_time": time(8), "until_time": time(18)}, "2026-11-20T17:59", True),
        ({"from_time": time(8), "until_time": time(18)}, "2026-11-20T18:00", False),
        (NIGHT, "2026-11-20T21:59", False),
        (NIGHT, "2026-11-20T22:00", True),
        (NIGHT, "2026-11-21T05:59", True),
        (NIGHT, "2026-11-21T06:00", False),
        (NIGHT | {"days": [5]}, "2026-11-21T03:00", True),
        (NIGHT | {"days": [5]}, "2026-11-20T03:00", False),
        (NIGHT | {"days": [6]}, "2026-11-21T03:00", False),
        (NIGHT | {"days": [7]}, "2026-11-23T01:00", True),
        (NIGHT | {"last_day": date(2026, 11, 20)}, "2026-11-21T05:00", True),
        (NIGHT | {"last_day": date(2026, 11, 20)}, "2026-11-21T22:30", False),
        (NIGHT | {"first_day": date(2026, 11, 21)}, "2026-11-21T05:00", False),
        ({"from_time": time(8), "until_time": time(8), "days": [5]}, "2026-11-21T07:59", True),
        ({"from_time": time(8), "until_time": time(8), "days": [5]}, "2026-11-21T08:00", False),
        ({"from_time": time(0), "until_time": time(0), "days": [6]}, "2026-11-21T23:59", True),
        ({"from_time": time(18), "until_time": time(0), "days": [5]}, "2026-11-20T23:59", True),
        ({"from_time": time(18), "until_time": time(0), "days": [5]}, "2026-11-21T00:00", False),
        ({"days": [6]}, "2026-11-21T00:00", True),
        ({"days": [6]}, "2026-11-20T23:59", False),
        ({"first_day": date(2026, 11, 20), "last_day": date(2026, 11, 20)}, "2026-11-20T00:00", True),
        ({"first_day": date(2026, 11, 20), "last_day": date(2026, 11, 20)}, "2026-11-21T00:00", False),
    ],
)
def test_hours_days_and_periods_are_those_of_the_citys_clock(town, conditions, at, holds):
    rules(town, conditions)
    assert choose(town, at=moment(at)).department == ("A" if holds else None)


def test_the_rules_of_a_set_that_was_in_force_cannot_be_changed_by_anyone(town):
    made = rules(town, {}, {"class_code": "06"})
    for statement in (
        "UPDATE city.routing_rule SET priority = 1 WHERE version = :version",
        "DELETE FROM city.routing_rule WHERE version = :version",
        "INSERT INTO city.routing_rule (version, number, department_code) VALUES (:version, 9, 'A')",
        "DELETE FROM city.routing_set WHERE version = :version",
    ):
        with pytest.raises(DBAPIError, match="draft|kept"), town.begin_nested():
            town.execute(text(statement), {"version": made.version})


def test_matching_reads_rules_by_their_index(town):
    rules(town, *[{"class_code": "06010", "department_code": "A", "priority": n} for n in range(300)])
    town.execute(text("ANALYZE city.routing_rule"))
    town.execute(text("SET LOCAL enable_seqscan = off"))
    plan = town.execute(
        text(
            "EXPLAIN SELECT FROM city.routing_rule m WHERE m.version = 1"
            " AND m.class_code = ANY(fn.class_keys('06010')) AND m.area_code = ANY(fn.area_keys('510104017001001'))"
        )
    )
    assert "ix_routing_rule_match" in "\n".join(plan.scalars())
