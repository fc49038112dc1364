"""Keeping the counts: folding what changed, comparing them with a recount, making them right.

Writers only add rows to logs (`rollup_tables.py`) and so never wait for each other; reads add the log to the sums. A
fold moves rows of the log into the sums in one transaction, so whoever reads sees each change once: in the log before
it, in the sums after it. One at a time folds or rebuilds: it holds a lock on `city.rollup` that readers do not notice.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webgis.maps.rollup_tables import CASES, LOGS, Log, Sums

FOLDED_AT_ONCE = 100_000
"""Changes of one fold: a bound for its memory and its time (some seconds)."""

_LOCK = "LOCK TABLE city.rollup IN SHARE ROW EXCLUSIVE MODE"


def _nothing(log: Log, prefix: str = "") -> str:
    """Whether all measures are zero, as SQL."""
    return f"({', '.join(prefix + name for name in log.measures)}) = ({', '.join('0' for _name in log.measures)})"


def _added(log: Log, sums: Sums) -> str:
    """Add to the rows of a table what `fact` makes for it, in the order of the key."""
    columns = log.columns(sums)
    return (
        f"INSERT INTO city.{sums.name} AS t ({columns}) SELECT {columns} FROM ({sums.made}) AS made"
        f" WHERE NOT {_nothing(log)} ORDER BY {', '.join(sums.key)}"
        f" ON CONFLICT ({', '.join(sums.key)}) DO UPDATE SET "
        + ", ".join(f"{name} = t.{name} + excluded.{name}" for name in log.measures)
    )


def _fold(log: Log, end: str):
    return text(
        f"""
        WITH taken AS (
            DELETE FROM city.{log.name} WHERE id IN (SELECT id FROM city.{log.name} ORDER BY id LIMIT :most)
            RETURNING *
        ), fact AS MATERIALIZED (SELECT {log.facts}, {log.sums} FROM taken GROUP BY {log.facts}),
        {", ".join(f"{sums.name} AS ({_added(log, sums)})" for sums in log.tables)}
        {end}
        """
    )


_TOLD = """
    UPDATE city.rollup SET folded = folded + taken.count, folded_at = now()
    FROM (SELECT count(*) FROM taken) AS taken WHERE taken.count > 0 RETURNING taken.count
