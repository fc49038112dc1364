"""Dividing communities into cells: the properties on ugly polygons, and each rule on a small one.

Shapes are drawn in metres of EPSG 4544 around a corner of the 100 m lattice east of Chengdu and brought to degrees.
"""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from webgis import geo
from webgis.errors import Invalid
from webgis.grid.division import divide, divide_many

SRID = 4544
EAST, NORTH = 410_000.0, 3_393_000.0
FULL = 10_000.0
HAIR = 2e-10
"""Degrees, about 0.02 mm: a common edge shorter than this joins nothing."""
seeded = settings(derandomize=True, deadline=None, max_examples=60, database=None)


def degrees(shape):
    """A shape in metres from the corner -> degrees; edges of the result are straight in degrees."""

    def move(points):
        return np.column_stack(
            geo.projector(SRID).transform(points[:, 0] + EAST, points[:, 1] + NORTH, direction="INVERSE")
        )

    return shapely.transform(shape, move)


def metres(geoms):
    return shapely.transform(geo.project(geoms, SRID), lambda points: points - (EAST, NORTH))


def box(west, south, east, north):
    return degrees(shapely.box(west, south, east, north))


@st.composite
def ugly_polygons(draw):
    """Boxes, triangles and needles laid over each other and cut out of each other: holes, islands, slits, corners that
    touch, edges along the lattice or a hair beside it."""
    step = draw(st.sampled_from([1, 20, 50, 100]))
    place = st.integers(0, 900 // step).map(lambda n: n * step)
    slight = st.sampled_from([0.0, 0.0, 1e-3, -1e-3, 1e-6, 0.3])
    shape = shapely.Polygon()
    for _ in range(draw(st.integers(1, 6))):
        x, y = draw(place) + draw(slight), draw(place) + draw(slight)
        part = draw(st.sampled_from(["box", "triangle", "needle", "frame"]))
        w, h = draw(place) + step, draw(place) + step
        if part == "box":
            drawn = shapely.box(x, y, x + w, y + h)
        elif part == "triangle":
            drawn = shapely.Polygon([(x, y), (x + w, y + draw(place)), (x + draw(place), y + h + 1000)])
        elif part == "needle":
            width = draw(st.sampled_from([0.01, 0.5, 3.0]))
            drawn = shapely.Polygon([(x, y), (x + w, y + h), (x + w, y + h + width)])
        else:
            drawn = shapely.box(x, y, x + w, y + h).difference(shapely.box(x + w / 4, y + h / 4, x + w / 2, y + h / 2))
        shape = shape.difference(drawn) if draw(st.booleans()) and draw(st.booleans()) else shape.union(drawn)
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 1e-3]
    area = degrees(shapely.MultiPolygon(parts or [shapely.box(0, 0, 150, 150)]))
    return area if area.is_valid else degrees(shapely.box(0, 0, 150, 150))


def assert_seamless(area, division):
    """Cells cover the area once: by area, by overlap, and point by point."""
    cells = division.geoms
    whole = geo.area_m2(area, SRID)
    allowed = 1e-6 * whole + 0.02  # the second for needles: all edge, no area
    assert abs(division.area_m2.sum() - whole) < allowed
    assert abs(geo.area_m2(cells, SRID).sum() - whole) < allowed
    assert abs(shapely.union_all(cells).symmetric_difference(area).area) < 1e-9 * area.area + 1e-16
    first, second = shapely.STRtree(cells).query(cells, predicate="intersects")
    pair = first < second
    assert shapely.area(shapely.intersection(cells[first[pair]], cells[second[pair]])).sum() < 1e-9 * area.area
    rng = np.random.default_rng(5)
    west, south, east, north = area.bounds
    points = shapely.points(rng.uniform(west, east, 400), rng.uniform(south, north, 400))
    points = points[shapely.contains(area, points) & (shapely.distance(area.boundary, points) > 1e-10)]
    hits = np.bincount(shapely.STRtree(cells).query(points, predicate="intersects")[0], minlength=len(points))
    assert (hits == 1).all()


@seeded
@given(ugly_polygons())
def test_any_area_is_divided_without_gap_or_overlap_into_simple_valid_polygons(area):
    division = divide(area, srid=SRID)
    assert (shapely.get_type_id(division.geoms) == 3).all()
    assert shapely.is_valid(division.geoms).all()
    assert_seamless(area, division)


@seeded
@given(ugly_polygons())
def test_every_sliver_that_has_a_neighbour_is_merged_and_the_others_are_noted(area):
    division = divide(area, srid=SRID)
    small = np.flatnonzero(division.area_m2 < 0.2 * FULL)
    assert [note.facts["seq"] for note in division.notes if note.code == "sliver-kept"] == (small + 1).tolist()
    for at in small:
        others = np.delete(division.geoms, at)
        common = shapely.intersection(others, division.geoms[at])
        assert shapely.length(common).max(initial=0.0) < HAIR


@seeded
@given(ugly_polygons())
def test_cells_are_numbered_row_by_row_from_the_north_and_from_west_to_east(area):
    division = divide(area, srid=SRID, sliver=0.0)
    assert division.seq.tolist() == list(range(1, len(division.geoms) + 1))
    inside = shapely.get_coordinates(metres(shapely.point_on_surface(division.geoms))) / 100
    # A line straight in degrees strays 0.15 mm from the lattice's: pieces nearer than 1 mm to it are not judged.
    clear = np.abs(inside - np.rint(inside)).min(axis=1) > 1e-5
    column, row = np.floor(inside).T
    order = list(zip(-row[clear], column[clear], strict=True))
    assert order == sorted(order)


