"""What a rule would have made of the readings of the last days, beside what another makes of them. Reads only."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.hazards.occurrences import Occurrence
from webgis.hazards.threshold_tables import Rule
from webgis.hazards.thresholds import Reading, feed, start
from webgis.hazards.watch_states import wakes_at

DAYS = 7
MOST, MOST_LOOKED_AT = 1_000_000, 20_000_000
"""Readings that are walked, and that are counted to know whether to walk them; sensors beyond either are left out, and
counted."""

_WATCHED = text(
    """
    SELECT d.id, d.code, s.name_zh, s.name_en
    FROM city.watch w JOIN city.datastream d ON d.id = w.datastream_id JOIN city.station s ON s.id = d.station_id
    WHERE w.rule_key = :rule AND w.active ORDER BY d.code
    """
)
_COUNTED = text(
    """
    SELECT count(*) AS readings, max(k.value) AS highest
    FROM (SELECT value FROM city.reading
          WHERE datastream_id = :id AND at > :since AND at <= :until LIMIT :most) k
    """
)
_READINGS = text("SELECT at, value FROM city.reading WHERE datastream_id = :id AND at > :since AND at <= :until")


@dataclass(frozen=True)
class Line:
    """A watched sensor: how many alarms one rule and the other find, and whether the last stands until now."""

    code: str
    name_zh: str
    name_en: str | None
    before: int
    after: int
    stood: bool
    stands: bool


@dataclass(frozen=True)
class Backtest:
    """The sensors that are watched, how many of them were left out, and those of which either rule finds an alarm."""

    sensors: int
    left_out: int
    lines: tuple[Line, ...]


def of_rule(
    session: Session, key: str, before: Rule | None, after: Rule, now: datetime, tell: Callable[[int], None]
) -> Backtest:
    """The readings of the last `DAYS` days of all sensors that the rule `key` watches, walked by both rules. `before`:
    None when there is no such rule yet. `tell` is told the per cent that are done."""
    span = {"since": now - timedelta(days=DAYS), "until": now}
    rows = session.execute(_WATCHED, {"rule": key}).all()
    wakes = min(wakes_at(rule) for rule in (before, after) if rule)
    lines, walked, looked_at, left_out = [], 0, 0, 0
    for place, row in enumerate(rows):
        tell(100 * place // len(rows))
        if looked_at > MOST_LOOKED_AT:
            left_out += 1
            continue
        count, highest = session.execute(_COUNTED, {"id": row.id, "most": MOST + 1} | span).one()
        looked_at += count
        if count <= MOST and (highest is None or highest < wakes):
            continue
        if walked + count > MOST:
            left_out += 1
            continue
        walked += count
        readings = [Reading(at, value) for at, value in session.execute(_READINGS, {"id": row.id} | span)]
        readings.sort(key=lambda one: one.at)
        was, then = (_found(rule, readings, now) for rule in (before, after))
        if was or then:
            names = (row.code, row.name_zh, row.name_en)
            lines.append(Line(*names, len(was), len(then), _stands(was), _stands(then)))
    return Backtest(len(rows), left_out, tuple(lines))


def _found(rule: Rule | None, readings: list[Reading], now: datetime) -> list[Occurrence]:
    if rule is None:
        return []
    _state, changes = feed(rule, start(rule), readings, now)
    return list({change.number: change.occurrence for change in changes}.values())


def _stands(found: list[Occurrence]) -> bool:
    return bool(found) and found[-1].reset_at is None
