"""Waterlogging: where water gathers and how deep it stands, what is advised for the road, rain and cases of a day."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases import queries as cases
from webgis.hazards.alarm_queries import SEEN, reached

DEPTH, RAIN = "depth", "rain"
"""The quantities of `telemetry.quantities` that tell of water on roads, and of rain."""

_PLACES = text(
    f"""
    SELECT d.id, d.code, s.code AS station, s.name_zh, s.name_en, s.place, s.cell_code, ST_X(s.geom) AS lon,
           ST_Y(s.geom) AS lat, d.last_at, d.last_value, d.silent_since, s.illustrative, r.levels, r.unit,
           a.id AS alarm_id, a.level, a.rank, a.advice, a.raised_at, a.case_number,
           (SELECT max(h.value) FROM city.reading h
            WHERE h.datastream_id = d.id AND h.at >= :since AND h.at < :until) AS highest
    FROM city.datastream d
    JOIN city.station s ON s.id = d.station_id AND s.active
    LEFT JOIN LATERAL (SELECT t.levels, t.unit FROM city.watch w JOIN city.threshold_rule t ON t.key = w.rule_key
                       WHERE w.datastream_id = d.id AND w.active ORDER BY w.id LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT l.id, l.level, l.rank, l.advice, l.raised_at, l.case_number FROM fn.alarm_line l
                       WHERE l.datastream_id = d.id AND l.state = 'open' AND {SEEN}
                       ORDER BY l.rank DESC, l.id DESC LIMIT 1) a ON true
    WHERE d.quantity = :depth AND d.active
      AND (a.id IS NOT NULL OR {reached("s")})
    ORDER BY a.advice = 'closed' DESC NULLS LAST, a.id IS NULL, d.last_value DESC NULLS LAST, s.code
    """
)
_RAIN = text(
    """
    SELECT date_bin(CAST(:step AS interval), r.at, :since) AS at, sum(r.value) / count(DISTINCT d.id) AS mean,
           max(r.value) AS most
    FROM city.datastream d JOIN city.reading r ON r.datastream_id = d.id
    WHERE d.quantity = :rain AND d.active AND r.at >= :since AND r.at < :until
    GROUP BY 1 ORDER BY 1
    """
)
_TOTALS = text(
    """
    SELECT s.code, s.name_zh, s.name_en, sum(r.value) AS total
    FROM city.datastream d JOIN city.station s ON s.id = d.station_id JOIN city.reading r ON r.datastream_id = d.id
    WHERE d.quantity = :rain AND d.active AND r.at >= :since AND r.at < :until
    GROUP BY s.id, s.code, s.name_zh, s.name_en ORDER BY total DESC, s.code LIMIT 20
    """
)
_CASES = text(
    f"""
    SELECT c.id, c.number, c.state, c.reported_at, c.address, c.class_code, k.name_zh, k.name_en
    FROM city.case c JOIN city.class k ON k.standard = c.standard AND k.kind = c.kind AND k.code = c.class_code
    WHERE c.reported_at >= :since AND c.reported_at < :until
      AND (c.kind, c.class_code) IN (SELECT r.kind, r.class_code FROM city.threshold_rule r WHERE r.quantity = :depth)
      AND {cases.in_sight("c")}
    ORDER BY c.reported_at LIMIT 200
    """
)
_CLOSURES = text(
    f"""
    SELECT f.* FROM fn.advised_closures() f JOIN fn.alarm_line l ON l.id = f.alarm_id
    WHERE {SEEN}
    ORDER BY f.since
    """
)


def places(session: Session, actor: Actor, since: datetime, until: datetime) -> Sequence[Row]:
    """Sensors of water on roads that this person may see, those advised to close first: depth now and the highest of
    the span, levels of their rule, and, of those that this person may see, the alarm that stands and its case."""
    return session.execute(_PLACES, _given(actor, since, until) | {"depth": DEPTH}).all()


def rain(session: Session, since: datetime, until: datetime, minutes: int = 15) -> Sequence[Row]:
    """The rain of a span in steps: the mean of the gauges and the most of any reading, mm."""
    step = f"{minutes} minutes"
    return session.execute(_RAIN, {"rain": RAIN, "since": since, "until": until, "step": step}).all()


def totals(session: Session, since: datetime, until: datetime) -> Sequence[Row]:
    """How much each gauge has had in the span, the most first."""
    return session.execute(_TOTALS, {"rain": RAIN, "since": since, "until": until}).all()


def cases_of(session: Session, actor: Actor, since: datetime, until: datetime) -> Sequence[Row]:
    """Cases of the span whose class is one that water on roads opens."""
    return session.execute(_CASES, _given(actor, since, until) | {"depth": DEPTH}).all()


def closures(session: Session, actor: Actor) -> list[dict[str, Any]]:
    """Roads advised to close or to pass slowly, as Features."""
    wanted = text(f"SELECT ST_X(q.geom) AS lon, ST_Y(q.geom) AS lat, q.* FROM ({_CLOSURES.text}) q")
    rows = session.execute(wanted, cases.sight(actor)._asdict())
    names = ("alarm_id", "station", "name_zh", "name_en", "advice", "since", "depth", "case_number")
    return [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [round(row.lon, 6), round(row.lat, 6)]},
            "properties": {name: getattr(row, name) for name in names},
        }
        for row in rows
    ]


def _given(actor: Actor, since: datetime, until: datetime) -> dict[str, Any]:
    return cases.sight(actor)._asdict() | {"since": since, "until": until}
