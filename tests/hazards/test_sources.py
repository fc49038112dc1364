"""Hazard sources in the database: what is stored, how grades follow what they are built on, who sees whom."""

import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests import city
from tests.hazards.makers import BORDER, CHLORINE, LPG, STORE, given, square
from webgis import geo
from webgis.accounts import queries as accounts
from webgis.api import checked
from webgis.cases import contact_rules
from webgis.errors import Conflict, Forbidden, Invalid, NotFound
from webgis.grid import areas
from webgis.grid.files import Layer
from webgis.hazards import grading, persons, source_queries, source_tasks, sources
from webgis.hazards.source_queries import Filters
from webgis.hazards.source_rules import checked_credit_code
from webgis.hazards.source_wire import ChangedSource, NewSource

NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def session(city_runtime):
    with city_runtime.sessions() as made:
        yield made


def who(session, login: str):
    return accounts.actor(session, login)


def add(session, at=NOON, **more):
    return sources.add(session, who(session, "administrator1"), checked(NewSource, given(**more)), at=at)


def change(session, at=LATER, **more):
    wanted = {name: value for name, value in given(**more).items() if name != "code"}
    return sources.change(session, who(session, "administrator1"), "CD-001", checked(ChangedSource, wanted), at=at)


def wide(session, west: int | None, east: int | None) -> None:
    """Let the two communities reach 2 km from their border, with so many people for each hectare."""
    for code, box, density in (
        (city.WEST, shapely.box(104.045, 30.6375, 104.065, 30.6775), west),
        (city.EAST, shapely.box(104.065, 30.6375, 104.085, 30.6775), east),
    ):
        people = None if density is None else round(geo.area_m2(box, 4544) / 10_000 * density)
        session.execute(
            text(
                "UPDATE city.area SET geom = ST_Multi(ST_GeomFromText(:wkt, 4490)), population = :people"
                " WHERE code = :code"
            ),
            {"wkt": box.wkt, "people": people, "code": code},
        )


def newest(session):
    row = source_queries.require(session, who(session, "administrator1"), "CD-001")
    return source_queries.grades(session, row.id)


@pytest.mark.parametrize(
    "code, right",
    [("91350100M000100Y43", True), ("9111000071093123XX", True), ("91350100M000100Y44", False), ("12345", False)],
)
def test_the_last_sign_of_a_credit_code_checks_the_others(code, right):
    if right:
        assert checked_credit_code(code.lower()) == code
    else:
        with pytest.raises(Invalid) as refused:
            checked_credit_code(code)
        assert refused.value.facts["field"] == "credit_code"


def test_a_source_is_stored_graded_and_written_into_the_log(session):
    kept = add(session, credit_code="91350100M000100Y43")
    assert (kept.added, kept.grades) == (True, 1)
    row = source_queries.require(session, who(session, "manager1"), "CD-001")
    assert (row.level, row.major, row.area_code[:9], row.version) == (3, True, city.SUBDISTRICT, 1)
    (unit,) = source_queries.units(session, row.id)
    assert (unit.s, unit.r, unit.alpha, unit.people, unit.people_from, unit.why) == (
        6,
        48,
        2,
        120,
        "entered",
        ["first"],
    )
    assert [line["step"] for line in unit.lines] == ["ratio", "sum", "beta", "alpha", "grade", "level"]
    log = session.execute(text("SELECT action, subject, after FROM city.admin_event WHERE subject = 'CD-001'")).one()
    assert (log.action, log.subject) == ("hazards.add", "CD-001")
    assert log.after["units"][0]["stocks"] == [["液氯", 30, "7782-50-5", None, []]]


def test_people_follow_from_the_population_spread_over_the_communities(session):
    """A square of 100 m on the border: 4 x 100 x 500 + pi x 500 x 500 m2 around it, half at 1, half at 2 a hectare."""
    wide(session, 1, 2)
    add(session, people=7)
    grade = newest(session)[0]
    by_hand = (4 * 100 * 500 + math.pi * 500**2) / 10_000 * 1.5
    assert by_hand == pytest.approx(147.81, abs=0.005)
    assert (grade.people, grade.people_from) == (148, "population")
    row = source_queries.require(session, who(session, "administrator1"), "CD-001")
    parts = {part["area"]: part["people"] for part in source_queries.units(session, row.id)[0].parts}
    assert parts == {city.WEST: pytest.approx(49.27, abs=0.05), city.EAST: pytest.approx(98.54, abs=0.1)}


