"""The rules of thresholds as a city has them, and which datastream is watched by which.

What webgis ships (`data/*.csv`) is put into the tables once; a rule that the city has changed is left as it is then. A
change takes effect with the next reading: a sensor's story is reckoned anew from its last readings.
"""

import csv
from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.catalog import queries as catalog
from webgis.errors import Invalid, NotFound
from webgis.hazards.alarm_models import ADVICES, AlarmLadder, ThresholdRule, Watch
from webgis.hazards.threshold_tables import Level, Rule
from webgis.telemetry.models import Datastream, Station

LONGEST_NAME = 60
FIELDS = ("name_zh", "name_en", "quantity", "place", "unit", "least", "most", "late_s", "silence_s", "levels", "kind",
          "class_code")  # fmt: skip
"""What of a rule is a city's to say."""

LEVEL_FIELDS = ("name", "name_zh", "name_en", "rank", "measure", "window_s", "at", "reset", "lasting_s", "quiet_s",
                "hours", "advice", "sureness", "source")  # fmt: skip

_CHANGED = text("SELECT fn.layer_changed('watches')")
HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended('webgis alarms', 0))")
"""What changes alarms, rules or watches is done by one at a time."""


def changed(session: Session) -> None:
    """Whoever considers readings asks for rules and watches anew."""
    session.execute(_CHANGED)


def rule_of(row: ThresholdRule, zone: ZoneInfo) -> Rule:
    """The rule of a row, as `thresholds` takes it. `Invalid` "hazards.bad-threshold" when its levels contradict."""
    return Rule(
        row.key,
        row.quantity,
        row.place,
        row.unit,
        row.least,
        row.most,
        tuple(_level(row.key, one) for one in row.levels),
        late=timedelta(seconds=row.late_s),
        silence=timedelta(seconds=row.silence_s),
        zone=zone,
    )


