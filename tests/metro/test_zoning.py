"""Zones as they are stored: right to a centimetre at a place and a moment, and what they were stays so."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from webgis import geo
from webgis.errors import Conflict, Invalid, NotFound
from webgis.grid import files
from webgis.metro import queries, structure_files, structures, zoning
from webgis.metro.distances import Distance, shipped
from webgis.metro.structure_files import LineGiven, Read, StructureGiven

SRID = 4544
E0, N0 = 410_000, 3_393_000
NOW = datetime(2026, 11, 1, 4, tzinfo=UTC)
OPENED = datetime(2020, 1, 1, tzinfo=UTC)


def degrees(east: float, north: float) -> tuple[float, float]:
    return geo.projector(SRID).transform(E0 + east, N0 + north, direction="INVERSE")


def outline(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.Polygon([degrees(*corner) for corner in shapely.box(west, south, east, north).exterior.coords])


def given(code="station", kind="underground_station", geom=None, **more) -> StructureGiven:
    geom = outline(0, 0, 200, 20) if geom is None else geom
    return StructureGiven(1, code, kind, "天府广场", "Tianfu Square", None, geom, **({"surveyed": True} | more))


def read(*made: StructureGiven, lines=()) -> Read:
    return Read("cgcs2000", len(made), lines, made)


def put(session, *made: StructureGiven, at=NOW, **more) -> structures.Outcome:
    outcome = structures.take_in(session, read(*made), source="test", at=at, **({"since": OPENED} | more))
    assert outcome.loaded, outcome.faults
    return outcome


def kinds(session, east: float, north: float, at=NOW) -> list[str]:
    return [row.kind for row in queries.zones_at(session, *degrees(east, north), at)]


@pytest.mark.parametrize(
    ("way", "out", "inside"),
    [
        ((100, 20), (0, 1), 50),  # north of a long side
        ((0, 10), (-1, 0), 50),
        ((200, 20), (0.6, 0.8), 50),  # off a corner
        ((0, 0), (-0.8, -0.6), 50),
        ((100, 0), (0, -1), 5),  # the special zone
        ((200, 20), (0.8, 0.6), 5),
    ],
)
def test_a_stored_zone_ends_where_it_was_worked_out_to_a_centimetre(session, way, out, inside):
    put(session, given())
    near, beyond = (
        kinds(session, *(from_ + step * metres for from_, step in zip(way, out, strict=True)))
        for metres in (inside - 0.01, inside + 0.01)
    )
    assert len(near) == len(beyond) + 1
    assert near[0] == ("special" if inside == 5 else "control")


def test_the_zone_that_holds_comes_first_and_every_one_is_told(session):
    tunnel = given("tunnel", "tunnel", outline(150, 10, 400, 16))
    put(session, given(), tunnel)
    rows = queries.zones_at(session, *degrees(203, 12), NOW)
    assert [(row.rank, row.code, row.kind) for row in rows] == [
        (1, "station", "special"), (2, "tunnel", "special"), (3, "station", "control"), (4, "tunnel", "control"),
    ]  # fmt: skip
    assert rows[0].name_zh == "天府广场" and rows[0].structure == "underground_station" and not rows[0].approximate


def test_what_is_known_by_a_point_says_that_its_zone_is_approximate(session):
    put(session, given(geom=shapely.Point(degrees(0, 0)), surveyed=False))
    assert [row.approximate for row in queries.zones_at(session, *degrees(3, 0), NOW)] == [True, True]
    assert kinds(session, 0, 49.98) == ["control"] and kinds(session, 0, 50.02) == []


@pytest.mark.parametrize(
    ("says", "approximate"), [({"surveyed": "yes"}, False), ({}, True)], ids=["surveyed", "silent"]
)
def test_the_zone_of_a_centre_line_is_exact_when_the_line_is_surveyed(session, tmp_path, says, approximate):
    way = shapely.LineString([degrees(0, 0), degrees(400, 0)])
    told = {"code": "plan", "kind": "planned_line", "name_zh": "规划线"} | says
    feature = {"type": "Feature", "properties": told, "geometry": way.__geo_interface__}
    path = tmp_path / "lines.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    put(session, *structure_files.read(path, "geojson", "cgcs2000", zone=UTC).structures)
    ((row),) = queries.zones_at(session, *degrees(200, 59.9), NOW)
    assert row.approximate is approximate


def test_a_zone_holds_since_the_structure_is_there_and_not_before(session):
    put(session, given())
    assert kinds(session, 100, 10, OPENED - timedelta(seconds=1)) == []
    assert kinds(session, 100, 10, OPENED) == ["special", "control"]


def test_an_outline_surveyed_anew_changes_zones_from_then_on_only(session):
    put(session, given())
    later = NOW + timedelta(days=1)
    outcome = put(session, given(geom=outline(0, 0, 300, 20)), at=later)
    assert outcome.changed == 1
    assert outcome.zones.counts() == {"opened": 2, "closed": 2, "unchanged": 0}
    assert kinds(session, 340, 10, later - timedelta(seconds=1)) == []
    assert kinds(session, 340, 10, later) == ["control"]


def test_the_same_file_again_changes_nothing(session):
    put(session, given())
    outcome = put(session, given(), at=NOW + timedelta(days=1))
    assert (outcome.added, outcome.changed, outcome.unchanged) == (0, 0, 1)
    assert outcome.zones.counts() == {"opened": 0, "closed": 0, "unchanged": 2}


def test_a_city_enters_its_own_distances_and_zones_follow(session):
    put(session, given())
    own = [replace(row, metres=60.0, source="own regulation, article 9") if row.zone_kind == "control"
           and row.structure_kind == "underground_station" else row for row in shipped()]  # fmt: skip
    later = NOW + timedelta(hours=1)
    changed = zoning.set_distances(session, own, later)
    assert changed.counts() == {"opened": 1, "closed": 1, "unchanged": 1}
    assert changed.differences() == [{"structure": "station", "kind": "control", "before": 50.0, "after": 60.0}]
    assert kinds(session, -55, 10, later) == ["control"] and kinds(session, -55, 10, NOW) == []
    assert queries.distances(session) != list(shipped())


def test_a_table_without_a_kind_that_stands_somewhere_is_refused(session):
    put(session, given())
    with pytest.raises(Invalid, match="underground_station") as refused:
        zoning.set_distances(session, [Distance("tunnel", "control", 50.0, "a rule")], NOW)
    assert refused.value.code == "metro.kind-unknown"


def test_a_structure_that_ends_takes_its_zones_along(session):
    put(session, given())
    later = NOW + timedelta(days=2)
    structures.end(session, "station", later)
    assert kinds(session, 100, 10, later) == [] and kinds(session, 100, 10) == ["special", "control"]
    with pytest.raises(Conflict):
        structures.end(session, "station", later + timedelta(days=1))
    with pytest.raises(NotFound):
        structures.end(session, "none", later)


def test_zones_of_a_line_to_come_hold_from_its_day(session):
    way = shapely.LineString([degrees(0, 0), degrees(300, 0)])
    opens = NOW + timedelta(days=30)
    put(session, given("plan", "planned_line", way, since=opens, until=opens + timedelta(days=300)))
    assert kinds(session, 100, 59.98, opens) == ["planned"] and kinds(session, 100, 59.98) == []
    assert kinds(session, 100, 59.98, opens + timedelta(days=300)) == []


def test_a_line_that_opens_earlier_than_planned_has_its_zone_from_that_day(session):
    way = shapely.LineString([degrees(0, 0), degrees(300, 0)])
    first, then = NOW + timedelta(days=30), NOW + timedelta(days=10)
    put(session, given("plan", "planned_line", way, since=first))
    put(session, given("plan", "planned_line", way, since=then), at=NOW + timedelta(days=1))
    assert kinds(session, 100, 50, then) == ["planned"] and kinds(session, 100, 50, then - timedelta(seconds=1)) == []


def test_a_line_that_is_put_off_has_its_zone_no_longer_until_its_new_day(session):
    way = shapely.LineString([degrees(0, 0), degrees(300, 0)])
    at, then = NOW + timedelta(days=1), NOW + timedelta(days=30)
    put(session, given("plan", "planned_line", way))
    put(session, given("plan", "planned_line", way, since=then), at=at)
    assert kinds(session, 100, 50, at - timedelta(seconds=1)) == ["planned"] and kinds(session, 100, 50, at) == []
    assert kinds(session, 100, 50, then) == ["planned"] and drawn(session) == {}
    again = put(session, given("plan", "planned_line", way, since=then), at=at + timedelta(days=1))
    assert again.zones.counts() == {"opened": 0, "closed": 0, "unchanged": 1}


def drawn(session) -> dict[str, float]:
    rows = session.execute(text("SELECT structure_code, ST_Area(held::geography) FROM city.metro_zone"
                                " WHERE kind <> 'special' AND held IS NOT NULL"))  # fmt: skip
    return {code: round(m2) for code, m2 in rows}


def test_zones_that_begin_and_end_as_planned_are_drawn_from_their_day(session):
    way = shapely.LineString([degrees(0, 10), degrees(200, 10)])
    opens, closes = NOW + timedelta(days=30), NOW + timedelta(days=60)
    put(session, given("plan", "planned_line", way), given("station", until=closes), given("later", since=opens))
    before = drawn(session)
    zoning.follow_time(session, NOW)
    assert drawn(session) == before and set(before) == {"plan", "station"}
    zoning.follow_time(session, opens)
    both = drawn(session)
    assert both["station"] == 0 and both["later"] == before["station"] and both["plan"] == before["plan"]
    zoning.follow_time(session, closes)
    assert drawn(session) == {"plan": before["plan"], "later": before["station"]}


def test_where_zones_hold_no_two_overlap(session):
    put(session, given(), given("other", geom=outline(100, 15, 300, 40)))
    held = session.execute(text("SELECT sum(ST_Area(held)), ST_Area(ST_Union(geom)) FROM city.metro_zone")).one()
    assert held[0] == pytest.approx(held[1], rel=1e-6)


def test_structures_of_a_source_that_are_gone_from_the_file_end(session):
    put(session, given(), given("second", geom=outline(500, 0, 600, 20)))
    later = NOW + timedelta(days=1)
    assert put(session, given(), at=later, replace=True).ended == 1
    assert kinds(session, 550, 10, later) == [] and kinds(session, 550, 10) == ["special", "control"]


def test_a_kind_or_line_that_is_not_known_stores_nothing(session):
    wrong = given(kind="castle"), given("two", geom=outline(0, 0, 1, 1))
    outcome = structures.take_in(session, read(replace(wrong[1], line="X9"), wrong[0]), source="test", at=NOW)
    assert not outcome.loaded and {fault.column for fault in outcome.faults} == {"kind", "line"}
    assert queries.structures(session) == []


@pytest.mark.parametrize(("lon", "taken"), [(102.1, True), (107.9, True), (101.9, False), (108.1, False)])
def test_what_lies_too_far_from_the_strip_of_the_projection_is_named_and_stores_nothing(session, lon, taken):
    far = given("far", geom=shapely.box(lon - 0.001, 30.6, lon + 0.001, 30.601))
    outcome = structures.take_in(session, read(given(), far), source="test", at=NOW)
    assert outcome.loaded is taken
    assert ["EPSG:4544" in fault.problem for fault in outcome.faults if fault.column == "geom"] == [True] * (not taken)


def test_an_outline_across_the_edge_of_the_strip_has_its_zone_to_a_centimetre_on_both_sides(session):
    """EPSG:4544 is of 103.5 to 106.5 E; its metres go on beyond, and so does the zone."""
    east, north = geo.projector(SRID).transform(103.5, 30.65)
    shape = shapely.box(east - 200, north, east + 200, north + 20)
    corners = geo.projector(SRID).transform(*shape.exterior.coords.xy, direction="INVERSE")
    put(session, given(geom=shapely.Polygon(list(zip(*corners, strict=True)))))
    for way in (-200, 0, 200):
        inside, outside = (
            [row.kind for row in queries.zones_at(session, *geo.projector(SRID).transform(
                east + way, north + 20 + metres, direction="INVERSE"), NOW)]
            for metres in (49.99, 50.01)
        )  # fmt: skip
        assert (inside, outside) == (["control"], [])


# Files

NETWORK = {
    "stations": {
        "甲": {"nameZh": "甲", "nameEn": "jia zhan", "namePinyin": "jia zhan", "lon": 104.0681, "lat": 30.6571},
        "乙": {"nameZh": "乙", "nameEn": "Yi", "namePinyin": "yi", "lon": 104.0781, "lat": 30.6571},
        "丙": {"nameZh": "丙", "nameEn": "Bing", "namePinyin": "bing", "lon": 104.0781, "lat": 30.6671},
    },
    "lines": [
        {"lineId": "1", "lineName": "1号线", "color": "#2249A3", "operatorName": "轨道集团",
         "mapPaths": [{"stationIds": ["甲", "乙", "丙"]}, {"stationIds": ["丙", "乙"]}]},
    ],
}  # fmt: skip


def file(folder, told, name="network.json"):
    path = folder / name
    path.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    return path


def test_a_network_gives_stations_sections_and_their_order(session, tmp_path):
    found = structure_files.read(file(tmp_path, NETWORK), None, None, zone=UTC)
    assert (found.crs, found.rows, found.faults) == ("gcj02", 3, [])
    lon, lat = found.structures[0].geom.coords[0]
    assert (lon, lat) == pytest.approx(geo.to_cgcs2000(104.0681, 30.6571, "gcj02"), abs=1e-12)
    assert found.lines == [LineGiven("1", "1号线", "Line 1", "#2249a3", "轨道集团", 0)]
    assert [one.code for one in found.structures] == ["jiazhan", "yi", "bing", "1.jiazhan-yi", "1.bing-yi"]
    outcome = structures.take_in(session, found, source="network", at=NOW)
    assert (outcome.added, outcome.approximate, outcome.lines) == (5, 5, 1)
    assert [(row.path, row.name_en) for row in queries.stops(session, "1")] == [
        (0, "Jia Zhan"), (0, "Yi"), (0, "Bing"), (1, "Bing"), (1, "Yi"),
    ]  # fmt: skip
    (line,) = queries.lines(session)
    assert line.stations == 3 and line.metres == pytest.approx(958 + 1109, abs=5)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (lambda told: told["stations"]["甲"].pop("lon"), "stations"),
        (lambda told: told["stations"]["甲"].update(lon=30.6, lat=104.0), "stations"),
        (lambda told: told["lines"][0]["mapPaths"][0]["stationIds"].append("丁"), "lines"),
        (lambda told: told["lines"][0].pop("lineName"), "lines"),
        (lambda told: told["lines"].append(told["lines"][0] | {"lineId": "1支", "lineName": "1号线支线"}), "lines"),
    ],
)
def test_every_fault_of_a_network_is_told(tmp_path, change, column):
    told = json.loads(json.dumps(NETWORK))
    change(told)
    found = structure_files.read(file(tmp_path, told), "amap", None, zone=UTC)
    assert column in {fault.column for fault in found.faults}


def test_stretches_with_long_names_have_codes_of_their_own(tmp_path):
    told = json.loads(json.dumps(NETWORK))
    for name, end in zip("甲乙丙", "xyz", strict=True):
        told["stations"][name]["namePinyin"] = "a" * 30 + end
    found = structure_files.read(file(tmp_path, told), "amap", None, zone=UTC)
    codes = [one.code for one in found.structures]
    assert len(set(codes)) == len(codes) == 5 and max(map(len, codes)) <= 60


@pytest.mark.parametrize("told", [[], {"stations": []}, {"stations": {}, "lines": []}, "text", None])
def test_what_is_no_network_is_refused(tmp_path, told):
    with pytest.raises(Invalid, match="network"):
        structure_files.read(file(tmp_path, told), "amap", None, zone=UTC)


def test_what_was_written_is_read_back(session, tmp_path):
    structures.take_in(session, structure_files.read(file(tmp_path, NETWORK), None, None, zone=UTC), source="n", at=NOW)
    put(session, given())
    for name in ("out.gpkg", "out.geojson"):
        structure_files.write(tmp_path / name, queries.exported(session), "wgs84")
        found = structure_files.read(tmp_path / name, None, None, zone=UTC)
        assert not found.faults and len(found.structures) == 6 and len(found.lines) == 1
        outcome = structures.take_in(session, found, source="n", at=NOW + timedelta(days=1))
        assert outcome.zones.counts() == {"opened": 0, "closed": 0, "unchanged": 12}


@pytest.mark.parametrize(
    ("properties", "column"),
    [
        ({"code": "a b"}, "code"),
        ({"code": "a", "kind": None}, "kind"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2024-01-02", "until": "2024-01-01"}, "until"),
        ({"surveyed": "perhaps"}, "surveyed"),
        ({"colour": "blue"}, "colour"),
        ({"name_zh": "站" * 101}, "name_zh"),
    ],
)
def test_every_fault_of_features_is_told(tmp_path, properties, column):
    shape = {"type": "Point", "coordinates": [104.06, 30.65]}
    facts = {"code": "a", "kind": "tunnel"} | properties
    told = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": shape, "properties": facts}]}
    found = structure_files.read(file(tmp_path, told, "x.geojson"), "geojson", None, zone=UTC)
    assert {fault.column for fault in found.faults} == {column} and not found.structures


def test_a_geopackage_with_a_million_corners_is_refused_with_the_row_at_fault(tmp_path):
    angles = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    round_ = shapely.Polygon(np.column_stack((104.06 + 0.001 * np.cos(angles), 30.65 + 0.001 * np.sin(angles))))
    files.write(tmp_path / "m.gpkg", np.array([round_, shapely.box(104, 30.6, 104.001, 30.601)]),
                {"code": ["a", "b"], "kind": ["tunnel"] * 2}, "wgs84")  # fmt: skip
    found = structure_files.read(tmp_path / "m.gpkg", None, None, zone=UTC)
    assert [(fault.row, fault.column) for fault in found.faults] == [(1, "geom")] and len(found.structures) == 1
    assert "1,000,001 corners" in found.faults[0].problem


@pytest.mark.parametrize("system", ["EPSG:4544", "EPSG:32601"])
def test_metres_that_lead_nowhere_are_faults_of_their_rows(tmp_path, session, system):
    """Metres far beyond what a strip holds: as if of another system, or of another strip."""
    files.write(tmp_path / "m.geojson", np.array([shapely.box(104, 30.6, 104.001, 30.601)]),
                {"code": ["a"], "kind": ["tunnel"]}, "EPSG:4544")  # fmt: skip
    found = structure_files.read(tmp_path / "m.geojson", None, system, zone=UTC)
    outcome = structures.take_in(session, found, source="m", at=NOW)
    assert outcome.loaded is (system == "EPSG:4544")
    assert {fault.column for fault in outcome.faults} <= {"geom"}


def test_a_file_in_metres_is_converted(tmp_path):
    shape = shapely.box(E0, N0, E0 + 200, N0 + 20)
    files.write(tmp_path / "m.gpkg", files.to_cgcs2000(shapely.points([[104.06, 30.65]]), "wgs84"),
                {"code": ["a"], "kind": ["tunnel"]}, "EPSG:4544")  # fmt: skip
    found = structure_files.read(tmp_path / "m.gpkg", None, None, zone=UTC)
    assert found.crs == "EPSG:4544" and found.structures[0].geom.distance(shapely.Point(104.06, 30.65)) < 1e-8
    assert shape.area == 4000
