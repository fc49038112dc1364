"""The demo's day of sensors, put before the rules that ship: it holds what it says it holds, and no other alarm."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from webgis.demo import sensor_day
from webgis.hazards.threshold_tables import shipped
from webgis.hazards.thresholds import Reading, feed, start

MIDNIGHT = datetime(2026, 11, 21, 16, tzinfo=UTC)
GRAVEST = {
    "DS-GAS-01": "second",
    "DS-DEP-01": "closed",
    "DS-DEP-02": "closed",
    "DS-DEP-03": "slowed",
    "DS-RAI-01": "orange",
    "DS-RAI-02": "orange",
    "DS-RAI-05": "orange",
}


def test_a_day_holds_its_story_and_no_other_alarm():
    sensors, told, by_code = sensor_day.sensors(), {}, defaultdict(list)
    assert len(sensors) == 30
    for one in sensor_day.day(sensors, 1):
        by_code[one.code].append(one)
    for sensor in sensors:
        rule = shipped()[sensor.rule]
        state, changes = start(rule), []
        for one in by_code[sensor.code]:
            at = MIDNIGHT + timedelta(seconds=one.second)
            now = MIDNIGHT + timedelta(minutes=one.arrives + 1)
            state, new = feed(rule, state, [Reading(at, one.value)], now)
            changes += new
        assert state.counts.impossible == 1 and state.counts.doubled, sensor.code
        if changes:
            kinds = [one.kind for one in changes]
            assert (kinds[0], kinds[-1], set(kinds[1:-1]) <= {"escalated"}) == ("raised", "reset", True), sensor.code
            told[sensor.code] = changes[-1].level
    assert told == GRAVEST
    assert max(one.second for one in by_code["DS-GAS-08"]) < sensor_day.DEAD_FROM * 60


def test_the_same_seed_gives_the_same_day():
    sensors = sensor_day.sensors()
    assert sensor_day.day(sensors, 7) == sensor_day.day(sensors, 7) != sensor_day.day(sensors, 8)
