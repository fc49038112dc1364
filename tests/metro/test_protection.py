"""Protection zones held against distances worked out by hand in EPSG:4544, to a centimetre."""

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from webgis.errors import Invalid
from webgis.metro.distances import Distance, checked, shipped
from webgis.metro.protection import Structure, Zone, at, in_metres, resolve, zones

SRID = 4544
CENTIMETRE = 0.01
TABLE = shipped()
E0, N0 = 410_000, 3_393_000
"""A corner near Tianfu Square, from which the tables count."""


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(E0 + west, N0 + south, E0 + east, N0 + north)


def point(east: float, north: float) -> shapely.Point:
    return shapely.Point(E0 + east, N0 + north)


def line(*corners: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(E0 + east, N0 + north) for east, north in corners])


def of(kind: str, outline: shapely.Geometry, code: str = "A") -> dict[str, Zone]:
    """The zones of one structure by their kind."""
    return {zone.kind: zone for zone in zones([Structure(code, kind, outline)], TABLE, SRID)}


STATION = box(0, 0, 200, 20)
SLANTED = shapely.Polygon([(E0 + x, N0 + y) for x, y in ((-3, 4), (3, -4), (163, 116), (157, 124))])
"""A tunnel 10 m wide and 200 m long in the direction (0.8, 0.6): its middle runs from 0, 0 to 160, 120."""

WORKED = [
    # kind, outline, zone, a way out: from where, in which direction, and after how many metres the zone ends
    ("underground_station", STATION, "control", (100, 20), (0, 1), 50),  # north of a long side
    ("underground_station", STATION, "control", (0, 10), (-1, 0), 50),  # west of a short side
    ("underground_station", STATION, "control", (200, 20), (0.6, 0.8), 50),  # off a corner: 30 and 40 m
    ("underground_station", STATION, "control", (0, 0), (-0.8, -0.6), 50),  # 40 and 30 m
    ("underground_station", STATION, "special", (200, 20), (0.6, 0.8), 5),  # 3 and 4 m
    ("underground_station", STATION, "special", (100, 0), (0, -1), 5),
    ("tunnel", SLANTED, "control", (77, 64), (-0.6, 0.8), 50),  # (80, 60) and 5 m aside; ends at (47, 104)
    ("tunnel", SLANTED, "control", (83, 56), (0.6, -0.8), 50),
    ("tunnel", SLANTED, "control", (160, 120), (0.8, 0.6), 50),  # ahead of its end; ends at (200, 150)
    ("tunnel", SLANTED, "special", (77, 64), (-0.6, 0.8), 5),
    ("elevated_line", box(0, 0, 500, 10), "control", (250, 10), (0, 1), 30),
    ("elevated_line", box(0, 0, 500, 10), "control", (500, 10), (0.6, 0.8), 30),  # 18 and 24 m
    ("surface_line", box(0, 0, 500, 10), "special", (250, 0), (0, -1), 3),
    ("surface_station", box(0, 0, 120, 30), "control", (0, 30), (-0.8, 0.6), 30),
    ("elevated_station", box(0, 0, 120, 30), "special", (120, 30), (0.6, 0.8), 3),  # 1.8 and 2.4 m
    ("entrance", box(0, 0, 8, 5), "control", (8, 5), (0.6, 0.8), 10),  # 6 and 8 m
    ("entrance", box(0, 0, 8, 5), "special", (8, 2), (1, 0), 5),
    ("vent_shaft", box(0, 0, 4, 4), "control", (0, 4), (-0.6, 0.8), 10),
    ("depot", box(0, 0, 600, 200), "control", (300, 200), (0, 1), 10),
    ("river_crossing", box(0, 0, 300, 12), "control", (300, 12), (0.6, 0.8), 100),  # 60 and 80 m
    ("river_crossing", box(0, 0, 300, 12), "special", (150, 12), (0, 1), 50),
    ("planned_line", line((0, 0), (400, 0)), "planned", (200, 0), (0, 1), 60),
    ("planned_line", line((0, 0), (400, 0)), "planned", (400, 0), (0.6, 0.8), 60),  # 36 and 48 m from its end
    ("planned_line", line((0, 0), (160, 120)), "planned", (80, 60), (-0.6, 0.8), 60),
    ("tram_line", line((0, 0), (400, 0)), "control", (10, 0), (0, -1), 30),
    ("cable_trench", box(0, 0, 90, 2), "special", (45, 2), (0, 1), 3),
]


