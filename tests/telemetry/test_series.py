"""Series for charts: thinned without losing a peak."""

import math
from datetime import timedelta

from tests.telemetry.conftest import NOW, drain
from webgis.telemetry import queries

SECOND = timedelta(seconds=1)


def test_few_readings_come_as_they_are(city_runtime, sensors, tell):
    told = [(NOW - number * 60 * SECOND, number / 10) for number in range(10)]
    tell(*(("W-1-depth", at, value) for at, value in told))
    drain(city_runtime)
    with city_runtime.transaction() as session:
        found = queries.series(session, sensors["W-1-depth"], NOW - timedelta(hours=1), NOW + SECOND, 800)
    assert found == sorted(told)


def test_many_are_thinned_to_the_lowest_and_highest_of_each_part(city_runtime, sensors, tell):
    told = {NOW - number * SECOND: round(1 + math.sin(number / 300), 6) for number in range(3000)}
    told[NOW - 1234 * SECOND] = 9.5
    told[NOW - 777 * SECOND] = -0.04
    tell(*(("W-1-depth", at, value) for at, value in told.items()))
    drain(city_runtime)
    start = NOW - 2999 * SECOND
    with city_runtime.transaction() as session:
        found = queries.series(session, sensors["W-1-depth"], start, NOW + SECOND, 100)
    assert all(told[at] == value for at, value in found)
    assert [at for at, _value in found] == sorted({at for at, _value in found})
    assert len(found) <= 100
    for part in range(50):
        since, until = start + part * 60 * SECOND, start + (part + 1) * 60 * SECOND
        values = [value for at, value in told.items() if since <= at < until]
        shown = [value for at, value in found if since <= at < until]
        assert (min(shown), max(shown)) == (min(values), max(values))


def test_a_span_without_readings_is_empty(city_runtime, sensors):
    with city_runtime.transaction() as session:
        assert queries.series(session, sensors["W-1-depth"], NOW - timedelta(days=365), NOW, 800) == []
