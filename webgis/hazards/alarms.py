"""From readings to alarms: what the writer of readings calls for everything that is new in place, in its transaction.

Most readings change nothing, and that is seen from their values alone (`watch_states.wakes_at`). For the others the
machine of `thresholds` goes on where it stood, or starts anew from the last readings. What it tells is written with the
job that brings the case after it (`alarm_cases.follow`), so no alarm is lost with a process.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from webgis import db, jobs
from webgis.errors import Invalid
from webgis.hazards import alarm_words, changed_rules, watch_states
from webgis.hazards.alarm_models import ThresholdRule, Watch
from webgis.hazards.alarm_rules import HOLD, rule_of
from webgis.hazards.threshold_tables import Rule
from webgis.hazards.thresholds import Change, Reading, State, feed
from webgis.hazards.watch_states import Told
from webgis.hazards.watched_readings import Found, Watched, as_readings, with_those_before
from webgis.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Turn:
    """What has become of one of them: its state, what is to be told, whether it began anew under a changed rule (or
    after a pause of the watch), and the alarms that ended because of that, which it may find again."""

    watched: Watched
    before: int
    state: State
    changes: tuple[Change, ...]
    anew: bool = False
    ended: Told = ()
    paused: bool = False


_VERSION = "SELECT fn.layer_version('{watches}', false) AS version"
_AWAKE = "SELECT watch_id FROM city.watch_state WHERE watch_id = ANY(%s)"
_STATES = """
    SELECT w.id, w.numbered, s.rule_version, s.state FROM city.watch w LEFT JOIN city.watch_state s ON s.watch_id = w.id
    WHERE w.id = ANY(%s)
"""
_WRITE = "SELECT * FROM fn.write_alarms(%s::jsonb, %s::jsonb, %s)"
_KEEP = text(
    """
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(CAST(:states AS jsonb)) AS g (watch bigint, version integer, state jsonb)
    ), numbered AS (
        UPDATE city.watch w SET numbered = n.number
        FROM jsonb_to_recordset(CAST(:numbers AS jsonb)) AS n (watch bigint, number integer) WHERE w.id = n.watch
    ), quiet AS (
        DELETE FROM city.watch_state s WHERE s.watch_id = ANY(CAST(:quiet AS bigint[]))
    )
    INSERT INTO city.watch_state AS s (watch_id, rule_version, state) SELECT g.watch, g.version, g.state FROM given g
    ON CONFLICT (watch_id) DO UPDATE SET rule_version = excluded.rule_version, state = excluded.state
    """
)


class Considering:
    """Considers readings. It keeps the watches of the city in memory until they change, and nothing else."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._version = ""
        self._watches: dict[int, list[Watched]] = {}

    def __call__(self, session: Session, found: Found, now: datetime) -> list[int]:
        """Consider readings that arrived at the aware moment `now`; the alarms (ids) of which there is news."""
        self._refresh(session)
        watched = [one for id in found for one in self._watches.get(id, ())]
        if not watched:
            return []
        awake = {row.watch_id for row in db.call(session, _AWAKE, [one.id for one in watched])}
        wanted = [one for one in watched if one.id in awake or _wakes(one, found[one.datastream_id])]
        if not wanted:
            return []
        session.execute(HOLD)
        turns = _turns(session, wanted, found, now)
        _keep(session, turns)
        return _write(session, turns, now)

    def _refresh(self, session: Session) -> None:
        version = db.call(session, _VERSION)[0].version
        if version == self._version:
            return
        rows = session.execute(
            select(Watch.id, Watch.datastream_id, ThresholdRule)
            .join(ThresholdRule, ThresholdRule.key == Watch.rule_key)
            .where(Watch.active)
        ).all()
        rules = {row.key: self._usable(row) for row in {one.ThresholdRule for one in rows}}
        watches: dict[int, list[Watched]] = {}
        for id, datastream, row in rows:
            if rule := rules[row.key]:
                advice = {one["name"]: one.get("advice") for one in row.levels}
                made = Watched(id, datastream, rule, row.version, watch_states.wakes_at(rule), advice)
                watches.setdefault(datastream, []).append(made)
        self._watches, self._version = watches, version

    def _usable(self, row: ThresholdRule) -> Rule | None:
        """The rule of a row; one that cannot be used (written by hand, or before a check was added) stops no other."""
        try:
            return rule_of(row, self._settings.zone)
        except (Invalid, TypeError) as error:
            log.error("hazards.rule-unusable", rule=row.key, error=str(error))
            return None


def _wakes(watched: Watched, readings: Sequence[tuple[datetime, float]]) -> bool:
    return any(value >= watched.wakes for _at, value in readings)


def _turns(session: Session, wanted: Sequence[Watched], found: Found, now: datetime) -> list[Turn]:
    """Feed the machines of these."""
    kept = {row.id: row for row in db.call(session, _STATES, [one.id for one in wanted])}
    asleep = {one.id: _told(kept[one.id]) for one in wanted if kept[one.id].rule_version != one.version}
    whole = with_those_before(session, [(one, asleep[one.id]) for one in wanted if one.id in asleep], found)
    turns = []
    for one in wanted:
        row, new = kept[one.id], found[one.datastream_id]
        if one.id not in asleep:
            grown, changes = feed(one.rule, watch_states.unpacked(row.state), as_readings(new), now)
            ended = changed_rules.remembered(watch_states.ended(row.state), max(new)[0])
            turns.append(Turn(one, row.numbered, grown, changes, ended=ended))
        elif whole[one.id] or not row.state:  # else all came too late: they say nothing of the changed rule
            turns.append(_begun(one, row, whole[one.id], new, now))
    return turns


