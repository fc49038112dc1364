"""Points to cells by key: the same answer as asking every cell, on the edges too, and through a table."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from webgis.grid import bulk
from webgis.grid.assign import CellIndex, assign_table, read_index
from webgis.grid.division import divide

AS_CELL_AT = """
SELECT spot.id, holder.code FROM spot LEFT JOIN LATERAL (
  SELECT place.code FROM place WHERE ST_DWithin(place.geom, spot.geom, 1e-8)
  ORDER BY NOT ST_Covers(place.geom, spot.geom),
    CASE WHEN NOT ST_Covers(place.geom, spot.geom) THEN ST_Distance(place.geom, spot.geom) END, place.code
  LIMIT 1) AS holder ON true
ORDER BY spot.id"""
"""The rule of `fn.cell_at`, which needs the whole schema."""

AREA = shapely.Polygon(
    [(104.060, 30.650), (104.071, 30.651), (104.0745, 30.6575), (104.069, 30.663), (104.0605, 30.6605)],
    [[(104.064, 30.655), (104.064, 30.6572), (104.0668, 30.6566)]],
)


def by_asking_every_cell(codes, polygons, lon, lat):
    """Of the cells that cover a point the one of the lowest code, else the nearest within 1e-8 degrees, else -1."""
    order = np.argsort(codes, kind="stable")
    found = np.full(len(lon), -1)
    for n, point in enumerate(shapely.points(lon, lat)):
        covering = np.flatnonzero(shapely.covers(polygons[order], point))
        if len(covering):
            found[n] = order[covering[0]]
            continue
        gap = shapely.distance(polygons[order], point)
        if len(gap) and gap.min() <= 1e-8:
            found[n] = order[gap.round(15).argmin()]
    return found


def awkward_points(polygons, rng, count, hairs=(1e-7, 1e-9, 1e-12, 1e-14)):
    """Points anywhere, on vertices, in the middle of edges, and a hair beside both."""
    west, south, east, north = shapely.total_bounds(polygons)
    vertices = shapely.get_coordinates(polygons)
    vertices = vertices[rng.integers(0, len(vertices), count)]
    edges = np.concatenate([np.column_stack(pair) for pair in _edges(polygons)])
    edges = edges[rng.integers(0, len(edges), count)]
    middles = (edges[:, :2] + edges[:, 2:]) / 2
    anywhere = np.column_stack([rng.uniform(west - 1e-3, east + 1e-3, count), rng.uniform(south, north, count)])
    hair = rng.choice(hairs, (2 * count, 1)) * rng.choice([-1, 1], (2 * count, 2))
    return np.concatenate([anywhere, vertices, middles, np.concatenate([vertices, middles]) + hair]).T


def _edges(polygons):
    for ring in shapely.get_rings(polygons):
        points = shapely.get_coordinates(ring)
        yield points[:-1], points[1:]


def test_divided_cells_hold_the_points_that_they_cover():
    polygons = divide(AREA).geoms
    codes = np.array([f"510104001001{seq:03d}" for seq in range(1, len(polygons) + 1)])
    lon, lat = awkward_points(polygons, np.random.default_rng(11), 400)
    found = CellIndex(codes, polygons).assign(lon, lat)
    assert found.tolist() == by_asking_every_cell(codes, polygons, lon, lat).tolist()
    assert 0 < (found == -1).sum() < len(found) / 2


def test_a_shared_edge_belongs_to_the_lower_code_whatever_the_order_of_the_cells():
    west, east = shapely.box(104.0, 30.6, 104.001, 30.601), shapely.box(104.001, 30.6, 104.002, 30.601)
    lon, lat = np.array([104.001, 104.001, 104.0005, 104.0015]), np.array([30.6005, 30.6, 30.6, 30.6005])
    assert CellIndex(["b", "a"], [west, east]).assign(lon, lat).tolist() == [1, 1, 0, 1]
    assert CellIndex(["a", "b"], [west, east]).assign(lon, lat).tolist() == [0, 0, 0, 1]


def test_overlapping_cells_give_the_lowest_code_even_where_one_lies_wholly_in_the_other():
    big, small = shapely.box(104.0, 30.6, 104.01, 30.61), shapely.box(104.004, 30.604, 104.006, 30.606)
    lon, lat = np.array([104.005, 104.001]), np.array([30.605, 30.601])
    assert CellIndex(["2", "1"], [big, small]).assign(lon, lat).tolist() == [1, 0]
    assert CellIndex(["1", "2"], [big, small]).assign(lon, lat).tolist() == [0, 0]
    assert CellIndex(["3", "2", "1"], [big, big, big]).assign(lon, lat).tolist() == [2, 2]


def test_a_surveyed_cell_of_many_vertices_with_a_hole_and_a_far_one_are_found():
    angle = np.linspace(0, 2 * np.pi, 501)[:-1]
    reach = 0.004 + 0.0007 * np.sin(23 * angle)
    shell = np.column_stack([104.0 + reach * np.cos(angle), 30.6 + reach * np.sin(angle)])
    ring = shapely.Polygon(shell, [shapely.get_coordinates(shapely.box(103.999, 30.599, 104.001, 30.601))])
    polygons = np.array([ring, shapely.box(104.4, 30.9, 104.401, 30.901)])
    codes = np.array(["510104001001001", "510108001001001"])
    lon, lat = awkward_points(polygons, np.random.default_rng(2), 300)
    found = CellIndex(codes, polygons).assign(lon, lat)
    assert found.tolist() == by_asking_every_cell(codes, polygons, lon, lat).tolist()


def test_no_cells_and_no_points_give_no_answer_and_no_error():
    nothing, somewhere = np.empty(0), np.array([104.0])
    assert CellIndex([], []).assign(somewhere, np.array([30.6])).tolist() == [-1]
    assert CellIndex(["1"], [AREA]).assign(nothing, nothing).tolist() == []
    assert CellIndex(["1"], [AREA]).assign(np.array([0.0, 180.0]), np.array([-90.0, 90.0])).tolist() == [-1, -1]


@settings(derandomize=True, deadline=None, max_examples=40, database=None)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_any_heap_of_overlapping_shapes_gives_the_answer_of_asking_each(seed, count):
    rng = np.random.default_rng(seed)
    middles = rng.uniform(-0.002, 0.002, (count, 1, 2)) + (104.0, 30.6)
    corners = middles + rng.uniform(-0.002, 0.002, (count, 3, 2)).round(4)
    polygons = shapely.convex_hull(shapely.multipoints(corners))
    polygons = polygons[shapely.get_type_id(polygons) == 3]
    codes = rng.permutation(len(polygons)).astype(str)
    if not len(polygons):
        return
    lon, lat = awkward_points(polygons, rng, 20)
    found = CellIndex(codes, polygons).assign(lon, lat)
    assert found.tolist() == by_asking_every_cell(codes, polygons, lon, lat).tolist()


@pytest.fixture
def cursor(servers):
    """A cursor on a transaction that is rolled back; temporary tables only."""
    engine = create_engine(servers.database_url)
    connection = engine.raw_connection()
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS postgis")
        yield cursor
    connection.rollback()
    connection.close()
    engine.dispose()


def test_a_table_of_points_is_assigned_as_by_a_join(cursor):
    polygons = divide(AREA).geoms
    codes = np.array([f"510104001001{seq:03d}" for seq in range(1, len(polygons) + 1)])
    lon, lat = awkward_points(polygons, np.random.default_rng(12), 500, hairs=(1e-7, 1e-9))
    cursor.execute(
        "CREATE TEMP TABLE place (code text, geom geometry(Polygon, 4490)) ON COMMIT DROP;"
        "CREATE TEMP TABLE spot (id bigint, geom geometry(Point, 4490)) ON COMMIT DROP;"
        "CREATE TEMP TABLE held (id bigint, code text) ON COMMIT DROP"
    )
    bulk.write(cursor, "place (code, geom)", [codes, bulk.ewkb(polygons, 4490)])
    bulk.write(cursor, "spot (id, geom)", [np.arange(len(lon)), bulk.ewkb(shapely.points(lon, lat), 4490)])
    index = read_index(cursor, "SELECT code, geom FROM place")
    count = assign_table(cursor, index, "SELECT id, ST_X(geom), ST_Y(geom) FROM spot", "held (id, code)")
    cursor.execute(AS_CELL_AT)
    wanted = [(spot, code) for spot, code in cursor.fetchall() if code]
    cursor.execute("SELECT id, code FROM held ORDER BY id")
    assert cursor.fetchall() == wanted
    assert count == len(wanted)


def test_rows_of_every_layout_come_back_from_a_table_as_they_were_written(cursor):
    cursor.execute("CREATE TEMP TABLE thing (a bigint, b integer, c float8, d text, e bytea) ON COMMIT DROP")
    texts = np.array(["网格".encode(), None, b"", b"x"], dtype=object)
    columns = [np.arange(4), np.arange(4, dtype="i4") - 2, np.array([0.1, -1e300, 0, 3]), np.array(["ab"] * 4), texts]
    assert bulk.write(cursor, "thing (a, b, c, d, e)", columns) == 4
    back = bulk.read(cursor, "SELECT a, b, c, d, e FROM thing ORDER BY a", ("i8", "i4", "f8", "O", "O"))
    assert [column.tolist() for column in back[:3]] == [column.tolist() for column in columns[:3]]
    assert back[3].tolist() == [b"ab"] * 4
    assert back[4].tolist() == texts.tolist()
    even = bulk.read(cursor, "SELECT a, b, c FROM thing ORDER BY a", ("i8", "i4", "f8"))
    assert [column.tolist() for column in even] == [column.tolist() for column in columns[:3]]
    assert bulk.write(cursor, "thing (a)", [np.empty(0, dtype="i8")]) == 0
