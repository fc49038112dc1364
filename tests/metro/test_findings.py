"""Work without a permit is found by cases, components and sites, once, and settled by a person."""

from datetime import timedelta

import pytest
import shapely
from sqlalchemy import text

from tests.cases.life import Life
from tests.metro.conftest import BUILDERS, NOW, square
from webgis.catalog import components
from webgis.errors import Conflict, Forbidden, Invalid, NotFound
from webgis.metro import findings, permit_queries

DIGGING = "08003"
"""The class 无证掘路, digging up a road without a permit."""


def place(east: float) -> tuple[float, float]:
    return square(east, 0).centroid.coords[0]


def find(metro, at=NOW + timedelta(hours=1)):
    with metro.runtime.transaction() as session:
        return findings.find(session, at)


def found(metro, login="manager1", **more):
    actor = metro.actor(login)
    with metro.runtime.transaction() as session:
        return permit_queries.findings(session, actor, **more)


def test_a_case_of_works_in_a_zone_without_permit_is_found_once(metro):
    life = Life(metro.runtime, NOW)
    number = life.report(class_code=DIGGING, place=place(30)).number
    life.report(class_code=DIGGING, place=place(90))  # beside every zone
    life.report(place=place(30))  # refuse is no work
    assert find(metro) == {"case": 1} and find(metro) == {}
    (one,) = found(metro)
    assert (one.reference, one.structure, one.zone_kind, one.state) == (number, "west", "control", "open")
    assert one.class_zh == "无证掘路" and one.cell_code.startswith("510104017001")


def test_where_a_permit_is_in_force_nothing_is_found(metro):
    metro.granted()
    life = Life(metro.runtime, NOW + timedelta(days=2))
    life.report(class_code=DIGGING, place=place(30))
    assert find(metro, life.now) == {}


def test_a_component_that_was_moved_is_found(metro):
    with metro.runtime.transaction() as session:
        code = components.add(session, {"class": "01037"}, shapely.Point(*place(30)), at=NOW, reason="登记")
    assert find(metro) == {}
    with metro.runtime.transaction() as session:
        components.change(session, code, {"state": "lost"}, at=NOW, reason="丢失")
    with metro.runtime.transaction() as session:
        now = session.scalar(text("SELECT now()"))
    assert find(metro, now) == {"component": 1} and find(metro, now) == {}


def test_a_finding_is_settled_once_and_with_a_note(metro):
    Life(metro.runtime, NOW).report(class_code=DIGGING, place=place(30))
    find(metro)
    (one,) = found(metro)

    def settle(login, state="stopped", note="已停工", id_=one.id):
        actor = metro.actor(login)
        with metro.runtime.transaction() as session:
            findings.settle(session, actor, id_, state, note, NOW)

    for login, more, refusal in (
        ("metro1", {}, Forbidden),
        ("dispatcher1", {"state": "open"}, Invalid),
        ("dispatcher1", {"note": " "}, Invalid),
        ("dispatcher1", {"id_": one.id + 1}, NotFound),
    ):
        with pytest.raises(refusal):
            settle(login, **more)
    settle("dispatcher1")
    with pytest.raises(Conflict):
        settle("manager1")
    (one,) = found(metro)
    assert (one.state, one.settled_name, one.note) == ("stopped", "dispatcher1 岗", "已停工")
    assert found(metro, state="open") == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("area_code", "510104017002"), ("class_codes", "matter:06"), ("class_codes", "matter:06,component:01")],
)
def test_who_is_limited_sees_only_findings_of_their_area_and_classes(metro, column, value):
    Life(metro.runtime, NOW).report(class_code=DIGGING, place=place(30))
    find(metro)
    with metro.runtime.transaction() as session:
        session.execute(text(f"UPDATE city.person SET {column} = :value WHERE login = 'dispatcher1'"), {"value": value})
    assert found(metro, "dispatcher1") == [] and len(found(metro, "dispatcher2")) == 1


SITE = """
INSERT INTO city.construction_zone (code, version, recorded, name_zh, project, contractor, department_code, first_day,
                                    valid, geom)
SELECT 'Z1', 1, tstzrange(:at, NULL), '工地', '工程', '总包', :department, :at, tstzrange(:at, NULL),
       ST_Multi(ST_GeomFromText(:ground, 4490))
"""


def test_a_site_of_a_construction_zone_without_permit_is_found(metro):
    with metro.runtime.transaction() as session:
        session.execute(text(SITE), {"at": NOW, "department": BUILDERS, "ground": square(55, 0, 40).wkt})
    assert find(metro) == {"site": 1}
    (one,) = found(metro)
    assert (one.reference, one.class_key, one.zone_kind) == ("Z1", None, "control")
