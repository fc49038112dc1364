"""What becomes of each case of a city's past, reckoned for all at once in some 60 bytes a case: 300 MB for 5 million.

Moments are microseconds since 1970.
"""

from datetime import date, datetime, timedelta

import numpy as np

from webgis.cases import clock, stages
from webgis.cases.working_time import HOUR, micros
from webgis.demo import hot_spots, patterns, places, workload
from webgis.demo.ground import Ground
from webgis.demo.patterns import Patterns
from webgis.settings import Settings

YEARS = 3
OPEN_DAYS = 15.0
"""Mean age of an open case; it thins out exponentially."""

DESK_MINUTES = 63
"""Up to here a pattern goes at the pace of desks, then at that of the department."""

MINUTE = HOUR // 60


class Past:
    """What becomes of `count` cases, in the order of their reports, `opened` of them not ended at `until`."""

    def __init__(
        self, settings: Settings, made: Patterns, ground: Ground, count: int, opened: int, until: datetime, seed: int
    ) -> None:
        self.settings, self.made, self.ground, self.count, self.seed = settings, made, ground, count, seed
        self.until, self.rng = until, np.random.default_rng(seed)
        self.ends = micros(until)
        self.zone_shift = until.utcoffset() // timedelta(microseconds=1)
        self.road_steps = np.array([len(steps) for _share, steps in patterns.ROADS.values()])
        self.minutes = np.array([one.minute for one in made.cases])
        self._when(opened)
        self._where_and_what()
        self._pace()
        self.steps = (self.pattern - self._first_of_road()).astype(np.int16) + 1
        self.events_before = np.concatenate(([0], self.steps.cumsum(dtype=np.int64)))

    def _when(self, opened: int) -> None:
        rng = self.rng
        days = workload.days(rng, np.datetime64(self.until.date()) - 1, 365 * YEARS, self.count).astype(np.float64)
        days[:opened] = np.minimum(rng.exponential(OPEN_DAYS, opened).astype(np.int64), 364) + 1
        reported = self.ends + ((workload.hours(rng, self.count) - 24 * days) * HOUR).astype(np.int64)
        order = np.argsort(reported, kind="stable")
        self.reported, self.open = reported[order], (np.arange(self.count) < opened)[order]

    def _where_and_what(self) -> None:
        """The cell and the pattern of each case: its county's, few classes making most, some way along a road."""
        made, rng, ground = self.made, self.rng, self.ground
        self.cell, kind = self._where()
        usual = rng.choice(made.kinds, self.count, p=workload.zipf(made.kinds))
        kind = np.where(kind < 0, usual, kind)
        shares = np.array([share for share, _steps in patterns.ROADS.values()])
        road = rng.choice(len(shares), self.count, p=shares / shares.sum())
        road[self.open & (self.road_steps[road] < 3)] = 0
        gone = 1 + (rng.random(self.count) * (self.road_steps[road] - 1)).astype(np.int64)
        counties = np.searchsorted(made.counties, ground.codes.astype("U6"))
        self.county = counties[self.cell].astype(np.int16)
        self.road = (self.county.astype(np.int32) * made.kinds + kind) * len(shares) + road
        steps = np.where(self.open, gone, self.road_steps[road])
        self.pattern = (self._firsts()[self.road] + steps - 1).astype(np.int32)

    def _where(self) -> tuple[np.ndarray, np.ndarray]:
        """The cell of each case, and its class where that belongs to the place (else -1)."""
        ground = self.ground
        month = ((self.reported - self.reported[0]) // (30 * 24 * HOUR)).astype(np.int32)
        centre = np.array(places.CENTRES.get(str(ground.codes[0])[:4], np.median(ground.inside, axis=0)))
        return hot_spots.settle(self.rng, ground.inside, centre, month, self.made.kinds)

    def _firsts(self) -> np.ndarray:
        """The first pattern of each road of each county and class."""
        lengths = np.tile(self.road_steps, len(self.made.events) // len(self.road_steps))
        return np.concatenate(([0], lengths.cumsum()[:-1]))

    def _first_of_road(self) -> np.ndarray:
        return self._firsts()[self.road]

    def _pace(self) -> None:
        """Microseconds that a minute of the pattern takes, at desks and in the department: nothing is in the future."""
        minute = self.minutes[self.pattern]
        ages = (self.ends - self.reported) / HOUR
        desk = MINUTE * np.exp(self.rng.normal(0, workload.DESK_SPREAD, self.count))
        span = workload.durations(self.rng, ages) * HOUR
        field = np.maximum(span - DESK_MINUTES * desk, 0.1 * span) / (self.minutes.max() - DESK_MINUTES)
        total = np.minimum(minute, DESK_MINUTES) * desk + np.maximum(minute - DESK_MINUTES, 0) * field
        shorter = np.minimum(1.0, (self.ends - self.reported) / np.maximum(total, 1.0))
        self.desk = np.maximum(desk * shorter, 1.0).astype(np.int64)
        self.field = np.maximum(field * shorter, 1.0).astype(np.int64)

    def number(self, counted: dict[tuple[str, date], int]) -> list[tuple[str, date, int]]:
        """Give each case its place among those of its county and day, after those counted; the new counts."""
        day = ((self.reported + self.zone_shift) // (24 * HOUR)).astype(np.int32)
        key = self.county.astype(np.int64) * 1_000_000 + day
        keys, row, many = np.unique(key, return_inverse=True, return_counts=True)
        heads = [
            (self.made.counties[one // 1_000_000], date(1970, 1, 1) + timedelta(days=one % 1_000_000))
            for one in keys.tolist()
        ]
        before = np.array([counted.get(head, 0) for head in heads])
        order = np.argsort(row, kind="stable")
        place = np.empty(self.count, dtype=np.int64)
        place[order] = np.arange(self.count) - np.repeat(many.cumsum() - many, many)
        self.sequence = (before[row] + place + 1).astype(np.int32)
        return [(*head, last) for head, last in zip(heads, (before + many).tolist(), strict=True)]

    def moment(self, rows: slice, minute: np.ndarray) -> np.ndarray:
        """When the cases of `rows` reach this minute (rows, or rows x steps) of their patterns."""
        shape = (-1,) + (1,) * (minute.ndim - 1)
        reported, desk, field = (part[rows].reshape(shape) for part in (self.reported, self.desk, self.field))
        return reported + np.minimum(minute, DESK_MINUTES) * desk + np.maximum(minute - DESK_MINUTES, 0) * field


class Working:
    """The city's working time for arrays of moments, and with it deadlines."""

    def __init__(self, calendar: clock.Calendar, past: Past) -> None:
        table = calendar.time.table(int(past.reported[0]), micros(past.until + timedelta(days=366)))
        self.begins, self.ends, self.before = (np.array(part) for part in (table.begins, table.ends, table.before))
        self.day = calendar.day // timedelta(microseconds=1)

    def after(self, start: np.ndarray, span: np.ndarray) -> np.ndarray:
        """When the working time `span` has passed since each `start`."""
        place = np.clip(np.searchsorted(self.begins, start, side="right") - 1, 0, None)
        wanted = self.before[place] + np.minimum(start, self.ends[place]) - self.begins[place] + span
        place = np.clip(np.searchsorted(self.before, wanted, side="left") - 1, 0, None)
        return self.begins[place] + wanted - self.before[place]

    def dues(self, past: Past, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """The deadline of the handling and what is due now, of cases that have not ended (else whatever)."""
        pattern = past.pattern[rows]
        cases = past.made.cases

        def of(name: str) -> np.ndarray:
            return np.array([getattr(one, name) for one in cases])[pattern]

        spans = {"urgent_hour": HOUR, "urgent_day": 24 * HOUR, "working_hour": HOUR, "working_day": self.day}
        span = np.array([one.limit * spans[one.unit] for one in cases])[pattern]
        urgent = np.array([one.unit.startswith("urgent") for one in cases])[pattern]
        start = past.moment(rows, of("dispatched"))
        deadline = np.where(urgent, start + span, self.after(start, span))
        limits = {name: stages.limit(past.settings, stage) * MINUTE for name, stage in stages.STAGES.items()}
        limit = np.array([limits.get(one.state, 0) for one in cases])[pattern]
        begun = past.moment(rows, of("minute"))
        staged = begun + limit if past.settings.stage_clock == "urgent" else self.after(begun, limit)
        handled = np.array([one.state in stages.HANDLED for one in cases])[pattern]
        return deadline, np.where(handled, deadline, staged)