@pytest.mark.parametrize("kind, outline, zone, begin, way, metres", WORKED)
def test_a_zone_ends_where_it_was_worked_out_by_hand(kind, outline, zone, begin, way, metres):
    found = of(kind, outline)[zone]
    assert (found.metres, found.approximate) == (metres, False)
    for off, inside in ((-CENTIMETRE, True), (CENTIMETRE, False)):
        far = metres + off
        spot = point(begin[0] + far * way[0], begin[1] + far * way[1])
        assert found.ground.intersects(spot) == inside


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.structure_kind}-{row.zone_kind}")
def test_every_edge_of_every_zone_is_as_far_away_as_the_table_says(row):
    outline = line((0, 0), (80, 60), (80, 200)) if row.measured_from == "centre_line" else SLANTED
    edge = shapely.segmentize(of(row.structure_kind, outline)[row.zone_kind].ground.exterior, 0.25)
    away = shapely.distance(shapely.points(shapely.get_coordinates(edge)), outline)
    assert row.metres - CENTIMETRE < away.min() and away.max() < row.metres + 1e-6


def test_the_ground_of_a_zone_is_that_of_the_formula():
    ground = of("underground_station", STATION)["control"].ground
    # 200 x 20, a strip of 50 along 440 m of edge, and a circle of 50 m: 4 000 + 22 000 + 7 853.98. The arc lies at most
    # 5 mm inside along its 314 m: at most 1.57 less.
    assert 33_853.98 - 1.57 < ground.area < 33_853.99


def test_the_metres_of_a_zone_are_those_of_the_ellipsoid_on_the_central_meridian():
    lat, lon = 30.66, 105.0
    a, e2 = 6_378_137.0, 0.0066943800229
    degrees_per_m = math.degrees((1 - e2 * math.sin(math.radians(lat)) ** 2) ** 1.5 / (a * (1 - e2)))
    pit = shapely.box(lon - 0.00001, lat - 0.0001, lon + 0.00001, lat)
    structure = in_metres(Structure("A", "underground_station", pit), SRID)
    control = next(zone for zone in zones([structure], TABLE, SRID) if zone.kind == "control")
    for metres, inside in ((49.99, True), (50.01, False)):
        spot = Structure("P", "entrance", shapely.Point(lon, lat + metres * degrees_per_m))
        assert control.ground.intersects(in_metres(spot, SRID).outline) == inside


@pytest.mark.parametrize("outline", [point(0, 0), line((0, 0), (300, 0)), shapely.MultiPoint([point(0, 0)])])
def test_a_zone_of_a_point_or_a_line_says_that_it_is_approximate(outline):
    assert all(zone.approximate for zone in of("tunnel", outline).values())
    assert of("tunnel", outline)["control"].ground.intersects(point(0, 49.99))


def test_a_planned_line_is_measured_from_its_centre_and_so_not_approximate():
    assert not of("planned_line", line((0, 0), (300, 0)))["planned"].approximate


def test_every_zone_names_the_rule_it_comes_from():
    found = of("river_crossing", STATION)
    assert found.keys() == {"control", "special"} and all("待核实" in zone.source for zone in found.values())


CROSSING = [
    Structure("tunnel", "tunnel", box(0, 0, 400, 10)),
    Structure("entrance", "entrance", box(50, 40, 58, 45)),
    Structure("river", "river_crossing", box(400, 0, 500, 10)),
    Structure("plan", "planned_line", line((200, -300), (200, 300))),
]

GOVERNING = [
    # spot, the zones that hold there, first the one that counts
    ((100, 5), ["tunnel special", "tunnel control"]),  # in the tunnel
    ((100, 14), ["tunnel special", "tunnel control"]),  # 4 m beside it
    ((100, 30), ["tunnel control"]),
    ((54, 37), ["entrance special", "tunnel control", "entrance control"]),  # special of one in the control of another
    ((54, 53), ["tunnel control", "entrance control"]),  # the wider of two
    ((54, 62), []),  # 52 m from the tunnel, 17 m from the entrance
    ((380, 5), ["river special", "tunnel special", "river control", "tunnel control"]),  # 20 m before the river
    ((200, 100), ["plan planned"]),
    ((200, 5), ["tunnel special", "tunnel control", "plan planned"]),  # what is built goes before what is planned
    ((320, 8), ["tunnel special", "river control", "tunnel control"]),
]


@pytest.mark.parametrize("spot, holding", GOVERNING)
def test_the_strictest_zone_holds_where_several_overlap(spot, holding):
    found = zones(CROSSING, TABLE, SRID)
    here = at(found, point(*spot))
    assert [f"{zone.structure} {zone.kind}" for zone in here] == holding
    resolved = at(resolve(found), point(*spot))
    assert [f"{zone.structure} {zone.kind}" for zone in resolved] == holding[:1]


def test_a_surveyed_outline_goes_before_a_point_and_then_the_code_decides():
    both = [Structure("A", "entrance", point(0, 0)), Structure("C", "entrance", box(2, 0, 6, 4)),
            Structure("B", "entrance", box(2, 2, 6, 6))]  # fmt: skip
    here = at(zones(both, TABLE, SRID), point(3, 3))
    assert [(zone.structure, zone.kind) for zone in here] == [
        *(("B", "special"), ("C", "special"), ("A", "special")),
        *(("B", "control"), ("C", "control"), ("A", "control")),
    ]


