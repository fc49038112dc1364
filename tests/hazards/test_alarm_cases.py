"""An alarm that stands has somebody who goes there: a case, another when that one has ended, a late one if need be."""

from datetime import UTC, datetime

import pytest

from tests import city
from tests.cases.life import Life
from tests.hazards.watched import WELL, WORKS, Watched
from webgis.cases import audit
from webgis.hazards import alarm_telling
from webgis.telemetry import operations


@pytest.fixture
def town(city_runtime) -> Watched:
    return Watched(city_runtime)


def dismiss(town: Watched, code: str) -> None:
    """A dispatcher says that the alarm is none."""
    with town.runtime.transaction() as session:
        alarm_telling.dismiss(session, town.actor("dispatcher1"), town.alarm(code).id, "探头标定", at=datetime.now(UTC))
    town.work()


@pytest.mark.parametrize("end", ["void", "force_close"])
def test_one_that_grows_graver_after_its_case_has_ended_opens_another(town, end):
    town.tell(WELL, (8, 25.0))
    town.work()
    first = town.alarm(WELL).case_number
    dismiss(town, WELL)
    Life(town.runtime, datetime.now(UTC)).do("dispatcher1", first, end, reason="误报")
    town.tell(WELL, (6, 45.0))
    town.work()
    town.work()
    alarm = town.alarm(WELL)
    assert (alarm.state, alarm.level, alarm.case_state) == ("open", "second", "dispatched")
    cases = town.ask("SELECT number, outcome IS NULL, flags, department_code FROM city.case ORDER BY id")
    assert tuple(cases[0])[:2] == (first, False) and "alarm" not in cases[0].flags
    assert [tuple(case) for case in cases[1:]] == [(alarm.case_number, True, ["alarm"], WORKS)]
    opened = town.ask("SELECT facts ->> 'number' FROM city.alarm_event WHERE action = 'case_opened' ORDER BY id")
    assert [number for (number,) in opened] == [first, alarm.case_number]
    (note,) = town.ask(
        "SELECT e.given ->> 'note' FROM city.case_event e JOIN city.case c ON c.id = e.case_id"
        " WHERE c.number = :first AND e.action = 'note'",
        first=first,
    )
    assert alarm.case_number in note[0]
    assert audit.verify(town.runtime.engine, town.settings).findings == ()


def test_a_reset_alarm_opens_no_case_for_the_one_that_was_closed(town):
    town.tell(WELL, (8, 25.0))
    town.work()
    dismiss(town, WELL)
    Life(town.runtime, datetime.now(UTC)).do("dispatcher1", town.alarm(WELL).case_number, "void", reason="误报")
    town.tell(WELL, (6, 2.0), (4, 2.0), (2, 2.0), (0, 2.0))
    town.work()
    assert town.ask("SELECT count(*) FROM city.case") == [(1,)]


def test_a_sensor_that_was_outside_the_grid_gets_its_case_when_it_has_moved(town):
    with town.runtime.transaction() as session:
        town.ids["X"] = town.sensor(session, "X", "well", "gas", (104.2, 30.6))
    town.tell("X", (8, 25.0))
    town.work()
    assert town.alarm("X").no_case == "cases.outside-grid"
    town.tell("X", (7, 26.0))
    with town.runtime.transaction() as session:
        operations.put_station(session, operations.NewStation("X", "X 站", "well", *city.IN_EAST, department=WORKS))
    town.work()
    assert town.alarm("X").case_id is None, "nothing new"
    town.tell("X", (6, 45.0))
    town.work()
    alarm = town.alarm("X")
    assert (alarm.case_state, alarm.no_case) == ("dispatched", None)
    assert (round(alarm.lon, 4), round(alarm.lat, 4)) == city.IN_EAST
    assert town.ask("SELECT cell_code FROM city.alarm") == town.ask("SELECT cell_code FROM city.case")
