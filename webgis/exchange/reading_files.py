"""Past readings of a sensor network from a file (CSV, TSV): looked at whole, then laid into the inbox some at a time.

They go the way of all readings, so that the same becomes of them: each moment once, counted, nothing lost by a kill.
More are laid only once those before are in place: readings that come meanwhile wait for one batch, not for the file.
"""

import csv
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from sqlalchemy import Connection, select, text

from webgis.catalog import sheets
from webgis.catalog.sheets import Fault
from webgis.db import Runtime
from webgis.errors import Invalid
from webgis.hazards import watching
from webgis.telemetry import inbox
from webgis.telemetry.models import Datastream
from webgis.telemetry.writing import MOST, PAUSE_S

HEADINGS = {
    "datastream": ("datastream", "sensor", "code", "数据流编码", "传感器编码", "编码"),
    "at": ("at", "moment", "time", "phenomenontime", "时间", "时刻", "监测时间"),
    "value": ("value", "result", "数值", "监测值", "值"),
}
DELIMITERS = {".csv": ",", ".tsv": "\t"}
MOST_FAULTS = 200
AHEAD = timedelta(minutes=5)
"""As the writer says it (`fn.readings_in_inbox`)."""


class Known(NamedTuple):
    """A datastream in use: its id, and what its sensor can tell."""

    id: int
    least: float
    most: float


@dataclass
class Found:
    """What a file holds: how many readings, of which time, by how many datastreams; those that will be counted and not
    kept, by why; and what is wrong with it (the first `MOST_FAULTS` of `fault_count`): then nothing is taken."""

    readings: int = 0
    first: datetime | None = None
    last: datetime | None = None
    datastreams: set[str] = field(default_factory=set)
    left_out: dict[str, int] = field(default_factory=lambda: {"impossible": 0, "ahead": 0, "too_old": 0})
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        told = vars(self) | {"datastreams": len(self.datastreams), "faults": [vars(one) for one in self.faults]}
        return told | {
            name: moment and moment.isoformat() for name, moment in (("first", self.first), ("last", self.last))
        }


def look(runtime: Runtime, path: Path, now: datetime) -> Found:
    """What the file holds; nothing is changed. `Invalid` when it is no such file."""
    oldest = now - timedelta(days=runtime.settings.reading_oldest_days)
    known, found = _known(runtime), Found()
    with _opened(path) as file:
        for number, cells in _rows(path, file):
            told = _told(number, cells, known, runtime, found)
            if told is None:
                continue
            found.readings += 1
            found.datastreams.add(cells["datastream"])
            found.first = min(found.first or told.at, told.at)
            found.last = max(found.last or told.at, told.at)
            if why := _left_out(told, known[cells["datastream"]], oldest, now):
                found.left_out[why] += 1
    if not found.readings and not found.fault_count:
        raise sheets.bad_header("the file has no rows below its header", "file")
    return found


def load(
    runtime: Runtime,
    path: Path,
    now: datetime,
    tell: Callable[[int], None] = lambda done: None,
    at_once: int = MOST,
) -> Found:
    """Put the readings of a file in place; with any fault nothing. `tell` is told how many are. Where no writer runs,
    this process is the writer meanwhile."""
    found = look(runtime, path, now)
    if found.fault_count:
        return found
    known, done = _known(runtime), 0
    with _opened(path) as file, runtime.engine.connect() as connection:
        told = (_told(number, cells, known, runtime, found) for number, cells in _rows(path, file))
        while some := list(islice(told, at_once)):
            with runtime.transaction() as session:
                row = inbox.put(session, some, "own")
            _wait(runtime, connection, row)
            done += len(some)
            tell(done)
    return found


_KNOWN = select(Datastream.code, Datastream.id, Datastream.least, Datastream.most).where(Datastream.active)


def _known(runtime: Runtime) -> dict[str, Known]:
    with runtime.transaction() as session:
        return {code: Known(*rest) for code, *rest in session.execute(_KNOWN)}


