"""Areas coming in: what is stored, what is measured, what is refused."""

import numpy as np
import pytest
import shapely
from sqlalchemy import select, text

from tests.grid import town
from tests.grid.town import CITY, COUNTY, EAST, STREET, WEST
from webgis import geo
from webgis.errors import Invalid, NotFound
from webgis.grid import areas, queries, systems
from webgis.grid.models import Area


def kinds(outcome):
    return [(fault.kind, fault.code) for fault in outcome.faults]


def bring(session, codes, geoms, names=None, **options):
    layer = town.layer(codes, geoms, name=names or ["某地"] * len(codes))
    return areas.import_areas(session, layer, srid=town.SRID, **options)


def test_a_town_is_stored_with_its_parents_and_square_metres(session):
    outcome = town.load(session)
    assert (outcome.loaded, outcome.added, outcome.updated, outcome.faults) == (True, 5, 0, [])
    chain = queries.area_chain(session, WEST + "001")
    assert [area.code for area in chain] == [CITY, COUNTY, STREET, WEST]
    assert [area.parent_code for area in chain] == [None, CITY, COUNTY, STREET]
    assert chain[-1].area_m2 == pytest.approx(150_000, abs=0.01)


def test_importing_again_updates(session):
    town.load(session)
    outcome = bring(session, [WEST], [town.shapes()[WEST]], ["西苑社区"])
    assert (outcome.added, outcome.updated) == (0, 1)
    assert session.get_one(Area, WEST).name_zh == "西苑社区"


def test_what_an_import_does_not_say_is_kept(session):
    layer = town.layer([CITY], [town.shapes()[CITY]], name=["成都市"], name_en=["Chengdu"], population=[21_474_000])
    areas.import_areas(session, layer, srid=town.SRID, source="survey", city_srid=4523)
    bring(session, [CITY], [town.shapes()[CITY]], ["成都"])
    city = session.get_one(Area, CITY)
    assert (city.name_zh, city.name_en, city.population, city.source) == ("成都", "Chengdu", 21_474_000, "survey")
    assert queries.projected_srids(session, [WEST, "5106"], 4544) == [4523, 4544]


def test_a_place_is_measured_in_the_system_of_what_holds_it_and_the_city_in_that_of_the_widest(session):
    town.load(session)
    assert queries.srid_of(session) == queries.srid_of(session, WEST) == town.SRID
    named = text("UPDATE city.area SET projected_srid = :srid WHERE code = :code")
    session.execute(named, [{"srid": 4550, "code": WEST}, {"srid": 4523, "code": COUNTY}])
    asked = (None, WEST, f"{WEST}001", EAST, CITY)
    assert [queries.srid_of(session, code) for code in asked] == [4523, 4550, 4550, 4523, town.SRID]
    assert queries.srid_at(session, 100, 20) == 4523, "outside the grid the city's"


@pytest.mark.parametrize(("given", "corners", "inside"), [("", 257, 1e-4), (", 16", 65, 1.3e-3)])
@pytest.mark.parametrize("srid", [4544, 4554])
def test_the_ground_round_a_place_is_drawn_as_finely_as_asked_in_metres_of_a_system(
    session, srid, given, corners, inside
):
    asked = f"SELECT ST_AsBinary(fn.ground_within(ST_SetSRID(ST_Point(104.06, 30.65), 4490), 300, :srid{given}))"
    ground = shapely.from_wkb(bytes(session.scalar(text(asked), {"srid": srid})))
    assert shapely.get_num_coordinates(ground) == corners
    there, middle = geo.project(ground, srid), geo.project(shapely.Point(104.06, 30.65), srid)
    near = shapely.distance(middle, there.exterior)
    assert 300 * (1 - inside) < near <= shapely.hausdorff_distance(middle, there.exterior) < 300.001


def test_overlaps_between_siblings_are_measured(session):
    outcome = town.load(session, west=town.square(0, 0, 520, 300))
    assert kinds(outcome) == [("overlap", WEST)]
    fault = outcome.faults[0]
    assert fault.other == EAST
    assert fault.m2 == pytest.approx(6000, rel=1e-3)
    assert shapely.covers(town.square(500, 0, 520, 300), shapely.Point(fault.lon, fault.lat))


def test_gaps_between_siblings_are_measured(session):
    outcome = town.load(session, west=town.square(0, 0, 480, 300))
    assert kinds(outcome) == [("gap", STREET)]
    assert outcome.faults[0].m2 == pytest.approx(6000, rel=1e-3)


def test_what_reaches_beyond_the_parent_is_measured(session):
    outcome = town.load(session, west=town.square(-10, 0, 500, 300))
    assert kinds(outcome) == [("outside", WEST)]
    assert outcome.faults[0].m2 == pytest.approx(3000, rel=1e-3)


def test_an_invalid_polygon_is_repaired_and_reported_with_its_row(session):
    town.load(session)
    bow = town.degrees(shapely.Polygon([(0, 0), (500, 300), (500, 0), (0, 300)]))
    outcome = bring(session, [WEST], [bow])
    assert outcome.loaded
    repaired = next(fault for fault in outcome.faults if fault.kind == "invalid-geometry")
    assert repaired.row == 1
    assert "Self-intersection" in repaired.message
    assert session.scalar(text("SELECT bool_and(ST_IsValid(geom)) FROM city.area"))


