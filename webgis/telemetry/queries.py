"""Questions about stations, datastreams and their readings. Reads only.

Readings are found by their datastream and a span of moments, which the key of each month's table answers.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.db import call, like
from webgis.telemetry.operations import unknown

State = Literal["ok", "silent", "off", "new"]
STATES: tuple[State, ...] = ("ok", "silent", "new", "off")
"""How a datastream stands: it tells, it fell silent, it never told anything yet, it is out of use."""

MOST_LISTED = 200
POINTS = 800
"""Points of a chart: about one for each dot of a screen."""

_STATE = (
    "CASE WHEN NOT (d.active AND s.active) THEN 'off' WHEN d.silent_since IS NOT NULL THEN 'silent'"
    " WHEN d.heard_at IS NULL THEN 'new' ELSE 'ok' END"
)
_COLUMNS = f"""
    d.id, d.code, d.quantity, d.unit, d.least, d.most, d.interval_s, d.active, d.made_at, d.last_at, d.last_value,
    d.heard_at, d.silent_since, {_STATE} AS state,
    s.id AS station_id, s.code AS station, s.name_zh, s.name_en, s.place, s.cell_code, s.department_code,
    s.illustrative, s.active AS station_active, ST_X(s.geom) AS lon, ST_Y(s.geom) AS lat, p.name_zh AS department_zh,
    p.name_en AS department_en
"""
_FROM = """
    FROM city.datastream d JOIN city.station s ON s.id = d.station_id
    LEFT JOIN city.department p ON p.code = s.department_code
