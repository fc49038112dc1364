"""A station with two sensors in the small city, and a way to tell and to put in place."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests import city
from webgis.db import Runtime
from webgis.telemetry import inbox, operations, writing

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)


def build(session) -> dict[str, int]:
    """The underpass W-1 with its depth and its rain; ids by code."""
    lon, lat = city.IN_WEST
    operations.put_station(session, operations.NewStation("W-1", "西下穿", "underpass", lon, lat, "West underpass"))
    streams = (
        operations.NewDatastream("W-1-depth", "W-1", "depth", 60),
        operations.NewDatastream("W-1-rain", "W-1", "rain", 300),
    )
    return {one.code: operations.put_datastream(session, one).id for one in streams}


@pytest.fixture
def sensors(city_runtime) -> dict[str, int]:
    """The sensors of the west underpass, by code."""
    with city_runtime.transaction() as session:
        return build(session)


@pytest.fixture
def tell(city_runtime, sensors) -> Callable:
    """A function that puts (code, moment, value) into the inbox as one row, arrived now or at `arrived`."""

    def put(*told, arrived: datetime | None = None) -> None:
        readings = [inbox.Told(sensors.get(code, inbox.UNKNOWN), at, value) for code, at, value in told]
        with city_runtime.transaction() as session:
            inbox.put(session, readings, "own", arrived)

    return put


def in_place(runtime: Runtime, datastream: int) -> list[tuple[datetime, float]]:
    """Every reading of a datastream."""
    with runtime.transaction() as session:
        rows = session.execute(
            text("SELECT at, value FROM city.reading WHERE datastream_id = :one ORDER BY at"), {"one": datastream}
        )
        return [tuple(row) for row in rows]


def counted(runtime: Runtime, datastream: int) -> dict[str, int]:
    """What became of its readings, all days together, without zeros."""
    names = ("taken", "reordered", "late", "doubled", "contradicted", "impossible", "ahead", "too_old", "unknown")
    sums = ", ".join(f"coalesce(sum({name}), 0)::int AS {name}" for name in names)
    with runtime.transaction() as session:
        statement = text(f"SELECT {sums} FROM city.reading_count WHERE datastream_id = :one")
        row = session.execute(statement, {"one": datastream}).one()
    return {name: count for name, count in row._mapping.items() if count}


def drain(runtime: Runtime, consider=None) -> int:
    """Have the writer take all that waits; for silence a test asks by itself, with a moment of its own."""
    return writing.drain(runtime, consider, silence=False)
