"""One county of Shanghai, loaded once, for all tests of a worker that begin with it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import make_url

from webgis.db import Runtime
from webgis.demo import loading
from webgis.settings import Settings

HUANGPU = "310101"


@pytest.fixture(scope="session")
def copied(clone) -> Callable[[Settings], AbstractContextManager[Runtime]]:
    """A function that opens a copy of a city: its database, to which nobody may be connected, and its var folder."""

    @contextmanager
    def open_copy(city: Settings) -> Iterator[Runtime]:
        with clone(make_url(city.database).database) as settings:
            shutil.copytree(city.var_dir, settings.var_dir, dirs_exist_ok=True)
            runtime = Runtime(settings)
            yield runtime
            runtime.dispose()

    return open_copy


@pytest.fixture(scope="session")
def county(clone, template) -> Iterator[Settings]:
    """A city with this county and no cases, to be copied."""
    with clone(template) as settings:
        runtime = Runtime(settings)
        loading.load(runtime, [HUANGPU], count=0, quiet=True)
        runtime.dispose()
        yield settings
