"""The cases of a month and their histories as GeoParquet 1.1, for archives and for tools that read columns.

Two files: `cases-2026-03.parquet` with the place of each case, `case_events-2026-03.parquet` with what happened to it.
Columns are those of the tables, moments in UTC, JSON as text. Who asked from outside is not in them: contacts are kept
sealed in a table of their own (docs/channels.md).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import pyproj
from sqlalchemy import Connection, text

from webgis.errors import Invalid, Unavailable
from webgis.geo import SRID
from webgis.settings import Settings

ROWS = 20_000
"""Rows of a group: what is in memory at once."""

_CASES = "SELECT {columns} FROM city.case t WHERE t.reported_at >= :since AND t.reported_at < :until ORDER BY t.id"
_EVENTS = (
    "SELECT {columns} FROM city.case_event t JOIN city.case c ON c.id = t.case_id"
    " WHERE c.reported_at >= :since AND c.reported_at < :until ORDER BY t.case_id, t.id"
)
_COLUMNS = text(
    "SELECT column_name, udt_name FROM information_schema.columns"
    " WHERE table_schema = 'city' AND table_name = :table ORDER BY ordinal_position"
)

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Written:
    """A file that was written, and how many rows it has."""

    path: Path
    rows: int


def export(
    connection: Connection,
    settings: Settings,
    month: str,
    folder: Path,
    progress: Progress = lambda _name, _rows: None,
) -> list[Written]:
    """Write the cases that were reported in a month of the city's calendar ("2026-03"), and their events, to `folder`.

    `Invalid` "exchange.bad-month", `Unavailable` "exchange.no-parquet" without the package pyarrow. A file is there
    whole or not at all; one of an earlier export is replaced. Both files are of one snapshot.
    """
    since, until = _month(month)
    span = {name: datetime.combine(day, time(), settings.zone) for name, day in (("since", since), ("until", until))}
    folder.mkdir(parents=True, exist_ok=True)
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    written = []
    for name, table, statement in (("cases", "case", _CASES), ("case_events", "case_event", _EVENTS)):
        columns = dict(connection.execute(_COLUMNS, {"table": table}).all())
        path = folder / f"{name}-{month}.parquet"
        rows = connection.execution_options(yield_per=ROWS).execute(
            text(statement.format(columns=", ".join(_read(*column) for column in columns.items()))), span
        )
        written.append(Written(path, _write(path, columns, rows.partitions(), progress)))
    return written


def _month(month: str) -> tuple[date, date]:
    try:
        year, number = month.split("-")
        since = date(int(year), int(number), 1)
    except ValueError:
        raise Invalid(
            "exchange.bad-month",
            f"{month}: expected a month such as 2026-03",
            field="month",
            got=month,
            accepted="YYYY-MM",
        ) from None
    return since, date(since.year + since.month // 12, since.month % 12 + 1, 1)


def _read(name: str, kind: str) -> str:
    """A column as it is read: places as WKB, what Parquet has no type for as text."""
    column = f't."{name}"'
    if kind == "geometry":
        return f"ST_AsBinary({column}) AS {name}"
    return f"{column}::text AS {name}" if kind in ("jsonb", "json", "interval") or kind.startswith("_") else column


def _write(path: Path, columns: dict[str, str], groups: Iterator, progress: Progress) -> int:
    arrow, parquet = _pyarrow()
    schema = arrow.schema([(name, _type(arrow, kind)) for name, kind in columns.items()], metadata=_geo(columns))
    beside, count = path.with_name(f".{path.name}"), 0
    try:
        with parquet.ParquetWriter(beside, schema, compression="zstd") as writer:
            for group in groups:
                values = [[_plain(value) for value in column] for column in zip(*group, strict=True)]
                arrays = [arrow.array(column, field.type) for column, field in zip(values, schema, strict=True)]
                writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
                count += len(group)
                progress(path.name, count)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return count


def _plain(value):
    return bytes(value) if isinstance(value, memoryview) else value


def _pyarrow():
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise Unavailable(
            "exchange.no-parquet", "Parquet files are written by pyarrow: pip install 'webgis[parquet]'"
        ) from None
    return pyarrow, parquet


def _type(arrow, kind: str):
    """The Arrow type of a PostgreSQL type; whatever is not known is text."""
    known = {
        "int2": arrow.int16(),
        "int4": arrow.int32(),
        "int8": arrow.int64(),
        "float4": arrow.float32(),
        "float8": arrow.float64(),
        "bool": arrow.bool_(),
        "bytea": arrow.binary(),
        "geometry": arrow.binary(),
        "date": arrow.date32(),
        "timestamptz": arrow.timestamp("us", "UTC"),
    }
    return known.get(kind, arrow.string())


def _geo(columns: dict[str, str]) -> dict[str, str] | None:
    """What GeoParquet 1.1 wants to be told of the place: WKB, longitude first, CGCS2000."""
    places = [name for name, kind in columns.items() if kind == "geometry"]
    if not places:
        return None
    crs = json.loads(pyproj.CRS.from_epsg(SRID).to_json())
    about = {name: {"encoding": "WKB", "geometry_types": ["Point"], "crs": crs} for name in places}
    return {"geo": json.dumps({"version": "1.1.0", "primary_column": "geom", "columns": about})}
