"""The case of an alarm: opened once, filed and dispatched at once, and told what becomes of the alarm.

One job does all of it (`hazards.follow_alarm`): it looks how the alarm stands and brings the case there, so it may run
twice, late, or once for several changes. A case is closed by people alone, and not while the alarm stands; one that
stands again after that gets another, for somebody must go there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.accounts.actor import ENGINE
from webgis.cases import clock, evidence, handling, intake, routing
from webgis.catalog import queries as catalog
from webgis.errors import WebgisError
from webgis.hazards import alarm_chart, alarm_queries, alarm_telling, alarm_words
from webgis.settings import Settings
from webgis.telemetry import queries as telemetry

SHOWN = timedelta(hours=2)
"""So much at least before an alarm its evidence shows."""

TOLD = ("escalated", "amended", "reset", "withdrawn", "dismissed")
"""Events of an alarm that stand in the history of its case."""

_LOCK = text("SELECT a.state, a.case_id, a.no_case, a.case_told FROM city.alarm a WHERE a.id = :id FOR NO KEY UPDATE")
_ENDED = text(
    # A duplicate ends with the case into which it was merged.
    "SELECT p.outcome IS NOT NULL FROM city.case c JOIN city.case p"
    " ON p.id = CASE WHEN c.relation = 'duplicate' THEN c.parent_id ELSE c.id END WHERE c.id = :case FOR UPDATE OF p"
)
_LEFT_OUT = text("UPDATE city.alarm SET case_told = :told, no_case = :why WHERE id = :id")
_PLACED = text(
    """
    UPDATE city.alarm a SET geom = s.geom, cell_code = (fn.cell_at(s.geom)).code
    FROM city.datastream d JOIN city.station s ON s.id = d.station_id
    WHERE a.id = :id AND d.id = a.datastream_id AND a.cell_code IS NULL
      AND (fn.cell_at(s.geom)).code IS NOT NULL
    """
)
_MAY_OPEN = text(
    """
    SELECT a.id FROM city.alarm a JOIN city.datastream d ON d.id = a.datastream_id
    JOIN city.station s ON s.id = d.station_id
    WHERE a.state = 'open' AND a.no_case IS NOT NULL
      AND NOT EXISTS (SELECT FROM city.case c JOIN city.case p
                      ON p.id = CASE WHEN c.relation = 'duplicate' THEN c.parent_id ELSE c.id END
                      WHERE c.id = a.case_id AND p.outcome IS NULL)
      AND coalesce(a.cell_code, (fn.cell_at(s.geom)).code) IS NOT NULL
      AND EXISTS (SELECT FROM city.class c
                  WHERE c.standard = :standard AND c.kind = a.kind AND c.code = a.class_code)
    """
)
_GIVEN_UP = text(
    "SELECT id FROM city.outbox WHERE task = 'hazards.follow_alarm' AND dead_at <= now() - interval '5 minutes'"
)
_MERGED = text(
    """
    SELECT p.number, EXISTS (
        SELECT FROM city.alarm a JOIN city.case o ON o.id = a.case_id
        WHERE a.state = 'open' AND (o.id = p.id OR (o.parent_id = p.id AND o.relation = 'duplicate'))
    ) AS stands
    FROM city.case c JOIN city.case p ON p.id = c.parent_id
    WHERE c.id = :case AND c.relation = 'duplicate' AND p.outcome IS NULL
    """
)
_OPENED = text(
    """
    WITH opened AS (
        UPDATE city.alarm SET case_id = :case, case_told = :told, no_case = NULL WHERE id = :id
    ), happened AS (
        INSERT INTO city.alarm_event (alarm_id, at, action, facts)
        VALUES (:id, :at, 'case_opened', jsonb_build_object('number', CAST(:number AS text)))
    )
    SELECT fn.layer_changed('alarms')
    """
)
_NEWS = text(
    "SELECT e.id, e.at, e.action, e.level, e.facts FROM city.alarm_event e"
    " WHERE e.alarm_id = :id AND e.id > :told ORDER BY e.id"
)
_HEARD = text("UPDATE city.alarm SET case_told = :told WHERE id = :id")


def follow(session: Session, settings: Settings, alarm: int, *, at: datetime) -> None:
    """Bring the case of an alarm after it: open it, or write into its history what is new; then tell who must know."""
    lock, line = session.execute(_LOCK, {"id": alarm}).one(), None
    stands = lock.state == "open"
    if lock.case_id is None:
        if stands or (lock.state == "reset" and lock.no_case is None):
            line = _open(session, settings, alarm, at)
    elif stands and session.scalar(_ENDED, {"case": lock.case_id}):
        line = _open(session, settings, alarm, at)
    else:
        line = _bring_after(session, settings, alarm, lock.case_told, at)
    alarm_telling.tell(session, settings, alarm, line, at=at)


def try_again(session: Session) -> int:
    """Have those alarms followed again that stand without a case, or with one that has ended, and may have one by now,
    and those of which the job was given up; how many. Run every half minute by the timetable: a sensor has moved into
    the grid, a class was imported, what made the job fail is mended."""
    found = list(session.scalars(_MAY_OPEN, {"standard": catalog.CURRENT}))
    for alarm in found:
        jobs.enqueue(session, "hazards.follow_alarm", alarm=alarm)
    given_up = list(session.scalars(_GIVEN_UP))
    return len(found) + (jobs.retry(session, given_up) if given_up else 0)


def _open(session: Session, settings: Settings, alarm: int, at: datetime) -> Row:
    """Open a case, or say why there is none; the one before, which has ended, says which came after it. The alarm as it
    was until then."""
    line = alarm_queries.one(session, alarm)
    if line.cell_code is None:
        session.execute(_PLACED, {"id": alarm})
        line = alarm_queries.one(session, alarm)
    told = max((one.id for one in _news(session, alarm, 0)), default=0)
    try:
        with session.begin_nested():
            case = _report(session, settings, line, at)
    except WebgisError as error:  # a sensor outside the grid, or a class that the standard has not: people see why
        session.execute(_LEFT_OUT, {"id": alarm, "told": told, "why": error.code})
        return line
    session.execute(_OPENED, {"id": alarm, "case": case.id, "told": told, "at": at, "number": case.number})
    if line.case_number is not None:
        note = alarm_words.case_after(case.number)
        handling.act(session, settings, ENGINE, line.case_number, "note", {"note": note}, at=at)
    return line


def _report(session: Session, settings: Settings, line: Row, at: datetime) -> Row:
    """The new case: reported when the alarm was told, or now if it is not the first; filed and dispatched now as far as
    the city's data allow."""
    zh, en = alarm_words.reached(line, settings.zone, line.levels)
    given = intake.Report(
        line.lon,
        line.lat,
        line.kind,
        line.class_code,
        f"{zh}\n{en}",
        crs="cgcs2000",
        address=line.station_zh,
        source="sensor",
        acknowledged=True,
    )
    photos = [_chart(session, settings, line)]
    reported_at = line.told_at if line.case_id is None else at
    case = intake.report(session, settings, ENGINE, given, photos, at=reported_at)
    stands = "yes" if line.state == "open" else "no"
    _write(session, settings, case.number, "opened", stands, alarm_words.level_words(line.levels, line.level),
           line.raised_at, at)  # fmt: skip
    if (condition := _condition(session, case)) is None:
        return case
    case = handling.act(session, settings, ENGINE, case.number, "file", {"condition": condition}, at=at)
    department = line.department_code or routing.for_case(session, case, at).department
    if department is None:
        return case
    named = line.department_code or "auto"
    return handling.act(session, settings, ENGINE, case.number, "dispatch", {"department": named}, at=at)


