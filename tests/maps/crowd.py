"""Thousands of made-up cases in the small city: random, seeded, some on the very edges of tiles, many in one spot."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta, timezone
from math import asinh, floor, pi, radians, tan

import mapbox_vector_tile
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests import city

CROWDED = (104.0668, 30.6571)
"""Half of all cases are within some 30 m of it."""

CLASSES = (("matter", city.REFUSE), ("matter", "06030"), ("component", "01001"), ("matter", "01001"))
DEPARTMENTS = (None, "510104-sanitation", "510104-works")
BOUNDS = (104.06, 30.655, 104.07, 30.66)
CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class One:
    """A case as it is inserted. `day` is the city's day of its report."""

    number: str
    kind: str
    class_code: str
    lon: float
    lat: float
    state: str
    outcome: str | None
    department: str | None
    reported_at: str
    deadline_at: str | None
    resolved_at: str | None

    @property
    def day(self) -> date:
        return date.fromisoformat(self.number[6:14])

    @property
    def on_time(self) -> bool:
        if self.outcome != "closed":
            return False
        return self.deadline_at is None or (self.resolved_at is not None and self.resolved_at <= self.deadline_at)


def made(count: int, seed: int) -> list[One]:
    """`count` cases; the same seed gives the same."""
    rng = random.Random(seed)
    return [_one(rng, number) for number in range(count)]


def _one(rng: random.Random, number: int) -> One:
    lon, lat = _place(rng)
    at = datetime(2024, 1, 1, tzinfo=CHINA) + timedelta(seconds=rng.randrange(3 * 365 * 86400))
    kind, class_code = rng.choice(CLASSES)
    state = rng.choice(("reported", "dispatched", "handling", "closed", "closed", "closed", "rejected"))
    department = None if state == "reported" else rng.choice(DEPARTMENTS)
    deadline = None if department is None else at + timedelta(hours=rng.choice((4, 48)))
    return One(
        f"{city.COUNTY}{at:%Y%m%d}{number:05d}",
        kind,
        class_code,
        lon,
        lat,
        state,
        state if state in ("closed", "rejected") else None,
        department,
        at.isoformat(),
        deadline and deadline.isoformat(),
        (at + timedelta(hours=24)).isoformat() if state == "closed" else None,
    )


def _place(rng: random.Random) -> tuple[float, float]:
    west, south, east, north = BOUNDS
    lon, lat = rng.uniform(west + 1e-6, east - 1e-6), rng.uniform(south + 1e-6, north - 1e-6)
    if rng.random() < 0.5:
        return CROWDED[0] + rng.gauss(0, 1e-4), CROWDED[1] + rng.gauss(0, 1e-4)
    if rng.random() < 0.1:
        edge = tile_x(lon, 17) / 2**17 * 360 - 180
        return (edge if edge > west else lon), lat
    return lon, lat


def insert(session: Session, cases: Sequence[One]) -> None:
    """Write the cases as the operations would, and note them for the counts; the caller commits."""
    session.execute(_INSERT, {"cases": json.dumps([asdict(case) for case in cases])})
    numbers = [case.number for case in cases]
    session.execute(
        text(
            "SELECT count(fn.note_change(NULL, c)), count(fn.note_figures(NULL, c)) FROM city.case c"
            " WHERE c.number = ANY(:numbers)"
        ),
        {"numbers": numbers},
    )


_INSERT = text(
    """
    INSERT INTO city.case (number, kind, standard, class_code, description, geom, crs, cell_id, cell_code, source,
                           state, outcome, department_code, reported_at, dispatched_at, deadline_at, resolved_at,
                           closed_at, changed_at, head)
    SELECT n.number, n.kind, 'GB/T 47678.5-2026', n.class_code, 'made up', p.place, 'cgcs2000', c.id, c.code, 'hotline',
           n.state, n.outcome, n.department, n.reported_at, CASE WHEN n.department IS NOT NULL THEN n.reported_at END,
           n.deadline_at, n.resolved_at, CASE WHEN n.outcome IS NOT NULL THEN n.reported_at END, n.reported_at, ''
    FROM jsonb_to_recordset(CAST(:cases AS jsonb)) AS n
        (number text, kind text, class_code text, lon float8, lat float8, state text, outcome text, department text,
         reported_at timestamptz, deadline_at timestamptz, resolved_at timestamptz)
    CROSS JOIN LATERAL (SELECT ST_SetSRID(ST_Point(n.lon, n.lat), 4490) AS place) p
    CROSS JOIN LATERAL fn.cell_at(p.place) c
    """
)


def tile_x(lon: float, z: int) -> int:
    return floor((lon + 180) / 360 * 2**z)


def tile_y(lat: float, z: int) -> int:
    return floor((1 - asinh(tan(radians(lat))) / pi) / 2 * 2**z)


def tiles(z: int, bounds=BOUNDS) -> Iterator[tuple[int, int, int]]:
    """Every tile of a zoom that the bounds touch."""
    west, south, east, north = bounds
    for x in range(tile_x(west, z), tile_x(east, z) + 1):
        for y in range(tile_y(north, z), tile_y(south, z) + 1):
            yield z, x, y


def features(tile: bytes, layer: str) -> list[dict]:
    """The features of a layer of a tile, with y downwards as in the tile."""
    decoded = mapbox_vector_tile.decode(bytes(tile), default_options={"y_coord_down": True}) if tile else {}
    assert set(decoded) <= {layer}
    return decoded[layer]["features"] if decoded else []