"""
_FOLDS = {log: _fold(log, _TOLD if log is CASES else "SELECT count(*) FROM taken") for log in LOGS}
"""By log. The number of changes of `CASES` is part of `fn.case_version`, that of other logs is not told."""


def fold(session: Session, most: int = FOLDED_AT_ONCE) -> int:
    """Move up to `most` changes of each log into its sums; how many they were, of the log that had most of them.

    More are left when it is `most`. Nothing while somebody else folds or rebuilds.
    """
    try:
        with session.begin_nested():
            session.execute(text(f"{_LOCK} NOWAIT"))
    except OperationalError:
        return 0
    return max(session.scalar(statement, {"most": most}) or 0 for statement in _FOLDS.values())


class Difference(NamedTuple):
    """A row of the sums that is not what a recount says: where, what is stored, what is true."""

    table: str
    key: tuple
    stored: tuple[int, ...]
    true: tuple[int, ...]


def _compared(log: Log, sums: Sums) -> str:
    """Rows of a year of a table that differ from what `fact` makes; a row of zeros is as good as none."""
    stored = ", ".join(f"coalesce(t.{name}, 0) AS stored_{name}" for name in log.measures)
    true = ", ".join(f"coalesce(made.{name}, 0) AS {name}" for name in log.measures)
    keys = ", ".join((*sums.key, *(f"coalesce(made.{name}, t.{name}) AS {name}" for name in sums.more)))
    return (
        f"SELECT * FROM (SELECT {keys}, {true}, {stored} FROM ({_of_a_year(sums)}) AS made FULL JOIN"
        f" (SELECT * FROM city.{sums.name} WHERE {sums.time} BETWEEN :first AND :last) AS t"
        f" USING ({', '.join(sums.key)})) AS compared WHERE ({log.values})"
        f" <> ({', '.join(f'stored_{name}' for name in log.measures)})"
    )


def check(connection: Connection, progress: Callable[[int, int], None] = lambda done, of: None) -> list[Difference]:
    """Compare all sums and the changes not folded yet with a recount, in one snapshot; what differs.

    The connection has no transaction yet; city life goes on meanwhile.
    """
    _begin(connection)
    found = []
    for log in LOGS:
        pending = f"SELECT {log.facts}, {', '.join(f'-{name}' for name in log.measures)} FROM city.{log.name}"
        _recount(connection, log, f"UNION ALL {pending}")
        for sums, span in _parts(connection, log, progress):
            for row in connection.execute(text(_compared(log, sums)), span).mappings():
                stored = tuple(row[f"stored_{name}"] for name in log.measures)
                key = tuple(row[name] for name in sums.key)
                found.append(Difference(sums.name, key, stored, tuple(row[name] for name in log.measures)))
    return found


def rebuild(connection: Connection, progress: Callable[[int, int], None] = lambda done, of: None) -> int:
    """Make all sums equal to a recount and empty the logs; how many rows were written. What is right is not touched.

    The connection has no transaction yet, and the caller commits. Online: readers see the old sums until then, which
    with the logs are as right or wrong as before; what is written meanwhile stays in the logs.
    """
    _begin(connection, lock=True)
    rebuilt = {log: _rebuilt(connection, log, progress) for log in LOGS}
    connection.execute(_EMPTIED, {"n": rebuilt[CASES].folded})
    return sum(one.written for one in rebuilt.values())


def fill(engine: Engine, progress: Callable[[int, int], None] = lambda done, of: None) -> int:
    """The same for a city that nobody uses yet: each log by a connection of its own, and indexes after their rows.

    Commits. Whoever reads counts meanwhile waits.
    """
    parts = dict.fromkeys(LOGS, (0, 0))

    def one(log: Log) -> _Rebuilt:
        def tell(done: int, of: int) -> None:
            parts[log] = (done, of)
            progress(*map(sum, zip(*parts.values(), strict=True)))

        return _rebuilt_alone(engine, log, tell)

    with engine.connect() as holder, ThreadPoolExecutor(len(LOGS)) as pool:
        holder.execute(text("SET LOCAL lock_timeout = '10min'"))
        holder.execute(text(_LOCK))
        rebuilt = dict(zip(LOGS, pool.map(one, LOGS), strict=True))
        holder.execute(_EMPTIED, {"n": rebuilt[CASES].folded})
        holder.commit()
    return sum(one.written for one in rebuilt.values())


_EMPTIED = text("UPDATE city.rollup SET folded = folded + :n + 1, folded_at = now()")


class _Rebuilt(NamedTuple):
    """Rows that were written, and changes that were in the log."""

    written: int
    folded: int


def _rebuilt_alone(engine: Engine, log: Log, progress: Callable[[int, int], None]) -> _Rebuilt:
    with engine.connect() as connection:
        _begin(connection)
        indexes = _unindexed(connection, [sums.name for sums in _empty(connection, log)])
        rebuilt = _rebuilt(connection, log, progress)
        for statement in indexes:
            connection.execute(text(statement))
        connection.commit()
    return rebuilt


def _rebuilt(connection: Connection, log: Log, progress: Callable[[int, int], None]) -> _Rebuilt:
    _recount(connection, log)
    folded, written = connection.execute(text(f"DELETE FROM city.{log.name}")).rowcount, 0
    empty = _empty(connection, log)
    for sums, span in _parts(connection, log, progress):
        if sums in empty:
            written += connection.execute(text(_filled(log, sums)), span).rowcount
        else:
            written += connection.execute(text(_mended(log, sums)), span).scalar()
    return _Rebuilt(written, folded)


def _empty(connection: Connection, log: Log) -> list[Sums]:
    """Its tables where nothing is yet."""
    return [sums for sums in log.tables if not connection.scalar(text(f"SELECT EXISTS (TABLE city.{sums.name})"))]


_INDEXES = """
SELECT CASE WHEN k.oid IS NULL THEN format('DROP INDEX city.%I', c.relname)
            ELSE format('ALTER TABLE city.%I DROP CONSTRAINT %I', t.relname, k.conname) END AS dropped,
       CASE WHEN k.oid IS NULL THEN pg_get_indexdef(i.indexrelid)
            ELSE format('ALTER TABLE city.%I ADD CONSTRAINT %I %s', t.relname, k.conname,
                        pg_get_constraintdef(k.oid)) END AS made
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid
WHERE t.relnamespace = 'city'::regnamespace AND t.relname = ANY(:tables) ORDER BY t.relname, k.oid IS NULL
"""


def _unindexed(connection: Connection, tables: list[str]) -> list[str]:
    """Drop the indexes of tables; the statements that make them again."""
    found = connection.execute(text(_INDEXES), {"tables": tables}).all()
    for one in found:
        connection.execute(text(one.dropped))
    return [one.made for one in found]


def _filled(log: Log, sums: Sums) -> str:
    """What `fact` makes, into a table where nothing is yet: half the work of comparing first."""
    columns = log.columns(sums)
    return (
        f"INSERT INTO city.{sums.name} ({columns}) SELECT {columns} FROM ({_of_a_year(sums)}) AS made"
        f" ORDER BY {sums.near}"
    )


def _of_a_year(sums: Sums) -> str:
    return sums.made.replace(
        "FROM fact", "FROM (SELECT * FROM pg_temp.fact WHERE day BETWEEN :first AND :last) AS fact"
    )


def _mended(log: Log, sums: Sums) -> str:
    same = " AND ".join(f"t.{name} = d.{name}" for name in sums.key)
    columns = log.columns(sums)
    return f"""
        WITH differing AS MATERIALIZED ({_compared(log, sums)}),
        gone AS (DELETE FROM city.{sums.name} t USING differing d WHERE {same} AND {_nothing(log, "d.")}),
        put AS (
            INSERT INTO city.{sums.name} ({columns}) SELECT {columns} FROM differing WHERE NOT {_nothing(log)}
            ORDER BY {", ".join(sums.key)}
            ON CONFLICT ({", ".join(sums.key)}) DO UPDATE SET
            {", ".join(f"{name} = excluded.{name}" for name in log.measures)}
        )
        SELECT count(*) FROM differing
    """


def _begin(connection: Connection, *, lock: bool = False) -> None:
    """One snapshot for all statements; the lock is taken before it, so that it sees what the last fold did."""
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    connection.execute(text("SET LOCAL lock_timeout = '10min'"))
    connection.execute(text("SET LOCAL work_mem = '128MB'"))
    connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
    if lock:
        connection.execute(text(_LOCK))


def _recount(connection: Connection, log: Log, and_pending: str = "") -> None:
    """Make the temporary table `fact`: all cases as the log tells of them."""
    columns = f"{log.facts}, {log.values}"
    connection.execute(text("DROP TABLE IF EXISTS pg_temp.fact"))
    connection.execute(
        text(
            f"CREATE TEMP TABLE fact ON COMMIT DROP AS SELECT * FROM (SELECT {log.facts}, {log.sums} FROM"
            f" (SELECT {columns} FROM {log.view} {and_pending}) AS c GROUP BY {log.facts}) AS f"
            f" WHERE NOT {_nothing(log)}"
        )
    )
    connection.execute(text("ANALYZE pg_temp.fact"))


def _parts(connection: Connection, log: Log, progress: Callable[[int, int], None]):
    """Each table of sums and year of which there is something, told to `progress` when it is done."""
    every = " UNION ".join(f"SELECT {sums.time} AS day FROM city.{sums.name}" for sums in log.tables)
    years = connection.scalars(
        text(
            "SELECT DISTINCT extract(year FROM day)::integer FROM"
            f" (SELECT day FROM pg_temp.fact UNION {every}) AS d ORDER BY 1"
        )
    ).all()
    parts = [(sums, {"first": f"{year}-01-01", "last": f"{year}-12-31"}) for year in years for sums in log.tables]
    progress(0, len(parts))
    for done, part in enumerate(parts, start=1):
        yield part
        progress(done, len(parts))
