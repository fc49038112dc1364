"""An alarm that stands has somebody who goes there: a case, another when that one has ended, a late one if need be."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests import city
from tests.cases.life import Life
from tests.hazards.watched import WELL, WORKS, Watched
from webgis.cases import audit, notice_addresses
from webgis.errors import Conflict
from webgis.hazards import alarm_cases, alarm_rules, alarm_telling
from webgis.telemetry import operations

CLASS = ("name_zh", "name_en", "major_code", "major_zh", "major_en")


def dismiss(town: Watched, code: str) -> None:
    """A dispatcher says that the alarm is none."""
    with town.runtime.transaction() as session:
        alarm_telling.dismiss(session, town.actor("dispatcher1"), town.alarm(code).id, "探头标定", at=datetime.now(UTC))
    town.work()


def again(town: Watched) -> int:
    """The timetable has alarms without a case tried again; how many."""
    with town.runtime.transaction() as session:
        return alarm_cases.try_again(session)


def undispatched(town: Watched) -> str:
    """A gas alarm whose case waits for the acceptor, since no filing standard is in force; the case's number."""
    with town.runtime.transaction() as session:
        session.execute(text("UPDATE city.filing_standard SET active = false"))
    town.tell(WELL, (8, 25.0))
    town.work()
    return town.alarm(WELL).case_number


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
        notice_addresses.set_address(session, town.settings, "works1", "email", "works1@example.com")
    town.tell("X", (8, 25.0))
    town.work()
    assert town.alarm("X").no_case == "cases.outside-grid"
    town.tell("X", (7, 26.0))
    with town.runtime.transaction() as session:
        operations.put_station(session, operations.NewStation("X", "X 站", "well", *city.IN_EAST, department=WORKS))
    town.work()
    assert town.alarm("X").case_id is None, "nothing new"
    assert again(town) == 1
    town.work()
    alarm = town.alarm("X")
    assert again(town) == 0
    assert (alarm.case_state, alarm.no_case) == ("dispatched", None)
    assert (round(alarm.lon, 4), round(alarm.lat, 4)) == city.IN_EAST
    assert town.ask("SELECT cell_code FROM city.alarm") == town.ask("SELECT cell_code FROM city.case")
    assert town.ask("SELECT event FROM city.notice WHERE event = 'alarm'") == [("alarm",)], "who was not told is now"
    told = town.ask("SELECT facts ->> 'people' FROM city.alarm_event WHERE action = 'told'")
    assert [people for (people,) in told] == ["1"]


def test_a_second_case_that_cannot_be_opened_is_tried_again(town):
    town.tell(WELL, (8, 25.0))
    town.work()
    first = town.alarm(WELL)
    dismiss(town, WELL)
    Life(town.runtime, datetime.now(UTC)).do("dispatcher1", first.case_number, "void", reason="误报")
    classed = "UPDATE city.case SET class_code = '{}'"
    with town.runtime.transaction() as session:
        session.execute(text(classed.format("10099")))
    town.tell(WELL, (6, 45.0))
    town.work()
    alarm = town.alarm(WELL)
    assert (alarm.state, alarm.case_id, alarm.no_case) == ("open", first.case_id, "catalog.class-unknown")
    with town.runtime.transaction() as session:
        session.execute(text(classed.format("10081")))
    assert again(town) == 1
    town.work()
    assert (town.alarm(WELL).case_id == first.case_id, town.alarm(WELL).case_state) == (False, "dispatched")
    assert again(town) == 0


def test_a_class_that_is_imported_later_gives_the_alarm_its_case(town):
    with town.runtime.transaction() as session:
        session.execute(text("UPDATE city.threshold_rule SET class_code = '10099' WHERE key = 'gas.well'"))
        alarm_rules.changed(session)
    town.tell(WELL, (8, 25.0))
    town.work()
    assert town.alarm(WELL).no_case == "catalog.class-unknown"
    assert again(town) == 0, "there is still none"
    with town.runtime.transaction() as session:
        known = "SELECT c.standard, c.kind, '10099', " + ", ".join(f"c.{name}" for name in CLASS)
        session.execute(
            text(
                f"INSERT INTO city.class (standard, kind, code, {', '.join(CLASS)}) {known}"
                " FROM city.class c WHERE c.code = '10081'"
            )
        )
    assert again(town) == 1
    town.work()
    alarm = town.alarm(WELL)
    assert (alarm.case_state, alarm.no_case) == ("reported", None)
    assert town.ask("SELECT class_code, flags FROM city.case") == [("10099", ["alarm"])]