"""
_ONE = text(f"SELECT {_COLUMNS} {_FROM} WHERE d.code = :code")
_LISTED = text(
    f"""
    SELECT {_COLUMNS}, count(*) OVER () AS found {_FROM}
    WHERE (CAST(:quantity AS text) IS NULL OR d.quantity = :quantity)
      AND (CAST(:place AS text) IS NULL OR s.place = :place)
      AND (CAST(:station AS text) IS NULL OR s.code = :station)
      AND (CAST(:state AS text) IS NULL OR {_STATE} = :state)
      AND (CAST(:words AS text) IS NULL
           OR d.code ILIKE :words OR s.name_zh ILIKE :words OR s.name_en ILIKE :words OR s.code ILIKE :words)
      AND (CAST(:only AS bigint[]) IS NULL OR d.id = ANY(CAST(:only AS bigint[])))
    ORDER BY NOT d.id = ANY(CAST(:first AS bigint[])), d.silent_since IS NULL, NOT (d.active AND s.active),
             s.name_zh, d.code
    LIMIT :limit OFFSET :skip
    """
)
_STATE_COUNTS = text(f"SELECT {_STATE} AS state, count(*) AS count {_FROM} GROUP BY 1")


class Listed(NamedTuple):
    """A page of datastreams and how many there are in all."""

    rows: Sequence[Row]
    found: int


def listed(
    session: Session,
    *,
    quantity: str | None = None,
    place: str | None = None,
    station: str | None = None,
    state: State | None = None,
    words: str | None = None,
    only: Collection[int] | None = None,
    first: Collection[int] = (),
    limit: int = MOST_LISTED,
    skip: int = 0,
) -> Listed:
    """Datastreams with their stations: `first` (ids), then those silent. `words`: in code or name; `only`: of these
    ids."""
    given = {"quantity": quantity, "place": place, "station": station, "state": state}
    given |= {"words": f"%{like(words)}%" if words else None, "only": None if only is None else list(only)}
    given |= {"first": list(first)}
    rows = session.execute(_LISTED, given | {"limit": limit, "skip": skip}).all()
    return Listed(rows, rows[0].found if rows else 0)


def state_counts(session: Session) -> dict[str, int]:
    """How many datastreams stand in which state."""
    return dict.fromkeys(STATES, 0) | {row.state: row.count for row in session.execute(_STATE_COUNTS)}


def one(session: Session, code: str) -> Row:
    """A datastream with its station, or `NotFound` "telemetry.unknown"."""
    row = session.execute(_ONE, {"code": code}).one_or_none()
    if row is None:
        raise unknown(code)
    return row


def series(
    session: Session, datastream: int, since: datetime, until: datetime, points: int = POINTS
) -> list[tuple[datetime, float]]:
    """The readings of a span for a chart: all when they are few, else of each part the lowest and the highest."""
    rows = call(session, "SELECT at, value FROM fn.series(%s, %s, %s, %s)", datastream, since, until, points)
    return [(row.at, row.value) for row in rows]


def counts(session: Session, datastream: int, since: date) -> list[Row]:
    """What became of its readings, day by day from `since` on, the newest first (rows of `city.reading_count`)."""
    statement = text(
        "SELECT * FROM city.reading_count WHERE datastream_id = :datastream AND day >= :since ORDER BY day DESC"
    )
    return list(session.execute(statement, {"datastream": datastream, "since": since}))


def silences(session: Session, datastream: int, most: int = 10) -> list[Row]:
    """Its last times of silence (since, noticed_at, until), the newest first."""
    statement = text(
        "SELECT since, noticed_at, until FROM city.datastream_silence WHERE datastream_id = :datastream"
        " ORDER BY since DESC LIMIT :most"
    )
    return list(session.execute(statement, {"datastream": datastream, "most": most}))


def ids_of(session: Session, ids: Collection[int], codes: Collection[str]) -> tuple[set[int], dict[str, int]]:
    """Which of these ids are datastreams in use, and the ids of those with these codes."""
    rows = call(
        session,
        "SELECT id, code FROM city.datastream WHERE active AND (id = ANY(%s::bigint[]) OR code = ANY(%s::text[]))",
        list(ids),
        list(codes),
    )
    return {row.id for row in rows}, {row.code: row.id for row in rows}


def stations(session: Session, *, only: int | None = None, limit: int, skip: int = 0) -> list[Row]:
    """Stations by id: with lon and lat."""
    statement = text(
        "SELECT s.*, ST_X(s.geom) AS lon, ST_Y(s.geom) AS lat FROM city.station s"
        " WHERE CAST(:only AS bigint) IS NULL OR s.id = :only ORDER BY s.id LIMIT :limit OFFSET :skip"
    )
    return list(session.execute(statement, {"only": only, "limit": limit, "skip": skip}))


def datastreams(
    session: Session, *, only: int | None = None, station: int | None = None, limit: int, skip: int = 0
) -> list[Row]:
    """Datastreams by id, of one station when given."""
    statement = text(
        f"SELECT {_COLUMNS} {_FROM} WHERE (CAST(:only AS bigint) IS NULL OR d.id = :only)"
        " AND (CAST(:station AS bigint) IS NULL OR s.id = :station) ORDER BY d.id LIMIT :limit OFFSET :skip"
    )
    return list(session.execute(statement, {"only": only, "station": station, "limit": limit, "skip": skip}))


class Asked(NamedTuple):
    """Which observations: of a datastream, of a span (`until` not included), beyond bounds of their values."""

    datastream: int
    since: datetime | None = None
    until: datetime | None = None
    least: float | None = None
    most: float | None = None


def observations(session: Session, asked: Asked, *, newest_first: bool, limit: int, skip: int) -> list[Any]:
    """Readings (at, value, arrived_at) of a datastream."""
    order = "DESC" if newest_first else "ASC"
    return call(
        session,
        f"""
        SELECT at, value, arrived_at FROM city.reading
        WHERE datastream_id = %s AND at >= coalesce(%s::timestamptz, '-infinity')
          AND at < coalesce(%s::timestamptz, 'infinity')
          AND value >= coalesce(%s::double precision, '-infinity')
          AND value <= coalesce(%s::double precision, 'infinity')
        ORDER BY at {order} LIMIT %s OFFSET %s
        """,
        *asked,
        limit,
        skip,
    )


def silences_since(session: Session, since: datetime) -> list[Row]:
    """The silences noticed since then, the newest first (at most 200), with the code of their datastream."""
    statement = text(
        "SELECT d.code, s.since, s.noticed_at, s.until FROM city.datastream_silence s"
        " JOIN city.datastream d ON d.id = s.datastream_id WHERE s.noticed_at >= :since"
        " ORDER BY s.noticed_at DESC LIMIT 200"
    )
    return list(session.execute(statement, {"since": since}))