def _opened(path: Path) -> IO[str]:
    """The file as text: UTF-8, or GB 18030 where its header is no UTF-8; codes and numbers are alike in both."""
    if path.suffix.lower() not in DELIMITERS:
        raise Invalid(
            "catalog.file-ending",
            f"{path.name}: the name of a table of readings ends in {', '.join(DELIMITERS)}",
            field="file",
            accepted=list(DELIMITERS),
        )
    with path.open("rb") as file:
        header = file.readline(10_000)
    try:
        header.decode("utf-8-sig")
    except UnicodeDecodeError:
        return path.open(encoding="gb18030", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _rows(path: Path, file: IO[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows with their numbers, as a spreadsheet counts; empty ones are passed over. A row with more cells than the
    header (a decimal comma, say) or a quotation mark that nothing ends would be read as what it is not: no table."""
    rows = csv.reader(file, delimiter=DELIMITERS[path.suffix.lower()], strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        places = _places(header)
        for number, row in enumerate(rows, 2):
            if any(cell.strip() for cell in row[len(header) :]):
                raise _no_table(path, f"row {number} has more cells than the header", number)
            if row:
                yield number, {name: row[place].strip() if place < len(row) else "" for name, place in places}
    except csv.Error as error:
        raise _no_table(path, f"it is not a table: {error}", rows.line_num) from None


def _no_table(path: Path, problem: str, row: int) -> Invalid:
    return Invalid("catalog.file-unreadable", f"{path.name}: {problem}", field="file", row=row)


def _places(header: list[str]) -> list[tuple[str, int]]:
    """Which cell of a row is what."""
    columns, _others = sheets.columns(header, HEADINGS)
    for name in HEADINGS:
        if name not in columns:
            raise sheets.bad_header(f"the column {name} is missing ({' / '.join(HEADINGS[name])})", name)
    return [(name, header.index(columns[name])) for name in HEADINGS]


def _told(
    number: int, cells: Mapping[str, str], known: Mapping[str, Known], runtime: Runtime, found: Found
) -> inbox.Told | None:
    """A row as a reading; None when it is none, which is noted. No value is one that the sensor did not have."""
    stream = known.get(cells["datastream"])
    at, value = _moment(cells["at"], runtime), _number(cells["value"])
    if stream is None:
        _fault(found, number, "datastream", "no such datastream in use", "没有这个在用的数据流")
    elif at is None:
        _fault(
            found,
            number,
            "at",
            "no moment; accepted: 2026-11-22 08:00:00 or with its offset",
            "不是时刻；应如 2026-11-22 08:00:00",
        )
    elif value is None and cells["value"]:
        _fault(found, number, "value", "no number", "不是数值")
    else:
        return inbox.Told(stream.id, at, value)
    return None


def _fault(found: Found, number: int, column: str, problem: str, problem_zh: str) -> None:
    found.fault_count += 1
    if len(found.faults) < MOST_FAULTS:
        found.faults.append(Fault(number, column, problem, problem_zh))


_MOMENT = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2})(:\d{2}.*)")
"""A day with its time, as ISO 8601 or a spreadsheet writes it (2026/6/1 8:00)."""


def _moment(told: str, runtime: Runtime) -> datetime | None:
    """A moment; without its offset it is of the city's time."""
    if (parts := _MOMENT.fullmatch(told)) is None:
        return None
    year, month, day, hour, rest = parts.groups()
    try:
        moment = datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}T{hour:0>2}{rest}")
        return (moment if moment.tzinfo else moment.replace(tzinfo=runtime.settings.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _number(told: str) -> float | None:
    try:
        value = float(told)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in told else None


def _left_out(told: inbox.Told, known: Known, oldest: datetime, now: datetime) -> str | None:
    """Why the writer will count a reading and not keep it."""
    if told.value is None or not known.least <= told.value <= known.most:
        return "impossible"
    if told.at > now + AHEAD:
        return "ahead"
    return "too_old" if told.at < oldest else None


_WAITS = text("SELECT EXISTS (SELECT FROM city.reading_inbox WHERE id = :row AND error IS NULL)")


def _wait(runtime: Runtime, connection: Connection, row: int) -> None:
    """Until this row of the inbox is in place, by whoever is the writer."""
    writer = watching.writer(runtime)
    while _waits(connection, row):
        if not writer.hold(connection):
            time.sleep(PAUSE_S)
            continue
        try:
            writer.step(connection)
        finally:
            writer.release(connection)


def _waits(connection: Connection, row: int) -> bool:
    waits = connection.scalar(_WAITS, {"row": row})
    connection.rollback()
    return waits