def _told(row: Any) -> Told:
    """The alarms that readings may be about when a watch begins anew under a changed rule."""
    return (*watch_states.unpacked(row.state).told, *watch_states.ended(row.state)) if row.state else ()


def _begun(one: Watched, row: Any, whole: list[Reading], new: Sequence[tuple[datetime, float]], now: datetime) -> Turn:
    """The turn of one that begins anew with the readings of `whole`, of which `new` are new."""
    told = _told(row)
    grown, changes = feed(one.rule, watch_states.fresh(one.rule, row.numbered, told), whole, now)
    if not row.state:
        return Turn(one, row.numbered, grown, changes)
    changes, ended = changed_rules.told_of(told, changes, min(new)[0], max(new)[0])
    return Turn(one, row.numbered, grown, changes, True, ended, row.rule_version == watch_states.PAUSED)


def _keep(session: Session, turns: Iterable[Turn]) -> None:
    """Keep the states of those that are not quiet or may find an alarm again, and the numbers that were given."""
    states, numbers, quiet = [], [], []
    for turn in turns:
        id = turn.watched.id
        if watch_states.is_quiet(turn.watched.rule, turn.state) and not turn.ended:
            quiet.append(id)
        else:
            kept = watch_states.packed(turn.state, turn.ended)
            states.append({"watch": id, "version": turn.watched.version, "state": kept})
        if turn.state.numbered != turn.before:
            numbers.append({"watch": id, "number": turn.state.numbered})
    session.execute(_KEEP, {"states": json.dumps(states), "numbers": json.dumps(numbers), "quiet": quiet})


def _write(session: Session, turns: Sequence[Turn], now: datetime) -> list[int]:
    """Write what is told; the ids of the alarms."""
    alarms = [alarm for turn in turns for alarm in _alarms(turn)]
    if not alarms:
        return []
    events = [_event(turn, change) for turn in turns for change in turn.changes]
    rows = db.call(session, _WRITE, _json(alarms), _json(events), now)
    jobs.note(session, {"quick"})
    return [row.id for row in rows]


def _alarms(turn: Turn) -> list[dict[str, Any]]:
    """How each alarm stands that something is told of."""
    last = {change.number: change for change in turn.changes}
    kinds = {number: {one.kind for one in turn.changes if one.number == number} for number in last}
    return [_alarm(turn, replace(change, kind=_gravest(kinds[number], change))) for number, change in last.items()]


def _gravest(kinds: set[str], last: Change) -> str:
    """What counts most of several changes of one alarm told together: that it grew graver is not forgotten."""
    return "escalated" if "escalated" in kinds and last.kind != "withdrawn" else last.kind


def _alarm(turn: Turn, change: Change) -> dict[str, Any]:
    now = change.occurrence
    state = "withdrawn" if change.kind == "withdrawn" else "open" if now.reset_at is None else "reset"
    level = next((one for one in turn.watched.rule.levels if one.name == now.steps[-1].level), None)
    return {
        "watch": turn.watched.id,
        "number": change.number,
        "kind": change.kind,
        "state": state,
        "level": now.steps[-1].level,
        "rank": now.steps[-1].rank,
        "measure": level and level.measure,  # a changed rule may have it no more: then as it was
        "window_s": level and int(level.window.total_seconds()),
        "advice": turn.watched.advice.get(now.steps[-1].level),
        "raised_at": now.raised_at,
        "reset_at": now.reset_at,
        "kept_begin": turn.anew,
    }


def _event(turn: Turn, change: Change) -> dict[str, Any]:
    """What is told of an alarm: of which moment of the readings, which levels it has reached, why if by a rule."""
    now = change.occurrence
    step = next((one for one in now.steps if one.level == change.level), now.steps[-1])
    at = now.reset_at if change.kind == "reset" else step.at
    steps = [[one.level, one.at.isoformat()] for one in now.steps]
    return {
        "watch": turn.watched.id,
        "number": change.number,
        "action": change.kind,
        "at": at,
        "level": change.level,
        "facts": {"steps": steps, "reset_at": now.reset_at and now.reset_at.isoformat()} | _why(turn, change),
    }


def _why(turn: Turn, change: Change) -> dict[str, str]:
    """Why an alarm stands otherwise than it did, when not by its readings in time."""
    ends = turn.anew and change.number in dict(turn.ended)
    if not ends and change.kind != "amended":
        return {}
    if not turn.anew:
        return {"reason": alarm_words.LATE_READINGS}
    if turn.paused:
        return {"reason": alarm_words.WATCHED_AGAIN}
    return {"reason": (alarm_words.rule_ends if ends else alarm_words.rule_finds)(turn.watched.version)}


def _json(values: Any) -> str:
    return json.dumps(values, default=datetime.isoformat)
