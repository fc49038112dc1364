"""Days as they are asked for: one that is written, and two that make a span. Pure."""

from datetime import date, timedelta
from typing import Any, NamedTuple

from pydantic_core import PydanticCustomError

DAY = timedelta(days=1)
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)
"""Days that are asked for lie between: beyond are slips of the pen, and days that have no next one."""


class Span(NamedTuple):
    """Two days, both included."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """How many days."""
        return (self.until - self.since).days + 1

    @property
    def before(self) -> "Span":
        """As many days just before."""
        return Span(self.since - self.days * DAY, self.since - DAY)


def read(value: Any) -> date:
    """The day that is written as 2026-11-22, for a field of what is asked; an error of pydantic for what is none."""
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        day = None
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        expected = f"a day such as 2026-11-22, from {FIRST_DAY} to {LAST_DAY}"
        raise PydanticCustomError("day", "{expected} is expected", {"expected": expected})
    return day
