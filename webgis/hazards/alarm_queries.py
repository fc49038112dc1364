"""Questions about alarms. Who may see an alarm is who may see its case, or would: by department, area and class."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases import queries as cases
from webgis.cases import workflow
from webgis.db import call
from webgis.errors import NotFound
from webgis.hazards.alarm_models import STATES
from webgis.telemetry.queries import POINTS

MOST_AT_HAND = 500
PAGE = 50


def reached(row: str) -> str:
    """Whether somebody's departments and area (of `cases.queries.Sight`) reach as far as what has no class."""
    limits = "CAST(:departments AS text[]), CAST(:area AS text), NULL"
    return f"fn.sees({row}.department_code, {row}.cell_code, NULL, NULL, {limits})"


SEEN = cases.in_sight("l")
"""Whether somebody sees the alarm `l` of `fn.alarm_line`."""

_ONE = text("SELECT l.* FROM fn.alarm_line l WHERE l.id = :id")
_SEEN_ONE = text(f"SELECT l.* FROM fn.alarm_line l WHERE l.id = :id AND {SEEN}")
AT_HAND = """
    l.id = ANY (ARRAY(SELECT o.id FROM city.alarm o WHERE o.state = 'open'
                      UNION SELECT n.alarm_id FROM city.alarm_notice n WHERE n.acknowledged_at IS NULL))
    AND (l.state = 'open' OR l.waiting)
"""
"""Whether the alarm `l` stands, or was reset and nobody has acknowledged it."""

_AT_HAND = text(
    f"SELECT l.* FROM fn.alarm_line l WHERE {AT_HAND} AND {SEEN}"
    " AND (CAST(:quantity AS text) IS NULL OR l.quantity = :quantity)"
    " ORDER BY l.waiting DESC, l.state = 'open' DESC, l.rank DESC, l.raised_at DESC, l.id LIMIT :most"
)
_PAST = text(
    f"""
    SELECT l.* FROM fn.alarm_line l
    WHERE (CAST(:state AS text) IS NULL OR l.state = :state) AND {SEEN}
      AND (CAST(:quantity AS text) IS NULL OR l.quantity = :quantity)
      AND (CAST(:datastream AS text) IS NULL OR l.datastream = :datastream)
      AND (CAST(:before AS bigint) IS NULL OR l.id < :before)
    ORDER BY l.id DESC LIMIT :most
    """
)
_COUNT = text(
    "SELECT count(*) FILTER (WHERE l.state = 'open') AS standing, count(*) FILTER (WHERE l.waiting) AS waiting,"
    " count(*) AS at_hand"
    f" FROM fn.alarm_line l WHERE {AT_HAND} AND {SEEN}"
)
_OF_CASE = text("SELECT l.* FROM fn.alarm_line l WHERE l.case_id = :case")
_EVENTS = text(
    "SELECT e.id, e.at, e.action, e.level, e.facts, p.name, p.login, p.role FROM city.alarm_event e"
    " LEFT JOIN city.person p ON p.id = e.person_id WHERE e.alarm_id = :id ORDER BY e.id DESC"
)
_NOTICES = text(
    "SELECT n.rank, n.step, n.who, n.made_at, n.due_at, n.told_at, n.acknowledged_at, n.overdue_at, p.name"
    " FROM city.alarm_notice n LEFT JOIN city.person p ON p.id = n.acknowledged_by"
    " WHERE n.alarm_id = :id ORDER BY n.rank, n.step"
)
_LEVELS = text(
    "SELECT r.key, r.name_zh, r.name_en, r.levels FROM city.watch w JOIN city.threshold_rule r ON r.key = w.rule_key"
    " WHERE w.datastream_id = :datastream AND w.active ORDER BY r.key"
)
_MEASURED = "SELECT at, value FROM fn.measured_series(%s, %s, %s, %s, %s, %s)"
_IN_ALARM = text(f"SELECT DISTINCT l.datastream_id FROM fn.alarm_line l WHERE l.state = 'open' AND {SEEN}")