def test_only_surfaces_are_kept_of_a_collection(session):
    town.load(session)
    mixed = shapely.GeometryCollection([town.shapes()[WEST], town.degrees(shapely.LineString([(0, 0), (9, 900)]))])
    assert bring(session, [WEST], [mixed]).loaded
    assert session.scalar(text("SELECT GeometryType(geom) FROM city.area WHERE code = :code"), {"code": WEST}) == (
        "MULTIPOLYGON"
    )


@pytest.mark.parametrize(
    ("code", "shape", "name", "kind"),
    [
        ("51010401700", town.shapes()[WEST], "西社区", "code-form"),
        (None, town.shapes()[WEST], "西社区", "code-form"),
        (WEST, None, "西社区", "empty-geometry"),
        (WEST, shapely.Point(104, 30), "西社区", "empty-geometry"),
        (WEST, town.shapes()[WEST], None, "no-name"),
        ("510104099001", town.shapes()[WEST], "西社区", "unknown-parent"),
    ],
)
def test_a_row_that_cannot_be_an_area_keeps_the_whole_file_out(session, code, shape, name, kind):
    town.load(session)
    outcome = bring(session, ["510104018", code], [town.shapes()[WEST], shape], ["某街道", name])
    assert not outcome.loaded
    assert [(fault.kind, fault.row) for fault in outcome.faults] == [(kind, 2)]
    with pytest.raises(NotFound):
        queries.area(session, "510104018")


def test_the_same_code_twice_in_a_file_is_refused(session):
    outcome = bring(session, [CITY, CITY], [town.shapes()[CITY]] * 2)
    assert kinds(outcome) == [("duplicate", CITY)]
    assert not outcome.loaded


def test_a_level_asked_for_refuses_others(session):
    outcome = bring(session, [CITY], [town.shapes()[CITY]], level="county")
    assert kinds(outcome) == [("code-form", CITY)]


def test_a_county_may_stand_alone_until_its_city_comes(session):
    bring(session, [COUNTY], [town.shapes()[COUNTY]])
    assert session.get_one(Area, COUNTY).parent_code is None
    bring(session, [CITY], [town.shapes()[CITY]])
    assert session.get_one(Area, COUNTY).parent_code == CITY


def test_two_cities_stand_side_by_side(session):
    town.load(session)
    other = town.square(1000, 0, 2000, 300)
    assert bring(session, ["5106", "510603"], [other, other]).faults == []
    assert [area.code for area in queries.areas(session, "city")] == ["5101", "5106"]
    assert [area.code for area in queries.areas(session, within="5106")] == ["5106", "510603"]


def test_moving_a_community_under_its_cells_is_reported(session):
    town.load(session)
    town.divide(session)
    outcome = bring(session, [WEST], [town.square(0, 0, 510, 300)])
    assert ("cells-stale", WEST) in kinds(outcome)
    assert town.load(session, west=town.square(0, 0, 510, 300)).faults[0].kind == "overlap"


FAR = shapely.affinity.translate(town.square(0, 0, 1000, 300), -16.45, 13.15)
"""The town, but at 87.6 E, 43.8 N: two thousand kilometres from the zone of the default."""


def bring_far(session, codes, **options):
    layer = town.layer(codes, [FAR] * len(codes), name=codes)
    return areas.import_areas(session, layer, srid=town.SRID, **options)


@pytest.mark.parametrize(("srid", "why"), [(4544, "2.4% off"), (4326, "no projected"), (3857, "no"), (99, "no")])
def test_a_system_that_does_not_measure_where_the_areas_lie_is_refused(session, srid, why):
    with pytest.raises(Invalid, match=why) as refused:
        bring_far(session, ["6501"], city_srid=srid)
    assert (refused.value.code, refused.value.facts["accepted"]) == ("grid.bad-system", 4538)


def test_a_default_for_another_city_is_refused_too(session):
    with pytest.raises(Invalid) as refused:
        bring_far(session, ["6501"])
    assert refused.value.code == "grid.bad-system"


@pytest.mark.parametrize("codes", [["6501", "650102"], ["650102", "650102001"]])
def test_the_first_areas_of_a_city_keep_their_zone_with_the_highest_of_them(session, codes):
    outcome = bring_far(session, codes, zone_srid=systems.zone_of(np.array([FAR], dtype=object)))
    assert outcome.srids == [4538]
    stated = {area.code: area.projected_srid for area in session.scalars(select(Area))}
    assert stated == {codes[0]: 4538, codes[1]: None}
    assert session.get_one(Area, codes[1]).area_m2 == pytest.approx(geo.area_m2(FAR, 4538))


def test_a_zone_does_not_take_the_place_of_what_somebody_stated(session):
    bring_far(session, ["6501", "650102"], city_srid=32645)
    bring_far(session, ["6501", "650102"], zone_srid=4538)
    bring_far(session, ["650103"], zone_srid=4538)
    assert queries.projected_srids(session, ["6501", "650102", "650103"], town.SRID) == [32645] * 3
