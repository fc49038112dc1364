"""Real parts for tests: a PostgreSQL with PostGIS, a Redis, databases cloned from a migrated template.

The servers are those that WEBGIS_DATABASE_URL and WEBGIS_REDIS_URL name, else private ones started for this run. Each
clone is dropped at the end; nothing else on the server is touched.
"""

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

from tests import city
from webgis import db
from webgis.accounts import operations as accounts
from webgis.app import create_app
from webgis.db import Runtime
from webgis.settings import Settings


@dataclass(frozen=True)
class Servers:
    """Addresses of the servers that the tests may use."""

    database_url: str
    redis_url: str


@pytest.fixture(scope="session")
def servers(tmp_path_factory) -> Iterator[Servers]:
    """The servers of this run: the ones named in the environment, or private ones."""
    database, redis = os.environ.get("WEBGIS_DATABASE_URL"), os.environ.get("WEBGIS_REDIS_URL")
    with ExitStack() as stack:
        if not (database and redis):
            from webgis import services

            started = stack.enter_context(services.start(tmp_path_factory.mktemp("var"), throwaway=True))
            database, redis = database or started.database_url, redis or started.redis_url
        yield Servers(database, redis)


@pytest.fixture(scope="session")
def template(servers) -> Iterator[str]:
    """Name of a database with the newest schema and no rows; others are cloned from it."""
    with _database(servers, "template0") as name:
        engine = create_engine(_url(servers, name))
        db.upgrade(engine)
        engine.dispose()
        yield name


@pytest.fixture(scope="session")
def city_template(servers, template) -> Iterator[str]:
    """Name of a database that holds the small city of `tests/city.py`; others are cloned from it."""
    with _database(servers, template) as name:
        engine = create_engine(_url(servers, name))
        with Session(engine) as session:
            city.build(session)
            session.commit()
        engine.dispose()
        yield name


@pytest.fixture(scope="session")
def clone(servers, tmp_path_factory) -> Callable[..., AbstractContextManager[Settings]]:
    """A function that opens settings with a database cloned from a template, and an own var folder.

    The database is dropped when the context ends, with every connection that was left open to it.
    """

    @contextmanager
    def open_clone(source: str, **changes) -> Iterator[Settings]:
        folder = tmp_path_factory.mktemp("city")
        given = {"var_dir": folder, "maps_dir": folder / "maps", "redis_url": servers.redis_url}
        with _database(servers, source) as name:
            own = {"database_url": _url(servers, name), "secret_key": "for tests only"}
            yield Settings(**(given | own | changes))

    return open_clone


@pytest.fixture(scope="module")
def make_settings(clone, template) -> Iterator[Callable[..., Settings]]:
    """A function that gives settings with a database of its own; all are dropped when the module's tests are done."""
    with ExitStack() as stack:
        yield lambda source=template, **changes: stack.enter_context(clone(source, **changes))


@pytest.fixture
def settings(clone, template) -> Iterator[Settings]:
    """Settings with an empty database of the test's own, in which commits are real."""
    with clone(template) as made:
        yield made


@pytest.fixture
def runtime(settings) -> Iterator[Runtime]:
    """A runtime on an empty database of the test's own."""
    made = Runtime(settings)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def shared(clone, template) -> Iterator[Runtime]:
    """A runtime on one empty database that tests share and never commit to."""
    with clone(template) as own:
        made = Runtime(own)
        yield made
        made.dispose()


@pytest.fixture
def session(shared) -> Iterator[Session]:
    """A session whose commits are savepoints; everything is rolled back when the test ends."""
    with shared.engine.connect() as connection:
        outer = connection.begin()
        with shared.sessions(bind=connection, join_transaction_mode="create_savepoint") as inner:
            yield inner
        outer.rollback()


@pytest.fixture
def app(settings):
    """The application on the test's own empty database."""
    yield from _app(settings)


@pytest.fixture
def client(app):
    """A test client of `app`."""
    return app.test_client()


@pytest.fixture
def city_settings(clone, city_template) -> Iterator[Settings]:
    """Settings with a database of the test's own that holds the small city."""
    with clone(city_template) as made:
        yield made


@pytest.fixture
def city_runtime(city_settings) -> Iterator[Runtime]:
    """A runtime on the small city."""
    made = Runtime(city_settings)
    yield made
    made.dispose()


@pytest.fixture
def city_app(city_settings):
    """The application on the small city."""
    yield from _app(city_settings)


@pytest.fixture
def api(city_app) -> Callable[[str], "Api"]:
    """A function that gives an API client for a login of the small city."""
    return lambda login: Api(city_app, login)


ACKNOWLEDGED = {"X-Acknowledge-Duplicate": "true"}


class Api:
    """Requests to the application with the API key of one person."""

    def __init__(self, app, login: str) -> None:
        runtime = app.extensions["webgis"]
        with runtime.transaction() as session:
            self.headers = {"Authorization": f"Bearer {accounts.make_key(session, login)}"}
        self.client = app.test_client()

    def get(self, path: str, **query):
        return self.client.get(path, query_string=query or None, headers=self.headers)

    def post(self, path: str, fields: dict | None = None, photos: Sequence[bytes] = (), **headers):
        """POST `fields` as JSON, or as multipart when there are photos. A likely duplicate is reported all the same."""
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"headers": ACKNOWLEDGED | self.headers | own}
        if not photos:
            return self.client.post(path, json=fields or {}, **given)
        files = [(BytesIO(photo), f"{number}.jpg") for number, photo in enumerate(photos)]
        return self.client.post(path, data=(fields or {}) | {"photos": files}, **given)


def _app(settings: Settings):
    made = create_app(settings)
    made.testing = True
    yield made
    made.extensions["webgis"].dispose()


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent


def _url(servers: Servers, name: str) -> str:
    return make_url(servers.database_url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def _database(servers: Servers, template: str) -> Iterator[str]:
    """A new database made from `template`, dropped at the end."""
    name = f"webgis_test_{uuid.uuid4().hex[:12]}"
    engine = create_engine(_url(servers, "postgres"), isolation_level="AUTOCOMMIT")
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
