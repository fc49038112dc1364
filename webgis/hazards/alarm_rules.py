"""The rules of thresholds as a city has them.

What webgis ships (`data/*.csv`) is put into the tables once; a rule that the city has changed is left as it is then. A
change takes effect with the next reading: a sensor's story is reckoned anew from its last readings.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis import texts
from webgis.accounts import admin_log
from webgis.accounts.actor import Actor
from webgis.catalog import queries as catalog
from webgis.errors import Invalid, NotFound
from webgis.hazards.alarm_models import ADVICES, AlarmLadder, ThresholdRule, Watch
from webgis.hazards.threshold_tables import Level, Rule, bad_rule, level_of
from webgis.telemetry.models import Datastream

LONGEST_NAME = 60
LATEST_S, LONGEST_SILENCE_S = 86_400, 864_000
LONGEST_UNIT = 20
MOST_HELD = 5_000
"""So many readings of a sensor may count at once: those of a rule's longest window, and those that may come late."""

MOST_LEVELS = 20

KEY = re.compile(r"(?!new$)[a-z0-9_.]{3,64}")
"""Not `new`: its page is the form of a new rule."""

_WORD = re.compile(r"[a-z0-9_]{1,40}")
FIELDS = ("name_zh", "name_en", "quantity", "place", "unit", "least", "most", "late_s", "silence_s", "levels", "kind",
          "class_code")  # fmt: skip
"""What of a rule is a city's to say."""

LEVEL_FIELDS = ("name", "name_zh", "name_en", "rank", "measure", "window_s", "at", "reset", "lasting_s", "quiet_s",
                "hours", "advice", "sureness", "source")  # fmt: skip

NEEDED = tuple(name for name in LEVEL_FIELDS if name not in ("hours", "advice"))
"""What each level says."""

LEVEL_TEXTS = dict.fromkeys(("name", "name_zh", "name_en"), LONGEST_NAME) | {"source": 300, "sureness": 20}
"""The texts of a level, and how many characters they have at most."""

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
        tuple(_level(row.key, place, one) for place, one in enumerate(row.levels)),
        late=timedelta(seconds=row.late_s),
        silence=timedelta(seconds=row.silence_s),
        zone=zone,
    )


def _level(key: str, place: int, one: Mapping[str, Any]) -> Level:
    if missing := [name for name in NEEDED if name not in one]:
        raise bad_rule(key, missing[0], f"given for each level, as {', '.join(NEEDED)} are", place)
    try:
        return level_of(one)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise bad_rule(key, "levels", f"levels of {', '.join(LEVEL_FIELDS)} ({error})", place) from None


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
    found = session.get(ThresholdRule, key) if KEY.fullmatch(key) else None
    if found is None:
        known = list(session.scalars(select(ThresholdRule.key).order_by(ThresholdRule.key)))
        raise NotFound("hazards.rule-unknown", f"There is no rule of thresholds {key[:64]}", got=key, accepted=known)
    return found


def set_rule(session: Session, actor: Actor | None, key: str, given: Mapping[str, Any], zone: ZoneInfo) -> bool:
    """Make or change a rule; whether anything changed. Written into the log. `Invalid` for what contradicts itself,
    a field that there is not, or a class that there is not."""
    session.execute(HOLD)
    row, before, after = as_changed(session, key, given, zone)
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


def as_changed(
    session: Session, key: str, given: Mapping[str, Any], zone: ZoneInfo
) -> tuple[ThresholdRule | None, dict[str, Any], dict[str, Any]]:
    """The rule (None: a new one) and its fields before and after `given` is changed; refuses as `set_rule` does."""
    if unknown := sorted(set(given) - set(FIELDS)):
        raise bad_rule(key, unknown[0], f"one of {', '.join(FIELDS)}")
    if not KEY.fullmatch(key):
        raise bad_rule(key[:64], "key", "3 to 64 of a-z, 0-9, _ and ., but not new")
    row = session.get(ThresholdRule, key)
    before = {name: getattr(row, name) for name in FIELDS} if row else {}
    after = {"late_s": 600, "silence_s": 1800} | before | dict(given)
    if missing := [name for name in FIELDS if name not in after]:
        raise bad_rule(key, missing[0], "given for a rule of one's own")
    _check(session, key, after, zone)
    _check_watched(session, key, before, ThresholdRule(key=key, **after))
    return row, before, after


