"""What is kept of a watched datastream between readings, and when nothing need be. Pure: states in, JSON values out.

Most datastreams are **quiet**: every gate is closed, nothing was told that may still change, and no reading that is
held could count towards a level. Of these nothing is kept; the machine starts anew from the readings themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf, nextafter
from typing import Any

from webgis.hazards.occurrences import Gate, Held, Occurrence, Standing, Step
from webgis.hazards.threshold_tables import Level, Rule
from webgis.hazards.thresholds import State, start

Told = tuple[tuple[int, Occurrence], ...]
"""Occurrences by number, as they were told."""

PAUSED = -1
"""Stands in the place of the rule's version with a state from before a pause of the watch: it begins anew."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def wakes_at(rule: Rule) -> float:
    """The lowest value of a reading that may count towards a level of a rule whose gates are closed."""
    return min(_counts_from(rule, level) for level in rule.levels)


def _counts_from(rule: Rule, level: Level) -> float:
    if level.measure == "sum":
        return nextafter(0, inf) if level.at > 0 else -inf
    return level.at + (rule.least if level.measure == "rise" else 0)


def is_quiet(rule: Rule, state: State) -> bool:
    """Whether nothing need be kept of this state."""
    wakes, gates = wakes_at(rule), (*state.tip.gates, *state.settled.gates)
    nothing_told = not state.told and state.tip.open is None and not state.tip.ended
    return (
        nothing_told
        and not any(gate.on or gate.since for gate in gates)
        and all(one.values[-1] < wakes for one in state.held)
    )


def fresh(rule: Rule, numbered: int, told: Iterable[tuple[int, Occurrence]] = ()) -> State:
    """The state of a datastream of which nothing is kept: the number of its last alarm, and what was told and may
    still change, as when the rule became another while an alarm stood."""
    return replace(start(rule), numbered=numbered, told=tuple(told))


def packed(state: State, ended: Told = ()) -> dict[str, Any]:
    """A state as JSON values, with the alarms that a change of the rule has ended; moments are microseconds since 1970.
    What was counted is not kept."""
    return {
        "settled": _standing(state.settled),
        "tip": _standing(state.tip),
        "held": [[_micros(one.at), *one.values] for one in state.held],
        "settled_count": state.settled_count,
        "told": [[number, _occurrence(told)] for number, told in state.told],
        "numbered": state.numbered,
        "ended": [[number, _occurrence(told)] for number, told in ended],
    }


def unpacked(kept: Mapping[str, Any]) -> State:
    """The state that was packed."""
    return State(
        _read_standing(kept["settled"]),
        _read_standing(kept["tip"]),
        tuple(Held(_moment(at), tuple(map(float, values))) for at, *values in kept["held"]),
        kept["settled_count"],
        _read_told(kept["told"]),
        kept["numbered"],
    )


def ended(kept: Mapping[str, Any]) -> Told:
    """The alarms packed with a state that a change of the rule has ended."""
    return _read_told(kept.get("ended", ()))


def _read_told(kept: Iterable[Any]) -> Told:
    return tuple((number, _read_occurrence(told)) for number, told in kept)


def _micros(at: datetime | None) -> int | None:
    return None if at is None else (at - EPOCH) // MICROSECOND


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else EPOCH + micros * MICROSECOND


def _standing(one: Standing) -> list[Any]:
    gates = [[gate.on, _micros(gate.since)] for gate in one.gates]
    return [gates, _micros(one.last), one.open and _occurrence(one.open), [_occurrence(past) for past in one.ended]]


def _read_standing(kept: list[Any]) -> Standing:
    gates, last, now, ended = kept
    return Standing(
        tuple(Gate(on, _moment(since)) for on, since in gates),
        _moment(last),
        now and _read_occurrence(now),
        tuple(_read_occurrence(past) for past in ended),
    )


def _occurrence(one: Occurrence) -> list[Any]:
    return [[[step.level, step.rank, _micros(step.at)] for step in one.steps], _micros(one.reset_at)]


def _read_occurrence(kept: list[Any]) -> Occurrence:
    steps, reset_at = kept
    return Occurrence(tuple(Step(level, rank, _moment(at)) for level, rank, at in steps), _moment(reset_at))
