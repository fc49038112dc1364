"""Databases for tests: clones of a template, and slates, which are wiped after each test instead of made anew.

Making and dropping a database, and warming up its first connection, takes longer than most tests. A slate keeps its
database, its connections and its application. After a test everything that the test left is taken away: rows, numbers
given, session settings, files, keys in Redis, copies that the process holds. What cannot be brought back (a table made,
a lock still held, very many rows) is thrown away with its database, and the next test gets a new one.
"""

import gc
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import chain
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg2
from apiflask import APIFlask
from redis import Redis
from sqlalchemy import Engine, create_engine, make_url, text

from webgis.app import create_app
from webgis.cases import calendar
from webgis.db import Runtime
from webgis.limits import city_mark
from webgis.settings import Settings

MANY_ROWS = 50_000
"""A test that leaves more new rows than this costs more to wipe than to give a new database."""

SOME_ROWS = 1000
"""A table that got more new rows than this is vacuumed, so that it is small again."""

PATIENCE_S = 5.0
"""How long a statement that still runs when a test is over (a server's, say) may take to end."""


@dataclass(frozen=True)
class Servers:
    """Addresses of the servers that the tests may use."""

    database_url: str
    redis_url: str

    def url(self, name: str) -> str:
        """The address of a database."""
        return make_url(self.database_url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def database(servers: Servers, template: str) -> Iterator[str]:
    """A new database made from `template`, dropped at the end with every connection that was left open to it."""
    name = f"webgis_test_{uuid.uuid4().hex[:12]}"
    engine = create_engine(servers.url("postgres"), isolation_level="AUTOCOMMIT")
    locale = " ENCODING 'UTF8' LOCALE 'C.UTF-8'" if template == "template0" else ""
    with engine.connect() as connection:
        quick = " STRATEGY FILE_COPY" if connection.dialect.server_version_info >= (15,) else ""
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}{locale}{quick}"))
    try:
        yield name
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def settings_for(servers: Servers, name: str, folder: Path, **changes) -> Settings:
    """Settings with this database and this var folder."""
    given = {"var_dir": folder, "maps_dir": folder / "maps", "redis_url": servers.redis_url}
    own = {"database_url": servers.url(name), "secret_key": "for tests only"}
    return Settings(**(given | own | changes))


class Stained(Exception):
    """A test left something that wiping does not take away."""


class Slate:
    """A database with settings, runtime and application of its own, to be used by one test after the other."""

    def __init__(self, servers: Servers, template: str, folder: Path) -> None:
        self._open = ExitStack()
        name = self._open.enter_context(database(servers, template))
        self.settings = settings_for(servers, name, folder)
        self._rows = Rows(servers.url(name))
        self._open.callback(self._rows.connection.close)
        self._redis = self._open.enter_context(Redis.from_url(self.settings.redis))
        self._beside: dict[str, Any] = {}
        self._ends = self._open.enter_context(ExitStack())

    @cached_property
    def runtime(self) -> Runtime:
        return Runtime(self.settings)

    @cached_property
    def app(self) -> APIFlask:
        made = create_app(self.settings)
        made.testing = True
        return made

    def beside(self, name: str, start: Callable[[Settings], AbstractContextManager[Any]]) -> Any:
        """What `start` gives for these settings (a server, say): started once, and kept beside the slate."""
        if name not in self._beside:
            self._beside[name] = self._ends.enter_context(start(self.settings))
        return self._beside[name]

    def wipe(self) -> None:
        """Take away what a test left; `Stained` when that cannot be done."""
        for runtime in self._runtimes():
            _refresh(runtime)
        changed = self._rows.bring_back()
        if any(name.startswith("city.calendar") for name in changed):  # of which every process keeps a copy
            calendar.forget_copies()
            self._ends.close()
            self._beside.clear()
        if left := list(self._redis.scan_iter(f"*{city_mark(self.settings)}*", count=1000)):
            self._redis.delete(*left)
        for entry in self.settings.var_dir.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()

    def close(self) -> None:
        """Let go of everything."""
        for runtime in self._runtimes():
            runtime.dispose()
        self._open.close()

    def _runtimes(self) -> list[Runtime]:
        app = self.__dict__.get("app")
        return [one for one in (self.__dict__.get("runtime"), app and app.extensions["webgis"]) if one]


def _refresh(runtime: Runtime) -> None:
    """Bring the idle connections of a runtime to how they were when they were opened, but for what they have learnt."""
    for name in ("engine", "asking"):
        if engine := runtime.__dict__.get(name):
            _refresh_pool(engine)


def _refresh_pool(engine: Engine) -> None:
    if engine.pool.checkedout():
        gc.collect()
    if engine.pool.checkedout():
        raise Stained("a connection was not given back")
    idle = [engine.raw_connection() for _one in range(engine.pool.checkedin())]
    for connection in idle:
        with connection.cursor() as cursor:
            cursor.execute(
                "CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ALL; UNLISTEN *; DISCARD TEMP;"
                " SELECT pg_advisory_unlock_all()"
            )
        connection.commit()
    for connection in idle:
        connection.close()