def test_what_was_entered_counts_where_a_population_is_not_known(session):
    wide(session, 1, None)
    add(session, people=40)
    assert (newest(session)[0].people, newest(session)[0].people_from) == (40, "entered")


def test_a_major_source_without_known_people_is_refused_and_nothing_is_stored(session):
    with pytest.raises(Invalid) as refused, session.begin_nested():
        add(session, people=None)
    assert (refused.value.code, refused.value.facts["unit"]) == ("hazards.people-needed", "1 号仓库")
    assert source_queries.listed(session, who(session, "administrator1"), Filters()) == []


def test_one_below_its_critical_quantity_needs_no_people(session):
    add(session, people=None, units=[STORE | {"stocks": [CHLORINE | {"quantity": "4.9"}]}])
    grade = newest(session)[0]
    assert (grade.s, grade.major, grade.level, grade.people) == (pytest.approx(0.98), False, None, None)


def test_a_grade_is_found_anew_when_what_it_is_built_on_changes_and_its_history_says_why(session):
    wide(session, 1, 2)
    add(session)
    assert change(session, name_zh="改名而已").grades == 0
    assert change(session, units=[STORE | {"stocks": [CHLORINE, LPG]}]).grades == 1
    assert change(session, units=[STORE | {"stocks": [CHLORINE, LPG]}], geometry=square(104.063, 30.6575)).grades == 1
    session.execute(text("UPDATE city.area SET population = 3000 WHERE code = :code"), {"code": city.WEST})
    assert grading.regrade_all(session, at=LATER).grades == 1
    assert grading.regrade_all(session, at=LATER).grades == 0
    assert [one.why for one in newest(session)] == [["population"], ["outline", "population"], ["stocks"], ["first"]]


def test_entered_people_are_a_reason_of_their_own(session):
    add(session)
    change(session, people=20)
    grade, before = newest(session)
    assert (grade.why, grade.people, grade.alpha, grade.level) == (["people"], 20, 1, 3)
    assert (before.people, before.alpha) == (120, 2)


def test_a_grade_that_cannot_be_found_anew_stays_and_is_marked(session):
    wide(session, 1, 1)
    add(session, people=None)
    session.execute(text("UPDATE city.area SET population = NULL"))
    session.expire_all()
    assert grading.regrade_all(session, at=LATER).refused == {"CD-001": "hazards.people-needed"}
    row = source_queries.require(session, who(session, "administrator1"), "CD-001")
    assert (row.level, row.unsettled, len(newest(session))) == (3, "hazards.people-needed", 1)
    wide(session, 1, 1)
    grading.regrade_all(session, at=LATER)
    assert source_queries.require(session, who(session, "administrator1"), "CD-001").unsettled is None


def test_the_history_of_grades_is_never_altered(session):
    add(session)
    for statement in ("UPDATE city.hazard_grade SET level = 4", "DELETE FROM city.hazard_grade"):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(text(statement))


def test_the_level_of_a_source_is_that_of_its_gravest_unit_and_a_unit_that_is_gone_keeps_its_grades(session):
    tank = {"name": "储罐", "kind": "storage", "stocks": [LPG]}
    add(session, units=[tank])
    assert source_queries.require(session, who(session, "manager1"), "CD-001").level == 4
    change(session, units=[tank, STORE])
    assert source_queries.require(session, who(session, "manager1"), "CD-001").level == 3
    change(session, units=[tank])
    row = source_queries.require(session, who(session, "manager1"), "CD-001")
    assert (row.level, [one.name for one in source_queries.units(session, row.id)]) == (4, ["储罐"])
    assert {one.unit for one in newest(session)} == {"储罐", "1 号仓库"}


