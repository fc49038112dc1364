"""Zones as they are stored: right to a centimetre at a place and a moment, and what they were stays so."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

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


def test_a_zone_holds_since_the_structure_is_there_and_not_before(session):
    put(session, given())
    assert kinds(session, 100, 10, OPENED - timedelta(seconds=1)) == []
    assert kinds(session, 100, 10, OPENED) == ["special", "control"]


def test_an_outline_surveyed_anew_changes_zones_from_then_on_only(session):
    put(session, given())
    later = NOW + timedelta(days=1)
    outcome = put(session, given(geom=outline(0, 0, 300, 20)), at=later)
    assert (outcome.changed, outcome.zones.opened, outcome.zones.closed) == (1, 2, 2)
    assert kinds(session, 340, 10, later - timedelta(seconds=1)) == []
    assert kinds(session, 340, 10, later) == ["control"]


def test_the_same_file_again_changes_nothing(session):
    put(session, given())
    outcome = put(session, given(), at=NOW + timedelta(days=1))
    assert (outcome.added, outcome.changed, outcome.unchanged) == (0, 0, 1)
    assert (outcome.zones.opened, outcome.zones.closed, outcome.zones.unchanged) == (0, 0, 2)


def test_a_city_enters_its_own_distances_and_zones_follow(session):
    put(session, given())
    own = [replace(row, metres=60.0, source="own regulation, article 9") if row.zone_kind == "control"
           and row.structure_kind == "underground_station" else row for row in shipped()]  # fmt: skip
    later = NOW + timedelta(hours=1)
    changed = zoning.set_distances(session, own, later)
    assert (changed.opened, changed.closed, changed.unchanged) == (1, 1, 1)
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
    ],
)
def test_every_fault_of_a_network_is_told(tmp_path, change, column):
    told = json.loads(json.dumps(NETWORK))
    change(told)
    found = structure_files.read(file(tmp_path, told), "amap", None, zone=UTC)
    assert column in {fault.column for fault in found.faults}


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
        assert outcome.zones.unchanged == 12 and outcome.zones.opened == 0


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


def test_a_file_in_metres_is_converted(tmp_path):
    shape = shapely.box(E0, N0, E0 + 200, N0 + 20)
    files.write(tmp_path / "m.gpkg", files.to_cgcs2000(shapely.points([[104.06, 30.65]]), "wgs84"),
                {"code": ["a"], "kind": ["tunnel"]}, "EPSG:4544")  # fmt: skip
    found = structure_files.read(tmp_path / "m.gpkg", None, None, zone=UTC)
    assert found.crs == "EPSG:4544" and found.structures[0].geom.distance(shapely.Point(104.06, 30.65)) < 1e-8
    assert shape.area == 4000
