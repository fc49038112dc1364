"""A city's working time as a staircase that can be climbed both ways: how much has passed, and when so much will have.

Pure. Moments are whole microseconds since 1970 (UTC) in here: a deadline is then two binary searches in sorted lists,
some microseconds, however long the limit is. The lists are made once per calendar, a year at a time when it is needed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR = 3_600_000_000
"""Microseconds of an hour."""

LONGEST_GAP_DAYS = 60
"""A calendar without a working day for so long is a mistake, not a holiday."""

Shifts = tuple[tuple[time, time], ...]


class Period(NamedTuple):
    """Other shifts from the day `since` to the day `until` (both included; None: for good), such as summer hours."""

    since: date
    until: date | None
    shifts: Shifts


@dataclass(frozen=True)
class Calendar:
    """A city's working time: its zone, the shifts of a working day (local times), and which dates are working days.

    `periods` are times of the year with shifts of their own; they do not overlap. `names` are what days are called
    (zh, en): a holiday, or a day on which work is made up for. `version` says which state of the stored calendar
    this is (0: not stored).
    """

    zone: ZoneInfo
    shifts: Shifts
    is_working_day: Callable[[date], bool]
    periods: tuple[Period, ...] = ()
    names: Mapping[date, tuple[str, str]] = field(default_factory=dict, compare=False, repr=False)
    version: int = 0

    @property
    def day(self) -> timedelta:
        """The working time of one working day outside the periods."""
        return span_of(self.shifts)

    def shifts_on(self, day: date) -> Shifts:
        """The shifts of a working day on that date."""
        for period in self.periods:
            if period.since <= day and (period.until is None or day <= period.until):
                return period.shifts
        return self.shifts

    @cached_property
    def time(self) -> "WorkingTime":
        """The working time of this calendar; equal calendars share it."""
        return _working_time(self)


def span_of(shifts: Shifts) -> timedelta:
    """The length of a day with these shifts."""
    return sum((datetime.combine(date.min, e) - datetime.combine(date.min, b) for b, e in shifts), timedelta())


def parse_shifts(text: str) -> Shifts:
    """ "08:00-12:00,14:00-18:00" as shifts. Raises ValueError when one ends before it begins or they overlap."""
    shifts = tuple(tuple(time.fromisoformat(part) for part in shift.split("-")) for shift in text.split(","))
    moments = [moment for shift in shifts for moment in shift]
    if any(len(shift) != 2 for shift in shifts) or any(
        later <= earlier for earlier, later in zip(moments, moments[1:], strict=False)
    ):
        raise ValueError(f"shifts must follow one another within a day: {text}")
    return shifts


def shifts_text(shifts: Shifts) -> str:
    """The shifts as `parse_shifts` reads them."""
    return ",".join(f"{begin:%H:%M}-{end:%H:%M}" for begin, end in shifts)


def micros(moment: datetime) -> int:
    """An aware moment as microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def moment(count: int) -> datetime:
    """Microseconds since 1970 as a moment in UTC."""
    return EPOCH + timedelta(microseconds=count)


class Table(NamedTuple):
    """Spans of working time of whole years: where each begins and ends, the working time before it (and, last, of all),
    and the working time of the day it belongs to. `first` and `last` bound the time that the table tells of."""

    years: range
    begins: list[int]
    ends: list[int]
    before: list[int]
    day: list[int]
    first: int
    last: int


class WorkingTime:
    """The spans of a calendar, grown a year at a time. Safe between threads: a table is replaced, never changed."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._years: dict[int, list[tuple[int, int, int]]] = {}
        self._table: Table | None = None

    def table(self, first: int, last: int) -> Table:
        """The table of all years from that of the moment `first` to that of the moment `last`, and perhaps more."""
        table = self._table
        if table is None or first < table.first or last >= table.last:
            table = self._table = self._grown(table, self._year(first), self._year(last))
        return table

    def passed(self, start: int, end: int) -> int:
        """Working time between two moments, `start` not after `end`."""
        table = self.table(start, end)
        return _upto(table, end) - _upto(table, start)

    def after(self, start: int, span: int) -> int:
        """The moment at which the working time `span` (more than 0) has passed since `start`.

        Raises ValueError when the calendar has no working day for too long.
        """
        table = self.table(start, start)
        wanted = _upto(table, start) + span
        while wanted > table.before[-1]:
            table, wanted = self._longer(table, start, span)
        place = bisect_left(table.before, wanted) - 1
        return table.begins[place] + wanted - table.before[place]

    def day_at(self, start: int) -> int:
        """The working time of the first working day that has some left at `start`: what "one working day" means."""
        table = self.table(start, start)
        while (place := bisect_right(table.ends, start)) == len(table.ends):
            table, _wanted = self._longer(table, start, 1)
        return table.day[place]

    def _longer(self, table: Table, start: int, span: int) -> tuple[Table, int]:
        grown = self._table = self._grown(table, table.years[0], table.years[-1] + 1)
        if len(grown.ends) == len(table.ends):
            raise ValueError(f"the calendar has no working day in {LONGEST_GAP_DAYS} days after {moment(start)}")
        return grown, _upto(grown, start) + span

    def _year(self, at: int) -> int:
        return moment(at).astimezone(self._calendar.zone).year

    def _grown(self, table: Table | None, first: int, last: int) -> Table:
        years = range(first, last + 1)
        if table is not None:
            years = range(min(first, table.years[0]), max(last, table.years[-1]) + 1)
        spans = [span for year in years for span in self._spans(year)]
        before = [0]
        for begin, end, _day in spans:
            before.append(before[-1] + end - begin)
        return Table(
            years,
            [span[0] for span in spans],
            [span[1] for span in spans],
            before,
            [span[2] for span in spans],
            self._midnight(date(years[0], 1, 1)),
            self._midnight(date(years[-1] + 1, 1, 1)),
        )

    def _spans(self, year: int) -> list[tuple[int, int, int]]:
        if year not in self._years:
            self._years[year] = list(self._of_days(year))
        return self._years[year]

    def _of_days(self, year: int) -> Iterator[tuple[int, int, int]]:
        """Begin, end and the day's length of each span of a year, reckoned in UTC: a change of clocks is seen."""
        calendar, day = self._calendar, date(year, 1, 1)
        while day.year == year:
            if calendar.is_working_day(day):
                shifts = calendar.shifts_on(day)
                bounds = [(self._local(day, begin), self._local(day, end)) for begin, end in shifts]
                length = sum(end - begin for begin, end in bounds)
                yield from ((begin, end, length) for begin, end in bounds if begin < end)
            day += timedelta(days=1)

    def _local(self, day: date, at: time) -> int:
        return micros(datetime.combine(day, at, self._calendar.zone))

    def _midnight(self, day: date) -> int:
        return self._local(day, time.min)


def _upto(table: Table, at: int) -> int:
    """Working time from the beginning of the table to the moment `at`."""
    place = bisect_right(table.begins, at) - 1
    if place < 0:
        return 0
    return table.before[place] + min(at, table.ends[place]) - table.begins[place]


@lru_cache(maxsize=32)
def _working_time(calendar: Calendar) -> WorkingTime:
    return WorkingTime(calendar)