@pytest.mark.parametrize(
    "more, code, facts",
    [
        ({"kind": "volcano"}, "hazards.bad-field", {"field": "kind"}),
        ({"code": "一号"}, "hazards.bad-field", {"field": "code"}),
        ({"code": "new"}, "hazards.bad-field", {"field": "code"}),
        ({"code": "kinds"}, "hazards.bad-field", {"field": "code"}),
        ({"credit_code": "91350100M000100Y44"}, "hazards.bad-field", {"field": "credit_code"}),
        ({"department": "nobody"}, "accounts.department-unknown", {"field": "department"}),
        ({"stations": ["S-1"]}, "hazards.bad-field", {"field": "stations", "got": ["S-1"]}),
        ({"units": [STORE, STORE]}, "hazards.bad-field", {"field": "units"}),
        ({"geometry": {"type": "Point", "coordinates": BORDER}}, "hazards.bad-field", {"field": "radius_m"}),
        ({"geometry": {"type": "LineString", "coordinates": [BORDER, (104.07, 30.66)]}}, "hazards.bad-field",
         {"field": "geometry", "got": "LineString"}),
        ({"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]}},
         "hazards.bad-field", {"field": "geometry"}),
        ({"persons": [{"name": "张", "phone": "12"}]}, "hazards.bad-field", {"field": "persons", "person": 1}),
        ({"units": [STORE | {"stocks": [CHLORINE | {"quantity": 30_000}]}]}, "hazards.implausible-quantity",
         {"unit": "1 号仓库", "stock": 1, "in_tonnes": 30}),
        ({"units": [STORE | {"stocks": [CHLORINE | {"unit": "kg"}]}]}, "hazards.bad-unit", {"got": "kg"}),
        ({"units": [STORE | {"stocks": [CHLORINE | {"quantity": -1}]}]}, "hazards.bad-quantity", {"stock": 1}),
        ({"units": [STORE | {"stocks": [CHLORINE | {"quantity": True}]}]}, "hazards.bad-quantity", {"stock": 1}),
        ({"units": [STORE | {"stocks": [{"name": "某物", "quantity": 1, "cas": "50-00-1"}]}]}, "hazards.bad-cas", {}),
    ],
)  # fmt: skip
def test_a_fault_is_named_and_nothing_is_stored(session, more, code, facts):
    with pytest.raises(Invalid) as refused, session.begin_nested():
        add(session, **more)
    assert refused.value.code == code
    assert facts.items() <= refused.value.facts.items()
    assert session.scalar(text("SELECT count(*) FROM city.hazard_source")) == 0


def test_a_point_with_a_radius_stands_for_the_outline(session):
    add(session, geometry={"type": "Point", "coordinates": BORDER}, radius_m=30)
    area = session.scalar(text("SELECT ST_Area(ST_Transform(geom, 4544)) FROM city.hazard_source"))
    assert area == pytest.approx(math.pi * 30**2, rel=0.01)


def test_metres_round_a_source_are_those_of_the_area_that_holds_it(session):
    def drawn(code):
        add(session, code=code, geometry={"type": "Point", "coordinates": BORDER}, radius_m=30)
        source = source_queries.require(session, who(session, "administrator1"), code)
        (ring,) = source_queries.rings(session, source, [300])
        own = "SELECT ST_AsGeoJSON(geom, 9, 0)::jsonb FROM city.hazard_source WHERE code = :code"
        shapes = (session.scalar(text(own), {"code": code}), ring.geometry)
        return np.array([geo.area_m2(shapely.geometry.shape(shape), 4544) for shape in shapes])

    usual = drawn("CD-001")
    city.measure_elsewhere(session)
    shrunk = drawn("CD-002") / usual
    assert ((shrunk > 0.7) & (shrunk < 0.9)).all()


def test_a_code_is_given_once_and_an_old_version_overwrites_nothing(session):
    add(session)
    with pytest.raises(Conflict, match="already"):
        add(session)
    change(session, version=1, name_zh="新名")
    with pytest.raises(Conflict) as refused:
        change(session, version=1)
    assert (refused.value.code, refused.value.facts["version"]) == ("hazards.source-stale", 2)


def test_only_administrators_change_sources(session):
    with pytest.raises(Forbidden):
        sources.add(session, who(session, "manager1"), checked(NewSource, given()), at=NOON)


def test_who_is_limited_to_an_area_sees_the_sources_in_it(session):
    add(session, geometry=square(*city.IN_WEST))
    manager = who(session, "manager1")
    for area, seen in ((None, 1), (city.WEST, 1), (city.EAST, 0)):
        limited = type(manager)(**(vars(manager) | {"area": area}))
        assert len(source_queries.listed(session, limited, Filters())) == seen
        assert source_queries.counts(session, limited)["3"] == seen
        if not seen:
            with pytest.raises(NotFound):
                source_queries.require(session, limited, "CD-001")


def test_persons_in_charge_are_sealed_shown_masked_and_a_look_is_written_down(session):
    add(session, persons=[{"duty": "chief", "name": "张三丰", "phone": "138 0000 1234"}])
    row = source_queries.require(session, who(session, "acceptor1"), "CD-001")
    stored = session.execute(text("SELECT name, phone FROM city.hazard_person")).one()
    assert "张三丰".encode() not in bytes(stored.name) and b"13800001234" not in bytes(stored.phone)
    (shown,) = persons.masked(session, row.id)
    assert (shown.name, shown.phone) == (contact_rules.masked_name("张三丰"), "138****1234")
    assert persons.looks(session, row.id) == []
    (whole,) = persons.look(session, who(session, "dispatcher1"), row)
    assert (whole.name, whole.phone) == ("张三丰", "13800001234")
    assert [one.login for one in persons.looks(session, row.id)] == ["dispatcher1"]
    for login in ("works1", "inspector1"):
        with pytest.raises(Forbidden):
            persons.look(session, who(session, login), row)
    change(session, department="510104-works")
    row = source_queries.require(session, who(session, "works1"), "CD-001")
    assert persons.look(session, who(session, "works1"), row) == [whole]
    with pytest.raises(Forbidden):
        persons.look(session, who(session, "sanitation1"), row)
    change(session)
    assert change(session).changed == {}
    assert len(persons.masked(session, row.id)) == 1
    assert change(session, persons=[]).changed == {"persons": [None, None]}


def test_a_city_has_kinds_of_its_own(session):
    administrator = who(session, "administrator1")
    sources.add_kind(session, administrator, "ice_rink", "氨制冷冰场", "Ice rink cooled with ammonia")
    add(session, kind="ice_rink")
    assert source_queries.kinds(session)["ice_rink"].name_zh == "氨制冷冰场"
    with pytest.raises(Invalid):
        sources.add_kind(session, administrator, "dam", "水坝", None)


def test_an_outline_is_told_as_rfc_7946_has_it(session):
    add(session)
    row = source_queries.require(session, who(session, "administrator1"), "CD-001")
    assert row.geometry.keys() == {"type", "coordinates"}


@pytest.mark.parametrize("place", [city.OUTSIDE, (0, 0), (104.06, 89.9), (-179.9, 30)])
def test_a_source_outside_the_city_is_refused_with_the_distance(session, place):
    with pytest.raises(Invalid) as refused:
        add(session, geometry={"type": "Point", "coordinates": place}, radius_m=30)
    facts = refused.value.facts
    assert (refused.value.code, facts["field"]) == ("hazards.bad-field", "geometry") and facts["distance_m"] > 900


def test_a_source_of_the_city_outside_the_grid_is_stored_without_a_cell(session):
    wide(session, 1, 1)
    add(session, geometry=square(*city.OUTSIDE))
    row = source_queries.require(session, who(session, "administrator1"), "CD-001")
    assert (row.cell_code, row.area_code) == (None, None)


def test_new_populations_of_areas_have_the_sources_graded_anew(session):
    wide(session, 1, 1)
    add(session)
    shape = shapely.box(104.045, 30.6375, 104.065, 30.6775)
    columns = {"code": np.array([city.WEST]), "name_zh": np.array(["西社区"]), "population": np.array([9000])}
    areas.import_areas(session, Layer(np.array([shape]), columns, "cgcs2000", "UTF-8"), srid=4544, source="普查")
    assert session.scalar(text("SELECT count(*) FROM city.outbox WHERE task = 'hazards.regrade'")) == 1
    source_tasks.regrade(session)
    asked = "SELECT args FROM city.outbox WHERE task = 'hazards.regrade_one'"
    assert [one.why for one in newest(session)] == [["first"]], "each source is held by its own job alone"
    (given,) = session.scalars(text(asked))
    source_tasks.regrade_one(session, **given)
    assert [one.why for one in newest(session)] == [["population"], ["first"]]


@pytest.mark.parametrize(
    "params, seen",
    [({}, True), ({"_area": city.WEST}, True), ({"_area": city.EAST}, False), ({"_departments": []}, False)],
)
def test_tiles_hold_the_sources_that_one_may_see(session, params, seen):
    add(session, geometry=square(*city.IN_WEST))
    tile = session.scalar(
        text("SELECT fn.hazards_tile(14, 12927, 6724, CAST(:params AS jsonb))"), {"params": json.dumps(params)}
    )
    assert (b"CD-001" in bytes(tile)) == seen


def test_a_source_is_found_in_the_cell_of_today_after_the_grid_has_changed(session):
    add(session, geometry=square(*city.IN_WEST))
    row = source_queries.require(session, who(session, "administrator1"), "CD-001")
    session.execute(text("UPDATE city.hazard_source SET cell_id = NULL, area_code = NULL"))
    grading.regrade_all(session, at=LATER)
    found = source_queries.require(session, who(session, "administrator1"), "CD-001")
    assert (found.cell_code, found.area_code) == (row.cell_code, row.area_code) and row.area_code == city.WEST
