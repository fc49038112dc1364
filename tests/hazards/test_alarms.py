"""From readings to alarms and their cases: once each, whatever comes twice, late or in disorder."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests import city
from tests.cases.life import Life
from tests.hazards.watched import NOW, ROAD, UNDERPASS, WELL, WORKS, Watched, flood, minutes_ago
from webgis.cases import audit, notice_addresses
from webgis.errors import Conflict, Forbidden, Invalid, NotFound
from webgis.hazards import alarm_queries, alarm_rules, alarm_telling, watches
from webgis.telemetry import operations

LEVEL = alarm_rules.shipped()[0]["levels"][0]


def ebb(town: Watched) -> None:
    """It is dry again, for long enough."""
    town.tell(UNDERPASS, *((4 - minute * 0.5, 0.01) for minute in range(4)))
    town.tell(UNDERPASS, (-2, 0.01))


def test_quiet_readings_leave_nothing_behind(town):
    town.tell(WELL, (5, 3.0), (4, 19.9), (3, 2.0))
    assert town.alarms(WELL) == []
    assert town.ask("SELECT * FROM city.watch_state") == []
    assert town.ask("SELECT * FROM city.outbox WHERE task LIKE 'hazards.%'") == []


def test_an_alarm_opens_one_case_that_is_filed_and_dispatched_at_once(town):
    flood(town)
    assert town.alarms(UNDERPASS) == [(1, "open", "closed")]
    town.work()
    town.work()
    alarm = town.alarm(UNDERPASS)
    (case,) = town.ask("SELECT * FROM city.case")
    assert (case.id, case.source, case.class_code, case.department_code) == (alarm.case_id, "sensor", "10080", WORKS)
    assert (case.state, case.flags, case.reporter_id) == ("dispatched", ["alarm"], None)
    assert case.deadline_at == case.dispatched_at + timedelta(hours=2)
    assert "封闭" in case.description and "0.33 m" in case.description and "closed" in case.description
    steps = town.ask("SELECT action, role FROM city.case_event ORDER BY id")
    assert [tuple(step) for step in steps] == [(action, "engine") for action in ("report", "alarm", "file", "dispatch")]
    (photo,) = town.ask("SELECT * FROM city.photo")
    assert (photo.width, photo.height) == (960, 540)
    assert audit.verify(town.runtime.engine, town.settings).findings == ()


def test_the_worked_example_of_the_manual(town):
    town.tell(UNDERPASS, *((9 - minute, 0.02 + 0.05 * minute) for minute in range(7)))
    events = town.ask("SELECT level, at FROM city.alarm_event ORDER BY id")
    assert [tuple(one) for one in events] == [("rising", minutes_ago(7)), ("closed", minutes_ago(3))]
    town.work()
    ladder = town.ask("SELECT rank, who, due_at - made_at FROM city.alarm_notice ORDER BY id")
    assert [tuple(one) for one in ladder] == [(2, "department", timedelta(minutes=5))], (
        "told together: the graver counts"
    )
    (case,) = town.ask("SELECT deadline_at - dispatched_at AS limit, state FROM city.case")
    assert tuple(case) == (timedelta(hours=2), "dispatched")
    assert town.ask("SELECT advice FROM fn.advised_closures()") == [("closed",)]


def test_the_highest_value_of_an_alarm_that_stands_is_the_highest_until_now(town):
    flood(town)
    town.tell(UNDERPASS, (4, 0.47), (3, 0.41))
    assert town.alarm(UNDERPASS).peak == 0.47


def test_levels_told_once_each_and_the_alarm_keeps_the_gravest(town):
    town.tell(WELL, (8, 25.0))
    town.tell(WELL, (7, 45.0), (6, 30.0))
    town.work()
    assert town.alarms(WELL) == [(1, "open", "second")]
    assert town.alarm(WELL).peak == 45.0
    told = town.ask("SELECT action, level FROM city.alarm_event WHERE action IN ('raised', 'escalated') ORDER BY id")
    assert [tuple(one) for one in told] == [("raised", "first"), ("escalated", "second")]
    assert len(town.ask("SELECT * FROM city.case")) == 1


def test_a_case_ends_only_when_the_alarm_is_reset_and_somebody_has_verified(town):
    flood(town)
    town.work()
    life, number = Life(town.runtime, datetime.now(UTC)), town.alarm(UNDERPASS).case_number
    life.do("works1", number, "receive")
    life.do("works1", number, "resolve", photos=True)
    life.do("inspector1", number, "verify", result="pass")
    for login, action in (("acceptor1", "close"), ("manager1", "force_close")):
        with pytest.raises(Conflict) as refused:
            life.do(login, number, action, **({"reason": "已退水"} if action == "force_close" else {}))
        assert refused.value.code == "cases.alarm-stands"
    ebb(town)
    assert town.alarms(UNDERPASS) == [(1, "open", "closed")], "ten minutes below the reset are not over"
    with town.runtime.transaction() as session:
        session.execute(alarm_rules.HOLD)
        town.consider(session, {town.ids[UNDERPASS]: [(NOW + timedelta(minutes=9), 0.0)]}, NOW + timedelta(minutes=9))
    town.work()
    assert town.alarms(UNDERPASS) == [(1, "reset", "closed")]
    (last,) = town.ask("SELECT given FROM city.case_event WHERE action = 'alarm' ORDER BY id DESC LIMIT 1")
    assert (last.given["change"], last.given["stands"]) == ("reset", "no")
    assert life.case(number).state == "verified", "the reset closes nothing"
    assert life.do("acceptor1", number, "close").outcome == "closed"


def test_a_late_reading_withdraws_an_alarm_and_its_case_stays_for_people(town):
    town.tell(ROAD, (4, 0.2), (2.5, 0.2))
    assert town.alarms(ROAD) == [(1, "open", "slowed")]
    town.work()
    town.tell(ROAD, (3, 0.0))
    town.work()
    assert town.alarms(ROAD) == [(1, "withdrawn", "slowed")]
    (case,) = town.ask("SELECT state, flags FROM city.case")
    assert tuple(case) == ("dispatched", [])
    assert town.ask("SELECT count(*) FROM city.case_event WHERE given ->> 'change' = 'withdrawn'") == [(1,)]


def test_one_that_was_withdrawn_before_its_case_was_opened_opens_none(town):
    town.tell(ROAD, (4, 0.2), (2.5, 0.2))
    town.tell(ROAD, (3, 0.0))
    town.work()
    assert town.ask("SELECT * FROM city.case") == []


def test_the_same_readings_twice_and_backwards_make_the_same_alarm(town):
    readings = [(9, 0.02), (8, 0.3), (7, 0.31), (6, 0.33)]
    for ago, value in [*reversed(readings), *readings]:
        town.tell(UNDERPASS, (ago, value))
    assert [(state, level) for _number, state, level in town.alarms(UNDERPASS) if state == "open"] == [
        ("open", "closed")
    ]
    town.work()
    open_cases = town.ask("SELECT count(*) FROM city.alarm WHERE case_id IS NOT NULL AND state = 'open'")
    assert open_cases == [(1,)]
    assert town.alarm(UNDERPASS).raised_at == minutes_ago(8), "the rise of ten centimetres"


def test_a_backlog_of_hours_in_one_batch_is_walked_from_its_beginning(town):
    town.tell(WELL, (200, 2.0))
    hours = [(190 - minute, 45.0 if 20 <= minute < 40 else 2.0) for minute in range(180)]
    town.tell(WELL, *hours)
    assert town.alarms(WELL) == [(1, "reset", "second")]
    assert town.alarm(WELL).raised_at == minutes_ago(170)
    town.tell(WELL, (150, 50.0))
    assert town.alarms(WELL) == [(1, "reset", "second")], "two hours late changes nothing"


def test_a_new_process_goes_on_where_the_old_one_stood(town):
    flood(town)
    again = Watched.__new__(Watched)
    again.__dict__ |= town.__dict__ | {"consider": type(town.consider)(town.settings)}
    again.tell(UNDERPASS, (5, 0.3))
    assert again.alarms(UNDERPASS) == [(1, "open", "closed")]


def test_a_sensor_registered_with_watch_raises_an_alarm(town, api):
    lon, lat = city.IN_EAST
    new = {"code": "N-1", "station": "N-1", "name_zh": "新井", "place": "underpass", "lon": lon, "lat": lat}
    new |= {"crs": "cgcs2000", "quantity": "depth", "interval_s": 60}
    client = api("administrator1")
    assert "watched_by" not in client.post("/api/v1/sensors", new).json["properties"]
    told = client.post("/api/v1/sensors", new | {"watch": "yes"}).json["properties"]
    assert told["watched_by"] == "depth.underpass"
    none = client.post("/api/v1/sensors", new | {"code": "N-2", "quantity": "noise", "watch": "yes"}).json["properties"]
    assert none["watched_by"] is None
    town.ids["N-1"] = told["datastream"]
    town.tell("N-1", (2, 0.6), (1, 0.6), (0, 0.6))
    assert town.alarms("N-1") == [(1, "open", "closed")]


def test_a_sensor_outside_the_grid_alarms_without_a_case_and_says_why(town):
    with town.runtime.transaction() as session:
        town.ids["X"] = town.sensor(session, "X", "well", "gas", (104.2, 30.6))
    town.tell("X", (2, 50.0))
    town.work()
    alarm = town.alarm("X")
    assert (alarm.state, alarm.case_id, alarm.no_case) == ("open", None, "cases.outside-grid")
    assert town.ask("SELECT * FROM city.outbox WHERE task LIKE 'hazards.%'") == []


def test_a_class_without_conditions_leaves_the_case_to_the_acceptor(town):
    with town.runtime.transaction() as session:
        alarm_rules.set_rule(
            session, None, "gas.well", {"kind": "component", "class_code": "01011"}, town.settings.zone
        )
        session.execute(text("UPDATE city.filing_standard SET active = false"))
    town.tell(WELL, (2, 50.0))
    town.work()
    (case,) = town.ask("SELECT state, flags FROM city.case")
    assert tuple(case) == ("reported", ["alarm"])


# Who must be told


def late(town: Watched, minutes: float) -> int:
    """So many minutes after now, what is overdue goes up."""
    with town.runtime.transaction() as session:
        return alarm_telling.pass_on(session, at=datetime.now(UTC) + timedelta(minutes=minutes))


def ladder(town: Watched) -> list[tuple]:
    rows = town.ask("SELECT rank, who, overdue_at IS NOT NULL, acknowledged_by FROM city.alarm_notice ORDER BY id")
    return [tuple(row) for row in rows]


def test_nobody_acknowledges_and_it_goes_up_step_by_step(town):
    with town.runtime.transaction() as session:
        for login in ("works1", "dispatcher1", "manager1"):
            notice_addresses.set_address(session, town.settings, login, "email", f"{login}@example.com")
    flood(town)
    town.work()
    assert ladder(town) == [(2, "department", False, None)]
    assert (late(town, 4), late(town, 6)) == (0, 1)
    town.work()
    assert late(town, 12) == 1
    assert late(town, 30) == 0, "nobody stands above"
    town.work()
    assert [row[1:3] for row in ladder(town)] == [("department", True), ("dispatcher", True), ("manager", True)]
    told = town.ask(
        "SELECT p.login FROM city.notice n JOIN city.notice_address a ON a.id = n.address_id"
        " JOIN city.person p ON p.id = a.person_id WHERE n.event = 'alarm' ORDER BY n.id"
    )
    assert [row.login for row in told] == ["works1", "dispatcher1", "manager1"]


def test_who_acknowledges_ends_the_ladder_until_a_graver_level(town):
    town.tell(WELL, (8, 25.0))
    town.work()
    alarm, dispatcher = town.alarm(WELL), town.actor("dispatcher1")
    with town.runtime.transaction() as session:
        alarm_telling.acknowledge(session, dispatcher, alarm.id, at=NOW)
        alarm_telling.acknowledge(session, town.actor("manager1"), alarm.id, at=NOW)
    assert ladder(town) == [(1, "department", False, dispatcher.id)]
    assert late(town, 60) == 0
    town.tell(WELL, (6, 45.0))
    assert ladder(town)[1:] == [(2, "department", False, None)]
    assert town.ask("SELECT count(*) FROM city.alarm_event WHERE action = 'acknowledged'") == [(1,)]


def test_a_step_falls_due_while_somebody_acknowledges(town):
    """Whoever holds the alarm to acknowledge it does not wait for what is passed on, which refers to the alarm."""
    flood(town)
    town.work()
    alarm, dispatcher = town.alarm(UNDERPASS), town.actor("dispatcher1")
    with town.runtime.transaction() as session:
        alarm_telling.hold(session, alarm.id)
        with town.runtime.transaction() as other:
            other.execute(text("SET LOCAL lock_timeout = '2s'"))
            assert alarm_telling.pass_on(other, at=datetime.now(UTC) + timedelta(minutes=6)) == 1
        alarm_telling.acknowledge(session, dispatcher, alarm.id, at=NOW)
    assert ladder(town) == [(2, "department", True, dispatcher.id), (2, "dispatcher", False, dispatcher.id)]


def test_who_may_not_see_or_say_is_refused(town):
    flood(town)
    town.work()
    alarm = town.alarm(UNDERPASS)
    with town.runtime.transaction() as session:
        with pytest.raises(NotFound):
            alarm_telling.acknowledge(session, town.actor("sanitation1"), alarm.id, at=NOW)
        with pytest.raises(Forbidden):
            alarm_telling.acknowledge(session, town.actor("inspector1"), alarm.id, at=NOW)
        with pytest.raises(Forbidden):
            alarm_telling.dismiss(session, town.actor("works1"), alarm.id, "误报", at=NOW)
        assert alarm_queries.at_hand(session, town.actor("sanitation1")) == []
        assert [one.id for one in alarm_queries.at_hand(session, town.actor("works1"))] == [alarm.id]


def test_an_alarm_that_is_none_is_dismissed_with_a_reason_and_its_case_may_end(town):
    town.tell(WELL, (8, 25.0))
    town.work()
    alarm, dispatcher = town.alarm(WELL), town.actor("dispatcher1")
    with town.runtime.transaction() as session:
        with pytest.raises(Invalid):
            alarm_telling.dismiss(session, dispatcher, alarm.id, "  ", at=NOW)
        alarm_telling.dismiss(session, dispatcher, alarm.id, "探头标定", at=NOW)
        with pytest.raises(Conflict):
            alarm_telling.dismiss(session, dispatcher, alarm.id, "探头标定", at=NOW)
    town.work()
    (case,) = town.ask("SELECT flags FROM city.case")
    assert case.flags == [] and late(town, 60) == 0
    town.tell(WELL, (6, 26.0))
    assert town.alarms(WELL) == [(1, "withdrawn", "first")]
    town.tell(WELL, (5, 45.0))
    town.work()
    assert town.alarms(WELL) == [(1, "open", "second")], "graver than what was dismissed"
    assert town.ask("SELECT flags FROM city.case") == [(["alarm"],)]


# Rules as data


def test_a_rule_that_is_changed_counts_from_the_next_reading(town):
    flood(town)
    levels = [one | {"at": 0.5, "reset": 0.4} for one in alarm_rules.shipped()[11 + 1]["levels"]]
    with town.runtime.transaction() as session:
        assert alarm_rules.require_rule(session, "depth.underpass").levels[0]["name"] == levels[0]["name"]
        assert alarm_rules.set_rule(session, None, "depth.underpass", {"levels": levels}, town.settings.zone)
        assert not alarm_rules.set_rule(session, None, "depth.underpass", {"levels": levels}, town.settings.zone)
    town.work()
    town.tell(UNDERPASS, (60, 0.0))
    assert town.alarms(UNDERPASS) == [(1, "open", "closed")], "too late to say anything"
    town.tell(UNDERPASS, (5, 0.3))
    town.work()
    assert town.alarms(UNDERPASS) == [(1, "reset", "closed")], "there was one by the rule as it was"
    assert town.alarm(UNDERPASS).reset_at == minutes_ago(5)
    (note,) = town.ask("SELECT given ->> 'note' FROM city.case_event WHERE given ->> 'change' = 'reset'")
    assert "The rule was changed (version 2)" in note[0]
    town.tell(UNDERPASS, (4, 0.3))
    assert town.alarms(UNDERPASS) == [(1, "reset", "closed")]
    with town.runtime.transaction() as session:
        assert alarm_rules.load_shipped(session) == ([], []), "what the city changed is left"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"levels": []}, "levels"),
        ({"levels": [{"name": "x"}]}, "name_zh"),
        ({"levels": ["x"]}, "levels"),
        ({"levels": [LEVEL | {"hours": 5}]}, "levels"),
        ({"levels": [LEVEL | {"name_zh": None}]}, "name_zh"),
        ({"levels": [LEVEL | {"advice": "swim"}]}, "advice"),
        ({"levels": [LEVEL | {"at": float("inf")}]}, "at"),
        ({"levels": [LEVEL | {"lasting_s": 10**9}]}, "lasting"),
        ({"levels": [LEVEL | {"rank": 10}]}, "rank"),
        ({"late_s": -1}, "late_s"),
        ({"least": float("nan")}, "least"),
        ({"most": -99}, "least"),
        ({"colour": "red"}, "colour"),
        ({"name_zh": " "}, "name_zh"),
        ({"class_code": "99999"}, "class"),
        ({"class_code": None}, "class_code"),
        ({"quantity": {}}, "quantity"),
        ({"place": ""}, "place"),
        ({"unit": None}, "unit"),
        ({"unit": "ppm"}, "unit"),
        ({"quantity": "depth"}, "quantity"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_its_field_and_changes_nothing(town, given, field):
    with town.runtime.transaction() as session:
        with pytest.raises(Invalid) as refused:
            alarm_rules.set_rule(session, None, "gas.well", given, town.settings.zone)
        assert refused.value.facts["field"] == field
        assert alarm_rules.require_rule(session, "gas.well").shipped


def test_a_rule_looks_back_over_no_more_readings_than_can_be_held(town):
    with town.runtime.transaction() as session:
        town.sensor(session, "R-1", "station", "rain", city.IN_WEST)
        town.sensor(session, "R-2", "station", "rain", city.IN_WEST, watched=False)
        operations.put_datastream(session, operations.NewDatastream("R-2", "R-2", "rain", 5))
        with pytest.raises(Invalid) as refused:
            watches.watch(session, None, "R-2")
        assert (refused.value.code, refused.value.facts["field"]) == ("hazards.window-too-long", "levels")
        assert watches.watch_by_kind(session, None, "R-2") is None
        levels = alarm_rules.require_rule(session, "rain.station").levels
        longer = [one | {"window_s": 3 * 86_400} for one in levels[:1]] + levels[1:]
        alarm_rules.set_rule(session, None, "rain.station", {"levels": longer}, town.settings.zone)
        operations.put_datastream(session, operations.NewDatastream("R-1", "R-1", "rain", 30))
        with pytest.raises(Invalid) as refused:
            alarm_rules.set_rule(session, None, "rain.station", {"late_s": 900}, town.settings.zone)
        assert refused.value.code == "hazards.window-too-long"


def test_a_rule_that_cannot_be_used_stops_no_other(town):
    with town.runtime.transaction() as session:
        session.execute(text("UPDATE city.threshold_rule SET levels = '[]' WHERE key LIKE 'depth.%'"))
        alarm_rules.changed(session)
    for ago in (4, 3):
        town.tell(ROAD, (ago, 4.0))
        town.tell(WELL, (ago, 45.0))
    assert (town.alarms(ROAD), town.alarms(WELL)) == ([], [(1, "open", "second")])
    assert town.ask("SELECT count(*) FROM city.reading_inbox") == [(0,)]


def test_all_sensors_that_were_never_watched_are_watched_by_their_usual_rules_in_one_go(town):
    with town.runtime.transaction() as session:
        for code, place, quantity in (
            ("A-1", "station", "rain"),
            ("A-2", "station", "rain"),
            ("A-3", "road", "depth"),
            ("A-4", "well", "rain"),
        ):
            town.sensor(session, code, place, quantity, city.IN_WEST, watched=False)
        town.sensor(session, "A-5", "station", "rain", city.IN_WEST, watched=False)
        operations.put_datastream(session, operations.NewDatastream("A-5", "A-5", "rain", 5))
        watches.unwatch(session, None, WELL, "gas.well")
        done = watches.watch_all(session, None)
    assert done.watched == {"rain.station": ["A-1", "A-2"], "depth.road": ["A-3"]}
    assert [codes for _why, codes in sorted(done.without.items())] == [["A-5"], ["A-4"]]
    assert "there is no rule rain.well" in done.without
    rows = town.ask("SELECT d.code, w.active FROM city.watch w JOIN city.datastream d ON d.id = w.datastream_id")
    standing = dict(map(tuple, rows))
    assert standing[WELL] is False and all(standing[code] for code in (ROAD, UNDERPASS, "A-1", "A-2", "A-3"))
    assert len(standing) == 6
    (told,) = town.ask("SELECT count(*) FROM city.admin_event WHERE action = 'hazards.watch' AND subject LIKE 'A-_ %'")
    assert told[0] == 3
    with town.runtime.transaction() as session:
        assert watches.watch_all(session, None).watched == {}


def watch_road(town: Watched, watched: bool) -> None:
    with town.runtime.transaction() as session:
        if watched:
            watches.watch(session, None, ROAD)
        else:
            watches.unwatch(session, None, ROAD, "depth.road")


def test_a_pause_of_the_watch_counts_for_no_duration(town):
    town.tell(ROAD, (40, 0.2))
    watch_road(town, False)
    town.tell(ROAD, *((39 - minute, 0.0) for minute in range(30)))
    watch_road(town, True)
    town.tell(ROAD, (1, 0.2))
    assert town.alarms(ROAD) == []
    town.tell(ROAD, (0, 0.2))
    assert town.alarms(ROAD) == [(1, "open", "slowed")]


def test_an_alarm_that_was_over_in_a_pause_of_the_watch_is_over(town):
    town.tell(ROAD, (60, 0.2), (58, 0.2))
    town.work()
    watch_road(town, False)
    town.tell(ROAD, *((57 - minute, 0.0) for minute in range(30)))
    assert town.alarms(ROAD) == [(1, "open", "slowed")]
    watch_road(town, True)
    town.tell(ROAD, (1, 0.2))
    town.work()
    assert town.alarms(ROAD) == [(1, "reset", "slowed")]
    assert town.alarm(ROAD).reset_at == minutes_ago(47)


def test_a_sensor_is_watched_by_a_rule_of_its_unit_alone(town):
    with town.runtime.transaction() as session:
        with pytest.raises(Invalid) as refused:
            watches.watch(session, None, WELL, "depth.road")
        assert refused.value.code == "hazards.watch-unfit"
        for code, rule in (("nobody", None), (WELL, "nothing.known")):
            with pytest.raises(NotFound):
                watches.watch(session, None, code, rule)
        watches.unwatch(session, None, WELL, "gas.well")
    town.tell(WELL, (2, 90.0))
    assert town.alarms(WELL) == []
