"""A community of 31 x 31 cells beside the small city, and cases in its cells: so many in each, on the days wanted."""

from datetime import date, datetime, time

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests import city
from tests.maps import crowd

SIDE, STEP = 31, 0.001
COMMUNITY = "510104017003"
CORNER = (104.1, 30.6)
BOUNDS = (CORNER[0], CORNER[1], CORNER[0] + SIDE * STEP, CORNER[1] + SIDE * STEP)

_AREA = text(
    """
    INSERT INTO city.area (code, level, parent_code, name_zh, name_en, geom, area_m2, population)
    VALUES (:code, 'community', :parent, '格社区', 'Lattice',
            ST_Multi(ST_MakeEnvelope(:west, :south, :east, :north, 4490)), 9610000, 20000)
    """
)
_CELLS = text(
    """
    INSERT INTO city.cell (code, community_code, geom, area_m2, valid, origin)
    SELECT :code || lpad((r * :side + c + 1)::text, 3, '0'), :code,
           ST_MakeEnvelope(:west + c * 0.001, :south + r * 0.001,
                           :west + (c + 1) * 0.001, :south + (r + 1) * 0.001, 4490), 10000,
           tstzrange(:since, NULL), 'divided'
    FROM generate_series(0, :side - 1) r, generate_series(0, :side - 1) c ORDER BY r, c
    """
)


def build(session: Session) -> None:
    """Make the community and its cells."""
    named = dict(zip(("west", "south", "east", "north"), BOUNDS, strict=True))
    session.execute(_AREA, named | {"code": COMMUNITY, "parent": city.SUBDISTRICT})
    session.execute(_CELLS, named | {"code": COMMUNITY, "side": SIDE, "since": city.SINCE})


def code(row: int, column: int) -> str:
    """The code of a cell, counted from the south-west."""
    return f"{COMMUNITY}{row * SIDE + column + 1:03d}"


def report(
    session: Session, counts: np.ndarray, days: list[date], rng: np.random.Generator, first: int = 0, **changed
) -> None:
    """So many cases in each cell (rows from the south), each on one of the days, numbered from `first` on."""
    made = []
    for row, column in zip(*np.nonzero(counts), strict=True):
        for _ in range(counts[row, column]):
            made.append(_case(row, column, days[rng.integers(len(days))], first + len(made), changed))
    crowd.insert(session, made)


def _case(row: int, column: int, day: date, number: int, changed: dict) -> crowd.One:
    given = {
        "number": f"{city.COUNTY}{day:%Y%m%d}{number:05d}",
        "kind": "matter",
        "class_code": city.REFUSE,
        "lon": CORNER[0] + (column + 0.5) * STEP,
        "lat": CORNER[1] + (row + 0.5) * STEP,
        "state": "reported",
        "outcome": None,
        "department": None,
        "reported_at": datetime.combine(day, time(9), crowd.CHINA).isoformat(),
        "deadline_at": None,
        "resolved_at": None,
    }
    return crowd.One(**(given | changed))
