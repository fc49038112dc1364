"""A hazard source of the small city as somebody gives it, and shapes measured in the city's metres."""

from typing import Any

import numpy as np
import shapely

from webgis import geo

BORDER = (104.065, 30.6575)
"""On the border between the two communities."""

CHLORINE = {"name": "液氯", "quantity": "30", "cas": "7782-50-5"}
LPG = {"name": "液化石油气", "quantity": 60, "cas": "68476-85-7"}
STORE = {"name": "1 号仓库", "kind": "storage", "stocks": [CHLORINE]}


def square(lon: float, lat: float, side_m: float = 100) -> dict[str, Any]:
    """A square around a place, measured in the city's projected system, as GeoJSON."""
    x, y = geo.projector(4544).transform(lon, lat)
    half = side_m / 2
    return shapely.geometry.mapping(shapely.transform(shapely.box(x - half, y - half, x + half, y + half), _degrees))


def _degrees(xy: np.ndarray) -> np.ndarray:
    return np.column_stack(geo.projector(4544).transform(xy[:, 0], xy[:, 1], direction="INVERSE"))


def given(**more: Any) -> dict[str, Any]:
    """A store of 30 t of chlorine with 120 people nearby: S = 6, R = 48, level 3."""
    return {
        "code": "CD-001",
        "kind": "chemical_store",
        "name_zh": "西站氯库",
        "holder": "示例化工有限公司",
        "geometry": square(*BORDER),
        "people": 120,
        "units": [STORE],
    } | more
