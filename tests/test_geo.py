"""Coordinate systems: published worked points, round trips, and what is refused.

Worked points are the figures that open libraries publish with their own tests: wandergis/coordtransform (116.404,
39.915), googollee/eviltransform (Shanghai, Shenzhen, Beijing) and hujiulong/gcoord (123, 45).
"""

import math

import numpy as np
import pytest
import shapely

from webgis import geo
from webgis.errors import Invalid

MM = 1e-3 / 111_320.0
"""Degrees of latitude in a millimetre; a degree of longitude is shorter, so this is strict for both."""

WGS84_TO_GCJ02 = [
    (116.404, 39.915, 116.41024449916938, 39.91640428150164),
    (121.5272106, 31.1774276, 121.531541859215, 31.17530398364597),
    (113.912316, 22.543847, 113.9171764808363, 22.540796131694766),
    (116.377817, 39.911954, 116.38404722455657, 39.91334545536069),
]
GCJ02_TO_BD09 = [
    (116.404, 39.915, 116.41036949371029, 39.92133699351021),
    (123.0, 45.0, 123.00636499, 45.00636899),
]


@pytest.mark.parametrize(("lon", "lat", "to_lon", "to_lat"), WGS84_TO_GCJ02)
def test_wgs84_to_gcj02_gives_the_published_points(lon, lat, to_lon, to_lat):
    assert geo.from_cgcs2000(lon, lat, "gcj02") == pytest.approx((to_lon, to_lat), abs=1e-12)


@pytest.mark.parametrize(("lon", "lat", "from_lon", "from_lat"), WGS84_TO_GCJ02)
def test_gcj02_to_wgs84_leads_back_from_the_published_points(lon, lat, from_lon, from_lat):
    assert geo.to_cgcs2000(from_lon, from_lat, "gcj02") == pytest.approx((lon, lat), abs=MM / 1000)


@pytest.mark.parametrize(("lon", "lat", "to_lon", "to_lat"), GCJ02_TO_BD09)
def test_gcj02_to_bd09_gives_the_published_points(lon, lat, to_lon, to_lat):
    true = geo.to_cgcs2000(lon, lat, "gcj02")
    assert geo.from_cgcs2000(*true, "bd09") == pytest.approx((to_lon, to_lat), abs=1e-8)


@pytest.mark.parametrize(("lon", "lat", "from_lon", "from_lat"), GCJ02_TO_BD09)
def test_bd09_to_gcj02_leads_back_from_the_published_points(lon, lat, from_lon, from_lat):
    true = geo.to_cgcs2000(from_lon, from_lat, "bd09")
    assert geo.from_cgcs2000(*true, "gcj02") == pytest.approx((lon, lat), abs=1e-8)


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_a_hundred_thousand_points_of_china_come_back_within_a_thousandth_of_a_millimetre(crs):
    rng = np.random.default_rng(44)
    lon, lat = rng.uniform(73.4, 135.1, 100_000), rng.uniform(3.8, 53.6, 100_000)
    back_lon, back_lat = geo.to_cgcs2000(*geo.from_cgcs2000(lon, lat, crs), crs)
    assert np.abs(back_lon - lon).max() < MM / 1000
    assert np.abs(back_lat - lat).max() < MM / 1000
    there_lon, there_lat = geo.from_cgcs2000(*geo.to_cgcs2000(lon, lat, crs), crs)
    assert np.abs(there_lon - lon).max() < MM / 1000
    assert np.abs(there_lat - lat).max() < MM / 1000


@pytest.mark.parametrize("crs", geo.CRS_NAMES)
def test_scalars_and_arrays_give_the_same_answer(crs):
    lon, lat = [104.066, 91.1, 2.35], [30.66, 29.65, 48.86]
    for convert in (geo.to_cgcs2000, geo.from_cgcs2000):
        arrays = np.column_stack(convert(np.array(lon), np.array(lat), crs))
        singles = [convert(x, y, crs) for x, y in zip(lon, lat, strict=True)]
        assert all(type(x) is float and type(y) is float for x, y in singles)
        assert np.abs(arrays - singles).max() < 1e-13


@pytest.mark.parametrize("crs", geo.CRS_NAMES)
@pytest.mark.parametrize("place", [(72.0, 30.0), (137.84, 30.0), (104.0, 0.82), (104.0, 55.83), (-73.9, 40.7)])
def test_outside_china_nothing_is_moved(crs, place):
    assert geo.to_cgcs2000(*place, crs) == place
    assert geo.from_cgcs2000(*place, crs) == place


def test_wgs84_is_taken_as_cgcs2000():
    assert geo.to_cgcs2000(104.066, 30.66, "wgs84") == (104.066, 30.66)
    assert geo.from_cgcs2000(104.066, 30.66, "cgcs2000") == (104.066, 30.66)


