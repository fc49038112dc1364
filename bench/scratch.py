"""A database for one benchmark: made on the server that WEBGIS_DATABASE_URL names, or on a private one, and dropped."""

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text

from webgis import services
from webgis.db import Runtime
from webgis.settings import Settings


@contextlib.contextmanager
def database(copied: Engine | None = None) -> Iterator[Engine]:
    """An engine on an empty database with PostGIS, or on a copy of another; every statement commits by itself."""
    with _server() if copied is None else contextlib.nullcontext(copied.url) as url:
        name = f"webgis_bench_{uuid.uuid4().hex[:12]}"
        server = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            if copied is not None:
                copied.dispose()
            template = "template0" if copied is None else copied.url.database
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        named = {"options": f"-c webgis.zone={Settings().timezone}"}
        engine = create_engine(make_url(url).set(database=name), isolation_level="AUTOCOMMIT", connect_args=named)
        try:
            with engine.connect() as connection:
                connection.execute(text("CREATE EXTENSION IF NOT EXISTS postgis"))
            yield engine
        finally:
            engine.dispose()
            with server.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            server.dispose()


@contextlib.contextmanager
def _server() -> Iterator[str]:
    url = os.environ.get("WEBGIS_DATABASE_URL")
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder, services.start(Path(folder), redis=False) as started:
        yield started.database_url


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """The address of the Redis that WEBGIS_REDIS_URL names, or of a private one."""
    url = os.environ.get("WEBGIS_REDIS_URL")
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder, services.start(Path(folder), postgres=False) as started:
        yield started.redis_url


def runtime(engine: Engine, **settings) -> Runtime:
    """A runtime on the database of this engine, with these settings."""
    return Runtime(Settings(database_url=engine.url.render_as_string(hide_password=False), **settings))


def versions(engine: Engine) -> str:
    """Versions of PostgreSQL, PostGIS and its GEOS, in one line."""
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT current_setting('server_version'), postgis_lib_version(), postgis_geos_version()")
        ).one()
    return f"PostgreSQL {row[0].split()[0]}, PostGIS {row[1]}, GEOS {row[2].split('-')[0]}"