def check_held(row: ThresholdRule, interval_s: int) -> None:
    """`Invalid` "hazards.window-too-long" when too many readings of a sensor that tells so often count at once."""
    span = max(int(one["window_s"]) for one in row.levels) + row.late_s
    if span > MOST_HELD * interval_s:
        raise Invalid(
            "hazards.window-too-long",
            f"The rule {row.key} looks back {span} s; of a sensor that tells every {interval_s} s these are more than"
            f" {MOST_HELD} readings",
            field="levels",
            got=span,
            accepted=f"windows and lateness of at most {MOST_HELD * interval_s} s together",
        )


def _check_watched(session: Session, key: str, before: Mapping[str, Any], after: ThresholdRule) -> None:
    """Sensors that a rule watches are still of its unit afterwards, and do not tell too often for it."""
    wanted = select(func.min(Datastream.interval_s)).join(Watch, Watch.datastream_id == Datastream.id)
    fastest = session.scalar(wanted.where(Watch.rule_key == key, Watch.active))
    if fastest is None:
        return
    for field in ("unit", "quantity"):
        if before[field] != getattr(after, field):
            raise bad_rule(key, field, f"{before[field]} while it watches sensors")
    check_held(after, fastest)


def _check(session: Session, key: str, after: Mapping[str, Any], zone: ZoneInfo) -> None:
    for field in ("name_zh", "name_en"):
        if not texts.says(after[field], LONGEST_NAME):
            raise bad_rule(key, field, f"a text of at most {LONGEST_NAME} characters")
    if not isinstance(after["levels"], Sequence) or not all(isinstance(one, Mapping) for one in after["levels"]):
        raise bad_rule(key, "levels", "a list of objects")
    if len(after["levels"]) > MOST_LEVELS:
        raise bad_rule(key, "levels", f"at most {MOST_LEVELS}")
    for field, most in (("late_s", LATEST_S), ("silence_s", LONGEST_SILENCE_S)):
        if not (isinstance(after[field], int) and 0 <= after[field] <= most):
            raise bad_rule(key, field, f"a whole number of 0 to {most}")
    for field in ("quantity", "place"):
        if not (isinstance(after[field], str) and _WORD.fullmatch(after[field])):
            raise bad_rule(key, field, "1 to 40 of a-z, 0-9 and _")
    if not texts.says(after["unit"], LONGEST_UNIT):
        raise bad_rule(key, "unit", f"a text of at most {LONGEST_UNIT} characters")
    if not all(texts.says(after[field], LONGEST_NAME) for field in ("kind", "class_code")):
        raise bad_rule(key, "class_code", "kind and class as texts")
    catalog.require_class(session, after["kind"], after["class_code"])
    try:
        rule_of(ThresholdRule(key=key, **after), zone).check_reach()
    except TypeError:
        raise bad_rule(key, "least", "numbers where numbers belong") from None
    _check_words(key, after["levels"])


def _check_words(key: str, levels: Sequence[Mapping[str, Any]]) -> None:
    for place, one in enumerate(levels):
        if not set(one) <= set(LEVEL_FIELDS):
            raise bad_rule(key, "levels", f"levels of {', '.join(LEVEL_FIELDS)}", place)
        if one.get("advice") not in (None, *ADVICES):
            raise bad_rule(key, "advice", f"{', '.join(ADVICES)} or nothing", place)
        for field, longest in LEVEL_TEXTS.items():
            if not texts.says(one.get(field), longest):
                raise bad_rule(key, field, f"a text of at most {longest} characters", place)
