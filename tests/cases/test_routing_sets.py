"""Rules read from tables: what each column takes, what is refused and why; sets that follow one another."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests import city
from webgis.accounts import queries as accounts
from webgis.cases import routing_reading, routing_sets
from webgis.catalog.sheets import Row, Sheet
from webgis.errors import Conflict, Forbidden, Invalid

WORKS = "510104-works"
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SQUARE = "POLYGON ((104.062 30.657, 104.063 30.657, 104.063 30.658, 104.062 30.658, 104.062 30.657))"


@pytest.fixture
def town(city_runtime):
    """The small city in a session that is not committed."""
    with city_runtime.sessions() as session:
        yield session


def sheet(*rows: dict[str, str]) -> Sheet:
    header = tuple(dict.fromkeys(name for row in rows for name in row))
    return Sheet(header, tuple(Row(number, row) for number, row in enumerate(rows, start=2)))


def read_in(session, *rows: dict[str, str], **given) -> int:
    manager = accounts.actor(session, "manager1")
    return routing_sets.import_rules(session, manager, sheet(*rows), **({"name": "试"} | given)).version


def refused(session, *rows: dict[str, str]) -> list[tuple[int, str, str]]:
    with pytest.raises(Invalid) as refusal:
        read_in(session, *rows)
    assert refusal.value.code == "cases.bad-rules"
    assert all(fault["problem_zh"] for fault in refusal.value.facts["faults"])
    return [(fault["row"], fault["column"], fault["problem"]) for fault in refusal.value.facts["faults"]]


BAD = [
    ({"number": "0"}, "number", "from 1"),
    ({"number": "x"}, "number", "whole number"),
    ({"priority": "1001"}, "priority", "from 0 to 1000"),
    ({"kind": "thing"}, "kind", "no kind"),
    ({"class": "060"}, "class", "major class"),
    ({"class": "06999"}, "class", "no class"),
    ({"kind": "component", "class": "06010"}, "class", "no class component 06010"),
    ({"area": "51"}, "area", "4, 6, 9 or 12"),
    ({"area": "510199"}, "area", "no area or valid cell"),
    ({"area": f"{city.WEST}999"}, "area", "no area or valid cell"),
    ({"polygon": "somewhere"}, "polygon", "WKT or GeoJSON"),
    ({"polygon": "POINT (104 30)"}, "polygon", "a polygon"),
    ({"polygon": "POLYGON EMPTY"}, "polygon", "a polygon"),
    ({"polygon": "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))"}, "polygon", "not simple"),
    ({"polygon": "POLYGON ((30 104, 31 104, 31 105, 30 104))"}, "polygon", ""),
    ({"polygon": "POLYGON ((NaN 30, 105 30, 105 31, NaN 30))"}, "polygon", ""),
    ({"owner": "4711"}, "owner", "social credit code"),
    ({"maintainer": "91510100MA6AAAAA1"}, "maintainer", "social credit code"),
    ({"zone": "x" * 65}, "zone", "at most 64"),
    ({"remark": "a\tb"}, "remark", "cannot be printed"),
    ({"remark": "a\0b"}, "remark", "NUL"),
    ({"first_day": "2026-02-30"}, "first_day", "a date"),
    ({"first_day": "2026-03-01", "last_day": "2026-02-01"}, "last_day", "before first_day"),
    ({"days": "someday"}, "days", "weekdays"),
    ({"hours": "8-18"}, "hours", "hours"),
    ({"department": ""}, "department", "is needed"),
    ({"department": "nobody"}, "department", "no department nobody"),
]


@pytest.mark.parametrize(("wrong", "column", "problem"), BAD, ids=[str(row[0])[:60] for row in BAD])
def test_what_a_column_does_not_take_is_refused_by_name(town, wrong, column, problem):
    ((row, at, said),) = refused(town, {"department": WORKS} | wrong)
    assert (row, at) == (2, column) and problem in said


def test_every_fault_of_every_row_is_named_and_nothing_is_kept(town):
    faults = refused(town, {"department": WORKS, "class": "x", "priority": "-1"}, {"department": "nobody", "class": ""})
    assert [(row, column) for row, column, _problem in faults] == [(2, "priority"), (2, "class"), (3, "department")]
    assert town.scalar(text("SELECT count(*) FROM city.routing_set")) == 0


def test_rules_that_never_decide_and_numbers_given_twice_are_refused(town):
    rule = {"department": WORKS, "class": "06", "number": "1"}
    faults = refused(town, rule, rule | {"number": "2"}, rule | {"number": "1", "class": "07"})
    assert [(row, column) for row, column, _problem in faults] == [(3, "department"), (4, "number")]
    assert "never decides" in faults[0][2]


@pytest.mark.parametrize(
    ("header", "column"),
    [({"department": WORKS, "colour": "red"}, "colour"), ({"class": "06"}, "department")],
)
def test_a_heading_that_means_nothing_or_is_missing_is_refused(town, header, column):
    assert refused(town, header)[0][:2] == (1, column)


def test_every_column_is_read_and_written_back(town):
    full = {
        "编号": "7", "优先级": "200", "类型": "部件", "类代码": "1001", "区域": city.WEST, "多边形": SQUARE,
        "权属单位": "91510100ma6aaaaa1x", "养护单位": "91510100MA6BBBBB2X", "保护区": "L1", "起始日期": "2026/03/01",
        "截止日期": "2026-04-30", "星期": "周六、周日", "时段": "22：00至06：00", "责任部门": WORKS, "备注": "夜间",
    }  # fmt: skip
    version = read_in(town, full, {"责任部门": WORKS}, crs="cgcs2000")
    first, second = (routing_sets.facts(rule) for rule in reversed(routing_sets.rules_of(town, version)))
    assert first | {"polygon": None} == {
        "number": 7, "priority": 200, "kind": "component", "class": "01001", "area": city.WEST, "polygon": None,
        "owner": "91510100MA6AAAAA1X", "maintainer": "91510100MA6BBBBB2X", "zone": "L1", "first_day": "2026-03-01",
        "last_day": "2026-04-30", "days": "Sat,Sun", "hours": "22:00-06:00", "department": WORKS, "remark": "夜间",
    }  # fmt: skip
    assert first["polygon"].startswith("MULTIPOLYGON")
    assert second["number"] == 1 and {name for name, value in second.items() if value} == {
        "number", "priority", "department"}  # fmt: skip
    rows = [
        dict(
            zip(routing_reading.EXPORT_HEADINGS["zh"], ["" if cell is None else str(cell) for cell in row], strict=True)
        )
        for row in routing_sets.export_rows(town, version)
    ]
    again = read_in(town, *rows, crs="cgcs2000")
    assert routing_sets.export_rows(town, again) == routing_sets.export_rows(town, version)


def test_a_polygon_may_be_geojson_in_the_system_of_chinese_maps(town):
    geojson = '{"type": "Polygon", "coordinates": [[[104.0645, 30.6546], [104.0655, 30.6546], [104.0655, 30.6556],'\
              ' [104.0645, 30.6546]]]}'  # fmt: skip
    version = read_in(town, {"polygon": geojson, "department": WORKS}, crs="gcj02")
    west = town.scalar(text("SELECT ST_XMin(geom) FROM city.routing_rule WHERE version = :v"), {"v": version})
    assert 104.0610 < west < 104.0625, "GCJ-02 is moved east by some 240 m here"


def test_a_draft_begins_with_the_rules_of_another_and_is_read_into_anew(town):
    manager = accounts.actor(town, "manager1")
    version = read_in(town, {"class": "06", "department": WORKS}, {"class": "07", "department": WORKS})
    made = routing_sets.new_draft(town, manager, "改", version)
    assert routing_sets.export_rows(town, made.version) == routing_sets.export_rows(town, version)
    assert read_in(town, {"class": "08", "department": WORKS}, into=made.version) == made.version
    assert [rule.class_code for rule in routing_sets.rules_of(town, made.version)] == ["08"]


def test_one_set_is_in_force_and_the_one_before_it_can_come_back(town):
    manager = accounts.actor(town, "manager1")
    first, second = (read_in(town, {"class": code, "department": WORKS}) for code in ("06", "07"))
    for version in (first, second, first):
        routing_sets.activate(town, manager, version, at=NOW)
        states = {made.version: made.state for made, _rules in routing_sets.listed(town)}
        assert states[version] == "active" and sorted(states.values()).count("active") == 1
    with pytest.raises(Conflict) as again:
        routing_sets.activate(town, manager, first, at=NOW)
    assert again.value.code == "cases.rule-set-active"


def test_a_set_that_names_what_the_city_has_no_more_is_not_put_in_force(town):
    version = read_in(town, {"area": f"{city.WEST}001", "department": WORKS})
    town.execute(text("UPDATE city.cell SET valid = tstzrange(lower(valid), now()) WHERE code = :code"),
                 {"code": f"{city.WEST}001"})  # fmt: skip
    with pytest.raises(Invalid) as refusal:
        routing_sets.activate(town, accounts.actor(town, "manager1"), version, at=NOW)
    assert refusal.value.facts["faults"][0]["row"] == 1


def test_of_two_activations_at_once_one_set_is_in_force(city_runtime):
    with city_runtime.transaction() as session:
        versions = [read_in(session, {"class": code, "department": WORKS}) for code in ("06", "07")]

    def activate(version: int) -> None:
        with city_runtime.transaction() as session:
            routing_sets.activate(session, accounts.actor(session, "manager1"), version, at=NOW)

    threads = [threading.Thread(target=activate, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with city_runtime.transaction() as session:
        states = sorted(made.state for made, _rules in routing_sets.listed(session))
    assert states == ["active", "retired"]


def test_rules_are_changed_by_managers_of_the_whole_city(town):
    with pytest.raises(Forbidden) as refusal:
        routing_sets.new_draft(town, accounts.actor(town, "dispatcher1"), "试")
    assert refusal.value.code == "accounts.not-your-role"
    town.execute(text("UPDATE city.person SET area_code = :area"), {"area": city.EAST})
    with pytest.raises(Forbidden) as refusal:
        routing_sets.new_draft(town, accounts.actor(town, "manager1"), "试")
    assert refusal.value.code == "accounts.not-your-area"
