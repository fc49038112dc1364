"""From readings to alarms: what the writer of readings calls for everything that is new in place, in its transaction.

Most readings change nothing, and that is seen from their values alone (`watch_states.wakes_at`). For the others the
machine of `thresholds` goes on where it stood, or starts anew from the last readings. What it tells is written with the
job that brings the case after it (`alarm_cases.follow`), so no alarm is lost with a process.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from webgis import db, jobs
from webgis.hazards import alarm_words, watch_states
from webgis.hazards.alarm_models import ThresholdRule, Watch
from webgis.hazards.alarm_rules import HOLD, rule_of
from webgis.hazards.threshold_tables import Rule
from webgis.hazards.thresholds import Change, Reading, State, feed
from webgis.settings import Settings

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


@dataclass(frozen=True)
class Turn:
    """What has become of one of them: its state, what is to be told, whether it began anew under a changed rule, and
    the numbers of alarms that end because of that."""

    watched: Watched
    before: int
    state: State
    changes: tuple[Change, ...]
    anew: bool
    dropped: frozenset[int] = frozenset()


_VERSION = "SELECT fn.layer_version('{watches}', false) AS version"
_AWAKE = "SELECT watch_id FROM city.watch_state WHERE watch_id = ANY(%s)"
_STATES = """
    SELECT w.id, w.numbered, s.rule_version, s.state FROM city.watch w LEFT JOIN city.watch_state s ON s.watch_id = w.id
    WHERE w.id = ANY(%s)
"""
_READINGS = "SELECT * FROM fn.readings_before(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::interval[])"
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
        self._watches, self._version = {}, version
        for id, datastream, row in rows:
            rule = rule_of(row, self._settings.zone)
            advice = {one["name"]: one.get("advice") for one in row.levels}
            made = Watched(id, datastream, rule, row.version, watch_states.wakes_at(rule), advice)
            self._watches.setdefault(datastream, []).append(made)


def _wakes(watched: Watched, readings: Sequence[tuple[datetime, float]]) -> bool:
    return any(value >= watched.wakes for _at, value in readings)


def _turns(session: Session, wanted: Sequence[Watched], found: Found, now: datetime) -> list[Turn]:
    """Feed the machines of these."""
    kept = {row.id: row for row in db.call(session, _STATES, [one.id for one in wanted])}
    asleep = [one for one in wanted if kept[one.id].rule_version != one.version]
    whole = _with_those_before(session, asleep, found)
    turns = []
    for one in wanted:
        row = kept[one.id]
        readings = [Reading(at, value) for at, value in found[one.datastream_id]]
        if row.rule_version == one.version:
            state = watch_states.unpacked(row.state)
        else:
            told = watch_states.unpacked(row.state).told if row.state else ()
            state = watch_states.fresh(one.rule, row.numbered, told)
            readings = whole[one.id]
            if row.state and not readings:  # all too late: they say nothing of the changed rule
                continue
        grown, changes = feed(one.rule, state, readings, now)
        turn = Turn(one, row.numbered, grown, changes, bool(row.state) and row.rule_version != one.version)
        turns.append(_changed_rule(turn, max(found[one.datastream_id])[0]) if turn.anew else turn)
    return turns


def _changed_rule(turn: Turn, newest: datetime) -> Turn:
    """What was told under the rule as it was did happen: what the changed one does not find is not withdrawn. It ends
    with the newest reading, if it has not ended before."""
    gone = {change.number: change.occurrence for change in turn.changes if change.kind == "withdrawn"}
    changes = [change for change in turn.changes if change.number not in gone]
    dropped = {number: one for number, one in gone.items() if one.reset_at is None}
    for number, one in dropped.items():
        ended = replace(one, reset_at=max(newest, one.steps[-1].at))
        changes.append(Change("reset", number, ended, one.steps[-1].level))
    return replace(turn, changes=tuple(changes), dropped=frozenset(dropped))


def _with_those_before(session: Session, asleep: Sequence[Watched], found: Found) -> dict[int, list[Reading]]:
    """The new readings of those of which nothing is kept, by watch, in their order among those that were there before
    and may count with them. What is new and came too late is left out, as the machine would have."""
    if not asleep:
        return {}
    spans: dict[int, timedelta] = {}
    for one in asleep:
        span = one.rule.late + one.rule.longest_window
        spans[one.datastream_id] = max(span, spans.get(one.datastream_id, span))
    new = {id: dict(found[id]) for id in spans}
    firsts, newest = [min(one) for one in new.values()], [max(one) for one in new.values()]
    known: dict[int, dict[datetime, float]] = {id: {} for id in spans}
    for row in db.call(session, _READINGS, list(spans), firsts, newest, list(spans.values())):
        if row.at not in new[row.datastream_id]:
            known[row.datastream_id][row.at] = row.value
    return {one.id: _joined(known[one.datastream_id], new[one.datastream_id], one.rule) for one in asleep}


def _joined(known: Mapping[datetime, float], new: Mapping[datetime, float], rule: Rule) -> list[Reading]:
    """New readings and those before in their order; none when all that is new is too late."""
    newest = max(known, default=None)
    in_time = {at: value for at, value in new.items() if newest is None or at >= newest - rule.late}
    if not in_time:
        return []
    begin = min(in_time) - rule.late - rule.longest_window
    whole = {at: value for at, value in known.items() if at >= begin} | in_time
    return [Reading(at, value) for at, value in sorted(whole.items())]


def _keep(session: Session, turns: Iterable[Turn]) -> None:
    """Keep the states of those that are not quiet, and the numbers that were given."""
    states, numbers, quiet = [], [], []
    for turn in turns:
        id = turn.watched.id
        if watch_states.is_quiet(turn.watched.rule, turn.state):
            quiet.append(id)
        else:
            kept = watch_states.packed(turn.state)
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
    return {
        "watch": turn.watched.id,
        "number": change.number,
        "kind": change.kind,
        "state": state,
        "level": now.steps[-1].level,
        "rank": now.steps[-1].rank,
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
    why = {"reason": alarm_words.rule_changed(turn.watched.version)} if change.number in turn.dropped else {}
    return {
        "watch": turn.watched.id,
        "number": change.number,
        "action": change.kind,
        "at": at,
        "level": change.level,
        "facts": {"steps": steps, "reset_at": now.reset_at and now.reset_at.isoformat()} | why,
    }


def _json(values: Any) -> str:
    return json.dumps(values, default=datetime.isoformat)
