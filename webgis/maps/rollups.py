"""Keeping the counts: folding what changed, comparing them with a recount, making them right.

Writers only add rows to the log `city.case_change` and so never wait for each other; reads add the log to the sums. A
fold moves rows of the log into the sums in one transaction, so whoever reads sees each change once: in the log before
it, in the sums after it. One at a time folds or rebuilds: it holds a lock on `city.rollup` that readers do not notice.
"""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

FOLDED_AT_ONCE = 100_000
"""Changes of one fold: a bound for its memory and its time (some seconds)."""

_LOCK = "LOCK TABLE city.rollup IN SHARE ROW EXCLUSIVE MODE"

_SUMS = (
    "sum(reported)::integer AS reported, sum(open)::integer AS open, sum(closed)::integer AS closed,"
    " sum(on_time)::integer AS on_time"
)
_FACT = "day, kind, class_code, bin, cell_id, area"

_DAYS = f"SELECT {_FACT}, reported, open, closed, on_time FROM fact"

_BINS = f"""
    SELECT level, coalesce(kind, '') AS kind, coalesce(class_code, '') AS class_code,
           (CASE WHEN grouping(third) = 0 THEN 36 WHEN grouping(month) = 0 THEN 12 ELSE 1 END)::smallint AS grain,
           coalesce(third, month, year) AS start, bin, area, {_SUMS}
    FROM (
        SELECT l.level, kind, class_code, fn.period_start(day, 1) AS year, fn.period_start(day, 12) AS month,
               fn.period_start(day, 36) AS third, bin >> (2 * (16 - l.level)) AS bin, area, reported, open, closed,
               on_time
        FROM fact CROSS JOIN (VALUES (14::smallint), (16::smallint)) AS l (level)
    ) AS f
    GROUP BY level, bin, area, GROUPING SETS (
        (third), (month), (year), (kind, third), (kind, month), (kind, year), (kind, class_code, month),
        (kind, class_code, year))
"""

_CELLS = f"""
    SELECT cell_id, coalesce(kind, '') AS kind, coalesce(class_code, '') AS class_code, year AS start, {_SUMS}
    FROM (SELECT cell_id, kind, class_code, fn.period_start(day, 1) AS year, reported, open, closed, on_time
          FROM fact) AS f
    GROUP BY cell_id, year, GROUPING SETS ((), (kind), (kind, class_code))
"""


class Sums(NamedTuple):
    """A table of sums: its key, what is no measure beside it, which column is its time, and how `fact` makes it."""

    name: str
    key: tuple[str, ...]
    more: tuple[str, ...]
    time: str
    made: str

    @property
    def columns(self) -> str:
        return ", ".join((*self.key, *self.more, *MEASURES))


MEASURES = ("reported", "open", "closed", "on_time")
SUMS = (
    Sums("day_count", ("day", "kind", "class_code", "bin", "cell_id"), ("area",), "day", _DAYS),
    Sums("bin_count", ("level", "kind", "class_code", "grain", "start", "bin", "area"), (), "start", _BINS),
    Sums("cell_count", ("cell_id", "kind", "class_code", "start"), (), "start", _CELLS),
)


def _added(sums: Sums) -> str:
    """Add to the rows of a table what `fact` makes for it, in the order of the key."""
    return (
        f"INSERT INTO city.{sums.name} AS t ({sums.columns}) SELECT {sums.columns} FROM ({sums.made}) AS made"
        f" WHERE (reported, open, closed, on_time) <> (0, 0, 0, 0) ORDER BY {', '.join(sums.key)}"
        f" ON CONFLICT ({', '.join(sums.key)}) DO UPDATE SET "
        + ", ".join(f"{name} = t.{name} + excluded.{name}" for name in MEASURES)
    )


_FOLD = text(
    f"""
    WITH taken AS (
        DELETE FROM city.case_change WHERE id IN (SELECT id FROM city.case_change ORDER BY id LIMIT :most) RETURNING *
    ), fact AS MATERIALIZED (SELECT {_FACT}, {_SUMS} FROM taken GROUP BY {_FACT}),
    {", ".join(f"{sums.name} AS ({_added(sums)})" for sums in SUMS)}
    UPDATE city.rollup SET folded = folded + taken.count, folded_at = now()
    FROM (SELECT count(*) FROM taken) AS taken WHERE taken.count > 0 RETURNING taken.count
    """
)


def fold(session: Session, most: int = FOLDED_AT_ONCE) -> int:
    """Move up to `most` changes into the sums; how many they were. More are left when it is `most`.

    Nothing while somebody else folds or rebuilds.
    """
    try:
        with session.begin_nested():
            session.execute(text(f"{_LOCK} NOWAIT"))
    except OperationalError:
        return 0
    return session.scalar(_FOLD, {"most": most}) or 0


class Difference(NamedTuple):
    """A row of the sums that is not what a recount says: where, what is stored, what is true."""

    table: str
    key: tuple
    stored: tuple[int, ...]
    true: tuple[int, ...]


