"""Readings are acknowledged once they lie in the inbox and that is committed; the writer puts them in place."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.db import call

UNKNOWN = 0
"""Stands for a datastream that nobody knows, where it is too late to refuse; such readings are counted."""


class Told(NamedTuple):
    """What a datastream (its id) told of a moment; None where no moment or no number was told."""

    datastream: int
    at: datetime | None
    value: float | None


_PUT = """
    INSERT INTO city.reading_inbox (source, arrived_at, datastreams, moments, vals)
    VALUES (%s, coalesce(%s::timestamptz, now()), %s::bigint[], %s::timestamptz[], %s::double precision[]) RETURNING id
"""


def put(
    session: Session,
    readings: Sequence[Told],
    source: Literal["http", "mqtt", "own"],
    arrived_at: datetime | None = None,
) -> int | None:
    """Lay readings into the inbox; the number of the row. The caller commits, and only then acknowledges."""
    if not readings:
        return None
    streams, moments, values = map(list, zip(*readings, strict=True))
    return call(session, _PUT, source, arrived_at, streams, moments, values)[0].id


class Waiting(NamedTuple):
    """What waits in the inbox: rows, readings, the oldest row's arrival, and rows that could not be put in place."""

    rows: int
    readings: int
    oldest: datetime | None
    refused: int


def waiting(session: Session) -> Waiting:
    """What waits to be put in place."""
    row = session.execute(
        text(
            "SELECT count(*) FILTER (WHERE error IS NULL),"
            " coalesce(sum(cardinality(vals)) FILTER (WHERE error IS NULL), 0),"
            " min(arrived_at) FILTER (WHERE error IS NULL), count(*) FILTER (WHERE error IS NOT NULL)"
            " FROM city.reading_inbox"
        )
    ).one()
    return Waiting(row[0], int(row[1]), row[2], row[3])
