"""The database: engine, sessions, metadata, upgrade, and the checks that refuse a database that would lie to us.

Tables live in schema `city` and move forward by Alembic; functions live in schema `fn` and are made anew at every
upgrade (`docs/architecture.md`).
"""

import importlib
import pkgutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg2.extras import NamedTupleCursor
from sqlalchemy import Connection, Engine, MetaData, PoolProxiedConnection, create_engine, event, make_url, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

import webgis
from webgis.errors import Conflict, Unavailable
from webgis.settings import Settings, resources

MINIMUM_POSTGRESQL = 140000
MINIMUM_POSTGIS = (3, 2)
IDLE_SECONDS = 2.0
CONNECTED = "-c timezone=UTC -c lock_timeout=15s -c plan_cache_mode=force_generic_plan"
UPGRADE_LOCK = 0x77656267
"""Advisory lock held while the schema changes, so that two starts at once do not both migrate."""


class Base(DeclarativeBase):
    """Parent of every table: moments have a time zone, and names of constraints are those that migrations give."""

    type_annotation_map = {datetime: TIMESTAMP(timezone=True)}
    metadata = MetaData(
        schema="city",
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        },
    )


def one_of(column: str, values: Sequence[str]) -> str:
    """The check of a column that holds one of these words (of ours, never of people)."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


@dataclass(frozen=True)
class Runtime:
    """What a process needs to work: its settings, and the engine and sessions made from them on first use."""

    settings: Settings

    @cached_property
    def engine(self) -> Engine:
        return make_engine(self.settings)

    @cached_property
    def sessions(self) -> sessionmaker[Session]:
        return make_sessions(self.engine, self.settings)

    @cached_property
    def asking(self) -> Engine:
        """An engine whose statements stand alone: nothing is begun or committed."""
        return make_engine(self.settings, isolation_level="AUTOCOMMIT")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for questions that stand alone."""
        with self.asking.connect() as connection:
            yield connection

    def ask(self, statement: str, *values: Any) -> list[Any]:
        """The rows of one quick question that stands alone, as `call` gives them."""
        connection = self.asking.raw_connection()
        try:
            return _rows(self.asking, connection, statement, values)
        finally:
            if connection.dbapi_connection.closed:
                connection.invalidate()
            connection.close()

    def dispose(self) -> None:
        """Close what is idle."""
        for engine in (self.engine, self.asking):
            engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back when the block raises."""
        with self.sessions.begin() as session:
            yield session


def call(session: Session, statement: str, *values: Any) -> list[Any]:
    """Run one statement (psycopg2's placeholders) in the session's transaction and return its rows as named tuples.

    For the statements that every request makes: SQLAlchemy's own way costs several times what they do. One mapping
    instead of values fills named placeholders. Errors of the database are raised as SQLAlchemy's.
    """
    connection = session.connection()
    return _rows(connection.engine, connection.connection, statement, values)


def _rows(engine: Engine, connection: PoolProxiedConnection, statement: str, values: tuple) -> list[Any]:
    parameters = values[0] if len(values) == 1 and isinstance(values[0], Mapping) else values
    try:
        with connection.cursor(cursor_factory=NamedTupleCursor) as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall()
    except psycopg2.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg2.Error, dialect=engine.dialect) from error


def like(words: str) -> str:
    """Words as they stand in a LIKE pattern, where they mean nothing but themselves."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def make_engine(settings: Settings, **options) -> Engine:
    """An engine for `settings.database`; connections speak UTC and give up waiting for a lock after 15 s. They name the
    city's time zone (`webgis.zone`), by which functions tell days.

    Functions keep their plans: they are short questions by an index, and PostgreSQL's own choice is to plan many of
    them anew at each call, which costs five times the answer (`fn.lock_case`).
    """
    url = make_url(settings.database)
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg2")
    defaults = {"pool_size": 10, "max_overflow": 20}
    engine = create_engine(
        url,
        connect_args={"options": f"{CONNECTED} -c webgis.zone={settings.timezone}", "application_name": "webgis"},
        **(defaults | options),
    )
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _ping_idle)
    return engine


def _note_use(_connection, record) -> None:
    record.info["used"] = time.monotonic()


def _ping_idle(connection, record, _proxy) -> None:
    """Try a connection that has been idle before it is used: the server may have been started again meanwhile.

    SQLAlchemy's `pool_pre_ping` asks at every use, which is a quarter of all statements on the way of a case.
    """
    if time.monotonic() - record.info.get("used", time.monotonic()) < IDLE_SECONDS:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except psycopg2.Error as error:
        raise DisconnectionError from error


def make_sessions(engine: Engine, settings: Settings) -> sessionmaker[Session]:
    """Sessions whose objects stay readable after the commit; `session.info["settings"]` serves tasks."""
    return sessionmaker(engine, expire_on_commit=False, info={"settings": settings})


def check(engine: Engine) -> None:
    """Refuse a database that cannot serve: out of reach, too old, or with a locale that blinds pg_trgm to Chinese.

    With `LC_CTYPE=C` pg_trgm drops every Chinese character, so text search and duplicates would silently find
    nothing (measured). Raises `Unavailable` with the way to mend it.
    """
    try:
        with engine.connect() as connection:
            _check_versions(connection)
            _check_chinese(connection)
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise Unavailable("db.unreachable", f"The database does not answer: {reason}") from None


