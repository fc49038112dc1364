"""Sensors that tell nothing any more are noticed, and so is that they tell again."""

from datetime import timedelta

from sqlalchemy import text

from tests.telemetry.conftest import MINUTE, NOW, drain
from webgis.telemetry import inbox, operations, queries, writing


def _noticed(runtime, now) -> list[str]:
    with runtime.transaction() as session:
        return [row.code for row in writing.note_silences(session, now)]


def test_silent_is_who_tells_nothing_for_three_intervals_and_ten_minutes(city_runtime, sensors, tell):
    tell(("W-1-depth", NOW, 0.1), ("W-1-rain", NOW, 0.0), arrived=NOW)
    drain(city_runtime)
    assert _noticed(city_runtime, NOW + 10 * MINUTE) == []
    assert _noticed(city_runtime, NOW + 10 * MINUTE + timedelta(seconds=1)) == ["W-1-depth"]
    assert _noticed(city_runtime, NOW + 15 * MINUTE) == []
    assert _noticed(city_runtime, NOW + 16 * MINUTE) == ["W-1-rain"]
    with city_runtime.transaction() as session:
        row = queries.one(session, "W-1-depth")
        assert (row.state, row.silent_since) == ("silent", NOW)
        assert queries.state_counts(session)["silent"] == 2


def test_a_reading_ends_the_silence_and_its_times_are_kept(city_runtime, sensors, tell):
    tell(("W-1-depth", NOW - 60 * MINUTE, 0.1), arrived=NOW - 60 * MINUTE)
    drain(city_runtime)
    assert "W-1-depth" in _noticed(city_runtime, NOW)
    assert _codes(city_runtime) == ["W-1-depth"]
    tell(("W-1-depth", NOW, 0.1), arrived=NOW)
    drain(city_runtime)
    with city_runtime.transaction() as session:
        assert queries.one(session, "W-1-depth").silent_since is None
        (silence,) = queries.silences(session, sensors["W-1-depth"])
        assert (silence.since, silence.until) == (NOW - 60 * MINUTE, NOW)


def _codes(runtime) -> list[str]:
    with runtime.transaction() as session:
        return [row.code for row in queries.silences_since(session, NOW - timedelta(hours=1))]


def test_impossible_values_are_silence_too(city_runtime, sensors, tell):
    tell(("W-1-depth", NOW - 20 * MINUTE, 0.1), arrived=NOW - 20 * MINUTE)
    drain(city_runtime)
    tell(("W-1-depth", NOW, -999.0), arrived=NOW)
    drain(city_runtime)
    assert _noticed(city_runtime, NOW) == ["W-1-depth"]
    with city_runtime.transaction() as session:
        assert queries.one(session, "W-1-depth").state == "silent"


def test_one_out_of_use_is_not_silent_and_its_readings_are_unknown(city_runtime, sensors, tell):
    with city_runtime.transaction() as session:
        operations.use_datastream(session, "W-1-depth", active=False)
    assert "W-1-depth" not in _noticed(city_runtime, NOW + 60 * MINUTE)
    tell(("W-1-depth", NOW, 0.1))
    drain(city_runtime)
    with city_runtime.transaction() as session:
        assert queries.one(session, "W-1-depth").state == "off"
        assert session.scalar(text("SELECT unknown FROM city.reading_count WHERE datastream_id = 0")) == 1


def test_who_fell_silent_is_noticed_while_others_tell_without_a_pause(city_runtime, sensors, tell):
    def more(session, _found, _now):
        batches.append(queries.one(session, "W-1-rain").state)
        inbox.put(session, [inbox.Told(sensors["W-1-depth"], NOW + timedelta(seconds=len(batches)), 0.1)], "own")
        writer.stopping = batches[-1] == "silent" or len(batches) == 20

    tell(("W-1-rain", NOW - 60 * MINUTE, 0.0), arrived=NOW - 60 * MINUTE)
    drain(city_runtime)
    tell(("W-1-depth", NOW, 0.1))
    batches, writer = [], writing.Writer(city_runtime, more)
    writer.run()
    assert batches == ["ok", "silent"]


def test_readings_that_still_wait_make_nobody_silent(city_runtime, sensors, tell):
    tell(("W-1-depth", NOW - 60 * MINUTE, 0.1), arrived=NOW - 60 * MINUTE)
    drain(city_runtime)
    tell(("W-1-depth", NOW - 55 * MINUTE, 0.1), arrived=NOW - 55 * MINUTE)
    with city_runtime.engine.connect() as connection:
        writer = writing.Writer(city_runtime)
        writer.look_for_silence(connection)
        assert _codes(city_runtime) == []
        writer.step(connection)
        writer.look_for_silence(connection)
        assert _codes(city_runtime) == ["W-1-depth"]
