"""Which datastream is watched by which rule of thresholds."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.accounts.admin_log import Act
from webgis.errors import Invalid, NotFound
from webgis.hazards.alarm_models import ThresholdRule, Watch
from webgis.hazards.alarm_rules import HOLD, changed, check_held, require_rule
from webgis.hazards.watch_states import PAUSED
from webgis.telemetry.models import Datastream, Station

_PAUSED = text(f"UPDATE city.watch_state SET rule_version = {PAUSED} WHERE watch_id = :id")


def watch(
    session: Session,
    actor: Actor | None,
    datastream: str,
    rule: str | None = None,
    department: str | None = None,
) -> Watch:
    """Have a datastream watched by a rule (that of its quantity and kind of place when None), from its next reading
    on. `department`: who is sent; None: the station's, else whom the routing rules choose. `NotFound` for an unknown
    datastream or rule, `Invalid` "hazards.watch-unfit" when they measure in different units, or as
    `alarm_rules.check_held` says."""
    session.execute(HOLD)
    stream, station = _stream(session, datastream)
    row = require_rule(session, rule) if rule else _usual_rule(session, stream, station)
    if stream.unit != row.unit:
        raise Invalid(
            "hazards.watch-unfit",
            f"{datastream} tells {stream.unit}, the rule {row.key} is of {row.unit}",
            field="rule",
            got=row.key,
            accepted=f"a rule of {stream.unit}",
        )
    check_held(row, stream.interval_s)
    if department is not None:
        accounts.require_department(session, department)
    found = session.scalar(select(Watch).filter_by(datastream_id=stream.id, rule_key=row.key))
    before = {"department": found.department_code, "active": found.active} if found else {}
    if found is None:
        found = Watch(datastream_id=stream.id, rule_key=row.key, active=True)
        session.add(found)
    if not found.active:  # what came in between was not looked at
        session.execute(_PAUSED, {"id": found.id})
    found.department_code, found.active = department, True
    session.flush()
    after = {"department": department, "active": True}
    admin_log.record_change(session, actor, "hazards.watch", f"{datastream} {row.key}", before, after)
    changed(session)
    return found


def _usual_rule(session: Session, stream: Datastream, station: Station) -> ThresholdRule:
    """The rule of a sensor's quantity and kind of place; `NotFound` that names the others of its quantity."""
    key = f"{stream.quantity}.{station.place}"
    found = session.get(ThresholdRule, key)
    if found is None:
        others = [row.key for row in fitting(session, stream.id, stream.unit) if row.quantity == stream.quantity]
        fit = f"Of its quantity are: {', '.join(others)}; name one" if others else "None is of its quantity: make one"
        raise NotFound("hazards.rule-unknown", f"There is no rule {key}. {fit}", got=key, accepted=others)
    return found


def watch_by_kind(session: Session, actor: Actor | None, datastream: str) -> str | None:
    """Have a datastream watched by the rule of its quantity and kind of place, unless it is already; the rule's key,
    None when there is none of its unit, or it looks back too far."""
    session.execute(HOLD)
    stream, station = _stream(session, datastream)
    row = session.get(ThresholdRule, f"{stream.quantity}.{station.place}")
    if row is None or row.unit != stream.unit:
        return None
    if session.scalar(select(Watch.id).filter_by(datastream_id=stream.id, rule_key=row.key, active=True)) is None:
        try:
            watch(session, actor, datastream)
        except Invalid:
            return None
    return row.key


class AllWatched(NamedTuple):
    """What `watch_all` did: the datastreams (codes) by the rule that watches them now; those left out, by why."""

    watched: dict[str, list[str]]
    without: dict[str, list[str]]


def watch_all(session: Session, actor: Actor | None) -> AllWatched:
    """Have every datastream in use that was never watched watched by the rule of its quantity and kind of place, from
    its next reading on. What somebody had watched, or watched no more, stays so."""
    session.execute(HOLD)
    key = func.concat(Datastream.quantity, ".", Station.place)
    wanted = select(Datastream, key, ThresholdRule).join(Station, Station.id == Datastream.station_id)
    wanted = wanted.outerjoin(ThresholdRule, ThresholdRule.key == key).where(Datastream.active, Station.active)
    wanted = wanted.where(~exists().where(Watch.datastream_id == Datastream.id)).order_by(Datastream.code)
    done = AllWatched({}, {})
    acts = []
    for stream, usual, row in session.execute(wanted):
        if why := _unfit(stream, usual, row):
            done.without.setdefault(why, []).append(stream.code)
            continue
        session.add(Watch(datastream_id=stream.id, rule_key=usual, active=True))
        done.watched.setdefault(usual, []).append(stream.code)
        acts.append(Act("hazards.watch", f"{stream.code} {usual}", {}, {"department": None, "active": True}))
    if acts:
        session.flush()
        admin_log.record_all(session, actor, acts)
        changed(session)
    return done


def _unfit(stream: Datastream, usual: str, row: ThresholdRule | None) -> str:
    """Why a datastream cannot be watched by its usual rule; empty when it can."""
    if row is None:
        return f"there is no rule {usual}"
    if stream.unit != row.unit:
        return f"the rule {usual} is of {row.unit}, not {stream.unit}"
    try:
        check_held(row, stream.interval_s)
    except Invalid as error:
        return error.message
    return ""


def fitting(session: Session, datastream_id: int, unit: str) -> Sequence[ThresholdRule]:
    """The rules of this unit that do not watch the datastream yet."""
    watching = select(Watch.rule_key).filter_by(datastream_id=datastream_id, active=True)
    wanted = select(ThresholdRule).where(ThresholdRule.unit == unit, ThresholdRule.key.not_in(watching))
    return session.scalars(wanted.order_by(ThresholdRule.key)).all()


def watched(session: Session) -> set[int]:
    """The datastreams (ids) that a rule watches."""
    return set(session.scalars(select(Watch.datastream_id).filter_by(active=True)))


def counts(session: Session) -> dict[str, int]:
    """How many datastreams each rule (key) watches."""
    counted = select(Watch.rule_key, func.count()).where(Watch.active).group_by(Watch.rule_key)
    return dict(session.execute(counted).all())


def unwatch(session: Session, actor: Actor | None, datastream: str, rule: str) -> None:
    """Watch a datastream by a rule no more. An alarm that stands is not ended by that."""
    session.execute(HOLD)
    stream, _station = _stream(session, datastream)
    found = session.scalar(select(Watch).filter_by(datastream_id=stream.id, rule_key=rule, active=True))
    if found is None:
        raise NotFound("hazards.watch-unknown", f"{datastream} is not watched by {rule[:64]}", got=rule)
    found.active = False
    admin_log.record(session, actor, "hazards.unwatch", f"{datastream} {rule}", {"active": True}, {"active": False})
    changed(session)


def _stream(session: Session, code: str) -> tuple[Datastream, Station]:
    wanted = select(Datastream, Station).join(Station, Station.id == Datastream.station_id)
    found = session.execute(wanted.where(Datastream.code == code)).one_or_none() if "\0" not in code else None
    if found is None:
        raise NotFound(
            "hazards.datastream-unknown", f"There is no datastream {code[:64]}", field="datastream", got=code
        )
    stream, station = found
    return stream, station
