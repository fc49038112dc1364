"""Real parts for tests: a PostgreSQL with PostGIS, a Redis, databases cloned from a migrated template.

The servers are those that WEBGIS_DATABASE_URL and WEBGIS_REDIS_URL name, else private ones started for this run. A
test has its database for itself, and commits are real: it gets a slate (`tests/databases.py`), which is wiped
afterwards. Who needs other settings takes a clone. All are dropped at the end; nothing else on the server is touched.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from io import BytesIO
from pathlib import Path

import hypothesis
import pytest
from apiflask import APIFlask
from argon2 import PasswordHasher
from hypothesis.internal.conjecture import providers
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from tests import city
from tests.databases import Servers, Slate, Slates, database, settings_for
from webgis import db
from webgis.accounts import operations as accounts
from webgis.accounts import passwords
from webgis.db import Runtime
from webgis.settings import Settings

hypothesis.settings.register_profile("webgis", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("webgis")
providers._get_local_constants = lambda: providers._local_constants
"""Examples are the same in every run and no clock is held against them. By itself Hypothesis also draws constants that
it finds in the modules loaded so far: then what one test tries hangs on which others ran before it in its worker."""

LONGEST = ("cases/test_engine_machine.py", "browser/", "demo/", "setup/")
"""Files that take longest, by the beginning of their path in this folder."""


def pytest_collection_modifyitems(config, items) -> None:
    """Several workers begin with what takes longest, so that none is left with it when the others are done."""
    if hasattr(config, "workerinput"):
        here = Path(__file__).parent
        items.sort(key=lambda item: not item.path.relative_to(here).as_posix().startswith(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def light_passwords() -> None:
    """Hashes of the same kind that cost a hundredth: else hundreds of logins would take a good part of the run.

    What a hash costs outside of tests is tested in `tests/accounts/test_password_cost.py`.
    """
    passwords.hasher = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


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
    with database(servers, "template0") as name:
        engine = create_engine(servers.url(name))
        db.upgrade(engine)
        engine.dispose()
        yield name


@pytest.fixture(scope="session")
def city_template(servers, template) -> Iterator[str]:
    """Name of a database that holds the small city of `tests/city.py`; others are cloned from it."""
    with database(servers, template) as name:
        engine = create_engine(servers.url(name))
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
        with database(servers, source) as name:
            yield settings_for(servers, name, tmp_path_factory.mktemp("city"), **changes)

    return open_clone


@pytest.fixture(scope="module")
def make_settings(clone, template) -> Iterator[Callable[..., Settings]]:
    """A function that gives settings with a database of its own; all are dropped when the module's tests are done."""
    with ExitStack() as stack:
        yield lambda source=template, **changes: stack.enter_context(clone(source, **changes))


@pytest.fixture(scope="session")
def slates(servers, tmp_path_factory) -> Iterator[Slates]:
    """The databases that are used by one test after the other."""
    made = Slates(servers, tmp_path_factory.mktemp)
    yield made
    made.close()


@pytest.fixture
def slate(slates, template) -> Iterator[Slate]:
    """An empty database of the test's own, in which commits are real."""
    with slates.borrow(template) as borrowed:
        yield borrowed


@pytest.fixture
def settings(slate) -> Settings:
    """Settings with an empty database."""
    return slate.settings


@pytest.fixture
def runtime(slate) -> Runtime:
    """A runtime on an empty database."""
    return slate.runtime


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
def app(slate) -> APIFlask:
    """The application on an empty database."""
    return slate.app


@pytest.fixture
def client(app):
    """A test client of `app`."""
    return app.test_client()


@pytest.fixture
def city_slate(slates, city_template) -> Iterator[Slate]:
    """A database of the test's own that holds the small city."""
    with slates.borrow(city_template) as borrowed:
        yield borrowed


@pytest.fixture
def city_settings(city_slate) -> Settings:
    """Settings with the small city."""
    return city_slate.settings


@pytest.fixture
def city_runtime(city_slate) -> Runtime:
    """A runtime on the small city."""
    return city_slate.runtime


@pytest.fixture
def city_app(city_slate) -> APIFlask:
    """The application on the small city."""
    return city_slate.app


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


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent
