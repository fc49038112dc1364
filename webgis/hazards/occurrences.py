"""The walk along the readings of a sensor in the order of their moments: levels reached and left, occurrences. Pure.

A gate for each level of a rule opens when its measure is high enough for long enough and closes when it is low for long
enough; an occurrence lasts while any is open. What comes late, twice or wrong is dealt with in `thresholds.py`.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from webgis.hazards.running_windows import measures
from webgis.hazards.threshold_tables import Level, Rule


@dataclass(frozen=True)
class Step:
    """A level that an occurrence has reached, and when."""

    level: str
    rank: int
    at: datetime


@dataclass(frozen=True)
class Occurrence:
    """From when until when levels were reached; `reset_at` None while they are. Each of `steps` is graver."""

    steps: tuple[Step, ...]
    reset_at: datetime | None = None

    @property
    def raised_at(self) -> datetime:
        """When the first level was reached."""
        return self.steps[0].at

    def meets(self, other: "Occurrence") -> bool:
        """Whether they have a moment in common, and so are tellings of one thing."""
        begins_before = other.reset_at is None or self.raised_at <= other.reset_at
        return begins_before and (self.reset_at is None or other.raised_at <= self.reset_at)


@dataclass(frozen=True)
class Held:
    """A moment and the different values told of it, in order."""

    at: datetime
    values: tuple[float, ...]


@dataclass(frozen=True)
class Gate:
    """Whether a level is reached, and since when it is on its way to the contrary."""

    on: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """Where the walk along the readings stands: a gate for each level, the moment, the open occurrence, those ended."""

    gates: tuple[Gate, ...]
    last: datetime | None = None
    open: Occurrence | None = None
    ended: tuple[Occurrence, ...] = ()

    @property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """Those ended and the open one, in the order of time."""
        return self.ended if self.open is None else (*self.ended, self.open)


def walk(rule: Rule, standing: Standing, held: Sequence[Held], first: int) -> Standing:
    """The standing after the readings of `held` from place `first` on."""
    if first == len(held):
        return standing
    begin = bisect_left(held, held[first].at - rule.longest_window, key=lambda one: one.at)
    times = [one.at for one in held[begin:]]
    values = [one.values[-1] for one in held[begin:]]
    measured = [measures(level, times, values) for level in rule.levels]
    for place in range(first - begin, len(times)):
        at = times[place]
        gates = tuple(
            _gate(rule, level, gate, standing.last, at, measure(place) if level.looks(at, rule.zone) else None)
            for level, gate, measure in zip(rule.levels, standing.gates, measured, strict=True)
        )
        standing = _moved(rule, standing, gates, at)
    return standing


def _gate(rule: Rule, level: Level, gate: Gate, last: datetime | None, at: datetime, measure: float | None) -> Gate:
    """The gate of a level after a reading at `at`, the one before it being at `last`."""
    if not gate.on:
        if measure is None or measure < level.at:
            return Gate()
        since = gate.since or at
        return Gate(True) if at - since >= level.lasting else Gate(False, since)
    if measure is not None and measure >= level.reset:
        return Gate(True)
    unbroken = gate.since is not None and last is not None and at - last <= rule.silence
    since = gate.since if unbroken else at
    return Gate() if at - since >= level.quiet else Gate(True, since)


def _moved(rule: Rule, standing: Standing, gates: tuple[Gate, ...], at: datetime) -> Standing:
    reached = [level for level, gate in zip(rule.levels, gates, strict=True) if gate.on]
    now, ended = standing.open, standing.ended
    if now and not reached:
        now, ended = None, (*ended, replace(now, reset_at=at))
    elif reached:
        gravest = reached[-1]
        if now is None or gravest.rank > now.steps[-1].rank:
            now = Occurrence((*(now.steps if now else ()), Step(gravest.name, gravest.rank, at)))
    return Standing(gates, at, now, ended)
