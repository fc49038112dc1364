"""A city's past: any number of finished and open cases with their histories, made from a seed.

A few hundred patterns are copied (`patterns`): NumPy reckons for all cases at once which pattern, where, when and how
fast (`past`), processes make the rows of a block (`copies`), and two connections COPY them: one the events, one the
rest. Histories are chained as the product chains them, deadlines reckoned from its calendar, so that `webgis audit
verify` finds nothing.

Everything is one transaction on each connection, the dropping of indexes and their making at the end with it: whatever
stops it leaves the city as it was. Meanwhile nobody else can read cases.
"""

import contextlib
import multiprocessing
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from psycopg2.errors import InsufficientPrivilege, LockNotAvailable
from psycopg2.extensions import quote_ident
from psycopg2.extras import execute_values
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.cases import calendar
from webgis.db import Runtime
from webgis.demo import copies, ground, patterns
from webgis.demo.past import Past, Working
from webgis.errors import Conflict, Unavailable
from webgis.grid import bulk

SEED = 20261122
OPEN_SHARE = 0.01
TABLES = {"history": ("case_event",), "cases": ("case", "photo", "open_case")}
"""Connection -> the tables that it writes."""

Progress = Callable[[str, int, int], None]
"""Called with what is being made ("patterns", "cases", ...), how much is done, and of how much."""


@dataclass(frozen=True)
class Filled:
    """What `fill` made, and in how many seconds."""

    cases: int
    open: int
    events: int
    seconds: float


