"""Watched datastreams and their readings: those that count when a watch begins anew, joined with what is in place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from webgis import db
from webgis.hazards import changed_rules
from webgis.hazards.threshold_tables import Rule
from webgis.hazards.thresholds import Reading
from webgis.hazards.watch_states import Told

Found = Mapping[int, Sequence[tuple[datetime, float]]]
"""Readings by datastream."""


@dataclass(frozen=True)
class Watched:
    """A datastream watched by a version of a rule; `wakes`: no reading below counts while it is quiet; `advice`: what
    each level says of the road."""

    id: int
    datastream_id: int
    rule: Rule
    version: int
    wakes: float
    advice: Mapping[str, str | None]


_READINGS = "SELECT * FROM fn.readings_before(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::interval[])"


def as_readings(found: Iterable[tuple[datetime, float]]) -> list[Reading]:
    """Readings as the machine takes them."""
    return [Reading(at, value) for at, value in found]


def with_those_before(
    session: Session, asleep: Sequence[tuple[Watched, Told]], found: Found
) -> dict[int, list[Reading]]:
    """The new readings of those that begin anew, by watch, in their order among those that were there before and may
    count with them or tell of the alarms given. What is new and came too late is left out, as the machine would."""
    if not asleep:
        return {}
    spans: dict[int, timedelta] = {}
    for one, told in asleep:
        first = min(found[one.datastream_id])[0]
        span = one.rule.late + one.rule.longest_window + (first - changed_rules.begin(told, first))
        spans[one.datastream_id] = max(span, spans.get(one.datastream_id, span))
    new = {id: dict(found[id]) for id in spans}
    firsts, newest = [min(one) for one in new.values()], [max(one) for one in new.values()]
    known: dict[int, dict[datetime, float]] = {id: {} for id in spans}
    for row in db.call(session, _READINGS, list(spans), firsts, newest, list(spans.values())):
        if row.at not in new[row.datastream_id]:
            known[row.datastream_id][row.at] = row.value
    streams = [(one.id, one.datastream_id, one.rule, told) for one, told in asleep]
    return {id: _joined(known[stream], new[stream], rule, told) for id, stream, rule, told in streams}


def _joined(known: Mapping[datetime, float], new: Mapping[datetime, float], rule: Rule, told: Told) -> list[Reading]:
    """New readings and those before in their order; none when all that is new is too late."""
    newest = max(known, default=None)
    in_time = {at: value for at, value in new.items() if newest is None or at >= newest - rule.late}
    if not in_time:
        return []
    begin = changed_rules.begin(told, min(in_time)) - rule.late - rule.longest_window
    whole = {at: value for at, value in known.items() if at >= begin} | in_time
    return as_readings(sorted(whole.items()))
