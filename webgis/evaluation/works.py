"""How construction zones do: the cases in them, the contractors' score card, and what the works did to their street.

The effect is reckoned in `metro/effect.py`; here the counts are put together: cells that the zone touches, cells within
`RING_M` of it, and cells elsewhere that are far from all works.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.grid import queries as grid
from webgis.grid.models import CODE_LENGTHS
from webgis.metro import construction
from webgis.metro.construction_models import ConstructionZone
from webgis.metro.construction_rules import PHASES
from webgis.metro.effect import YEAR, Effect, Elsewhere, patches, study, years

RING_M = 200
SHORTEST_DEGREE_M = 50_000
"""No degree is shorter up to 63 N: the box in which the index looks holds what is near."""

FAR_M = 400
"""Cells elsewhere are so far from all works of the weeks that are compared, so that these do nothing to them."""

ELSEWHERE, MOST_ELSEWHERE = 150, 16_000
"""Cells elsewhere: so many times as many as lie near the works, but at least 6,000 and at most so many."""

LARGE = 30
"""From so many cells near the works on the patches elsewhere lie in subdistricts: communities have some 100 cells."""

PARTS = ("inside", "ring")

LEAST_PLACED = 5
"""With fewer cases a contractor is listed, not ranked: one case would move them by a fifth."""

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
        AND NOT EXISTS (SELECT FROM city.cell_lineage l WHERE l.to_cell = c.id AND l.at > :since)
    ORDER BY c.code
    """
)
_UNITS = text(
    """
    SELECT n.unit, n.cells
    FROM (SELECT left(c.code, :digits) AS unit, count(*) AS cells FROM city.cell c
          WHERE upper_inf(c.valid) AND left(c.code, 4) = :city GROUP BY 1) n
    JOIN (SELECT left(k.cell_code, :digits) AS unit, count(*) AS cases FROM city.case k
          WHERE k.reported_at >= :since AND k.reported_at < :until GROUP BY 1) h USING (unit)
    WHERE n.cells >= :size
    ORDER BY abs(ln(h.cases::float8 / n.cells) - ln(CAST(:cases AS float8))), n.unit
    """
)
_ELSEWHERE = text(
    """
    SELECT c.code, left(c.code, :digits) AS unit, ST_X(p.place) AS x, ST_Y(p.place) AS y
    FROM city.cell c CROSS JOIN LATERAL (SELECT ST_Transform(ST_PointOnSurface(c.geom), :srid) AS place) p
    WHERE upper_inf(c.valid) AND left(c.code, :digits) = ANY(:units)
        AND NOT EXISTS (SELECT FROM city.cell_lineage l WHERE l.to_cell = c.id AND l.at > :since)
        AND NOT EXISTS (
            SELECT FROM city.construction_zone z
            WHERE upper_inf(z.recorded) AND z.valid && tstzrange(:since, :until)
                AND c.geom && ST_Expand(z.geom, :far_deg)
                AND ST_DWithin(ST_Transform(c.geom, :srid), ST_Transform(z.geom, :srid), :far))
    ORDER BY c.code
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
    span = span_of(session, zone, now)
    if span.weeks == span.start:
        return []
    near = cells_near(session, zone, span.since)
    spans = [(None, list(range(span.start, span.weeks))), *_phase_weeks(session, zone, span)]
    found: list[Finding] = []
    for part in PARTS:
        codes = [one.code for one in near if one.part == part]
        counts = _matrix(session, codes, span)
        told = study(
            counts, _elsewhere(session, counts, codes, span), span.start, [w for _, w in spans], parts=len(PARTS)
        )
        found += [Finding(part, phase, effect) for (phase, _), effect in zip(spans, told, strict=True)]
    return found


@dataclass(frozen=True)
class Span:
    """The weeks that are looked at: `since` (midnight) the first, `weeks` of them, works from the week `start` on."""

    since: datetime
    start: int
    weeks: int


def span_of(session: Session, zone: ConstructionZone, now: datetime) -> Span:
    """Before the works a year to match places by, and as many years as the works have taken, to compare with."""
    first = _midnight(session, zone.first_day)
    end = now if zone.last_day is None else min(now, _midnight(session, zone.last_day + timedelta(days=1)))
    worked = max(0, (end - first) // timedelta(weeks=1))
    start = YEAR * (1 + years(worked))
    return Span(first - timedelta(weeks=start), start, start + worked)


def cells_near(session: Session, zone: ConstructionZone, since: datetime) -> Sequence[Row]:
    """The cells that a zone touches, and those within `RING_M` of it: code, part. Without those that were cut anew
    after `since`: cases keep the codes of their report."""
    srid = grid.srid_of(session)
    return session.execute(_CELLS, {"id": zone.id, "srid": srid, "ring": RING_M, "since": since}).all()


def _midnight(session: Session, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=session.info["settings"].zone)


def _phase_weeks(session: Session, zone: ConstructionZone, span: Span) -> list[tuple[str, list[int]]]:
    """The whole weeks of each phase, as columns; a week belongs to the phase that holds on its fourth day."""
    held: dict[str, list[int]] = {kind: [] for kind in PHASES}
    phases = construction.phases_of(session, zone.id)
    for week in range(span.start, span.weeks):
        middle = zone.first_day + timedelta(days=7 * (week - span.start) + 3)
        if (kind := construction.rules.holding(phases, middle)) is not None:
            held[kind].append(week)
    return [(kind, found) for kind, found in held.items() if found]


def _elsewhere(session: Session, counts: np.ndarray, codes: Sequence[str], span: Span) -> Elsewhere:
    """Patches of as many cells far from all works, in the communities that had most nearly as many cases a cell in the
    first year, which is compared with nothing."""
    size, cases = len(codes), int(counts[:, :YEAR].sum())
    if not cases:
        return Elsewhere(counts[:0], np.empty((0, max(size, 1)), dtype=int))
    digits = CODE_LENGTHS["community" if size < LARGE else "subdistrict"]
    until = span.since + timedelta(weeks=YEAR)
    asked = {"digits": digits, "city": codes[0][:4], "since": span.since, "until": until}
    alike = session.execute(_UNITS, asked | {"size": size, "cases": cases / size})
    units = _first(alike, min(max(6000, ELSEWHERE * size), MOST_ELSEWHERE))
    far = {"srid": grid.srid_of(session), "far": FAR_M, "far_deg": FAR_M / SHORTEST_DEGREE_M}
    weeks = {"since": span.since, "until": span.since + timedelta(weeks=span.weeks)}
    cells = session.execute(_ELSEWHERE, {"digits": digits, "units": units} | weeks | far).all()
    places = np.array([(one.x, one.y) for one in cells]).reshape(-1, 2)
    made = patches(places, [one.unit for one in cells], size)
    return Elsewhere(_matrix(session, [one.code for one in cells], span), made)


def _first(units: Iterable[Row], most: int) -> list[str]:
    """The first units that together have about so many cells."""
    taken, cells = [], 0
    for one in units:
        if cells >= most:
            break
        taken.append(one.unit)
        cells += one.cells
    return taken


def _matrix(session: Session, cells: Sequence[str], span: Span) -> np.ndarray:
    made = np.zeros((len(cells), span.weeks), dtype=np.int64)
    place = {code: at for at, code in enumerate(cells)}
    until = span.since + timedelta(weeks=span.weeks)
    for code, week, cases in session.execute(_COUNTS, {"cells": list(cells), "since": span.since, "until": until}):
        made[place[code], week] = cases
    return made