def test_a_case_that_was_rejected_after_the_dismissal_is_followed_by_another(town):
    first, life = undispatched(town), Life(town.runtime, datetime.now(UTC))
    with pytest.raises(Conflict) as refused:
        life.do("acceptor1", first, "reject", reason="误报")
    assert refused.value.code == "cases.alarm-stands"
    dismiss(town, WELL)
    life.do("acceptor1", first, "reject", reason="误报")
    town.tell(WELL, (6, 45.0))
    town.work()
    assert (town.alarm(WELL).case_state, town.alarm(WELL).case_number == first) == ("reported", False)


def test_the_case_into_which_one_was_merged_does_not_end_while_the_alarm_stands(town):
    first, life = undispatched(town), Life(town.runtime, datetime.now(UTC))
    other = life.report(class_code="10081", description="闻到燃气味").number
    with pytest.raises(Conflict):
        life.do("acceptor1", first, "merge", into=other)
    dismiss(town, WELL)
    life.do("acceptor1", first, "merge", into=other)
    town.tell(WELL, (6, 45.0))
    town.work()
    assert town.ask("SELECT count(*) FROM city.case") == [(2,)], "somebody goes there for the other one"
    assert life.case(other).flags == ["alarm"]
    with pytest.raises(Conflict) as refused:
        life.do("acceptor1", other, "reject", reason="误报")
    assert refused.value.code == "cases.alarm-stands"
    dismiss(town, WELL)
    assert life.case(other).flags == []
    life.do("acceptor1", other, "reject", reason="误报")
    assert audit.verify(town.runtime.engine, town.settings).findings == ()


def test_a_case_that_was_split_ends_when_its_tasks_and_its_alarm_have(town):
    first, life = undispatched(town), Life(town.runtime, datetime.now(UTC))
    with town.runtime.transaction() as session:
        session.execute(text("UPDATE city.filing_standard SET active = true"))
    life.do("acceptor1", first, "file", condition=life.condition(first))
    life.do("dispatcher1", first, "split", departments=[WORKS, "510104-sanitation"])
    town.tell(WELL, (6, 45.0))
    town.work()
    assert town.alarm(WELL).case_number == first and life.case(first).state == "split"
    assert town.ask("SELECT count(*) FROM city.case WHERE relation = 'task'") == [(2,)], "no other case"
    with pytest.raises(Conflict) as refused:
        life.do("manager1", first, "force_close", reason="已处置")
    assert refused.value.code == "cases.alarm-stands"
    town.tell(WELL, (5, 2.0), (3, 2.0), (-1, 2.0))
    town.work()
    assert town.alarm(WELL).state == "reset" and "alarm" not in life.case(first).flags
    assert audit.verify(town.runtime.engine, town.settings).findings == ()


def test_an_alarm_whose_job_was_given_up_gets_its_case_in_the_end(town):
    """Six failures in five minutes, as while a disk is full: nobody needs to notice for the alarm to have its case."""
    town.tell(WELL, (8, 25.0))
    fail = "UPDATE city.outbox SET attempts = 6, dead_at = now() - CAST(:ago AS interval) WHERE task LIKE 'hazards.%'"
    for ago, tried in (("1 minute", 0), ("6 minutes", 1)):
        with town.runtime.transaction() as session:
            session.execute(text(fail), {"ago": ago})
        assert again(town) == tried
        town.work()
    assert town.alarm(WELL).case_state == "dispatched"
    assert town.ask("SELECT * FROM city.outbox WHERE task LIKE 'hazards.%'") == []
    assert again(town) == 0