@seeded
@given(ugly_polygons(), ugly_polygons())
def test_dividing_together_gives_the_same_as_one_by_one_and_again(first, second):
    together = divide_many([first, second], srid=SRID)
    for area, division in zip((first, second), together, strict=True):
        alone = divide(area, srid=SRID)
        assert len(alone.geoms) == len(division.geoms)
        assert shapely.equals_exact(alone.geoms, division.geoms, tolerance=1e-11, normalize=True).all()
        assert shapely.to_wkb(alone.geoms).tolist() == shapely.to_wkb(divide(area, srid=SRID).geoms).tolist()


def test_whole_squares_of_the_lattice_become_cells_in_reading_order():
    division = divide(box(0, 0, 300, 200), srid=SRID)
    assert division.seq.tolist() == [1, 2, 3, 4, 5, 6]
    middles = shapely.get_coordinates(shapely.centroid(metres(division.geoms)))
    assert np.rint(middles).tolist() == [[50, 150], [150, 150], [250, 150], [50, 50], [150, 50], [250, 50]]
    assert division.area_m2 == pytest.approx(FULL, abs=0.2)
    assert (division.size_m, division.notes) == (100.0, [])


def test_a_sliver_joins_the_neighbour_with_the_longest_shared_edge():
    # A strip of 15 m east of a whole square: 1,500 m2, below a fifth of 10,000 m2.
    division = divide(box(0, 0, 115, 100), srid=SRID)
    assert division.area_m2 == pytest.approx([11_500], abs=0.1)
    # The corner sliver shares 90 m with the cell below it and 10 m with the one beside it.
    corner = degrees(shapely.Polygon([(0, 0), (200, 0), (200, 110), (110, 110), (110, 100), (0, 100)]))
    division = divide(corner, srid=SRID)
    assert division.area_m2 == pytest.approx([10_000, 10_900], abs=0.1)


def test_slivers_along_a_strip_merge_until_none_is_left():
    division = divide(box(0, 0, 500, 10), srid=SRID)
    assert len(division.geoms) in (1, 2)
    assert (division.area_m2 >= 0.2 * FULL).all()


def test_an_island_smaller_than_a_sliver_stays_and_is_noted():
    island = shapely.union(box(0, 0, 100, 100), box(150, 150, 160, 160))
    division = divide(island, srid=SRID)
    assert division.area_m2 == pytest.approx([100, 10_000], abs=0.1)
    assert [(note.code, note.facts["seq"]) for note in division.notes] == [("sliver-kept", 1)]


def test_two_pieces_of_one_square_are_two_cells_from_west_to_east():
    split = shapely.union(box(0, 0, 40, 100), box(60, 0, 100, 100))
    division = divide(split, srid=SRID)
    assert division.area_m2 == pytest.approx([4000, 4000], abs=0.1)
    assert shapely.bounds(division.geoms)[0, 0] < shapely.bounds(division.geoms)[1, 0]


def test_a_hole_inside_a_square_stays_a_hole():
    division = divide(degrees(shapely.box(0, 0, 100, 100).difference(shapely.box(40, 40, 60, 60))), srid=SRID)
    assert division.area_m2 == pytest.approx([9600], abs=0.1)
    assert shapely.get_num_interior_rings(division.geoms).tolist() == [1]


def test_neighbouring_communities_share_the_nodes_of_their_border():
    border = [(150, 0), (170, 130), (140, 260), (155, 300)]
    west = degrees(shapely.Polygon([(0, 0), *border, (0, 300)]))
    east = degrees(shapely.Polygon([*border, (300, 300), (300, 0)]))
    cells = np.concatenate([division.geoms for division in divide_many([west, east], srid=SRID)])
    assert shapely.coverage_is_valid(cells)


def test_an_area_of_many_vertices_is_divided_like_any_other():
    angle = np.linspace(0, 2 * np.pi, 3001)[:-1]
    reach = 1500 + 200 * np.sin(17 * angle) + 40 * np.sin(271 * angle)
    area = degrees(shapely.Polygon(np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])))
    division = divide(area, srid=SRID)
    assert shapely.is_valid(division.geoms).all()
    assert shapely.coverage_is_valid(division.geoms)
    assert_seamless(area, division)


def test_more_than_999_cells_give_the_smallest_larger_size_that_fits_and_say_so():
    area = box(0, 0, 4000, 3000)
    division = divide(area, srid=SRID)
    assert division.size_m == 120.0
    assert len(division.geoms) <= 999
    assert (division.notes[0].code, division.notes[0].facts) == (
        "enlarged",
        {"asked_m": 100.0, "size_m": 120.0, "cells": 1200},
    )
    assert_seamless(area, division)
    assert len(divide(area, srid=SRID, max_cells=None).geoms) == 1200


def test_a_city_in_another_zone_is_divided_in_its_own_system():
    area = shapely.box(121.40, 31.20, 121.42, 31.21)
    division = divide(area, srid=4549)
    assert division.area_m2.sum() == pytest.approx(geo.area_m2(area, 4549), rel=1e-6)
    assert shapely.coverage_is_valid(division.geoms)


@pytest.mark.parametrize(
    ("area", "given", "code"),
    [
        (shapely.Polygon(), {}, "grid.area-invalid"),
        (shapely.Point(104, 30), {}, "grid.area-invalid"),
        (shapely.Polygon([(104, 30), (104.1, 30.1), (104.1, 30), (104, 30.1)]), {}, "grid.area-invalid"),
        (shapely.box(104, 30, 104.1, 30.1), {"size_m": 0}, "grid.bad-field"),
        (shapely.box(104, 30, 104.1, 30.1), {"sliver": 0.9}, "grid.bad-field"),
    ],
)
def test_what_cannot_be_divided_is_refused(area, given, code):
    with pytest.raises(Invalid) as caught:
        divide(area, srid=SRID, **given)
    assert caught.value.code == code
