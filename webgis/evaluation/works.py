"""How construction zones do: the cases in them, the contractors' score card, and what the works did to their street.

The effect is reckoned in `metro/effect.py`; here the counts are put together: cells that the zone touches, cells within
`RING_M` of it, and cells elsewhere that are far from all works.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.metro import construction
from webgis.metro.construction_models import ConstructionZone
from webgis.metro.construction_rules import PHASES
from webgis.metro.effect import Effect, study

RING_M = 200
FAR_M = 400
"""Cells elsewhere are so far from all works, so that these do nothing to them."""

MOST_ELSEWHERE = 3000
WEEKS_BEFORE = 104
PARTS = ("inside", "ring")

_SCORES = text(
    """
    SELECT z.contractor, count(DISTINCT z.code) AS zones, count(*) AS reported,
           count(*) FILTER (WHERE c.outcome IS NULL) AS open,
           count(*) FILTER (WHERE c.outcome IS NULL AND c.deadline_at < :now AND c.resolved_at IS NULL) AS overdue,
           count(*) FILTER (WHERE c.outcome = 'closed') AS closed,
           count(*) FILTER (WHERE fn.closed_on_time(c.outcome, c.deadline_at, c.resolved_at)) AS on_time,
           count(*) FILTER (WHERE c.rework_count > 0) AS reworked,
           count(*) FILTER (WHERE 'reopened' = ANY(c.flags)) AS reopened
    FROM city.case_zone k
    JOIN city.construction_zone z ON z.id = k.zone_id
    JOIN city.case c ON c.id = k.case_id
    JOIN LATERAL fn.zone_rule(c.kind, c.class_code, k.protection, k.phase) r ON r.to_contractor
    WHERE c.reported_at >= :since AND c.reported_at < :until AND (c.outcome IS NULL OR c.outcome = 'closed')
        AND (CAST(:code AS text) IS NULL OR z.code = :code)
    GROUP BY z.contractor
    """
)


@dataclass(frozen=True)
class Score:
    """A contractor's line: counts of cases of their works, shares (None without any) and points of 100.

    Points (ours): 60 for the share closed in time of what is closed or overdue, 20 for the share done without rework,
    20 for the share not opened again. `placed` False: too few cases to rank.
    """

    contractor: str
    counts: Row
    on_time: float | None
    rework: float | None
    points: int | None
    placed: bool


LEAST_PLACED = 5
"""With fewer cases a contractor is listed, not ranked: one case would move them by a fifth."""


def scores(
    session: Session, since: datetime, until: datetime, *, now: datetime, code: str | None = None
) -> list[Score]:
    """The contractors of construction zones by cases of works reported in a span, the best first; of one zone if
    given."""
    rows = session.execute(_SCORES, {"since": since, "until": until, "now": now, "code": code})
    return sorted(map(_score, rows), key=lambda one: (not one.placed, -(one.points or 0), one.contractor))


def _score(row: Row) -> Score:
    judged = row.closed + row.overdue
    on_time = row.on_time / judged if judged else None
    rework = row.reworked / row.reported
    kept = 1 - row.reopened / row.reported
    points = None if on_time is None else round(60 * on_time + 20 * (1 - rework) + 20 * kept)
    return Score(row.contractor, row, on_time, rework, points, points is not None and row.reported >= LEAST_PLACED)


@dataclass(frozen=True)
class Finding:
    """The effect in a part of the street (inside, ring) during a phase, or None for the whole of the works."""

    part: str
    phase: str | None
    effect: Effect


_CELLS = text(
    """
    WITH zone AS (SELECT ST_Transform(z.geom, :srid) AS geom, ST_Expand(z.geom, 0.02) AS around, z.geom AS degrees
                  FROM city.construction_zone z WHERE z.id = :id)
    SELECT c.code, CASE WHEN ST_Intersects(c.geom, zone.degrees) THEN 'inside' ELSE 'ring' END AS part
    FROM zone JOIN city.cell c ON upper_inf(c.valid) AND c.geom && zone.around
    WHERE ST_DWithin(ST_Transform(c.geom, :srid), zone.geom, :ring)
    ORDER BY c.code
    """
)
_ELSEWHERE = text(
    """
    SELECT c.code FROM city.cell c
    WHERE upper_inf(c.valid) AND left(c.code, 4) = :city
        AND NOT EXISTS (
            SELECT FROM city.construction_zone z
            WHERE upper_inf(z.recorded) AND c.geom && ST_Expand(z.geom, :far_deg)
                AND ST_DWithin(ST_Transform(c.geom, :srid), ST_Transform(z.geom, :srid), :far))
        AND EXISTS (SELECT FROM city.case k WHERE k.cell_code = c.code AND k.reported_at >= :since)
    ORDER BY hashtext(c.code || :code), c.code LIMIT :most
    """
)
_COUNTS = text(
    """
    SELECT c.cell_code, floor(extract(epoch FROM c.reported_at - :since) / 604800)::integer AS week, count(*) AS cases
    FROM city.case c
    WHERE c.cell_code = ANY(CAST(:cells AS text[])) AND c.reported_at >= :since AND c.reported_at < :until
        AND c.relation IS DISTINCT FROM 'task' AND c.relation IS DISTINCT FROM 'duplicate'
    GROUP BY 1, 2
    """
)


def effects(session: Session, zone: ConstructionZone, *, now: datetime) -> list[Finding]:
    """What the works of a zone did to cases inside it and within `RING_M`, in all and by phase, up to `now`; nothing
    before a week of them is over."""
    first = _midnight(session, zone.first_day)
    since = first - timedelta(weeks=WEEKS_BEFORE)
    end = now if zone.last_day is None else min(now, _midnight(session, zone.last_day + timedelta(days=1)))
    weeks = WEEKS_BEFORE + max(0, (end - first) // timedelta(weeks=1))
    if weeks == WEEKS_BEFORE:
        return []
    srid = session.info["settings"].projected_srid
    near = session.execute(_CELLS, {"id": zone.id, "srid": srid, "ring": RING_M}).all()
    elsewhere = _elsewhere(session, zone, srid, since, near[0].code[:4]) if near else []
    span = {"since": since, "until": since + timedelta(weeks=weeks)}
    counts = _matrix(session, [one.code for one in near], weeks, span)
    others = _matrix(session, elsewhere, weeks, span)
    spans = [(None, list(range(WEEKS_BEFORE, weeks))), *_phase_weeks(session, zone, weeks)]
    asked = {"seed": zlib.crc32(zone.code.encode()), "questions": len(PARTS) * len(spans)}
    rows = {part: [at for at, one in enumerate(near) if one.part == part] for part in PARTS}
    return [
        Finding(part, phase, study(counts[rows[part]], others, WEEKS_BEFORE, chosen, **asked))
        for part in PARTS
        for phase, chosen in spans
        if chosen
    ]


def _midnight(session: Session, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=session.info["settings"].zone)


def _phase_weeks(session: Session, zone: ConstructionZone, weeks: int) -> list[tuple[str, list[int]]]:
    """The whole weeks of each phase, as columns; a week belongs to the phase that holds on its fourth day."""
    held: dict[str, list[int]] = {kind: [] for kind in PHASES}
    phases = construction.phases_of(session, zone.id)
    for week in range(WEEKS_BEFORE, weeks):
        middle = zone.first_day + timedelta(days=7 * (week - WEEKS_BEFORE) + 3)
        if (kind := construction.rules.holding(phases, middle)) is not None:
            held[kind].append(week)
    return [(kind, found) for kind, found in held.items() if found]


def _elsewhere(session: Session, zone: ConstructionZone, srid: int, since: datetime, city: str) -> list[str]:
    """Cells far from all works in which anything was reported: by a draw that is the same for the same zone."""
    given = {"city": city, "srid": srid, "far": FAR_M, "far_deg": FAR_M / 85_000, "since": since}
    asked = given | {"code": zone.code, "most": MOST_ELSEWHERE}
    return session.scalars(_ELSEWHERE, asked).all()


def _matrix(session: Session, cells: Sequence[str], weeks: int, span: dict[str, datetime]) -> np.ndarray:
    made = np.zeros((len(cells), weeks), dtype=np.int64)
    place = {code: at for at, code in enumerate(cells)}
    for code, week, cases in session.execute(_COUNTS, {"cells": list(cells)} | span):
        if week < weeks:
            made[place[code], week] = cases
    return made
