"""A city's past: any number of finished and open cases with their histories, made from a seed.

A few hundred patterns (`bench.patterns`) are copied: NumPy reckons for all cases at once which pattern, where, when and
how fast, COPY brings that into the database, and one statement for each block makes rows of it. Histories are chained
by the product's own `fn.event_hash`, deadlines reckoned from its calendar: `webgis audit verify` finds nothing.

Indexes are taken down meanwhile and made again at the end: of a database that nobody else uses, never of a city's.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from psycopg2.extensions import quote_ident
from psycopg2.extras import execute_values

from bench import patterns
from webgis.cases import calendar, clock, stages
from webgis.cases.working_time import HOUR, micros
from webgis.db import Runtime
from webgis.grid import bulk

SEED = 20261122
BLOCK = 20_000
"""Cases of one statement: their events fit into memory while they are chained."""

YEARS = 3
OPEN_SHARE = 0.01
OPEN_DAYS = 15.0
"""Mean age of an open case; it thins out exponentially."""

CENTRE_KM = 6.0
ZIPF = 1.1
"""How fast classes become rare: the n-th is 1 / n ** ZIPF as frequent as the first."""

HOURS = np.array([2, 1, 1, 1, 1, 2, 4, 8, 12, 14, 13, 11, 8, 9, 12, 12, 11, 9, 7, 6, 5, 4, 3, 2])
"""How many reports come in each hour of the day, in parts."""

MEDIAN_PACE, SPREAD = 1.1, 1.2
"""How much slower than its pattern a case goes: median and deviation of the logarithm."""

MINUTE = HOUR // 60
TABLES = ("case", "case_event", "open_case", "photo")


@dataclass(frozen=True)
class Filled:
    """What `fill` made, and in how many seconds."""

    cases: int
    open: int
    seconds: float


def fill(runtime: Runtime, cases: int, *, open_cases: int | None = None, seed: int = SEED, workers: int = 2) -> Filled:
    """Add `cases` cases to the city in the database, reported in the `YEARS` before today; `open_cases` of them (a
    hundredth when None) have not ended. The same city, seed and day give the same cases, whatever the workers.

    `Invalid` when the city has nobody and nowhere to make cases of. Superuser: foreign keys are not checked again.
    """
    start = time.perf_counter()
    opened = round(cases * OPEN_SHARE) if open_cases is None else min(open_cases, cases)
    plan = _Plan(runtime, cases, opened, np.random.default_rng(seed))
    with _cursor(runtime) as cursor:
        _store(cursor, plan)
    try:
        with _unindexed(runtime):
            _write(runtime, plan, workers)
        with _cursor(runtime) as cursor:
            _count_on(cursor, plan)
    finally:
        with _cursor(runtime) as cursor:
            cursor.execute("DROP SCHEMA bench CASCADE")
    _tidy(runtime)
    return Filled(cases, opened, round(time.perf_counter() - start, 1))


class _Plan:
    """What becomes of each case, as arrays in the order of the reports. Moments are microseconds since 1970."""

    def __init__(self, runtime: Runtime, cases: int, opened: int, rng: np.random.Generator) -> None:
        self.count, self.rng, self.zone = cases, rng, runtime.settings.zone
        self.patterns = patterns.make(runtime)
        self.until = datetime.now(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        with _cursor(runtime) as cursor:
            self._read(cursor)
        self._when(opened)
        self._where()
        self._which()
        self._pace()
        self._numbers()
        self._deadlines(runtime)

    def _read(self, cursor) -> None:
        cursor.execute(
            "SELECT id, code, ST_X(p), ST_Y(p), area_m2 > 9000 FROM"
            " (SELECT id, code, area_m2, ST_PointOnSurface(geom) AS p FROM city.cell WHERE upper_inf(valid)) AS c"
            " ORDER BY code"
        )
        ids, codes, lons, lats, whole = zip(*cursor.fetchall(), strict=True)
        self.cell_id, self.cell_code, self.whole = np.array(ids), np.array(codes), np.array(whole)
        self.cell_place = np.column_stack((lons, lats))
        cursor.execute("SELECT county_code || to_char(day, 'YYYYMMDD'), last FROM city.case_counter")
        self.counted = dict(cursor.fetchall())
        cursor.execute("SELECT nextval('city.case_id_seq')")
        self.first_id = cursor.fetchone()[0]

    def _when(self, opened: int) -> None:
        """Reports over the years, more by day than by night; open ones are young."""
        days = self.rng.uniform(1, 365 * YEARS, self.count)
        days[:opened] = np.minimum(self.rng.exponential(OPEN_DAYS, opened), 364.0) + 1
        hours = self.rng.choice(24, self.count, p=HOURS / HOURS.sum()) + self.rng.random(self.count)
        reported = micros(self.until.astimezone(UTC)) - days.astype(np.int64) * 24 * HOUR
        reported += (hours * HOUR).astype(np.int64)
        order = np.argsort(reported, kind="stable")
        self.reported, self.open = reported[order], (np.arange(self.count) < opened)[order]

    def _where(self) -> None:
        """Most in the middle of the city, with busy cells; somewhere in the cell where it is a whole square."""
        km = np.hypot(*((self.cell_place - np.median(self.cell_place, axis=0)) * (96.0, 111.0)).T)
        busy = np.exp(-km / CENTRE_KM) * self.rng.lognormal(0, 0.8, len(km))
        self.cell = self.rng.choice(len(km), self.count, p=busy / busy.sum())
        metres = self.rng.uniform(-40, 40, (self.count, 2)) * self.whole[self.cell][:, None]
        self.place = self.cell_place[self.cell] + metres / (96_000.0, 111_000.0)

    def _which(self) -> None:
        """The pattern of each case: its county's, few classes making most, at the end of a road or on the way."""
        made, rng = self.patterns, self.rng
        frequent = 1 / np.arange(1, made.kinds + 1) ** ZIPF
        kind = rng.choice(made.kinds, self.count, p=frequent / frequent.sum())
        shares = np.array([share for share, _steps in patterns.ROADS.values()])
        lengths = np.array([len(steps) for _share, steps in patterns.ROADS.values()])
        road = rng.choice(len(shares), self.count, p=shares / shares.sum())
        road[self.open & (lengths[road] < 3)] = 0
        gone = 1 + (rng.random(self.count) * (lengths[road] - 1)).astype(np.int64)
        steps = np.where(self.open, gone, lengths[road])
        county = np.searchsorted(made.counties, np.array([code[:6] for code in self.cell_code]))[self.cell]
        first = np.cumsum([0, *lengths])
        self.pattern = (county * made.kinds + kind) * first[-1] + first[road] + steps - 1

    def _pace(self) -> None:
        """Thousandths of the pattern's time that a case takes: never so many that it would reach into the future."""
        minute = self._of("minute")
        age = (micros(self.until.astimezone(UTC)) - self.reported) // MINUTE
        pace = np.exp(self.rng.normal(np.log(MEDIAN_PACE), SPREAD, self.count)) * 1000
        self.pace = np.clip(pace.astype(np.int64), 20, np.maximum(age * 1000 // np.maximum(minute, 1), 20))

    def _of(self, name: str) -> np.ndarray:
        return np.array([getattr(one, name) for one in self.patterns.cases])[self.pattern]

    def _numbers(self) -> None:
        """19 digits: county, day, sequence; it goes on where the counters stand."""
        local = self.reported + int(self.until.utcoffset().total_seconds()) * 1_000_000
        days = local.astype("datetime64[us]").astype("datetime64[D]")
        counties = np.array([code[:6] for code in self.cell_code])[self.cell]
        heads = np.char.add(counties, np.char.replace(days.astype(str), "-", ""))
        self.heads, row, many = np.unique(heads, return_inverse=True, return_counts=True)
        before = np.array([self.counted.get(head, 0) for head in self.heads.tolist()])
        order = np.argsort(row, kind="stable")
        place = np.empty(self.count, dtype=np.int64)
        place[order] = np.arange(self.count) - np.repeat(np.cumsum(many) - many, many)
        self.last = before + many
        self.number = np.char.add(heads, np.char.zfill((before[row] + place + 1).astype(str), 5))

    def _deadlines(self, runtime: Runtime) -> None:
        """The deadline of the handling (0: none), and what is due now (0: nothing, it has ended)."""
        with runtime.transaction() as session:
            working = _Working(calendar.of_city(session, runtime.settings), int(self.reported[0]), self.until)
        settings, state = runtime.settings, self._of("state")
        limits = {name: stages.limit(settings, stage) for name, stage in stages.STAGES.items()}
        dispatched = self._of("dispatched")
        deadline = working.deadline(self._at(dispatched), self._of("limit"), self._of("unit"))
        self.deadline = np.where(dispatched >= 0, deadline, 0)
        span = np.array([limits.get(name, 0) for name in state.tolist()]) * MINUTE
        begun = self._at(self._of("minute"))
        staged = begun + span if settings.stage_clock == "urgent" else working.after(begun, span)
        due = np.where(np.isin(state, stages.HANDLED), self.deadline, staged)
        self.due = np.where(self._of("ended"), 0, due)

    def _at(self, minute: np.ndarray) -> np.ndarray:
        return self.reported + minute * self.pace * (MINUTE // 1000)

    def columns(self, rows: slice) -> list[np.ndarray]:
        """The columns `_STAGED` for these cases."""
        numbers = [
            np.arange(self.count)[rows] + self.first_id, self.pattern[rows], self.reported[rows], self.pace[rows],
            self.deadline[rows], self.due[rows], self.cell_id[self.cell[rows]],
        ]  # fmt: skip
        places = [self.place[rows, 0].copy(), self.place[rows, 1].copy()]
        return [*(column.astype(np.int64) for column in numbers), *places, self.number[rows]]


class _Working:
    """The city's working time for arrays of moments."""

    def __init__(self, calendar: clock.Calendar, since: int, until: datetime) -> None:
        table = calendar.time.table(since, micros(until + timedelta(days=366)))
        self.begins, self.ends, self.before = (np.array(part) for part in (table.begins, table.ends, table.before))
        self.day = calendar.day // timedelta(microseconds=1)

    def after(self, start: np.ndarray, span: np.ndarray) -> np.ndarray:
        """When the working time `span` has passed since each `start`."""
        place = np.clip(np.searchsorted(self.begins, start, side="right") - 1, 0, None)
        wanted = self.before[place] + np.minimum(start, self.ends[place]) - self.begins[place] + span
        place = np.clip(np.searchsorted(self.before, wanted, side="left") - 1, 0, None)
        return self.begins[place] + wanted - self.before[place]

    def deadline(self, start: np.ndarray, limit: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """The deadlines of limits in the four units."""
        spans = {"urgent_hour": HOUR, "urgent_day": 24 * HOUR, "working_hour": HOUR, "working_day": self.day}
        span = limit * np.array([spans[name] for name in unit.tolist()])
        return np.where(np.char.startswith(unit, "urgent"), start + span, self.after(start, span))


_STAGED = "id, pattern, reported, pace, deadline, due, cell_id, lon, lat, number"
_STORE = """
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.pattern (id int PRIMARY KEY, road int, steps int, whole city.case);
CREATE TABLE bench.event (road int, whole city.case_event);
CREATE TABLE bench.photo (road int, seq int, whole city.photo);
CREATE FUNCTION bench.moment(us bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
    $$ SELECT timestamptz 'epoch' + nullif(us, 0) * interval '1 microsecond' $$;
CREATE FUNCTION bench.moved(at timestamptz, reported bigint, pace bigint) RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT timestamptz 'epoch' + interval '1 microsecond'
       * (reported + (extract(epoch FROM at - timestamptz '{base}') * 1000)::bigint * pace) $$;
CREATE AGGREGATE bench.chain (city.case_event) (SFUNC = fn.event_hash, STYPE = bytea, INITCOND = '');
"""
_PREPARE = f"""
SET synchronous_commit = off; SET work_mem = '256MB'; SET jit = off; SET max_parallel_workers_per_gather = 0;
SET session_replication_role = replica;
CREATE TEMP TABLE staged AS SELECT {", ".join(f"0::bigint AS {name}" for name in _STAGED.split(", ")[:7])},
    0::float8 AS lon, 0::float8 AS lat, ''::text AS number;
CREATE TEMP TABLE made (LIKE city.case_event);
"""
_EVENTS = """
INSERT INTO made (id, case_id, seq, at, recorded_at, action, from_state, to_state, person_id, role, department_code,
                  given, facts, geom, hash)
SELECT 0, s.id, e.seq, m.at, m.at, e.action, e.from_state, e.to_state, e.person_id, e.role, e.department_code,
       CASE WHEN e.given ? 'cell' THEN e.given || jsonb_build_object('lon', s.lon, 'lat', s.lat, 'cell', c.code)
            WHEN e.given ? 'lon' THEN e.given || jsonb_build_object('lon', s.lon, 'lat', s.lat) ELSE e.given END,
       e.facts, CASE WHEN e.geom IS NOT NULL THEN ST_SetSRID(ST_Point(s.lon, s.lat), 4490) END, ''
FROM staged s
JOIN bench.pattern p ON p.id = s.pattern
JOIN bench.event t ON t.road = p.road AND (t.whole).seq <= p.steps
CROSS JOIN LATERAL (SELECT (t.whole).*) e
CROSS JOIN LATERAL (SELECT bench.moved(e.at, s.reported, s.pace) AS at) m
JOIN city.cell c ON c.id = s.cell_id
"""
_CASES = """
WITH event AS (
    INSERT INTO city.case_event (case_id, seq, at, recorded_at, action, from_state, to_state, person_id, role,
                                 department_code, given, facts, geom, hash)
    SELECT m.case_id, m.seq, m.at, m.recorded_at, m.action, m.from_state, m.to_state, m.person_id, m.role,
           m.department_code, m.given, m.facts, m.geom,
           bench.chain(ROW(m.*)::city.case_event) OVER (PARTITION BY m.case_id ORDER BY m.seq)
    FROM made m ORDER BY m.at, m.case_id, m.seq
    RETURNING id, case_id, seq, at, hash
), photo AS (
    INSERT INTO city.photo (case_id, event_id, sha256, media_type, width, height, bytes, taken_at, picture_hash, geom)
    SELECT e.case_id, e.id, (f.whole).sha256, (f.whole).media_type, (f.whole).width, (f.whole).height,
           (f.whole).bytes, (f.whole).taken_at, hashint8extended(e.id, 1), (f.whole).geom
    FROM staged s JOIN bench.pattern p ON p.id = s.pattern
    JOIN bench.photo f ON f.road = p.road
    JOIN event e ON e.case_id = s.id AND e.seq = f.seq
)
INSERT INTO city.case OVERRIDING SYSTEM VALUE
SELECT n.*
FROM staged s
JOIN bench.pattern p ON p.id = s.pattern
JOIN event e ON e.case_id = s.id AND e.seq = p.steps
JOIN city.cell c ON c.id = s.cell_id
JOIN city.area a ON a.code = c.community_code
CROSS JOIN LATERAL jsonb_populate_record(p.whole, jsonb_build_object(
    'id', s.id, 'number', s.number, 'cell_id', c.id, 'cell_code', c.code, 'head', e.hash,
    'geom', ST_AsEWKT(ST_SetSRID(ST_Point(s.lon, s.lat), 4490)),
    'description', (p.whole).description || '，' || a.name_zh || s.id % 300 + 1 || '号附近',
    'address', a.name_zh || s.id % 300 + 1 || '号', 'reported_at', bench.moment(s.reported),
    'due_at', bench.moment(s.due), 'deadline_at', bench.moment(s.deadline), 'changed_at', e.at,
    'closed_at', CASE WHEN s.due = 0 THEN e.at END,
    'dispatched_at', bench.moved((p.whole).dispatched_at, s.reported, s.pace),
    'resolved_at', bench.moved((p.whole).resolved_at, s.reported, s.pace),
    'ledger', (SELECT coalesce(jsonb_agg(l.entry || jsonb_build_object('at', to_char(
                   bench.moved((l.entry ->> 'at')::timestamptz, s.reported, s.pace) AT TIME ZONE 'UTC',
                   'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) ORDER BY l.place), '[]')
               FROM jsonb_array_elements((p.whole).ledger) WITH ORDINALITY AS l (entry, place)))) n
ORDER BY s.id
"""
_OPEN = """
INSERT INTO city.open_case (case_id, state, kind, class_code, cell_code, department_code, reported_at, due_at,
                            handler_id, inspector_id)
SELECT id, state, kind, class_code, cell_code, department_code, reported_at, due_at, handler_id, inspector_id
FROM city.case WHERE id BETWEEN %s AND %s AND outcome IS NULL
"""


def _store(cursor, plan: _Plan) -> None:
    """The patterns, in a schema of their own."""
    made = plan.patterns
    cursor.execute(_STORE.format(base=made.base.isoformat()))
    road = {
        key: place for place, key in enumerate(dict.fromkeys((one.county, one.kind, one.road) for one in made.cases))
    }
    rows = [(place, road[one.county, one.kind, one.road], one.steps, one.row) for place, one in enumerate(made.cases)]
    execute_values(cursor, "INSERT INTO bench.pattern VALUES %s", rows, "(%s, %s, %s, %s::city.case)")
    events = [(road[key], row) for key, row in made.events]
    execute_values(cursor, "INSERT INTO bench.event VALUES %s", events, "(%s, %s::city.case_event)")
    photos = [(road[key], seq, row) for key, seq, row in made.photos]
    execute_values(cursor, "INSERT INTO bench.photo VALUES %s", photos, "(%s, %s, %s::city.photo)")
    cursor.execute("ANALYZE bench.pattern; ANALYZE bench.event; ANALYZE bench.photo")


def _write(runtime: Runtime, plan: _Plan, workers: int) -> None:
    """All cases, a block at a time, by as many connections as there are workers."""
    local, opened = threading.local(), []

    def block(first: int) -> None:
        if not hasattr(local, "connection"):
            local.connection = runtime.engine.raw_connection()
            opened.append(local.connection)
            local.connection.cursor().execute(_PREPARE)
        _write_block(local.connection.cursor(), plan, slice(first, min(first + BLOCK, plan.count)))
        local.connection.commit()

    try:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(block, range(0, plan.count, BLOCK)))
    finally:
        for connection in opened:
            connection.invalidate()  # with its temporary tables and its settings


def _write_block(cursor, plan: _Plan, rows: slice) -> None:
    cursor.execute("TRUNCATE staged, made")
    bulk.write(cursor, f"staged ({_STAGED})", plan.columns(rows))
    cursor.execute("ANALYZE staged")
    cursor.execute(_EVENTS)
    cursor.execute("ANALYZE made (case_id)")
    cursor.execute(_CASES)
    cursor.execute(_OPEN, (rows.start + plan.first_id, rows.stop + plan.first_id - 1))


def _count_on(cursor, plan: _Plan) -> None:
    """The counters of numbers and of ids go on after the last that was made."""
    counted = [(head[:6], head[6:], int(last)) for head, last in zip(plan.heads.tolist(), plan.last, strict=True)]
    execute_values(
        cursor,
        "INSERT INTO city.case_counter (county_code, day, last) VALUES %s"
        " ON CONFLICT ON CONSTRAINT pk_case_counter DO UPDATE SET last = excluded.last",
        counted,
        "(%s, to_date(%s, 'YYYYMMDD'), %s)",
    )
    cursor.execute("SELECT setval('city.case_id_seq', %s)", (plan.first_id + plan.count - 1,))


@contextmanager
def _unindexed(runtime: Runtime):
    """Without the indexes of the tables that no constraint needs; afterwards they are made again."""
    with _cursor(runtime) as cursor:
        cursor.execute(
            "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = 'city'::regnamespace"
            " AND t.relname = ANY(%s) AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)",
            (list(TABLES),),
        )
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX city.{quote_ident(name, cursor.connection)}")

    def make(definition: str) -> None:
        with _cursor(runtime) as cursor:
            cursor.execute("SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL synchronous_commit = off")
            cursor.execute(definition)

    try:
        yield
    finally:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(make, [definition for _name, definition in indexes]))


def _tidy(runtime: Runtime) -> None:
    """Statistics and the visibility map, as autovacuum would have made them over the years."""
    with runtime.reading() as connection:
        for table in (*TABLES, "cell", "case_counter"):
            connection.exec_driver_sql(f'VACUUM ANALYZE city."{table}"')


@contextmanager
def _cursor(runtime: Runtime):
    """A cursor whose work is committed at the end."""
    with runtime.engine.begin() as connection, connection.connection.cursor() as cursor:
        yield cursor