def _check_versions(connection: Connection) -> None:
    server = connection.scalar(text("SELECT current_setting('server_version_num')::int"))
    if server < MINIMUM_POSTGRESQL:
        raise Unavailable("db.postgresql-old", f"PostgreSQL {server // 10000} is too old: 14 or newer is needed")
    row = connection.execute(
        text(
            "SELECT coalesce((SELECT extversion FROM pg_extension WHERE extname = 'postgis'),"
            " (SELECT default_version FROM pg_available_extensions WHERE name = 'postgis'))"
        )
    ).scalar()
    if row is None:
        raise Unavailable(
            "db.no-postgis",
            "The PostgreSQL server has no PostGIS. Install its package (Debian, Ubuntu: "
            f"postgresql-{server // 10000}-postgis-3) on the server and start again",
        )
    if tuple(int(part) for part in row.split(".")[:2]) < MINIMUM_POSTGIS:
        raise Unavailable("db.postgis-old", f"PostGIS {row} is too old: 3.2 or newer is needed")


def _check_chinese(connection: Connection) -> None:
    connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    alike = connection.scalar(text("SELECT public.similarity('春熙路街道', '春熙路街道办')"))
    connection.commit()
    if not alike:
        raise Unavailable(
            "db.locale-unusable",
            "This database's locale makes pg_trgm drop Chinese, so searches would find nothing. Make it anew: "
            "createdb --template=template0 --encoding=UTF8 --locale=C.UTF-8 NAME, and move the data with pg_dump",
        )


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without an ini file: the migrations lie in `sql/postgis/migrations`."""
    config = Config()
    config.set_main_option("script_location", str(resources("sql") / "postgis" / "migrations"))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> list[str]:
    """Bring tables to the newest revision and make all functions anew; returns the revisions that were applied.

    One process at a time: others wait on an advisory lock and then find nothing to do.
    """
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '10min'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": UPGRADE_LOCK})
        connection.commit()
        try:
            before = revision(connection)
            command.upgrade(alembic_config(connection), "head")
            connection.commit()
            make_functions(connection)
            connection.commit()
            return _applied_since(before)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": UPGRADE_LOCK})
            connection.commit()


def import_models() -> None:
    """Import `models.py` and `..._models.py` of every package, and the outbox, so that `Base.metadata` is whole."""
    importlib.import_module("webgis.jobs")
    for module in pkgutil.walk_packages(webgis.__path__, "webgis."):
        if module.name.endswith("models"):
            importlib.import_module(module.name)


def revision(connection: Connection) -> str | None:
    """The revision the database stands at, or None for a new one."""
    if connection.scalar(text("SELECT to_regclass('city.alembic_version')")) is None:
        return None
    return connection.scalar(text("SELECT version_num FROM city.alembic_version"))


def knows(version: str) -> bool:
    """Whether this is one of the revisions that there are here."""
    return version in {one.revision for one in ScriptDirectory.from_config(alembic_config()).walk_revisions()}


_OTHER_CITIES = text("SELECT DISTINCT left(code, 4) FROM city.area ORDER BY 1")


def warnings(engine: Engine, settings: Settings) -> list[str]:
    """What does not keep the database from serving and is hardly meant: tables of an older version, and a setting
    that names another city than the areas."""
    with engine.connect() as connection:
        stands = revision(connection)
        if stands != newest_revision():
            return [f"its tables are those of {stands or 'no version yet'}: webgis db upgrade (bin/serve does it too)"]
        cities = connection.scalars(_OTHER_CITIES).all()
    if not cities or settings.city_code[:4] in cities:
        return []
    return [f"the setting city_code is {settings.city_code}, but the areas are those of {', '.join(cities)}"]


def newest_revision() -> str:
    """The revision this code needs."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def _applied_since(before: str | None) -> list[str]:
    scripts = ScriptDirectory.from_config(alembic_config())
    return [script.revision for script in scripts.iterate_revisions("head", before or "base")][::-1]


def function_files() -> list[Path]:
    """The SQL files of schema `fn`, in the order in which they are loaded."""
    return sorted((resources("sql") / "postgis" / "functions").glob("*.sql"))


def make_functions(connection: Connection) -> None:
    """Drop schema `fn` and make it anew, in the caller's transaction.

    `DROP ... CASCADE` would silently take along a column, index or constraint that uses a function, with its data:
    such a dependant is looked for first and refused.
    """
    dependants = connection.execute(_DEPENDANTS).scalars().all()
    if dependants:
        raise Conflict(
            "db.fn-dependants",
            f"Tables depend on functions of schema fn, which is rebuilt at every upgrade: {', '.join(dependants)}",
        )
    connection.execute(text("DROP SCHEMA IF EXISTS fn CASCADE"))
    connection.execute(text("CREATE SCHEMA fn"))
    with connection.connection.cursor() as cursor:
        for file in function_files():
            cursor.execute(file.read_text(encoding="utf-8"))


_DEPENDANTS = text(
    """
    SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
    FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'fn'
    JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid AND d.deptype IN ('n', 'a')
    WHERE d.classid IN ('pg_class'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass,
                        'pg_trigger'::regclass, 'pg_policy'::regclass)
    """
)
