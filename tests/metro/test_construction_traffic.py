"""What works do to traffic: each line with what it is in conflict, by metres along and across, and on its days."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import shapely

from tests import city
from tests.hazards.watched import UNDERPASS, Watched, flood
from tests.metro.test_construction import FIRST, KNOWN, LAT, LON, moment, plan, works  # noqa: F401
from webgis.errors import Invalid
from webgis.hazards import alarm_telling
from webgis.metro import construction, construction_traffic
from webgis.metro.construction_rules import Line

EAST, NORTH = 1 / 95_700, 1 / 110_850
"""Degrees of a metre here."""

ASIDE = shapely.box(LON + 300 * EAST, LAT, LON + 400 * EAST, LAT + 100 * NORTH)


def road(*places: tuple[float, float]) -> shapely.LineString:
    """A line through places in metres east and north of the middle."""
    return shapely.LineString([(LON + east * EAST, LAT + north * NORTH) for east, north in places])


ROAD = road((0, 0), (100, 0))
ALONG = road((0, 8), (100, 8))
BESIDE = road((0, 15), (100, 15))
ACROSS = road((50, -80), (50, 80))
ENDING = road((50, 0), (50, 80))
SHORT = road((50, 5), (85, 5))


def conflicts(session, at: datetime) -> dict[tuple[str, str], list[tuple[str, str]]]:
    rows = construction_traffic.feed(session, at)
    return {(row.zone, row.kind): [(one["kind"], one["with"]) for one in row.conflicts] for row in rows}


CLOSED = [("closure", "CZ1")]


@pytest.mark.parametrize(
    ("kind", "shape", "expected"),
    [
        ("diversion", ALONG, CLOSED),
        ("diversion", ACROSS, CLOSED),
        ("diversion", SHORT, CLOSED),
        ("diversion", BESIDE, []),
        ("narrowed", ALONG, CLOSED),
        ("narrowed", ACROSS, []),
        ("narrowed", SHORT, CLOSED),
        ("narrowed", BESIDE, []),
        ("closure", ALONG, CLOSED),
        ("closure", ACROSS, []),
        ("closure", SHORT, CLOSED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_line_is_in_conflict_with_the_closure_of_other_works(works, kind, shape, expected):  # noqa: F811
    closed = plan(lines=(Line("closure", ROAD), Line("diversion", ROAD)))
    construction.keep(works, [closed, plan("CZ2", ground=ASIDE, lines=(Line(kind, shape),))], at=KNOWN)
    found = conflicts(works, moment(FIRST, 12))
    assert found["CZ2", kind] == expected
    assert found["CZ1", "diversion"] == ([("closure", "CZ2")] if kind == "closure" else []), "never with its own"


def test_what_lies_near_is_measured_in_the_system_of_the_city(works):  # noqa: F811
    beside = Line("diversion", road((0, 11.5), (100, 11.5)))
    construction.keep(
        works, [plan(lines=(Line("closure", ROAD),)), plan("CZ2", ground=ASIDE, lines=(beside,))], at=KNOWN
    )
    assert conflicts(works, moment(FIRST, 12))["CZ2", "diversion"] == CLOSED
    city.measure_elsewhere(works)
    assert conflicts(works, moment(FIRST, 12))["CZ2", "diversion"] == []


def routes(folder, *shapes) -> str:
    features = [
        {"type": "Feature", "properties": {"code": f"R{at}", "name": "消防通道"}, "geometry": shape.__geo_interface__}
        for at, shape in enumerate(shapes)
    ]
    path = folder / "routes.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("kind", "route", "metres"),
    [
        ("closure", ALONG, 100),
        ("closure", SHORT, 58),
        ("closure", ACROSS, 24),
        ("closure", ENDING, 24),
        ("closure", BESIDE, None),
        ("narrowed", ALONG, 100),
        ("narrowed", ACROSS, None),
        ("diversion", ALONG, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_takes_the_way_of_fire_engines_is_in_conflict_with_it(works, tmp_path, kind, route, metres):  # noqa: F811
    construction.keep(works, [plan(lines=(Line(kind, ROAD),))], at=KNOWN)
    assert construction_traffic.replace_routes(works, routes(tmp_path, route), None) == 1
    ((row),) = construction_traffic.feed(works, moment(FIRST, 12))
    assert [(one["kind"], one["with"]) for one in row.conflicts] == ([("emergency-route", "R0")] if metres else [])
    for one in row.conflicts:
        part = shapely.from_geojson(json.dumps(one["part"]))
        assert one["metres"] == pytest.approx(metres, abs=2)
        assert part.length / EAST == pytest.approx(metres, abs=2) and part.within(ROAD.buffer(EAST))


@pytest.mark.parametrize(("closed", "metres"), [(SHORT, [35]), (ENDING, [])])
def test_a_short_closure_takes_the_way_of_fire_engines_and_a_side_street_does_not(works, tmp_path, closed, metres):  # noqa: F811
    construction.keep(works, [plan(lines=(Line("closure", closed),))], at=KNOWN)
    construction_traffic.replace_routes(works, routes(tmp_path, ROAD), None)
    ((row),) = construction_traffic.feed(works, moment(FIRST, 12))
    assert [one["metres"] for one in row.conflicts] == pytest.approx(metres, abs=0.5)


def test_another_file_of_routes_takes_the_place_of_the_first_and_a_bad_one_of_none(works, tmp_path):  # noqa: F811
    construction_traffic.replace_routes(works, routes(tmp_path, ROAD, ALONG), None)
    construction_traffic.replace_routes(works, routes(tmp_path, ACROSS), None)
    assert len(construction_traffic.routes(works)) == 1
    with pytest.raises(Invalid) as refused, works.begin_nested():
        construction_traffic.replace_routes(works, routes(tmp_path, ROAD, shapely.Point(LON, LAT)), None)
    assert (refused.value.code, refused.value.facts["row"]) == ("metro.bad-route", 2)
    assert len(construction_traffic.routes(works)) == 1


def test_a_line_with_days_of_its_own_is_there_and_in_the_way_on_these_alone(works):  # noqa: F811
    day = timedelta(days=1)
    closed = plan(lines=(Line("closure", ROAD, None, FIRST + day, FIRST + day),))
    construction.keep(works, [closed, plan("CZ2", ground=ASIDE, lines=(Line("diversion", ALONG),))], at=KNOWN)
    found = [conflicts(works, moment(FIRST + turn * day, 12)) for turn in range(3)]
    assert [one["CZ2", "diversion"] for one in found] == [[], CLOSED, []]
    assert [("CZ1", "closure") in one for one in found] == [False, True, False]
    assert conflicts(works, moment(FIRST - day, 12)) == {}


@pytest.mark.parametrize(
    ("kind", "north", "expected"),
    [("diversion", 0, True), ("diversion", 58, True), ("diversion", 62, False), ("closure", 0, False)],
)
def test_a_way_round_through_water_is_in_conflict_as_long_as_the_alarm_stands(city_runtime, kind, north, expected):
    now = datetime.now(UTC)
    today = now.astimezone(city_runtime.settings.zone).date()
    shape = road((-100, north), (100, north))
    with city_runtime.transaction() as session:
        session.info["settings"] = city_runtime.settings
        there = {"first_day": today - timedelta(days=2), "last_day": None, "phases": (), "department": None}
        given = plan(lines=(Line(kind, shape),), metro_department=None, **there)
        construction.keep(session, [given], at=now - timedelta(days=1))
    town = Watched(city_runtime)
    flood(town)
    alarm = town.alarm(UNDERPASS)
    with city_runtime.transaction() as session:
        assert conflicts(session, now)["CZ1", kind] == ([("water", UNDERPASS)] if expected else [])
        assert conflicts(session, now + timedelta(days=1))["CZ1", kind] == [], "of tomorrow nobody knows"
        told = construction_traffic.feed(session, now)[0].conflicts
        assert all(one.keys() == {"with", "kind", "name_zh", "name_en", "metres", "part"} for one in told)
    with city_runtime.transaction() as session:
        alarm_telling.dismiss(session, town.actor("dispatcher1"), alarm.id, "演练", at=now)
    with city_runtime.transaction() as session:
        assert conflicts(session, now)["CZ1", kind] == []
