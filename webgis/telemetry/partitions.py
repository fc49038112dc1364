"""The tables of months in which readings lie: which are there, and to make those that are needed.

A month is that of UTC. It is made beside the others and then attached, which waits for nobody who reads or writes them;
in a transaction of its own, and ahead of time (`AHEAD`).
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

AHEAD = 2
"""Months after the present one whose tables are made before anything is told of them."""

NAME = re.compile(r"reading_(\d{4})(\d{2})")

_KNOWN = text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'city.reading'::regclass"
)


def month_of(moment: datetime) -> date:
    """The first day of the month (UTC) of an aware moment."""
    return moment.astimezone(UTC).date().replace(day=1)


def later(month: date, count: int) -> date:
    """The month so many months later."""
    months = month.year * 12 + month.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def known(session: Session) -> set[date]:
    """The months that have a table."""
    found = (NAME.fullmatch(name) for name in session.scalars(_KNOWN))
    return {date(int(one[1]), int(one[2]), 1) for one in found if one}


def make(session: Session, months: Iterable[date]) -> None:
    """Make the tables of these months, those that are not there yet. Empty ones cost nothing."""
    for month in sorted(set(months) - known(session)):
        session.execute(
            text(
                f"CREATE TABLE city.reading_{month:%Y%m} (LIKE city.reading INCLUDING ALL)"
                " WITH (autovacuum_vacuum_insert_scale_factor = 0.02)"
            )
        )
        session.execute(
            text(
                f"ALTER TABLE city.reading ATTACH PARTITION city.reading_{month:%Y%m}"
                f" FOR VALUES FROM ('{month} 00:00:00+00') TO ('{later(month, 1)} 00:00:00+00')"
            )
        )


def ahead(now: datetime) -> set[date]:
    """The months that should have tables at `now`: the last, this one and the next ones."""
    return {later(month_of(now), count) for count in range(-1, AHEAD + 1)}
