"""What becomes of readings: put in place once, counted, and nothing lost when the writer stumbles."""

import math
import os
import random
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.telemetry.conftest import MINUTE, NOW, counted, drain, in_place
from webgis import db
from webgis.telemetry import inbox, partitions, queries, writing

PATIENCE_S = 30


def test_a_reading_is_in_place_and_its_datastream_says_how_it_stands(city_runtime, sensors, tell):
    depth = sensors["W-1-depth"]
    tell(("W-1-depth", NOW - MINUTE, 0.1), ("W-1-depth", NOW, 0.2))
    assert drain(city_runtime) == 1
    assert in_place(city_runtime, depth) == [(NOW - MINUTE, 0.1), (NOW, 0.2)]
    assert counted(city_runtime, depth) == {"taken": 2}
    with city_runtime.transaction() as session:
        row = queries.one(session, "W-1-depth")
        assert (row.last_at, row.last_value, row.state) == (NOW, 0.2, "ok")
        assert inbox.waiting(session).rows == 0


@pytest.mark.parametrize(
    ("told", "fate"),
    [
        (("W-1-depth", NOW, 99.0), "impossible"),
        (("W-1-depth", NOW, math.nan), "impossible"),
        (("W-1-depth", NOW, math.inf), "impossible"),
        (("W-1-depth", NOW, None), "impossible"),
        (("W-1-depth", None, 0.1), "impossible"),
        (("W-1-depth", NOW + 6 * MINUTE, 0.1), "ahead"),
        (("W-1-depth", NOW - timedelta(days=500), 0.1), "too_old"),
    ],
)
def test_what_cannot_be_is_counted_and_not_kept(city_runtime, sensors, tell, told, fate):
    tell(told, arrived=NOW)
    drain(city_runtime)
    assert in_place(city_runtime, sensors["W-1-depth"]) == []
    assert counted(city_runtime, sensors["W-1-depth"]) == {fate: 1}


def test_readings_of_datastreams_that_nobody_knows_are_counted_together(city_runtime, sensors, tell):
    tell(("nobody", NOW, 0.1), ("nobody", NOW, 0.2))
    drain(city_runtime)
    assert counted(city_runtime, inbox.UNKNOWN) == {"unknown": 2}


def test_of_contradicting_values_the_highest_is_kept_whatever_the_order(city_runtime, sensors, tell):
    depth = sensors["W-1-depth"]
    for value in (0.2, 0.3, 0.2, 0.3, 0.1):
        tell(("W-1-depth", NOW, value))
        drain(city_runtime)
    assert in_place(city_runtime, depth) == [(NOW, 0.3)]
    assert counted(city_runtime, depth) == {"taken": 1, "contradicted": 3, "doubled": 1}
    with city_runtime.transaction() as session:
        assert queries.one(session, "W-1-depth").last_value == 0.3


def test_late_ones_are_kept_and_counted(city_runtime, sensors, tell):
    depth = sensors["W-1-depth"]
    tell(("W-1-depth", NOW, 0.3))
    drain(city_runtime)
    tell(("W-1-depth", NOW - 5 * MINUTE, 0.2), ("W-1-depth", NOW - 11 * MINUTE, 0.1))
    drain(city_runtime)
    assert counted(city_runtime, depth) == {"taken": 3, "reordered": 1, "late": 1}
    with city_runtime.transaction() as session:
        assert queries.one(session, "W-1-depth").last_at == NOW


def test_doubled_and_shuffled_readings_are_in_place_once(city_runtime, sensors, tell):
    dice = random.Random(7)
    told = [("W-1-depth", NOW - number * MINUTE, number / 1000) for number in range(300)]
    twice = told * 2
    dice.shuffle(twice)
    for start in range(0, 600, 60):
        tell(*twice[start : start + 60])
    drain(city_runtime)
    assert in_place(city_runtime, sensors["W-1-depth"]) == sorted((at, value) for _code, at, value in told)
    numbers = counted(city_runtime, sensors["W-1-depth"])
    assert (numbers["taken"], numbers["doubled"]) == (300, 300)


