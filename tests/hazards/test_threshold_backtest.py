"""A rule tried on the readings of the last days: the alarms it would have found, and nothing written."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from tests import city
from tests.hazards.watched import UNDERPASS, WELL, Watched
from webgis.hazards import threshold_backtest
from webgis.hazards.threshold_tables import Level, Rule, shipped
from webgis.telemetry import partitions


@pytest.fixture
def town(city_runtime) -> Watched:
    """Two wells in alarm twice and once, a third that is calm, and an underpass."""
    town = Watched(city_runtime)
    lon, lat = city.IN_EAST
    with city_runtime.transaction() as session:
        town.ids |= {code: town.sensor(session, code, "well", "gas", (lon, lat)) for code in ("W-2", "W-3")}
    town.tell(WELL, (60, 25.0), (55, 2.0), (45, 2.0), (30, 45.0))
    town.tell("W-2", (60, 22.0), (50, 2.0), (40, 2.0))
    town.tell("W-3", (60, 2.0))
    town.tell(UNDERPASS, (60, 4.0))
    return town


def tried(town: Watched, before: Rule | None, after: Rule) -> threshold_backtest.Backtest:
    with town.runtime.transaction() as session:
        return threshold_backtest.of_rule(session, "gas.well", before, after, datetime.now(UTC), lambda _percent: None)


def well(at: float) -> Rule:
    return Rule("gas.well", "gas", "well", "% LEL", -2, 100, (Level("first", 1, at, at),))


def test_alarms_of_both_rules_stand_side_by_side_and_those_that_would_stand_now(town):
    written = town.ask("SELECT count(*) FROM city.alarm_event")
    found = tried(town, shipped()["gas.well"], well(40))
    assert (found.sensors, found.left_out) == (3, 0)
    assert [(one.code, one.before, one.after, one.stood, one.stands) for one in found.lines] == [
        ("W-2", 1, 0, False, False),
        (WELL, 2, 1, True, True),
    ]
    assert [one.after for one in tried(town, None, well(1)).lines] == [1, 1, 1], "a lower rule wakes the calm one"
    assert tried(town, None, well(90)).lines == ()
    assert town.ask("SELECT count(*) FROM city.alarm_event") == written


def test_what_is_too_much_is_left_out_and_counted(town, monkeypatch):
    monkeypatch.setattr(threshold_backtest, "MOST", 4)
    found = tried(town, None, well(20))
    assert (found.left_out, len(found.lines)) == (1, 1)


def test_one_that_tells_too_much_leaves_out_no_other(town, monkeypatch):
    monkeypatch.setattr(threshold_backtest, "MOST", 4)
    town.tell("W-2", (35, 30.0), (34, 30.0))
    found = tried(town, None, well(20))
    assert (found.left_out, [one.code for one in found.lines]) == (1, [WELL])


def test_a_month_of_readings_is_made_while_a_rule_is_tried(town):
    """The writer does not wait for who reads for long."""
    with town.runtime.transaction() as session:
        threshold_backtest.of_rule(session, "gas.well", None, well(20), datetime.now(UTC), lambda _percent: None)
        with town.runtime.transaction() as other:
            other.execute(text("SET LOCAL lock_timeout = '2s'"))
            partitions.make(other, [date(2031, 1, 1)])
            assert date(2031, 1, 1) in partitions.known(other)
            columns = "INSERT INTO city.reading (datastream_id, at, value, arrived_at) VALUES (:id, :at, 1, :at)"
            other.execute(text(columns), {"id": town.ids[WELL], "at": datetime(2031, 1, 31, 23, tzinfo=UTC)})
            indexes = "SELECT inhparent::regclass::text FROM pg_inherits JOIN pg_index ON indexrelid = inhrelid"
            of_it = text(f"{indexes} WHERE indrelid = 'city.reading_203101'::regclass ORDER BY 1")
            assert list(other.scalars(of_it)) == ["city.ix_reading_at", "city.pk_reading"]
            other.rollback()


def test_no_more_is_counted_than_can_be_at_once(town, monkeypatch):
    monkeypatch.setattr(threshold_backtest, "MOST_LOOKED_AT", 2)
    found = tried(town, None, well(20))
    assert (found.left_out, [one.code for one in found.lines]) == (2, ["W-2"])
