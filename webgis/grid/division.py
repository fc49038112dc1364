"""Cutting communities into unit cells (GB/T 30428.1-2013, now GB/T 47678.3-2026). Pure: polygons in, polygons out.

Signatures first; the body follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely

SIZE_M = 100.0
SLIVER = 0.2
MAX_CELLS = 999


@dataclass(frozen=True)
class Note:
    """Something a person should know of a division. `code`: "enlarged" (facts: asked_m, size_m, cells_at_asked),
    "sliver-kept" (facts: seq, area_m2)."""

    code: str
    facts: dict


@dataclass(frozen=True)
class Division:
    """The cells of one community, in order of their sequence numbers.

    `geoms`: (n,) shapely Polygons, EPSG 4490; `seq`: (n,) int, 1..n; `area_m2`: (n,) float, in the projected system;
    `size_m`: the side of a square actually used; `notes`: list of Note.
    """

    geoms: np.ndarray
    seq: np.ndarray
    area_m2: np.ndarray
    size_m: float
    notes: list[Note] = field(default_factory=list)


def divide(
    area: shapely.Geometry,
    *,
    srid: int = 4544,
    size_m: float = SIZE_M,
    sliver: float = SLIVER,
    max_cells: int | None = MAX_CELLS,
) -> Division:
    """The cells of one community: see `divide_many`."""
    return divide_many([area], srid=srid, size_m=size_m, sliver=sliver, max_cells=max_cells)[0]


def divide_many(
    areas: Sequence[shapely.Geometry],
    *,
    srid: int = 4544,
    size_m: float = SIZE_M,
    sliver: float = SLIVER,
    max_cells: int | None = MAX_CELLS,
) -> list[Division]:
    """One Division for each of `areas` (Polygon or MultiPolygon, EPSG 4490), all at once."""
    raise NotImplementedError
