"""Cutting real counties and ugly shapes: exact, seamless, repeatable."""

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Point, Polygon, box

from webgis.demo import places, subdivide
from webgis.errors import Invalid


@pytest.fixture(scope="module")
def jinjiang() -> Polygon:
    return places.county_boundary("510104")


def _overlap(pieces) -> float:
    tree = shapely.STRtree(pieces)
    left, right = tree.query(pieces, predicate="intersects")
    first = left < right
    pieces = np.array(pieces, object)
    return float(shapely.area(shapely.intersection(pieces[left[first]], pieces[right[first]])).sum())


def _vertices(shapes) -> set[tuple[float, float]]:
    return set(map(tuple, shapely.get_coordinates(shapes)))


@pytest.mark.parametrize("n", [1, 2, 11, 60])
def test_the_pieces_of_a_real_county_fill_it_without_overlap(jinjiang, n):
    pieces = subdivide.cut(jinjiang, n, seed=3)
    assert len(pieces) == n
    assert all(piece.is_valid and piece.area > 0 for piece in pieces)
    assert sum(piece.area for piece in pieces) == pytest.approx(jinjiang.area, rel=1e-7)
    assert shapely.union_all(pieces).symmetric_difference(jinjiang).area < 1e-7 * jinjiang.area
    assert _overlap(pieces) == 0


def test_every_vertex_of_the_county_is_a_vertex_of_a_piece(jinjiang):
    missing = _vertices(jinjiang) - _vertices(subdivide.cut(jinjiang, 11, seed=3))
    rounded = {(round(x, 9), round(y, 9)) for x, y in _vertices(subdivide.cut(jinjiang, 11, seed=3))}
    assert all((round(x, 9), round(y, 9)) in rounded for x, y in missing)


def test_the_same_seed_gives_the_same_pieces_and_another_seed_others(jinjiang):
    once, again, other = (subdivide.cut(jinjiang, 8, seed) for seed in (5, 5, 6))
    assert [piece.wkb for piece in once] == [piece.wkb for piece in again]
    assert [piece.wkb for piece in once] != [piece.wkb for piece in other]


def test_the_shares_follow_the_weights_from_the_centre_outwards():
    weights = np.linspace(1, 5, 60)
    pieces = subdivide.cut(box(0, 0, 1000, 800), 60, seed=2, weights=weights, centre=(500, 400))
    shares = np.array([piece.area for piece in pieces]) / 800_000
    assert np.corrcoef(shares, weights)[0, 1] > 0.9
    distances = [piece.centroid.distance(Point(500, 400)) for piece in pieces]
    assert np.corrcoef(distances, range(60))[0, 1] > 0.8


UGLY = {
    "a ring": Point(0, 0).buffer(100).difference(Point(0, 0).buffer(80)),
    "a needle": Polygon([(0, 0), (10_000, 1), (10_000, 2)]),
    "islands": MultiPolygon([box(0, 0, 50, 50), box(60, 0, 61, 1), box(200, 0, 201, 90)]),
    "a comb": shapely.union_all([box(0, 0, 100, 5), *(box(x, 0, x + 2, 60) for x in range(0, 100, 8))]),
}


@pytest.mark.parametrize("shape", UGLY.values(), ids=UGLY)
@pytest.mark.parametrize("n", [2, 7, 40])
def test_ugly_shapes_are_cut_into_as_many_pieces_as_asked(shape, n):
    pieces = subdivide.cut(shape, n, seed=1)
    assert len(pieces) == n
    assert all(piece.is_valid and piece.area > 0 for piece in pieces)
    assert sum(piece.area for piece in pieces) == pytest.approx(shape.area, rel=1e-5)
    assert _overlap(pieces) == 0


def test_a_piece_of_a_connected_polygon_is_connected(jinjiang):
    assert {piece.geom_type for piece in subdivide.cut(jinjiang, 40, seed=9)} == {"Polygon"}


def test_seamless_gives_both_sides_of_an_edge_the_same_vertices():
    left, right, above = box(0, 0, 1, 1), box(1, 0, 2, 1), box(0, 1, 2, 2)
    noded = subdivide.seamless([left, right, above], grid=1e-9)
    assert (1.0, 1.0) in _vertices([noded[2]])
    assert [shape.area for shape in noded] == [1, 1, 2]


@pytest.mark.parametrize("n, weights", [(0, None), (2, [1]), (2, [1, 0])])
def test_nonsense_is_refused(n, weights):
    with pytest.raises(Invalid):
        subdivide.cut(box(0, 0, 1, 1), n, seed=1, weights=weights)