places = st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(1, 200), st.integers(1, 40))
kinds = st.sampled_from(["tunnel", "entrance", "elevated_line", "river_crossing"])


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.lists(st.tuples(kinds, places, st.booleans()), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_resolved_zones_share_no_ground_leave_none_out_and_do_not_depend_on_order(given_ones, random):
    structures = [
        Structure(f"{number}", kind, point(x, y) if rough else box(x, y, x + wide, y + high))
        for number, (kind, (x, y, wide, high), rough) in enumerate(given_ones)
    ]
    found = zones(structures, TABLE, SRID)
    resolved = resolve(found)
    grounds = np.array([zone.ground for zone in resolved], dtype=object)
    whole = shapely.union_all(np.array([zone.ground for zone in found], dtype=object))
    assert shapely.area(grounds).sum() == pytest.approx(whole.area, abs=0.01)
    assert shapely.union_all(grounds).area == pytest.approx(whole.area, abs=0.01)
    again = resolve(zones(random.sample(structures, len(structures)), TABLE, SRID))
    assert [replace(zone, ground=None) for zone in again] == [replace(zone, ground=None) for zone in resolved]
    assert all(one.ground.equals(other.ground) for one, other in zip(resolved, again, strict=True))


REFUSED = [
    ("tunnel", None, "metro.bad-outline"),
    ("tunnel", shapely.Polygon(), "metro.bad-outline"),
    ("tunnel", shapely.Point(float("nan"), 0), "metro.bad-outline"),
    ("tunnel", shapely.Polygon([(E0, N0), (E0 + 9, N0 + 9), (E0 + 9, N0), (E0, N0 + 9)]), "metro.bad-outline"),
    ("tunnel", shapely.GeometryCollection([point(0, 0)]), "metro.bad-outline"),
    ("planned_line", box(0, 0, 9, 9), "metro.bad-outline"),
    ("tunnel", shapely.box(104.06, 30.65, 104.07, 30.66), "metro.not-metres"),
    ("monorail", box(0, 0, 9, 9), "metro.kind-unknown"),
]


@pytest.mark.parametrize("kind, outline, code", REFUSED)
def test_what_cannot_be_measured_is_refused_and_named(kind, outline, code):
    with pytest.raises(Invalid) as refused:
        zones([Structure("B", "tunnel", STATION), Structure("A", kind, outline)], TABLE, SRID)
    assert refused.value.code == code
    assert refused.value.facts["structure"] == "A" and refused.value.facts["accepted"]


@pytest.mark.parametrize("srid", [4490, 3857, 2225, 999_999])  # degrees, web maps, feet, nothing
def test_only_systems_that_measure_in_metres_are_taken(srid):
    with pytest.raises(Invalid) as refused:
        zones([], TABLE, srid)
    assert refused.value.code == "metro.not-metres"


SOUND = Distance("tunnel", "control", 50, "a rule")
BAD_TABLES = [
    [replace(SOUND, metres=0)], [replace(SOUND, metres=-1)], [replace(SOUND, metres=float("nan"))],
    [replace(SOUND, structure_kind="<b>")], [replace(SOUND, structure_kind="")],
    [replace(SOUND, metres=5000)], [replace(SOUND, zone_kind="outer")], [replace(SOUND, source=" ")],
    [replace(SOUND, measured_from="door")], [SOUND, SOUND], [SOUND, replace(SOUND, zone_kind="special", metres=51)],
    [SOUND, replace(SOUND, zone_kind="special", metres=5, measured_from="centre_line")],
]  # fmt: skip


@pytest.mark.parametrize("table", BAD_TABLES)
def test_a_table_of_distances_that_cannot_be_meant_is_refused(table):
    with pytest.raises(Invalid) as refused:
        zones([], table, SRID)
    assert refused.value.code == "metro.bad-distance" and refused.value.facts["accepted"]


PATTERN = {
    ("underground_station", "tunnel"): {"control": 50, "special": 5},
    ("surface_station", "surface_line", "elevated_station", "elevated_line"): {"control": 30, "special": 3},
    ("entrance", "vent_shaft", "cooling_tower", "main_substation", "depot", "control_centre", "lift"):
        {"control": 10, "special": 5},
    ("river_crossing",): {"control": 100, "special": 50},
    ("planned_line",): {"planned": 60},
    ("cable_trench",): {"special": 3},
    ("tram_line",): {"control": 30},
}  # fmt: skip


def test_the_table_that_ships_is_the_national_pattern_with_its_sources():
    found = {kind: {row.zone_kind: row.metres for row in rows} for kind, rows in checked(TABLE).items()}
    assert found == {kind: metres for kinds, metres in PATTERN.items() for kind in kinds}
    assert all(row.source and row.sureness == "M" for row in TABLE)


def test_a_city_enters_distances_of_its_own():
    own = [Distance("tunnel", "control", 40, "a city's regulation, art. 9")]
    (zone,) = zones([Structure("A", "tunnel", STATION)], own, SRID)
    assert (zone.metres, zone.source) == (40, "a city's regulation, art. 9")