def _level(key: str, one: Mapping[str, Any]) -> Level:
    try:
        begin, _, end = (one.get("hours") or "").partition("-")
        return Level(
            str(one["name"]),
            int(one["rank"]),
            float(one["at"]),
            float(one["reset"]),
            one["measure"],
            timedelta(seconds=int(one["window_s"])),
            timedelta(seconds=int(one["lasting_s"])),
            timedelta(seconds=int(one["quiet_s"])),
            (time.fromisoformat(begin), time.fromisoformat(end)) if begin else None,
            one["source"],
            one["sureness"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise bad_rule(key, "levels", f"levels of {', '.join(LEVEL_FIELDS)} ({error})") from None


def bad_rule(key: str, field: str, accepted: str) -> Invalid:
    """The refusal of a rule that cannot be used."""
    message = f"The rule {key} cannot be used: {field} must be {accepted}"
    return Invalid("hazards.bad-threshold", message, rule=key, field=field, accepted=accepted)


# What webgis ships


def shipped() -> list[dict[str, Any]]:
    """The rows of the rules that webgis ships, by `FIELDS` and key."""
    names = {row["rule"]: row for row in _table("alarm_rules.csv")}
    words = {row["level"]: row for row in _table("alarm_levels.csv")}
    found: dict[str, dict[str, Any]] = {}
    for row in _table("thresholds.csv"):
        key, name = row["rule"], names[row["rule"]]
        rule = found.setdefault(
            key,
            {"key": key, "name_zh": name["name_zh"], "name_en": name["name_en"], "late_s": 600, "silence_s": 1800}
            | {field: row[field] for field in ("quantity", "place", "unit")}
            | {field: float(row[field]) for field in ("least", "most")}
            | {"kind": name["kind"], "class_code": name["class"], "levels": []},
        )
        rule["levels"].append(_shipped_level(row, words[row["level"]]))
    return list(found.values())


def _shipped_level(row: Mapping[str, str], words: Mapping[str, str]) -> dict[str, Any]:
    numbers = {name: int(row[name]) for name in ("rank", "window_s", "lasting_s", "quiet_s")}
    names = {"name": row["level"], "name_zh": words["name_zh"], "name_en": words["name_en"]}
    values = {name: float(row[name]) for name in ("at", "reset")}
    told = {"hours": row["hours"] or None, "advice": words["advice"] or None}
    return names | numbers | values | told | {name: row[name] for name in ("measure", "sureness", "source")}


def _table(name: str) -> list[dict[str, str]]:
    text = files("webgis.hazards").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def load_shipped(session: Session) -> tuple[list[str], list[str]]:
    """Put the shipped rules and ladders into the tables; the keys of rules made, and of those brought up to date. What
    the city has changed is left; may run again."""
    session.execute(HOLD)
    known = {row.key: row for row in session.scalars(select(ThresholdRule))}
    made, mended = [], []
    for given in shipped():
        row = known.get(given["key"])
        if row is None:
            session.add(ThresholdRule(**given))
            made.append(given["key"])
        elif row.shipped and any(getattr(row, name) != given[name] for name in FIELDS):
            _put(row, given)
            mended.append(row.key)
    if session.scalar(select(AlarmLadder.id).limit(1)) is None:
        session.add_all(
            AlarmLadder(
                rule_key=row["rule"],
                rank=int(row["rank"]),
                step=int(row["step"]),
                who=row["who"],
                minutes=int(row["minutes"]),
                source=row["source"],
            )
            for row in _table("alarm_ladder.csv")
        )
    session.flush()
    changed(session)
    return made, mended


def _put(row: ThresholdRule, given: Mapping[str, Any]) -> None:
    for name in FIELDS:
        if name in given:
            setattr(row, name, given[name])
    row.version += 1


# What a city changes


def require_rule(session: Session, key: str) -> ThresholdRule:
    """The rule of this key, or `NotFound`."""
    found = session.get(ThresholdRule, key)
    if found is None:
        known = list(session.scalars(select(ThresholdRule.key).order_by(ThresholdRule.key)))
        raise NotFound("hazards.rule-unknown", f"There is no rule of thresholds {key[:64]}", got=key, accepted=known)
    return found


def set_rule(session: Session, actor: Actor | None, key: str, given: Mapping[str, Any], zone: ZoneInfo) -> bool:
    """Make or change a rule; whether anything changed. Written into the log. `Invalid` for what contradicts itself,
    a field that there is not, or a class that there is not."""
    session.execute(HOLD)
    if unknown := sorted(set(given) - set(FIELDS)):
        raise bad_rule(key, unknown[0], f"one of {', '.join(FIELDS)}")
    row = session.get(ThresholdRule, key)
    before = {name: getattr(row, name) for name in FIELDS} if row else {}
    if row is None:
        needed = [name for name in FIELDS if name not in given and name not in ("late_s", "silence_s")]
        if needed:
            raise bad_rule(key, needed[0], "given for a rule of one's own")
    after = before | dict(given)
    _check(session, key, after, zone)
    if not admin_log.record_change(session, actor, "hazards.set-rule", key, before, after):
        return False
    if row is None:
        session.add(ThresholdRule(key=key, shipped=False, **after))
    else:
        _put(row, after)
        row.shipped = False
    session.flush()
    changed(session)
    return True


def _check(session: Session, key: str, after: Mapping[str, Any], zone: ZoneInfo) -> None:
    for field in ("name_zh", "name_en"):
        if not (isinstance(after[field], str) and 0 < len(after[field].strip()) <= LONGEST_NAME):
            raise bad_rule(key, field, f"a text of at most {LONGEST_NAME} characters")
    if not isinstance(after["levels"], Sequence):
        raise bad_rule(key, "levels", "a list")
    for one in after["levels"]:
        if one.get("advice") not in (None, *ADVICES):
            raise bad_rule(key, "advice", f"{', '.join(ADVICES)} or nothing")
    catalog.require_class(session, after["kind"], after["class_code"])
    spans = {name: after[name] for name in ("late_s", "silence_s") if name in after}
    try:
        rule_of(ThresholdRule(key=key, **{"late_s": 600, "silence_s": 1800} | dict(after) | spans), zone)
    except TypeError:
        raise bad_rule(key, "least", "numbers where numbers belong") from None


def watch(
    session: Session,
    actor: Actor | None,
    datastream: str,
    rule: str | None = None,
    department: str | None = None,
) -> Watch:
    """Have a datastream watched by a rule (that of its quantity and kind of place when None), from its next reading
    on. `department`: who is sent; None: the station's, else whom the routing rules choose. `NotFound` for an unknown
    datastream or rule, `Invalid` "hazards.watch-unfit" when they measure in different units."""
    session.execute(HOLD)
    stream, station = _stream(session, datastream)
    row = require_rule(session, rule or f"{stream.quantity}.{station.place}")
    if stream.unit != row.unit:
        raise Invalid(
            "hazards.watch-unfit",
            f"{datastream} tells {stream.unit}, the rule {row.key} is of {row.unit}",
            field="rule",
            got=row.key,
            accepted=f"a rule of {stream.unit}",
        )
    if department is not None:
        accounts.require_department(session, department)
    found = session.scalar(select(Watch).filter_by(datastream_id=stream.id, rule_key=row.key))
    before = {"department": found.department_code, "active": found.active} if found else {}
    if found is None:
        found = Watch(datastream_id=stream.id, rule_key=row.key)
        session.add(found)
    found.department_code, found.active = department, True
    session.flush()
    after = {"department": department, "active": True}
    admin_log.record_change(session, actor, "hazards.watch", f"{datastream} {row.key}", before, after)
    changed(session)
    return found


def watch_by_kind(session: Session, actor: Actor | None, datastream: str) -> str | None:
    """Have a datastream watched by the rule of its quantity and kind of place, unless it is already; the rule's key,
    None when there is none of its unit."""
    session.execute(HOLD)
    stream, station = _stream(session, datastream)
    row = session.get(ThresholdRule, f"{stream.quantity}.{station.place}")
    if row is None or row.unit != stream.unit:
        return None
    if session.scalar(select(Watch.id).filter_by(datastream_id=stream.id, rule_key=row.key, active=True)) is None:
        watch(session, actor, datastream)
    return row.key


def watched(session: Session) -> set[int]:
    """The datastreams (ids) that a rule watches."""
    return set(session.scalars(select(Watch.datastream_id).filter_by(active=True)))


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
