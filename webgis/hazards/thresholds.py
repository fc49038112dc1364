"""When readings are an alarm. Pure: a rule, a state and readings in, the next state and what has changed out.

Readings of one sensor come in any order, twice, late or not at all. They are put in the order of their own moments and
the rule's levels are walked along them; an **occurrence** is the time from which a level is reached until all are left,
with the levels it climbed. What is known is told at once, without waiting for stragglers; when one turns the story, the
difference is told:

    raised      an occurrence, with its first level
    escalated   it has reached a higher level
    reset       all its levels are left
    amended     it stands otherwise than told: its moments or levels are now these
    withdrawn   a late reading shows that there was none, or that it was one with another

Readings up to `Rule.late` older than the newest of the sensor count. Whatever their order and however often they come
within this window, the occurrences in the end are the same; only their numbers and what was told on the way may differ.
Older ones are counted as late and change nothing. Moments are those of readings: nothing happens by the mere passing of
time, and a duration is reached at the first reading that proves it. Silence counts for an alarm, not for its reset.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from webgis.hazards.occurrences import Gate, Held, Occurrence, Standing, Step, walk
from webgis.hazards.threshold_tables import Rule

__all__ = ("Change", "Counts", "Occurrence", "Reading", "State", "Step", "feed", "start")

EARLIEST_YEAR = 2000
"""A sensor whose clock was never set tells of 1970."""


@dataclass(frozen=True)
class Reading:
    """What a sensor told of the aware moment `at`. Anything may stand in `value`: what cannot be is counted."""

    at: datetime
    value: Any


Kind = Literal["raised", "escalated", "reset", "amended", "withdrawn"]


@dataclass(frozen=True)
class Change:
    """Something to be told of the occurrence `number` of this sensor, which now stands as `occurrence`."""

    kind: Kind
    number: int
    occurrence: Occurrence
    level: str


@dataclass(frozen=True)
class Counts:
    """What has become of readings.

    `taken`: one for each moment; of these `reordered` came after a newer one. `doubled`: known already;
    `contradicted`: another value for a known moment, of which the highest counts. Not used: `late`; `impossible` (no
    number, out of the rule's range, no moment); `ahead` (of the future).
    """

    taken: int = 0
    reordered: int = 0
    doubled: int = 0
    contradicted: int = 0
    late: int = 0
    impossible: int = 0
    ahead: int = 0


@dataclass(frozen=True)
class State:
    """What is known of a sensor under one rule.

    `held`: readings in the order of their moments, of which the first `settled_count` are too old to be joined by late
    ones and are kept for windows only; `settled` is the walk up to these, `tip` up to the newest. `told`: occurrences
    as they were told, by number, while they may still change.
    """

    settled: Standing
    tip: Standing
    held: tuple[Held, ...] = ()
    settled_count: int = 0
    told: tuple[tuple[int, Occurrence], ...] = ()
    numbered: int = 0
    counts: Counts = Counts()


def start(rule: Rule) -> State:
    """The state of a sensor that has told nothing."""
    standing = Standing(tuple(Gate() for _ in rule.levels))
    return State(standing, standing)


def feed(rule: Rule, state: State, readings: Iterable[Reading], now: datetime) -> tuple[State, tuple[Change, ...]]:
    """The state after these readings, which arrived at the aware moment `now`, and what is to be told."""
    held, first_new, counts = _taken_in(rule, state, readings, now)
    if first_new >= len(state.held):
        tip = walk(rule, state.tip, held, len(state.held))
    else:
        tip = walk(rule, state.settled, held, state.settled_count)
    told, numbered, changes = _compared(state, tip.occurrences)
    grown = State(state.settled, tip, tuple(held), state.settled_count, told, numbered, counts)
    return _settle(rule, grown), changes


def _taken_in(rule: Rule, state: State, readings: Iterable[Reading], now: datetime) -> tuple[list[Held], int, Counts]:
    """What is held with the new readings, the first place at which it differs from before, and the counts."""
    held, first_new = list(state.held), len(state.held)
    counts = vars(state.counts).copy()
    for reading in readings:
        at, value = _moment(reading.at), _number(reading.value, rule)
        if at is None or value is None:
            counts["impossible"] += 1
        elif at > now + rule.ahead:
            counts["ahead"] += 1
        elif held and at < held[-1].at - rule.late:
            counts["late"] += 1
        else:
            place = bisect_left(held, at, key=lambda one: one.at)
            known = held[place].values if place < len(held) and held[place].at == at else None
            if known is None:
                counts["taken"] += 1
                counts["reordered"] += place < len(held)
                held.insert(place, Held(at, (value,)))
            elif value in known:
                counts["doubled"] += 1
                continue
            else:
                counts["contradicted"] += 1
                held[place] = Held(at, tuple(sorted((*known, value))))
            first_new = min(first_new, place)
    return held, first_new, Counts(**counts)


def _moment(at: Any) -> datetime | None:
    told = isinstance(at, datetime) and at.tzinfo and at.year >= EARLIEST_YEAR
    return at.astimezone(UTC) if told else None


def _number(value: Any, rule: Rule) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if rule.least <= value <= rule.most else None


def _compared(
    state: State, found: Sequence[Occurrence]
) -> tuple[tuple[tuple[int, Occurrence], ...], int, tuple[Change, ...]]:
    """What is told now, the last number given, and the changes from what was told before."""
    left, numbered = list(state.told), state.numbered
    told, changes = [], []
    for occurrence in found:
        known = next((one for one in left if one[1].meets(occurrence)), None)
        if known is None:
            numbered += 1
            told.append((numbered, occurrence))
            changes += _news(numbered, None, occurrence)
        else:
            left.remove(known)
            told.append((known[0], occurrence))
            changes += _news(known[0], known[1], occurrence)
    changes += [Change("withdrawn", number, gone, gone.steps[-1].level) for number, gone in left]
    return tuple(told), numbered, tuple(changes)


def _news(number: int, before: Occurrence | None, now: Occurrence) -> Iterator[Change]:
    if before == now:
        return
    steps = before.steps if before else ()
    if before and (before.reset_at or now.steps[: len(steps)] != steps):
        yield Change("amended", number, now, now.steps[-1].level)
        return
    for step in now.steps[len(steps) :]:
        yield Change("raised" if step is now.steps[0] else "escalated", number, now, step.level)
    if now.reset_at:
        yield Change("reset", number, now, now.steps[-1].level)


def _settle(rule: Rule, state: State) -> State:
    """The state without what no late reading can change and no window needs any more."""
    if not state.held:
        return state
    settled_until = state.held[-1].at - rule.late
    count = bisect_left(state.held, settled_until, key=lambda one: one.at)
    if count == state.settled_count:
        return state
    settled = walk(rule, state.settled, state.held[:count], state.settled_count)
    needed = bisect_left(state.held, settled_until - rule.longest_window, key=lambda one: one.at)
    return replace(
        state,
        settled=replace(settled, ended=()),
        tip=replace(state.tip, ended=tuple(one for one in state.tip.ended if one.reset_at >= settled_until)),
        held=state.held[needed:],
        settled_count=count - needed,
        told=tuple(one for one in state.told if one[1].reset_at is None or one[1].reset_at >= settled_until),
    )