@dataclass(frozen=True)
class Page:
    """Alarms, and the cursor of the next page if there is one."""

    rows: Sequence[Row]
    next: str | None = None


def one(session: Session, alarm: int) -> Row:
    """An alarm (`fn.alarm_line`) as the engine sees it."""
    return session.execute(_ONE, {"id": alarm}).one()


def require(session: Session, actor: Actor, alarm: int) -> Row:
    """An alarm that this person may see, or `NotFound`."""
    found = session.execute(_SEEN_ONE, {"id": alarm} | cases.sight(actor)._asdict()).one_or_none()
    if found is None:
        raise NotFound("hazards.alarm-unknown", f"There is no alarm {alarm}", got=alarm)
    return found


def at_hand(session: Session, actor: Actor, *, quantity: str | None = None, most: int = MOST_AT_HAND) -> Sequence[Row]:
    """The alarms that stand and those that were reset but nobody has acknowledged: those first that nobody has, then
    the gravest; at most so many (`counts` says how many there are)."""
    given = cases.sight(actor)._asdict() | {"quantity": quantity, "most": most}
    return session.execute(_AT_HAND, given).all()


def listed(
    session: Session,
    actor: Actor,
    *,
    state: str | None = None,
    quantity: str | None = None,
    datastream: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> Page:
    """Alarms, newest first, in a state (`STATES`), of a quantity or a datastream (code)."""
    given = {"state": state if state in STATES else None, "quantity": quantity, "datastream": datastream}
    given |= {"before": _read(cursor), "most": limit + 1} | cases.sight(actor)._asdict()
    rows = session.execute(_PAST, given).all()
    more = str(rows[limit - 1].id) if len(rows) > limit else None
    return Page(rows[:limit], more and base64.urlsafe_b64encode(more.encode()).decode().rstrip("="))


def _read(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        before = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        before = 0
    if not 0 < before < 2**63:
        raise workflow.bad_field("cursor", cursor, "the cursor in the `next` of the page before")
    return before


class Counts(NamedTuple):
    """How many alarms stand; how many, standing or reset, nobody has acknowledged; how many either is true of."""

    standing: int
    waiting: int
    at_hand: int


def counts(session: Session, actor: Actor) -> Counts:
    """How many there are of those that `at_hand` lists."""
    return Counts(*session.execute(_COUNT, cases.sight(actor)._asdict()).one())


def measured(
    session: Session, alarm: Row, since: datetime, until: datetime, points: int = POINTS
) -> list[tuple[datetime, float]]:
    """What the level of an alarm looks at in a span for a chart, beside the readings: of each part the highest. Nothing
    when it looks at the readings themselves."""
    if alarm.measure == "value":
        return []
    asked = (alarm.datastream_id, since, until, alarm.measure, alarm.window_s, points)
    return [(row.at, row.value) for row in call(session, _MEASURED, *asked)]


def of_case(session: Session, case_id: int) -> Row | None:
    """The alarm that opened a case, or None."""
    return session.execute(_OF_CASE, {"case": case_id}).one_or_none()


def events(session: Session, alarm: int) -> Sequence[Row]:
    """The history of an alarm, newest first."""
    return session.execute(_EVENTS, {"id": alarm}).all()


def notices(session: Session, alarm: int) -> Sequence[Row]:
    """The steps of its ladder that were told: who, until when, acknowledged when and by whom."""
    return session.execute(_NOTICES, {"id": alarm}).all()


def levels_of(session: Session, datastream_id: int) -> Sequence[Row]:
    """The rules that watch a datastream, with their levels: what its chart marks."""
    return session.execute(_LEVELS, {"datastream": datastream_id}).all()


def in_alarm(session: Session, actor: Actor) -> set[int]:
    """The datastreams (ids) of which an alarm stands that this person may see."""
    return set(session.scalars(_IN_ALARM, cases.sight(actor)._asdict()))
