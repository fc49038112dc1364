"""Five hundred sensors cross their threshold within one second, their readings doubled and shuffled."""

import random
from datetime import timedelta

from sqlalchemy import text

from tests.hazards.watched import NOW, WORKS, Watched
from webgis.hazards import alarm_rules
from webgis.telemetry import inbox

SENSORS = 500
WORKED = 25
"""Cases are opened one by one: so many of the jobs are done here, each of them twice."""

MADE = text(
    """
    WITH s AS (
        INSERT INTO city.station (code, name_zh, place, geom, cell_code, department_code)
        SELECT 'S' || n, '风暴' || n, 'well', ST_SetSRID(ST_Point(104.0601 + n * 0.000009, 30.6571), 4490),
               (fn.cell_at(ST_SetSRID(ST_Point(104.0601 + n * 0.000009, 30.6571), 4490), now())).code, :department
        FROM generate_series(1, :count) n RETURNING id, code
    ), d AS (
        INSERT INTO city.datastream (code, station_id, quantity, unit, least, most, interval_s)
        SELECT s.code, s.id, 'gas', '% LEL', -2, 100, 10 FROM s RETURNING id, code
    )
    INSERT INTO city.watch (datastream_id, rule_key) SELECT d.id, 'gas.well' FROM d RETURNING datastream_id
    """
)
_ALARMS = "SELECT count(*), count(DISTINCT datastream_id), max(number) FROM city.alarm WHERE state = 'open'"
_SOME = text(
    "DELETE FROM city.outbox WHERE task = 'hazards.follow_alarm' AND (args ->> 'alarm')::bigint"
    " NOT IN (SELECT id FROM city.alarm ORDER BY id LIMIT :some)"
)
_TWICE = text("INSERT INTO city.outbox (queue, task, args, due_at) SELECT queue, task, args, due_at FROM city.outbox")
_CASES = (
    "SELECT (SELECT count(*) FROM city.case), count(DISTINCT c.id), count(DISTINCT a.id)"
    " FROM city.alarm a JOIN city.case c ON c.id = a.case_id"
)


def test_a_storm_makes_exactly_one_alarm_and_one_case_of_each(city_runtime):
    town, shuffle = Watched(city_runtime), random.Random(18)
    with city_runtime.transaction() as session:
        ids = list(session.scalars(MADE, {"count": SENSORS, "department": WORKS}))
        alarm_rules.changed(session)
    readings = [
        inbox.Told(id, NOW - timedelta(seconds=60 - second), 3.0 if second < 30 else 21.0 + 2 * (second - 30) / 10)
        for id in ids
        for second in range(0, 60, 10)
    ]
    told = readings * 2
    shuffle.shuffle(told)
    with city_runtime.transaction() as session:
        for place in range(0, len(told), 700):
            inbox.put(session, told[place : place + 700], "own")
    town.write()
    assert town.ask(_ALARMS) == [(SENSORS, SENSORS, 1)]
    assert town.ask("SELECT count(*) FROM city.alarm_event WHERE action = 'raised'") == [(SENSORS,)]
    with city_runtime.transaction() as session:
        alarm_rules.set_rule(session, None, "gas.well", {"late_s": 300}, town.settings.zone)
        inbox.put(session, [inbox.Told(id, NOW, 30.0) for id in ids], "own")
    town.write()
    assert town.ask(_ALARMS) == [(SENSORS, SENSORS, 1)], "a change of their rule while they stand makes no others"
    with city_runtime.transaction() as session:
        session.execute(_SOME, {"some": WORKED})
        session.execute(_TWICE)
    town.work()
    assert town.ask(_CASES) == [(WORKED, WORKED, WORKED)]
    assert town.ask("SELECT count(*) FROM city.case WHERE state = 'dispatched' AND parent_id IS NULL") == [(WORKED,)]
