"""Thresholds as data: what a rule says of one quantity at one kind of place, and the rules that ship with webgis.

Read from `webgis/hazards/data/thresholds.csv`, where each level names its source and how sure it is. A city makes rules
of its own; one whose levels contradict each other is refused. What readings make of a rule is in `thresholds.py`.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from importlib.resources import files
from itertools import groupby
from math import isfinite
from typing import Any, Literal
from zoneinfo import ZoneInfo

from webgis.errors import Invalid

Measure = Literal["value", "sum", "mean", "rise"]
MEASURES: tuple[Measure, ...] = ("value", "sum", "mean", "rise")
"""What a level looks at: a reading itself; over a window up to it the sum, the mean, or the rise from the lowest."""

NO_TIME = timedelta(0)
LONGEST = timedelta(days=3)
"""No level looks further back, or waits longer."""

GRAVEST = 9
"""The highest rank of a level."""


def bad_rule(key: str, field: str, accepted: str, level: int | None = None) -> Invalid:
    """The refusal of a rule that cannot be used; `level`: the place (from 0) of the level at fault."""
    message = f"The rule {key} cannot be used: {field} must be {accepted}"
    where = {} if level is None else {"level": level}
    return Invalid("hazards.bad-threshold", message, rule=key, field=field, accepted=accepted, **where)


@dataclass(frozen=True)
class Level:
    """A level is reached when its measure is `at` or more for `lasting`, and left when it is below `reset` for `quiet`.

    `reset` is not above `at`; between them lies the hysteresis. `rank` orders the levels of a rule, the gravest last;
    two may share one. `hours` (from, until; may pass midnight): the only ones in which it is looked at. `sureness`: H,
    M, L, or "ours".
    """

    name: str
    rank: int
    at: float
    reset: float
    measure: Measure = "value"
    window: timedelta = NO_TIME
    lasting: timedelta = NO_TIME
    quiet: timedelta = NO_TIME
    hours: tuple[time, time] | None = None
    source: str = ""
    sureness: str = "ours"

    def demands(self) -> Iterable[tuple[bool, str, str]]:
        """(whether it holds, field, what is accepted)."""
        yield 1 <= self.rank <= GRAVEST, "rank", f"1 to {GRAVEST}"
        yield self.measure in MEASURES, "measure", ", ".join(MEASURES)
        yield isfinite(self.at), "at", "a number"
        yield isfinite(self.reset), "reset", "a number"
        yield self.reset <= self.at, "reset", "not above the value at which the level is reached"
        yield min(self.lasting, self.quiet, self.window) >= NO_TIME, "lasting", "no negative span"
        yield max(self.lasting, self.quiet, self.window) <= LONGEST, "lasting", f"at most {LONGEST.days} days"
        yield (self.window > NO_TIME) == (self.measure != "value"), "window", "a span, but none for a plain value"

    def reach(self, least: float, most: float) -> Iterable[tuple[bool, str, str]]:
        """As `demands`, of readings between `least` and `most`: that the level can come, can end, and is looked at."""
        low, high = (0.0, most - least) if self.measure == "rise" else (least, most)
        sums = self.measure == "sum"
        yield sums or self.at <= high, "at", f"at most {high:g}: no more can be"
        yield (sums and least < 0) or self.reset > low, "reset", f"above {low:g}: no less can be"
        yield self.hours is None or self.hours[0] != self.hours[1], "hours", "from one time to another, or none"

    def looks(self, at: datetime, zone: tzinfo) -> bool:
        """Whether the moment lies in its hours."""
        if self.hours is None:
            return True
        begin, end = self.hours
        now = at.astimezone(zone).time()
        return begin <= now < end if begin <= end else now >= begin or now < end


@dataclass(frozen=True)
class Rule:
    """The levels of one quantity at one kind of place; readings outside `least` to `most` are impossible.

    `late`: so much older than the newest a reading may be and still count. `silence`: a longer gap between readings
    proves no `quiet`. `ahead`: so far a sensor's clock may be in front of ours.
    """

    key: str
    quantity: str
    place: str
    unit: str
    least: float
    most: float
    levels: tuple[Level, ...]
    late: timedelta = timedelta(minutes=10)
    silence: timedelta = timedelta(minutes=30)
    ahead: timedelta = timedelta(minutes=5)
    zone: tzinfo = ZoneInfo("Asia/Shanghai")

    def __post_init__(self) -> None:
        for fits, field, accepted in self._demands():
            if not fits:
                raise bad_rule(self.key, field, accepted)
        for place, level in enumerate(self.levels):
            for fits, field, accepted in level.demands():
                if not fits:
                    raise bad_rule(self.key, field, accepted, place)

    def check_reach(self) -> None:
        """Refuse a level that never comes or never ends. Asked when a rule is changed, not of each that is read: one
        that was kept before goes on watching, and can be mended."""
        for place, level in enumerate(self.levels):
            for fits, field, accepted in level.reach(self.least, self.most):
                if not fits:
                    raise bad_rule(self.key, field, accepted, place)

    def _demands(self) -> Iterable[tuple[bool, str, str]]:
        """(whether it holds, field, what is accepted)."""
        ranks = [level.rank for level in self.levels]
        spans = (self.late, self.silence, self.ahead)
        yield bool(ranks) and ranks == sorted(ranks), "levels", "one or more, the gravest last"
        yield isfinite(self.least) and isfinite(self.most) and self.least < self.most, "least", "a number below most"
        yield min(spans) >= NO_TIME, "late", "no negative span"

    @property
    def longest_window(self) -> timedelta:
        """How far back any level looks."""
        return max(level.window for level in self.levels)


def shipped(**others: Any) -> dict[str, Rule]:
    """The rules of `thresholds.csv` by their key; `others` are given to each (`late`, `silence`, `ahead`, `zone`)."""
    text = files("webgis.hazards").joinpath("data", "thresholds.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {key: _rule(key, list(levels), others) for key, levels in groupby(rows, lambda row: row["rule"])}


def _rule(key: str, rows: list[dict[str, str]], others: dict[str, Any]) -> Rule:
    first = rows[0]
    return Rule(
        key,
        first["quantity"],
        first["place"],
        first["unit"],
        float(first["least"]),
        float(first["most"]),
        tuple(level_of(row) for row in rows),
        **others,
    )


def level_of(row: Mapping[str, Any]) -> Level:
    """A level as a row of the file or of a city's table says; KeyError, TypeError or ValueError when it says nothing
    that can be used."""
    begin, _, end = (row.get("hours") or "").partition("-")
    return Level(
        str(row.get("name") or row["level"]),
        int(row["rank"]),
        float(row["at"]),
        float(row["reset"]),
        row["measure"],
        timedelta(seconds=int(row["window_s"])),
        timedelta(seconds=int(row["lasting_s"])),
        timedelta(seconds=int(row["quiet_s"])),
        (time.fromisoformat(begin), time.fromisoformat(end)) if begin else None,
        row["source"],
        row["sureness"],
    )