def _condition(session: Session, case: Row) -> int | None:
    """The filing condition with the most urgent limit of the class, or None when the standard offers none."""
    offered = catalog.offered(session, case.kind, case.class_code, case.cell_code)
    return min(offered, key=_urgency).id if offered else None


def _urgency(condition: Any) -> tuple[bool, int, int]:
    span = clock.URGENT.get(condition.limit_unit)
    return (span is None, 0 if span is None else span * condition.limit_value, condition.seq)


def _chart(session: Session, settings: Settings, line: Row) -> evidence.Evidence:
    since = alarm_words.shown_since(line, SHOWN)
    until = (line.last_at or line.told_at) + timedelta(seconds=1)
    points = telemetry.series(session, line.datastream_id, since, until)
    measured = alarm_queries.measured(session, line, since, until)
    drawn = alarm_chart.draw(line, since, points, measured, alarm_words.compared(line, settings.zone), settings.zone)
    return evidence.keep_drawn(settings, *drawn)


def _bring_after(session: Session, settings: Settings, alarm: int, told: int, at: datetime) -> Row:
    """Write what is new into the case's history, each change once. The alarm as it is."""
    news = _news(session, alarm, told)
    line = alarm_queries.one(session, alarm)
    cases = [(line.case_number, line.state == "open")]
    if merged := session.execute(_MERGED, {"case": line.case_id}).one_or_none():
        cases.append((merged.number, merged.stands))  # it is worked on there, and does not end before the alarm
    for one in news:
        if one.action in TOLD:
            level = alarm_words.level_words(line.levels, one.level or line.level)
            reason = (one.facts or {}).get("reason", "")
            for number, stands in cases:
                _write(session, settings, number, one.action, "yes" if stands else "no", level, one.at, at, reason)
    if news:
        session.execute(_HEARD, {"id": alarm, "told": news[-1].id})
    return line


def _news(session: Session, alarm: int, told: int) -> Sequence[Row]:
    return session.execute(_NEWS, {"id": alarm, "told": told}).all()


def _write(
    session: Session,
    settings: Settings,
    number: str,
    change: str,
    stands: str,
    level: tuple[str, str],
    moment: datetime,
    at: datetime,
    reason: str = "",
) -> None:
    note = alarm_words.note(change, level, moment, settings.zone, reason)
    given = {"change": change, "stands": stands, "note": note}
    handling.act(session, settings, ENGINE, number, "alarm", given, at=at)