def test_what_is_new_is_considered_in_the_same_transaction(city_runtime, sensors, tell):
    seen = []

    def consider(session, found, now):
        seen.append((found, session.scalar(text("SELECT count(*) FROM city.reading")), now))

    tell(("W-1-depth", NOW - MINUTE, 0.1), ("W-1-rain", NOW, 2.5), ("W-1-depth", NOW, 0.2), ("W-1-depth", NOW, 99.0))
    drain(city_runtime, consider)
    tell(("W-1-depth", NOW, 0.2))
    drain(city_runtime, consider)
    ((found, count, now),) = seen
    assert found == {
        sensors["W-1-depth"]: [(NOW - MINUTE, 0.1), (NOW, 0.2)],
        sensors["W-1-rain"]: [(NOW, 2.5)],
    }
    assert count == 3 and now >= NOW


def test_a_row_that_cannot_be_considered_does_not_hold_up_the_others(city_runtime, sensors, tell):
    def consider(_session, found, _now):
        if (NOW, 0.13) in found.get(sensors["W-1-depth"], ()):
            raise RuntimeError("a fault of ours")

    tell(("W-1-depth", NOW - MINUTE, 0.1))
    tell(("W-1-depth", NOW, 0.13))
    tell(("W-1-rain", NOW, 2.5))
    drain(city_runtime, consider)
    assert in_place(city_runtime, sensors["W-1-depth"]) == [(NOW - MINUTE, 0.1), (NOW, 0.13)]
    assert in_place(city_runtime, sensors["W-1-rain"]) == [(NOW, 2.5)]


def test_a_row_that_cannot_be_put_in_place_stays_and_says_why(city_runtime, sensors, tell, monkeypatch):
    take = writing.take

    def stumble(session, ids, oldest):
        found = take(session, ids, oldest)
        if sensors["W-1-rain"] in found:
            raise ValueError("no place for rain")
        return found

    monkeypatch.setattr(writing, "take", stumble)
    tell(("W-1-rain", NOW, 2.5))
    tell(("W-1-depth", NOW, 0.1))
    drain(city_runtime)
    assert in_place(city_runtime, sensors["W-1-depth"]) == [(NOW, 0.1)]
    with city_runtime.transaction() as session:
        assert inbox.waiting(session) == (0, 0, None, 1)
        assert session.scalar(text("SELECT error FROM city.reading_inbox")) == "ValueError: no place for rain"


def test_a_reading_of_another_month_makes_its_table(city_runtime, sensors, tell):
    long_ago = (NOW - timedelta(days=200)).replace(day=15)
    tell(("W-1-depth", long_ago, 0.1))
    drain(city_runtime)
    with city_runtime.transaction() as session:
        assert partitions.month_of(long_ago) in partitions.known(session)
        where = session.scalar(text("SELECT tableoid::regclass::text FROM city.reading"))
    assert where == f"city.reading_{long_ago:%Y%m}"


def test_a_month_that_was_dropped_while_a_writer_ran_is_made_again(city_runtime, sensors, tell):
    long_ago = (NOW - timedelta(days=200)).replace(day=15)
    writer = writing.Writer(city_runtime)
    with city_runtime.engine.connect() as connection:
        tell(("W-1-depth", long_ago, 0.1))
        writer.step(connection)
        with city_runtime.transaction() as session:
            session.execute(text(f"DROP TABLE city.reading_{long_ago:%Y%m}"))
        tell(("W-1-depth", long_ago + MINUTE, 0.2), ("W-1-rain", NOW, 1.0))
        writer.step(connection)
    assert in_place(city_runtime, sensors["W-1-depth"]) == [(long_ago + MINUTE, 0.2)]
    assert in_place(city_runtime, sensors["W-1-rain"]) == [(NOW, 1.0)]


KILLED = """
import os, signal
from webgis import settings
from webgis.db import Runtime
from webgis.telemetry import writing

def consider(session, found, now):
    os.kill(os.getpid(), signal.SIGKILL)

writing.Writer(Runtime(settings.load()), consider).run()
"""


