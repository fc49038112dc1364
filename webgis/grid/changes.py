"""Splitting a cell and merging cells by hand, with lineage."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis import geo
from webgis.errors import Conflict, Invalid, NotFound
from webgis.grid import history, queries
from webgis.grid.dividing import free_codes
from webgis.grid.history import NewCells, OldCells
from webgis.grid.models import Cell

LEAST_M2 = 1.0
"""A piece smaller than this is a slip of the pen."""


def split_cell(
    session: Session, code: str, by: shapely.Geometry, *, srid: int, at: datetime | None = None
) -> list[Cell]:
    """Cut a valid cell along lines, or along the outlines of polygons; returns the new cells, north-west first.

    `by`: CGCS2000 degrees; `srid`: projected system where no area states its own. The pieces take numbers that no
    cell of the community bore; together they are exactly the old cell. `Invalid` when `by` does not cut it in two or
    more, or leaves a piece under 1 m2.
    """
    at = history.moment(session, at)
    history.lock_communities(session, [code[:12]])
    old = _valid(session, [code])
    pieces = _pieces(to_shape(old[0].geom), by)
    return _replace(session, old, pieces, srid, "split", at)


def merge_cells(session: Session, codes: Sequence[str], *, srid: int, at: datetime | None = None) -> Cell:
    """Make one cell of several valid ones of the same community that touch; returns the new cell.

    `Invalid` when they are fewer than two, of different communities, or do not make one closed polygon.
    """
    codes = sorted(set(codes))
    if len(codes) < 2 or len({code[:12] for code in codes}) > 1:
        raise Invalid(
            "grid.not-mergeable", "Give two or more cells of the same community to merge", field="codes", got=codes
        )
    at = history.moment(session, at)
    history.lock_communities(session, [codes[0][:12]])
    old = _valid(session, codes)
    geoms = [to_shape(cell.geom) for cell in old]
    whole = shapely.union_all(geoms)
    if whole.geom_type != "Polygon":
        raise Invalid(
            "grid.not-adjacent", "The cells do not share edges so as to make one polygon", field="codes", got=codes
        )
    return _replace(session, old, np.array([whole], dtype=object), srid, "merged", at)[0]


def _valid(session: Session, codes: Sequence[str]) -> list[Cell]:
    found = session.scalars(
        select(Cell).where(Cell.code.in_(codes), func.upper_inf(Cell.valid)).order_by(Cell.code)
    ).all()
    missing = sorted(set(codes) - {cell.code for cell in found})
    if missing and queries.last_cell(session, missing[0]):
        now = [share.code for share in queries.cells_now(session, missing[0])]
        raise Conflict("grid.cell-closed", f"Cell {missing[0]} is no longer valid; its ground is now {now}", now=now)
    if missing:
        raise NotFound("grid.cell-unknown", f"There is no cell {missing[0]}", got=missing[0])
    return list(found)


def _pieces(cell: shapely.Polygon, by: shapely.Geometry) -> np.ndarray:
    cuts = shapely.boundary(by) if shapely.get_dimensions(by) == 2 else by
    edges = shapely.union(shapely.boundary(cell), cuts)
    faces = shapely.get_parts(shapely.polygonize([edges]))
    faces = faces[shapely.covers(cell, shapely.point_on_surface(faces))]
    if len(faces) < 2:
        raise Invalid(
            "grid.not-cut", "The line does not cut the cell; draw it from outside to outside, right across", field="by"
        )
    centre = shapely.centroid(faces)
    faces = faces[np.argsort(shapely.get_x(centre) - shapely.get_y(centre))]
    least = shapely.area(faces).min() * geo.area_of_degrees(cell.centroid.y)
    if least < LEAST_M2:
        raise Invalid(
            "grid.crumb", f"One piece would be {least:.3f} m2; each needs {LEAST_M2:g} m2 or more", field="by"
        )
    return faces


def _replace(session: Session, old: list[Cell], geoms: np.ndarray, srid: int, reason: str, at: datetime) -> list[Cell]:
    community = old[0].community_code
    codes = free_codes(session, community, len(geoms))
    leaving = OldCells(
        np.array([cell.id for cell in old]),
        np.array([cell.code for cell in old], dtype=object),
        np.array([to_shape(cell.geom) for cell in old], dtype=object),
        np.array([cell.valid.lower for cell in old], dtype=object),
    )
    cells = NewCells(
        codes=codes,
        geoms=geoms,
        area_m2=geo.area_m2(geoms, queries.projected_srids(session, [community], srid)[0]),
        origin="divided" if all(cell.origin == "divided" for cell in old) else "surveyed",
        since=at,
        nominal_m=_shared(old, "nominal_m"),
        land_use=[_shared(old, "land_use")] * len(codes),
        manager=[_shared(old, "manager")] * len(codes),
    )
    history.replace_cells(session, leaving, cells, reason, at)
    session.expire_all()
    return _valid(session, codes)


def _shared(cells: Sequence[Cell], name: str):
    """What all these cells have in common, or None."""
    values = {getattr(cell, name) for cell in cells}
    return values.pop() if len(values) == 1 else None