def test_the_shifts_in_chengdu_have_the_known_size():
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(103.0, 104.9, 5000), rng.uniform(30.1, 31.4, 5000)
    metres = np.hypot(*[d * s for d, s in zip(_shift(lon, lat, "gcj02"), (95_700, 110_900), strict=True)])
    assert 290 < metres.min() < metres.max() < 420


def _shift(lon, lat, crs):
    to_lon, to_lat = geo.from_cgcs2000(lon, lat, crs)
    return to_lon - lon, to_lat - lat


@pytest.mark.parametrize(
    ("lon", "lat"), [(30.66, 104.066), (39.9, 116.4), (18.25, 109.5), (44.0, 80.3), ("30.66", "104.066")]
)
def test_swapped_coordinates_are_refused_with_the_right_order(lon, lat):
    with pytest.raises(Invalid) as caught:
        geo.check_lonlat(lon, lat)
    assert caught.value.code == "geo.swapped"
    assert "it looks as if longitude and latitude are swapped" in caught.value.message
    assert caught.value.facts["field"] == "lon"
    assert caught.value.facts["accepted"] == [float(lat), float(lon)]


@pytest.mark.parametrize(
    ("lon", "lat", "code", "field"),
    [
        (200.0, 30.0, "geo.out-of-range", "lon"),
        (104.0, -95.0, "geo.out-of-range", "lat"),
        (1e6, 1e6, "geo.out-of-range", "lon"),
        (math.nan, 30.0, "geo.not-a-number", "lon"),
        (104.0, math.inf, "geo.not-a-number", "lat"),
        ("east", 30.0, "geo.not-a-number", "lon"),
        (None, 30.0, "geo.not-a-number", "lon"),
    ],
)
def test_impossible_coordinates_are_refused_by_field(lon, lat, code, field):
    with pytest.raises(Invalid) as caught:
        geo.check_lonlat(lon, lat)
    assert (caught.value.code, caught.value.facts["field"]) == (code, field)


def test_the_first_wrong_point_of_an_array_is_named():
    with pytest.raises(Invalid) as caught:
        geo.to_cgcs2000(np.array([104.0, 30.66, 30.67]), np.array([30.66, 104.0, 104.0]), "wgs84")
    assert caught.value.code == "geo.swapped"
    assert caught.value.facts["index"] == 1


def test_an_unknown_coordinate_system_is_refused_with_the_known_ones():
    with pytest.raises(Invalid) as caught:
        geo.to_cgcs2000(104.0, 30.0, "wgs-84")
    assert caught.value.facts["accepted"] == ["wgs84", "gcj02", "bd09", "cgcs2000"]


def test_a_geometry_moves_vertex_by_vertex():
    ring = shapely.box(104.0, 30.6, 104.1, 30.7)
    moved = geo.transform_geometry(np.array([ring, shapely.Point(104.05, 30.65)]), "gcj02")
    assert moved[1].coords[0] == pytest.approx(geo.to_cgcs2000(104.05, 30.65, "gcj02"))
    assert shapely.get_coordinates(moved[0])[0] == pytest.approx(geo.to_cgcs2000(*ring.exterior.coords[0], "gcj02"))


def test_tianfu_square_lies_where_it_should_in_metres():
    east, north = geo.projector(4544).transform(104.0660, 30.6574)
    assert (east, north) == pytest.approx((410_451, 3_393_319), abs=150)
    assert geo.projector(4544) is geo.projector(4544)


def test_areas_of_parts_add_up_to_the_area_of_the_whole():
    whole = shapely.box(104.0, 30.6, 104.1, 30.7)
    parts = [shapely.box(104.0, 30.6, 104.1, 30.65), shapely.box(104.0, 30.65, 104.1, 30.7)]
    assert geo.area_m2(whole, 4544) == pytest.approx(sum(geo.area_m2(parts, 4544)), rel=1e-9)
    assert geo.area_m2(whole, 4544) == pytest.approx(0.1 * 0.1 * geo.area_of_degrees(30.65), rel=3e-4)


def test_a_box_is_read_west_south_east_north():
    assert geo.read_box("104.06,30.65, 104.07,30.66") == (104.06, 30.65, 104.07, 30.66)


@pytest.mark.parametrize("given", ["", "a,b,c,d", "1,2,3", "105,30,104,31", "104,30,104.1,95", "nan,nan,nan,nan"])
def test_what_is_no_box_is_refused_with_what_would_be_accepted(given):
    with pytest.raises(Invalid) as refused:
        geo.read_box(given)
    assert (refused.value.code, refused.value.facts["field"]) == ("geo.bad-box", "bbox")
    assert refused.value.facts["accepted"].startswith("west,south,east,north")
