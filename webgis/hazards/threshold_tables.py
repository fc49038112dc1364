"""Thresholds as data: what a rule says of one quantity at one kind of place, and the rules that ship with webgis.

Read from `webgis/hazards/data/thresholds.csv`, where each level names its source and how sure it is. A city makes rules
of its own; one whose levels contradict each other is refused. What readings make of a rule is in `thresholds.py`.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from importlib.resources import files
from itertools import groupby
from typing import Any, Literal
from zoneinfo import ZoneInfo

from webgis.errors import Invalid

Measure = Literal["value", "sum", "mean", "rise"]
MEASURES: tuple[Measure, ...] = ("value", "sum", "mean", "rise")
"""What a level looks at: a reading itself; over a window up to it the sum, the mean, or the rise from the lowest."""

NO_TIME = timedelta(0)


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
                raise Invalid(
                    "hazards.bad-threshold",
                    f"The rule {self.key} cannot be used: {field} must be {accepted}",
                    rule=self.key,
                    field=field,
                    accepted=accepted,
                )

    def _demands(self) -> Iterable[tuple[bool, str, str]]:
        """(whether it holds, field, what is accepted)."""
        ranks = [level.rank for level in self.levels]
        spans = (self.late, self.silence, self.ahead)
        yield bool(ranks) and ranks == sorted(ranks), "levels", "one or more, the gravest last"
        yield self.least < self.most, "least", "below most"
        yield min(spans) >= NO_TIME, "late", "no negative span"
        for level in self.levels:
            yield level.measure in MEASURES, "measure", ", ".join(MEASURES)
            yield level.reset <= level.at, "reset", "not above the value at which the level is reached"
            yield min(level.lasting, level.quiet, level.window) >= NO_TIME, "lasting", "no negative span"
            yield (level.window > NO_TIME) == (level.measure != "value"), "window", "a span, but none for a plain value"

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
        tuple(_level(row) for row in rows),
        **others,
    )


def _level(row: dict[str, str]) -> Level:
    begin, _, end = row["hours"].partition("-")
    return Level(
        row["level"],
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