class Rows:
    """The rows and numbers of a database as they were first, and how to come back to them.

    Which rows are new is told by the transaction that wrote them (`xmin`); rows changed or gone are missed in the count
    of old ones, and then the table is written again from a copy.
    """

    def __init__(self, url: str) -> None:
        self.connection = psycopg2.connect(url.replace("+psycopg2", ""))
        with self.connection, self.connection.cursor() as cursor:
            tables = _names(cursor, "r")
            self._sequences = _names(cursor, "S")
            self._copies = {table: _copied(cursor, table) for table in tables}
            cursor.execute(f"PREPARE look (xid) AS {_look(tables, self._sequences)}")
        self._forget()
        self._first = self._look()

    def bring_back(self) -> set[str]:
        """Make rows and sequences what they were first, and tell which were not; `Stained` when that cannot be done."""
        try:
            self._wait()
            now = self._look()
            changed = {name for name, found in now.items() if found != self._first[name]}
            if changed:
                self._mend(now, changed)
            return changed
        except psycopg2.Error as error:
            raise Stained(str(error)) from error

    def _forget(self) -> None:
        """From here on what is written is new."""
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute("SELECT (pg_snapshot_xmax(pg_current_snapshot())::text::bigint % (2^32)::bigint)::text")
            self._since = cursor.fetchone()[0]

    def _look(self) -> dict[str, tuple[int, int]]:
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute("EXECUTE look (%s)", (self._since,))
            return {name: (old, new) for name, old, new in cursor}

    def _wait(self) -> None:
        """Wait until no other connection is in the middle of something: a server may still be answering."""
        until = monotonic() + PATIENCE_S
        while busy := self._busy():
            if monotonic() > until:
                raise Stained(f"still at work: {busy}")
            sleep(0.02)

    def _busy(self) -> str | None:
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute(_BUSY)
            return cursor.fetchone()[0]

    def _mend(self, now: dict[str, tuple[int, int]], changed: set[str]) -> None:
        if SCHEMA in changed:
            raise Stained("the schema is another")
        if sum(now[name][1] for name in changed & self._copies.keys()) > MANY_ROWS:
            raise Stained("many new rows")
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '5s'")
            for name in changed:
                if name in self._copies:
                    self._mend_table(cursor, name, gone=now[name][0] != self._first[name][0])
                else:
                    last, called = self._first[name]
                    cursor.execute("SELECT setval(%s, %s, %s)", (name, last, bool(called)))
        self._vacuum([name for name in changed & self._copies.keys() if now[name][1] > SOME_ROWS])
        self._forget()

    def _vacuum(self, tables: list[str]) -> None:
        for name in tables:
            self.connection.autocommit = True
            with self.connection.cursor() as cursor:
                cursor.execute(f"VACUUM {name}")
            self.connection.autocommit = False

    def _mend_table(self, cursor, name: str, *, gone: bool) -> None:
        if not gone:
            cursor.execute(f"DELETE FROM {name} WHERE age(xmin) <= age(%s::xid)", (self._since,))
            return
        cursor.execute(f"DELETE FROM {name}")
        cursor.copy_expert(f"COPY {name} FROM STDIN (FORMAT binary)", BytesIO(self._copies[name]))


SCHEMA = "the schema"

_BUSY = """
SELECT string_agg(state || ': ' || left(query, 200), '; ') FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'
"""
_NAMES = """
SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = %s AND n.nspname !~ '^(pg_|information_schema$)'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1
"""
_DEFINED = ("pg_class WHERE relpersistence <> 't'", *("pg_proc", "pg_constraint", "pg_trigger", "pg_attrdef"))


def _names(cursor, kind: str) -> list[str]:
    cursor.execute(_NAMES, (kind,))
    return [name for (name,) in cursor]


def _copied(cursor, table: str) -> bytes:
    copy = BytesIO()
    cursor.copy_expert(f"COPY {table} TO STDOUT (FORMAT binary)", copy)
    return copy.getvalue()


def _look(tables: list[str], sequences: list[str]) -> str:
    """A question for name, old and new rows of each table, last number of each sequence, and what is defined."""
    new = "age(xmin) <= age($1)"
    counts = f"count(*) FILTER (WHERE NOT {new}), count(*) FILTER (WHERE {new})"
    asked = [f"SELECT '{table}', {counts} FROM {table}" for table in tables]
    asked += [f"SELECT '{name}', last_value, is_called::int::bigint FROM {name}" for name in sequences]
    defined = " UNION ALL ".join(f"SELECT {counts} FROM {catalog}" for catalog in _DEFINED)
    asked.append(f"SELECT '{SCHEMA}', sum(d.old)::bigint, sum(d.new)::bigint FROM ({defined}) d (old, new)")
    return " UNION ALL ".join(asked)


class Slates:
    """The slates of one worker, by template: clean ones wait for the next test."""

    def __init__(self, servers: Servers, new_folder: Callable[[str], Path]) -> None:
        self._servers, self._new_folder = servers, new_folder
        self._clean: dict[str, list[Slate]] = {}

    @contextmanager
    def borrow(self, template: str) -> Iterator[Slate]:
        """A clean slate with the rows of this template; it is wiped when it comes back."""
        clean = self._clean.setdefault(template, [])
        slate = clean.pop() if clean else Slate(self._servers, template, self._new_folder("city"))
        try:
            yield slate
        finally:
            try:
                slate.wipe()
                clean.append(slate)
            except Stained:
                slate.close()

    def close(self) -> None:
        """Drop what waits."""
        for slate in chain.from_iterable(self._clean.values()):
            slate.close()
