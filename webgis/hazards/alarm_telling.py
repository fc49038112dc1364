"""Who must be told of an alarm, until when they are to acknowledge it, and what happens when nobody does.

A rank that an alarm reaches begins its ladder (`city.alarm_ladder`): the first step is told, and when nobody has
acknowledged it in time, the next. Whoever acknowledges does so for every step that waits. All of it is in the alarm's
history. On screens an alarm is seen at once; messages go by way of its case (`cases.messages`).
"""

import json
import uuid
from datetime import datetime

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import notices
from webgis.cases.handling import check_text
from webgis.cases.workflow import bad_field
from webgis.errors import Conflict
from webgis.hazards import alarm_queries, alarm_words
from webgis.hazards.alarm_rules import HOLD
from webgis.settings import Settings

_UNTOLD = text(
    "UPDATE city.alarm_notice n SET told_at = :at FROM city.alarm a"
    " WHERE n.alarm_id = :id AND n.told_at IS NULL AND a.id = n.alarm_id AND a.case_id IS NOT NULL"
    " RETURNING n.rank, n.step, n.who, a.case_id"
)
_LISTENERS = text("SELECT address_id FROM fn.alarm_listeners(:case, :who)")
_HAPPENED = text(
    "INSERT INTO city.alarm_event (alarm_id, at, action, person_id, facts)"
    " VALUES (:id, :at, :action, :person, CAST(:facts AS jsonb))"
)
_ACKNOWLEDGE = text(
    "UPDATE city.alarm_notice n SET acknowledged_at = :at, acknowledged_by = :person"
    " WHERE n.alarm_id = :id AND n.acknowledged_at IS NULL RETURNING n.rank, n.step, n.who"
)
_HELD = text("SELECT a.state FROM city.alarm a WHERE a.id = :id FOR NO KEY UPDATE")  # notices refer to it
_DISMISS = text("UPDATE city.alarm SET state = 'withdrawn', changed_at = :at WHERE id = :id")
_PASS_ON = text("SELECT * FROM fn.pass_on_alarms(:at)")
_CHANGED = text("SELECT fn.layer_changed('alarms')")


def tell(session: Session, settings: Settings, alarm: int, line: Row | None = None, *, at: datetime) -> int:
    """Tell those steps of the ladder that were not told yet; how many people get a message. Messages are about cases:
    while there is none nobody is told, and all are as soon as there is one. `line`: the alarm, where it is at hand."""
    untold = session.execute(_UNTOLD, {"id": alarm, "at": at}).all()
    if not untold:
        return 0
    line = line or alarm_queries.one(session, alarm)
    zh, en = alarm_words.reached(line, settings.zone, line.levels)
    told = 0
    for step in untold:
        addresses = _messages(session, alarm, step, {"alarm_zh": zh, "alarm_en": en})
        told += len(addresses)
        facts = {"who": step.who, "rank": step.rank, "step": step.step, "people": len(addresses)}
        happened(session, alarm, "told", at, facts)
    return told


def _messages(session: Session, alarm: int, step: Row, facts: dict[str, str]) -> list[int]:
    key = uuid.uuid5(uuid.NAMESPACE_OID, f"webgis alarm {alarm} {step.rank} {step.step}")
    addresses = session.scalars(_LISTENERS, {"case": step.case_id, "who": step.who}).all()
    return notices.keep_at_once(session, addresses, "alarm", facts, str(key), case=step.case_id)


def happened(
    session: Session, alarm: int, action: str, at: datetime, facts: dict | None = None, actor: Actor | None = None
) -> None:
    """Add to the history of an alarm."""
    told = None if facts is None else json.dumps(facts, ensure_ascii=False)
    values = {"id": alarm, "at": at, "action": action, "person": actor and actor.id, "facts": told}
    session.execute(_HAPPENED, values)


def hold(session: Session, alarm: int) -> Row:
    """How an alarm stands; nobody else acts on it until the transaction ends."""
    return session.execute(_HELD, {"id": alarm}).one()


def acknowledge(session: Session, actor: Actor, alarm: int, *, at: datetime) -> Row:
    """Acknowledge an alarm that this person may see: nobody else need be told of the levels it has reached. Once more
    does nothing. Its line then."""
    permissions.require(actor, "alarms.acknowledge")
    alarm_queries.require(session, actor, alarm)
    hold(session, alarm)
    waiting = session.execute(_ACKNOWLEDGE, {"id": alarm, "at": at, "person": actor.id}).all()
    if waiting:
        steps = [{"who": one.who, "rank": one.rank, "step": one.step} for one in waiting]
        happened(session, alarm, "acknowledged", at, {"steps": steps}, actor)
        session.execute(_CHANGED)
    return alarm_queries.one(session, alarm)


def dismiss(session: Session, actor: Actor, alarm: int, reason: str, *, at: datetime) -> Row:
    """Say of an alarm that it is none, with a reason: a sensor at fault, works that were announced. `Conflict` when it
    stands no more. Should it grow graver it stands again."""
    permissions.require(actor, "alarms.dismiss")
    check_text("reason", reason)
    if not (reason or "").strip():
        raise bad_field("reason", None, "say why this is no alarm")
    alarm_queries.require(session, actor, alarm)
    session.execute(HOLD)
    held = hold(session, alarm)
    if held.state != "open":
        raise Conflict("hazards.alarm-over", "This alarm stands no more", state=held.state)
    session.execute(_DISMISS, {"id": alarm, "at": at})
    session.execute(_ACKNOWLEDGE, {"id": alarm, "at": at, "person": actor.id})
    happened(session, alarm, "dismissed", at, {"reason": reason.strip()}, actor)
    session.execute(_CHANGED)
    jobs.enqueue(session, "hazards.follow_alarm", alarm=alarm)
    return alarm_queries.one(session, alarm)


def pass_on(session: Session, *, at: datetime) -> int:
    """Notices that nobody acknowledged in time go up one step; how many did. Run every half minute by the timetable."""
    rows = session.execute(_PASS_ON, {"at": at}).all()
    for row in rows:
        facts = {"who": row.who, "rank": row.rank, "step": row.step}
        happened(session, row.alarm_id, "passed_on", at, facts)
        jobs.enqueue(session, "hazards.follow_alarm", alarm=row.alarm_id)
    if rows:
        session.execute(_CHANGED)
    return len(rows)