def _compared(sums: Sums) -> str:
    """Rows of a year of a table that differ from what `fact` makes; a row of zeros is as good as none."""
    stored = ", ".join(f"coalesce(t.{name}, 0) AS stored_{name}" for name in MEASURES)
    true = ", ".join(f"coalesce(made.{name}, 0) AS {name}" for name in MEASURES)
    keys = ", ".join((*sums.key, *(f"coalesce(made.{name}, t.{name}) AS {name}" for name in sums.more)))
    return (
        f"SELECT * FROM (SELECT {keys}, {true}, {stored} FROM ({_of_a_year(sums)}) AS made FULL JOIN"
        f" (SELECT * FROM city.{sums.name} WHERE {sums.time} BETWEEN :first AND :last) AS t"
        f" USING ({', '.join(sums.key)})) AS compared WHERE (reported, open, closed, on_time)"
        " <> (stored_reported, stored_open, stored_closed, stored_on_time)"
    )


def check(connection: Connection, progress: Callable[[int, int], None] = lambda done, of: None) -> list[Difference]:
    """Compare all sums and the changes not folded yet with a recount, in one snapshot; what differs.

    The connection has no transaction yet; city life goes on meanwhile.
    """
    _begin(connection)
    pending = f"SELECT {_FACT}, -reported, -open, -closed, -on_time FROM city.case_change"
    _recount(connection, f"UNION ALL {pending}")
    found = []
    for sums, span in _parts(connection, progress):
        for row in connection.execute(text(_compared(sums)), span).mappings():
            stored = tuple(row[f"stored_{name}"] for name in MEASURES)
            key = tuple(row[name] for name in sums.key)
            found.append(Difference(sums.name, key, stored, tuple(row[name] for name in MEASURES)))
    return found


def rebuild(connection: Connection, progress: Callable[[int, int], None] = lambda done, of: None) -> int:
    """Make all sums equal to a recount and empty the log; how many rows were written. What is right is not touched.

    The connection has no transaction yet, and the caller commits. Online: readers see the old sums until then, which
    with the log are as right or wrong as before; what is written meanwhile stays in the log.
    """
    _begin(connection, lock=True)
    _recount(connection)
    folded = connection.execute(text("DELETE FROM city.case_change")).rowcount
    written = 0
    empty = {sums.name: not connection.scalar(text(f"SELECT EXISTS (TABLE city.{sums.name})")) for sums in SUMS}
    for sums, span in _parts(connection, progress):
        if empty[sums.name]:
            written += connection.execute(text(_filled(sums)), span).rowcount
        else:
            written += connection.execute(text(_mended(sums)), span).scalar()
    connection.execute(text("UPDATE city.rollup SET folded = folded + :n + 1, folded_at = now()"), {"n": folded})
    return written


def _filled(sums: Sums) -> str:
    """What `fact` makes, into a table where nothing is yet: half the work of comparing first."""
    return (
        f"INSERT INTO city.{sums.name} ({sums.columns}) SELECT {sums.columns} FROM ({_of_a_year(sums)}) AS made"
        f" ORDER BY {', '.join(sums.key)}"
    )


def _of_a_year(sums: Sums) -> str:
    return sums.made.replace(
        "FROM fact", "FROM (SELECT * FROM pg_temp.fact WHERE day BETWEEN :first AND :last) AS fact"
    )


def _mended(sums: Sums) -> str:
    same = " AND ".join(f"t.{name} = d.{name}" for name in sums.key)
    return f"""
        WITH differing AS MATERIALIZED ({_compared(sums)}),
        gone AS (DELETE FROM city.{sums.name} t USING differing d WHERE {same} AND d.reported = 0),
        put AS (
            INSERT INTO city.{sums.name} ({sums.columns}) SELECT {sums.columns} FROM differing WHERE reported <> 0
            ORDER BY {", ".join(sums.key)}
            ON CONFLICT ({", ".join(sums.key)}) DO UPDATE SET
            {", ".join(f"{name} = excluded.{name}" for name in MEASURES)}
        )
        SELECT count(*) FROM differing
    """


def _begin(connection: Connection, *, lock: bool = False) -> None:
    """One snapshot for all statements; the lock is taken before it, so that it sees what the last fold did."""
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    connection.execute(text("SET LOCAL lock_timeout = '10min'"))
    connection.execute(text("SET LOCAL work_mem = '128MB'"))
    if lock:
        connection.execute(text(_LOCK))


def _recount(connection: Connection, and_pending: str = "") -> None:
    """Make the temporary table `fact`: all cases by day, class, bin and cell."""
    columns = f"{_FACT}, reported, open, closed, on_time"
    connection.execute(text("DROP TABLE IF EXISTS pg_temp.fact"))
    connection.execute(
        text(
            f"CREATE TEMP TABLE fact ON COMMIT DROP AS SELECT {_FACT}, {_SUMS} FROM"
            f" (SELECT {columns} FROM fn.case_fact {and_pending}) AS c GROUP BY {_FACT} HAVING sum(reported) <> 0"
        )
    )
    connection.execute(text("ANALYZE pg_temp.fact"))


def _parts(connection: Connection, progress: Callable[[int, int], None]):
    """Each table of sums and year of which there is something, told to `progress` when it is done."""
    every = " UNION ".join(f"SELECT {sums.time} AS day FROM city.{sums.name}" for sums in SUMS)
    years = connection.scalars(
        text(
            "SELECT DISTINCT extract(year FROM day)::integer FROM"
            f" (SELECT day FROM pg_temp.fact UNION {every}) AS d ORDER BY 1"
        )
    ).all()
    parts = [(sums, {"first": f"{year}-01-01", "last": f"{year}-12-31"}) for year in years for sums in SUMS]
    progress(0, len(parts))
    for done, part in enumerate(parts, start=1):
        yield part
        progress(done, len(parts))
