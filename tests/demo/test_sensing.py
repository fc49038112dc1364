"""The demo's sensors: registered as a city's are, their day told through the inbox, played anew without a double."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests import city
from webgis.demo import hazards, sensing
from webgis.errors import NotFound
from webgis.hazards.watching import writer
from webgis.telemetry import writing

NOW = datetime.now(UTC)
ALARMS = (
    "SELECT d.code, a.state, a.level FROM city.alarm a JOIN city.datastream d ON d.id = a.datastream_id ORDER BY a.id"
)


@pytest.fixture
def asked(city_runtime):
    """A function that asks the database for rows."""

    def ask(statement: str, **values):
        with city_runtime.transaction() as session:
            return [tuple(row) for row in session.execute(text(statement), values)]

    return ask


@pytest.fixture
def settled(city_runtime, asked):
    with city_runtime.transaction() as session:
        assert hazards.settle(session, [city.COUNTY], NOW) == 12
    return city_runtime


def test_a_demo_stands_at_the_height_of_its_day_and_playing_it_begins_anew(settled, asked):
    with settled.transaction() as session:
        assert hazards.settle(session, [city.COUNTY], NOW) == 0
    told = sensing.load(settled, 1, NOW)
    assert told > 35_000 and sensing.load(settled, 1, NOW) == 0
    assert set(asked(ALARMS)) == {
        ("DS-GAS-01", "reset", "second"),
        ("DS-DEP-01", "open", "closed"),
        ("DS-DEP-02", "open", "slowed"),
    }
    writing.drain(settled)
    assert asked("SELECT code FROM city.datastream WHERE silent_since IS NOT NULL") == [("DS-GAS-08",)]
    assert asked("SELECT count(*) FROM city.reading")[0][0] < told, "what came twice is stored once"
    ticks = []
    played = sensing.play(settled, 3600, 1, lambda minute, _told: ticks.append(minute), sleep=lambda _seconds: None)
    writing.drain(settled, writer(settled).consider)
    assert ticks == list(range(1440)) and played > 35_000
    states = {(code, state) for code, state, _level in asked(ALARMS)}
    assert states >= {("DS-DEP-01", "reset"), ("DS-DEP-02", "reset"), ("DS-RAI-01", "reset")}
    assert {state for _code, state in states} == {"reset"}


def test_minutes_come_when_they_have_come_and_are_left_to_who_plays(settled, asked):
    telling = sensing.keep_telling(settled, 1, sleep=lambda _seconds: None)
    assert next(telling) >= 20
    with sensing.telling(settled, wait=True):
        assert next(telling) == 0


def test_without_sensors_nothing_is_played(city_runtime):
    with pytest.raises(NotFound) as refused:
        sensing.play(city_runtime, 3600, 1, sleep=lambda _seconds: None)
    assert refused.value.code == "demo.no-sensors"


def test_the_day_says_what_happens():
    assert sensing.happening(45) == "gas in a valve well" and sensing.happening(1000) == "quiet"
    assert sensing.begun_at(NOW, 60) == NOW - timedelta(hours=1)