def test_a_writer_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(city_runtime, city_settings, sensors, tell):
    told = [("W-1-depth", NOW - number * MINUTE, 0.1) for number in range(50)]
    tell(*told)
    given = os.environ | {
        "WEBGIS_DATABASE_URL": city_settings.database,
        "WEBGIS_REDIS_URL": city_settings.redis,
        "WEBGIS_VAR_DIR": str(city_settings.var_dir),
    }
    ended = subprocess.run([sys.executable, "-c", KILLED], env=given, capture_output=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert in_place(city_runtime, sensors["W-1-depth"]) == []
    assert drain(city_runtime) == 1
    assert len(in_place(city_runtime, sensors["W-1-depth"])) == 50
    assert counted(city_runtime, sensors["W-1-depth"]) == {"taken": 50}


class Second(writing.Writer):
    """A writer that says when it has found another one at work."""

    def __init__(self, runtime, consider) -> None:
        super().__init__(runtime, consider)
        self.found_another = threading.Event()

    def hold(self, connection) -> bool:
        held = super().hold(connection)
        if not held:
            self.found_another.set()
        return held


def test_a_second_writer_waits_until_the_first_is_gone(city_runtime, sensors, tell):
    def consider(_session, _found, _now):
        second.stopping = True

    tell(("W-1-depth", NOW, 0.1))
    second = Second(city_runtime, consider)
    thread = threading.Thread(target=second.run)
    with city_runtime.engine.connect() as connection:
        first = writing.Writer(city_runtime)
        assert first.hold(connection)
        thread.start()
        assert second.found_another.wait(PATIENCE_S)
        assert in_place(city_runtime, sensors["W-1-depth"]) == []
        assert thread.is_alive()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": writing.WRITER_LOCK})
        connection.commit()
    thread.join(PATIENCE_S)
    assert in_place(city_runtime, sensors["W-1-depth"]) == [(NOW, 0.1)]


def test_a_writer_whose_connection_is_lost_ends_and_takes_nothing_without_its_lock(city_runtime, sensors, tell):
    def consider(session, _found, _now):
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        city_runtime.ask("SELECT pg_terminate_backend(%s)", pid)
        db.call(session, "SELECT 1 AS one")

    tell(("W-1-depth", NOW, 0.1))
    tell(("W-1-depth", NOW - MINUTE, 0.1))
    with pytest.raises(DBAPIError):
        writing.Writer(city_runtime, consider).run()
    assert in_place(city_runtime, sensors["W-1-depth"]) == []
    assert drain(city_runtime) == 2


def test_a_writer_that_somebody_else_stands_in_the_way_of_tries_again(city_runtime, sensors, tell):
    tell(("W-1-depth", NOW, 0.1))
    with city_runtime.engine.connect() as connection, city_runtime.transaction() as other:
        writer = writing.Writer(city_runtime)
        connection.execute(text("SET lock_timeout = '20ms'"))
        connection.commit()
        other.execute(text("SELECT FROM city.datastream WHERE code = 'W-1-depth' FOR UPDATE"))
        assert (writer.step(connection), in_place(city_runtime, sensors["W-1-depth"])) == (1, [])
        other.rollback()
        assert (writer.step(connection), writer.step(connection)) == (1, 0)
    assert in_place(city_runtime, sensors["W-1-depth"]) == [(NOW, 0.1)]


def test_the_layer_of_sensors_is_new_when_one_is_heard_again_and_not_for_what_it_cannot_mean(
    city_runtime, sensors, tell
):
    def version() -> str:
        return city_runtime.ask("SELECT fn.layer_version('{sensors}', false) AS version")[0].version

    before = version()
    tell(("W-1-depth", NOW, -999.0))
    drain(city_runtime)
    assert version() == before
    tell(("W-1-depth", NOW, 0.1))
    drain(city_runtime)
    heard = version()
    assert heard != before
    tell(("W-1-depth", NOW + MINUTE, 0.1))
    drain(city_runtime)
    assert version() == heard
