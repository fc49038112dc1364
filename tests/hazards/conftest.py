"""A small city whose sensors are watched, and an alarm there."""

import pytest

from tests.hazards.watched import UNDERPASS, Watched, flood


@pytest.fixture
def town(city_runtime) -> Watched:
    return Watched(city_runtime)


@pytest.fixture
def alarm(town):
    """A flooded underpass whose case is open."""
    flood(town)
    town.work()
    return town.alarm(UNDERPASS)