def fill(
    runtime: Runtime,
    cases: int,
    *,
    open_cases: int | None = None,
    seed: int = SEED,
    classes: int = patterns.CLASSES,
    workers: int = 2,
    counties: Sequence[str] = (),
    past: Callable[..., Past] = Past,
    progress: Progress = lambda _what, _done, _total: None,
    beside: Callable[[], object] = lambda: None,
) -> Filled:
    """Add `cases` cases of so many classes to the city in the database, reported in the `past.YEARS` before today;
    `open_cases` of them (a hundredth when None) have not ended. The same city, seed and day give the same cases,
    whatever the workers. `counties`: those that have cases, all when none are named; `past` says when and where they
    are. `beside` is called when the cases are there, while their tables are tidied.

    `Invalid` "demo.empty-city" when the city has nobody and nowhere to make cases of. Superuser: foreign keys are not
    checked again.
    """
    start = time.perf_counter()
    opened = round(cases * OPEN_SHARE) if open_cases is None else min(open_cases, cases)
    made = patterns.make(runtime, classes, partial(progress, "patterns"), counties)
    until = datetime.now(runtime.settings.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    with _connections(runtime) as (history, others):
        of = past(runtime.settings, made, ground.ground(others), cases, opened, until, seed)
        others.execute("SELECT county_code, day, last FROM city.case_counter")
        counters = of.number({(county, day): last for county, day, last in others.fetchall()})
        first = [_next(others, "case"), _next(history, "case_event")]
        with runtime.transaction() as session:
            working = Working(calendar.of_city(session, runtime.settings), of)
        _write(history, others, of, partial(copies.rows, of, working, *first), workers, progress)
        progress("queues", 0, 1)
        others.execute(_OPEN, (first[0],))
        execute_values(others, _COUNT_ON, counters)
        progress("queues", 1, 1)
        _set(others, "case", first[0] + cases)
        _set(history, "case_event", first[1] + int(of.events_before[-1]))
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(beside)
        _tidy(runtime, progress)
        done.result()
    return Filled(cases, opened, int(of.events_before[-1]), round(time.perf_counter() - start, 1))


_SUPERUSER = text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")


def may(session: Session) -> bool:
    """Whether the database lets itself be filled so."""
    return session.scalar(_SUPERUSER)


_BEGIN = """
SET LOCAL synchronous_commit = off; SET LOCAL jit = off; SET LOCAL maintenance_work_mem = '512MB';
SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '30s';
"""
_ORPHANS = "DELETE FROM city.case_event WHERE case_id > %s"
"""Events whose cases did not follow: what is left when the machine stops in the instant between the two commits."""

_INDEXES = """
SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = 'city'::regnamespace
AND t.relname = ANY(%s) AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) ORDER BY 1
"""
_OPEN = """
INSERT INTO city.open_case (case_id, state, kind, class_code, cell_code, department_code, reported_at, due_at,
                            handler_id, inspector_id)
SELECT id, state, kind, class_code, cell_code, department_code, reported_at, due_at, handler_id, inspector_id
FROM city.case WHERE id >= %s AND outcome IS NULL
"""
_COUNT_ON = """
INSERT INTO city.case_counter (county_code, day, last) VALUES %s
ON CONFLICT ON CONSTRAINT pk_case_counter DO UPDATE SET last = excluded.last
"""


@contextlib.contextmanager
def _connections(runtime: Runtime) -> Iterator[tuple]:
    """Two cursors, for the history and for the rest; committed together, or undone."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_refusals())
        cursors = []
        for tables in TABLES.values():
            connection = runtime.engine.raw_connection()
            stack.callback(connection.close)
            cursors.append(cursor := connection.cursor())
            cursor.execute(_BEGIN)
            for table in tables:
                cursor.execute(f'LOCK TABLE city."{table}" IN ACCESS EXCLUSIVE MODE')
        history, others = cursors
        others.execute("SELECT coalesce(max(id), 0) FROM city.case")
        history.execute(_ORPHANS, others.fetchone())
        yield history, others
        history.connection.commit()
        others.connection.commit()


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """What the database refuses, in our words."""
    try:
        yield
    except InsufficientPrivilege as error:
        raise Unavailable(
            "demo.no-superuser", "Only a superuser of the database can fill it: foreign keys are not checked meanwhile"
        ) from error
    except LockNotAvailable as error:
        raise Conflict("demo.city-in-use", "Others are using the cases; stop the servers of this city first") from error


def _next(cursor, table: str) -> int:
    cursor.execute(f"SELECT nextval('city.{table}_id_seq')")
    return cursor.fetchone()[0]


def _set(cursor, table: str, following: int) -> None:
    cursor.execute(f"SELECT setval('city.{table}_id_seq', %s, false)", (following,))


def _write(history, others, past: Past, rows: Callable, workers: int, progress: Progress) -> None:
    """The rows of all blocks, made by `workers` processes and copied by two connections; then the indexes."""
    indexes = {cursor: _unindex(cursor, TABLES[name]) for name, cursor in (("history", history), ("cases", others))}
    blocks = range(0, past.count, copies.BLOCK)
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _keep, (rows, Path(folder))) as makers,
        ThreadPoolExecutor(2) as writers,
    ):
        coming = deque(makers.submit(_make, block) for block in range(min(workers + 1, len(blocks))))
        writing: list[Future] = []
        for block, first in enumerate(blocks):
            files = coming.popleft().result()
            if block + workers + 1 < len(blocks):
                coming.append(makers.submit(_make, block + workers + 1))
            _wait(writing)
            writing = [
                writers.submit(_copy, cursor, {name: files[name] for name in TABLES[of] if name in files}, past)
                for of, cursor in (("history", history), ("cases", others))
            ]
            progress("cases", first, past.count)
        _wait(writing)
        progress("cases", past.count, past.count)
        _wait([writers.submit(_index, cursor, definitions) for cursor, definitions in indexes.items()])


def _wait(futures: list[Future]) -> None:
    for one in futures:
        one.result()


_kept: list = []


def _keep(rows: Callable, folder: Path) -> None:
    """What a maker of rows needs, which it has from its parent: nothing is sent to it but numbers of blocks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _kept[:] = [rows, folder]


def _make(block: int) -> dict[str, Path]:
    """Write the rows of a block to files; table -> file."""
    rows, folder = _kept
    made = rows(block)
    files = {}
    for table, lines in (("case", made.cases), ("case_event", made.events), ("photo", made.photos)):
        files[table] = folder / f"{table}-{block}"
        with files[table].open("wb") as file:
            file.write(bulk.HEADER)
            file.writelines(lines)
            file.write(bulk.TRAILER)
    return files


def _copy(cursor, files: dict[str, Path], past: Past) -> None:
    for table, path in files.items():
        names = ", ".join(past.made.columns[table])
        with path.open("rb") as file:
            cursor.copy_expert(f'COPY city."{table}" ({names}) FROM STDIN (FORMAT binary)', file, size=1 << 20)
        path.unlink()


def _unindex(cursor, tables: tuple[str, ...]) -> list[str]:
    """Drop the indexes that no constraint needs; their definitions."""
    cursor.execute(_INDEXES, (list(tables),))
    indexes = cursor.fetchall()
    for name, _definition in indexes:
        cursor.execute(f"DROP INDEX city.{quote_ident(name, cursor.connection)}")
    return [definition for _name, definition in indexes]


def _index(cursor, definitions: list[str]) -> None:
    for definition in definitions:
        cursor.execute(definition)


def _tidy(runtime: Runtime, progress: Progress) -> None:
    """Statistics and the visibility map, as autovacuum would have made them over the years."""
    tables = ("case_event", "case", "photo", "open_case", "case_counter", "cell")

    def tidy(table: str) -> None:
        with runtime.reading() as connection:
            connection.exec_driver_sql(f'VACUUM ANALYZE city."{table}"')

    with ThreadPoolExecutor(2) as pool:
        for done, _ in enumerate(pool.map(tidy, tables), start=1):
            progress("statistics", done, len(tables))
