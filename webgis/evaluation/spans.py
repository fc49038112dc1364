"""A span cut into the days, weeks or months that a trend is told by. Pure."""

from collections.abc import Iterator
from datetime import date

from webgis.days import DAY, Span

STEPS = ("day", "week", "month")

LONGEST_BY_DAY, LONGEST_BY_WEEK = 45, 400
"""Days up to which a trend is told by day, and by week, when nothing else is asked."""


def start(step: str, day: date) -> date:
    """The first day of the day, week (from Monday) or month in which a day lies."""
    return {"day": day, "week": day - day.weekday() * DAY, "month": day.replace(day=1)}[step]


def after(step: str, first: date) -> date:
    """The first day of the next."""
    return {"day": first + DAY, "week": first + 7 * DAY, "month": (first + 31 * DAY).replace(day=1)}[step]


def parts(step: str, span: Span) -> Iterator[Span]:
    """The days, weeks or months of a span; the first and the last may be cut off by its ends."""
    first = start(step, span.since)
    while first <= span.until:
        following = after(step, first)
        yield Span(max(first, span.since), min(following - DAY, span.until))
        first = following


def fitting(span: Span) -> str:
    """The step by which a span reads well."""
    return "day" if span.days <= LONGEST_BY_DAY else "week" if span.days <= LONGEST_BY_WEEK else "month"
