"""When a case is due. Pure: moments and a calendar in, a moment out.

Four units of time limits (GB/T 30428.8): urgent hours and urgent days run through nights and holidays; working hours
and working days pass only inside the shifts of working days. A working day is as many working hours as a day's shifts
have (8 in the usual calendar), so "1 working day from Friday 16:30" is Monday 16:30.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

URGENT = {"urgent_hour": timedelta(hours=1), "urgent_day": timedelta(days=1)}
DUE_SOON = 0.2
"""Share of the limit left under which the light turns amber (`ui.md`)."""

LONGEST_GAP_DAYS = 60
"""A calendar without a working day for so long is a mistake, not a holiday."""

Light = Literal["in_time", "due_soon", "overdue"]


@dataclass(frozen=True)
class Calendar:
    """A city's working time: its zone, the shifts of a working day (local times), and which dates are working days."""

    zone: ZoneInfo
    shifts: tuple[tuple[time, time], ...]
    is_working_day: Callable[[date], bool]

    @property
    def day(self) -> timedelta:
        """The working time of one working day."""
        return sum((_span(start, end) for start, end in self.shifts), timedelta())


def _span(start: time, end: time) -> timedelta:
    return datetime.combine(date.min, end) - datetime.combine(date.min, start)


def parse_shifts(text: str) -> tuple[tuple[time, time], ...]:
    """ "08:00-12:00,14:00-18:00" as shifts. Raises ValueError when one ends before it begins or they overlap."""
    shifts = tuple(tuple(time.fromisoformat(part) for part in shift.split("-")) for shift in text.split(","))
    moments = [moment for shift in shifts for moment in shift]
    if any(later <= earlier for earlier, later in zip(moments, moments[1:], strict=False)):
        raise ValueError(f"shifts must follow one another within a day: {text}")
    return shifts


def deadline(start: datetime, limit: int, unit: str, calendar: Calendar) -> datetime:
    """The moment `limit` units after `start` (aware; any zone), in UTC."""
    if unit in URGENT:
        return (start + limit * URGENT[unit]).astimezone(ZoneInfo("UTC"))
    left = limit * (timedelta(hours=1) if unit == "working_hour" else calendar.day)
    for begin, end in _working_spans(start, calendar):
        if end - begin >= left:
            return (begin + left).astimezone(ZoneInfo("UTC"))
        left -= end - begin
    raise ValueError(f"the calendar has no working day in {LONGEST_GAP_DAYS} days after {start}")


def _working_spans(start: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """Spans of working time from `start` on, in UTC (arithmetic on local times would miss a change of clocks)."""
    utc = ZoneInfo("UTC")
    day, idle = start.astimezone(calendar.zone).date(), 0
    while idle <= LONGEST_GAP_DAYS:
        idle = 0 if calendar.is_working_day(day) else idle + 1
        for first, last in calendar.shifts if idle == 0 else ():
            begin = datetime.combine(day, first, calendar.zone).astimezone(utc)
            end = datetime.combine(day, last, calendar.zone).astimezone(utc)
            if end > start:
                yield max(begin, start.astimezone(utc)), end
        day += timedelta(days=1)


def light(started: datetime, due: datetime, now: datetime) -> Light:
    """Green, amber or red: in time, less than a fifth of the span left, or over."""
    if now > due:
        return "overdue"
    return "due_soon" if (due - now) < DUE_SOON * (due - started) else "in_time"
