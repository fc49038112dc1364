"""Work without a permit is found by cases, components and sites, once, and settled by a person."""

from datetime import date, timedelta

import pytest
import shapely
from sqlalchemy import text

from tests.cases.life import Life
from tests.metro.conftest import BUILDERS, EAST, NORTH, NOW, STATION, square
from webgis.catalog import components
from webgis.errors import Conflict, Forbidden, Invalid, NotFound
from webgis.metro import findings, permit_queries, structures
from webgis.metro.structure_files import Read, StructureGiven

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


def test_a_case_that_was_split_is_found_once_for_all_its_tasks(metro):
    life = Life(metro.runtime, NOW)
    number = life.filed(class_code=DIGGING, place=place(30))
    life.do("dispatcher1", number, "split", departments=["510104-sanitation", "510104-works"])
    assert find(metro, life.now) == {"case": 1}
    assert [one.reference for one in found(metro)] == [number]


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(30, 90, {"component": 1}), (90, 30, {"component": 1}), (90, 95, {})]
)
def test_a_component_that_was_moved_out_of_a_zone_or_into_one_is_found(metro, before, after, expected):
    with metro.runtime.transaction() as session:
        code = components.add(session, {"class": "01037"}, shapely.Point(*place(before)), at=NOW, reason="登记")
    with metro.runtime.transaction() as session:
        components.change(session, code, {}, geom=shapely.Point(*place(after)), at=NOW, reason="迁移")
    with metro.runtime.transaction() as session:
        now = session.scalar(text("SELECT now()"))
    assert find(metro, now) == expected and find(metro, now) == {}


def test_a_component_that_was_lost_is_found(metro):
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
    assert find(metro) == {"site": 1} and find(metro) == {}
    (one,) = found(metro)
    assert (one.reference, one.class_key, one.zone_kind) == ("Z1/2026-11-02", None, "control")


def site(metro, east=30, code="Z1", at=NOW):
    with metro.runtime.transaction() as session:
        session.execute(
            text(SITE.replace("Z1", code)), {"at": at, "department": BUILDERS, "ground": square(east, 0).wkt}
        )


def test_a_site_is_found_when_its_permit_ends_and_again_when_the_next_does(metro):
    number = metro.granted()
    site(metro)
    day = timedelta(days=1)
    assert find(metro, NOW + day) == {}
    metro.act("metro1", number, "revoke", at=NOW + 2 * day, note="超出许可范围")
    assert find(metro, NOW + 2 * day) == {"site": 1} and find(metro, NOW + 3 * day) == {}
    (one,) = found(metro)
    assert (one.reference, one.at) == ("Z1/2026-11-04", NOW + 2 * day)
    actor = metro.actor("manager1")
    with metro.runtime.transaction() as session:
        findings.settle(session, actor, one.id, "permitted", "已补办", NOW + 3 * day)
    metro.granted(ends=date(2026, 11, 10))
    assert find(metro, NOW + 8 * day) == {}
    assert find(metro, NOW + 9 * day) == {"site": 1} and find(metro, NOW + 30 * day) == {}
    assert [(one.reference, one.state) for one in found(metro)] == [
        ("Z1/2026-11-11", "open"), ("Z1/2026-11-04", "permitted"),
    ]  # fmt: skip


@pytest.mark.parametrize(("east", "expected"), [(31, {}), (34, {"site": 1}), (39.9, {"site": 1})])
def test_a_permit_covers_no_more_of_a_site_than_its_ground(metro, east, expected):
    metro.granted(ends=date(2026, 11, 10))
    site(metro, east)
    assert find(metro, NOW + timedelta(days=1)) == expected
    later = find(metro, NOW + timedelta(days=10))
    assert later == ({} if east > 39 else {"site": 1}), "the ground that was permitted counts when its permit is over"


def test_a_site_is_found_when_a_structure_becomes_known_beside_it(metro):
    site(metro, east=200)
    assert find(metro, NOW) == {}
    lon, lat = STATION[0] + 200 * EAST, STATION[1] + 20 * NORTH
    ground = shapely.box(lon - 2 * EAST, lat - 2 * NORTH, lon + 2 * EAST, lat + 2 * NORTH)
    east = StructureGiven(1, "east", "underground_station", "东站", None, None, ground, surveyed=True)
    with metro.runtime.transaction() as session:
        structures.take_in(session, Read("cgcs2000", 1, [], [east]), source="test", at=NOW + timedelta(days=3))
    assert find(metro, NOW + timedelta(days=4)) == {"site": 1}
    assert [one.structure for one in found(metro)] == ["east"]
