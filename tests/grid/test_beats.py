"""Beats: what their days and hours mean, how they are laid out and kept, who is on duty, and what they leave out."""

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import text

from tests import city
from webgis.accounts import queries as accounts
from webgis.errors import Conflict, Invalid, NotFound
from webgis.grid import beats, duty
from webgis.grid.beats import Plan, Shift

FRIDAY = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
"""Friday, 20 November 2026, 10:00 in the city."""
EARLIER = FRIDAY - timedelta(days=30)
DAILY = (1, 2, 3, 4, 5, 6, 7)


@pytest.fixture
def town(city_runtime):
    """The small city in a session that is not committed."""
    with city_runtime.sessions() as session:
        yield session


def cells(session, community: str) -> tuple[str, ...]:
    codes = session.scalars(text("SELECT code FROM city.cell WHERE community_code = :code ORDER BY code"),
                            {"code": community})  # fmt: skip
    return tuple(codes)


def person(session, login: str) -> int:
    return accounts.actor(session, login).id


def shift(session, login: str, start: int = 8, end: int = 18, days: tuple[int, ...] = DAILY) -> Shift:
    return Shift(days, time(start), time(end), person(session, login))


def lay(session, code: str, community: str, *shifts: Shift, at: datetime = EARLIER) -> Plan:
    plan = Plan(code, f"责任网格{code}", f"Beat {code}", cells(session, community), shifts)
    beats.lay_out(session, [plan], at=at)
    return plan


def login_at(session, place, cell: str, at: datetime = FRIDAY, not_person: int | None = None) -> str | None:
    return beats.login_of(session, beats.inspector_for(session, *place, cell, at, not_person=not_person))


@pytest.mark.parametrize(
    ("written", "days", "out"),
    [
        ("Mon-Fri", (1, 2, 3, 4, 5), "Mon-Fri"),
        ("周一至周五", (1, 2, 3, 4, 5), "Mon-Fri"),
        ("1-5", (1, 2, 3, 4, 5), "Mon-Fri"),
        ("Sat,Sun", (6, 7), "Sat,Sun"),
        ("周六、周日", (6, 7), "Sat,Sun"),
        ("星期天", (7,), "Sun"),
        ("Fri-Mon", (1, 5, 6, 7), "Mon,Fri-Sun"),
        ("monday wednesday", (1, 3), "Mon,Wed"),
        ("每天", DAILY, "Mon-Sun"),
        ("daily", DAILY, "Mon-Sun"),
    ],
)
def test_weekdays_are_read_as_people_write_them(written, days, out):
    assert duty.read_days(written) == days
    assert duty.days_text(days) == out and duty.read_days(out) == days


@pytest.mark.parametrize("written", ["", "8", "Mon-Tue-Wed", "someday", "周八", "Mon-"])
def test_what_is_no_weekday_is_refused(written):
    with pytest.raises(ValueError):
        duty.read_days(written)


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        ("08:00-18:00", (time(8), time(18))),
        ("8:00－18:00".replace("－", "-"), (time(8), time(18))),
        ("22：00至06：00", (time(22), time(6))),
        ("16:00-24:00", (time(16), time(0))),
        ("00:00-24:00", (time(0), time(0))),
    ],
)
def test_hours_are_read_as_people_write_them(written, hours):
    assert duty.read_hours(written) == hours


@pytest.mark.parametrize("written", ["8-18", "25:00-26:00", "08:60-09:00", "24:00-08:00", "08:00"])
def test_what_is_no_hours_is_refused(written):
    with pytest.raises(ValueError):
        duty.read_hours(written)


@pytest.mark.parametrize(
    ("shifts", "hours"),
    [
        ([], 168.0),
        ([(DAILY, time(0), time(0))], 0.0),
        ([(DAILY, time(8), time(20)), (DAILY, time(20), time(8))], 0.0),
        ([(DAILY, time(8), time(18))], 98.0),
        ([((1, 2, 3, 4, 5), time(8), time(18))], 118.0),
        ([((7,), time(22), time(6))], 160.0),
        ([(DAILY, time(8), time(12)), (DAILY, time(11), time(18))], 98.0),
    ],
)
def test_the_hours_of_a_week_in_which_nobody_is_on_duty_are_counted(shifts, hours):
    assert duty.unmanned_hours(shifts) == hours


def test_a_beat_is_laid_out_with_its_cells_ground_area_and_shifts(town):
    plan = lay(town, "W1", city.WEST, shift(town, "inspector1"))
    (row,) = beats.listed(town, FRIDAY)
    assert (row.code, row.area_code, row.cells, row.area_zh) == ("W1", city.WEST, len(plan.cells), "西社区")
    assert row.geometry["type"] == "MultiPolygon" and row.since == EARLIER
    assert [(one["login"], one["days"], one["from"]) for one in row.shifts] == [("inspector1", [*DAILY], "08:00:00")]
    assert beats.require_plan(town, "W1") == plan


def test_a_beat_over_two_communities_belongs_to_the_area_that_holds_both(town):
    plan = Plan("ALL", "全部", None, (*cells(town, city.WEST), *cells(town, city.EAST)), ())
    beats.lay_out(town, [plan], at=EARLIER)
    assert beats.listed(town, FRIDAY)[0].area_code == city.SUBDISTRICT
    assert beats.listed(town, FRIDAY, area=city.COUNTY) and not beats.listed(town, FRIDAY, area=city.WEST)


def test_a_change_keeps_what_the_beat_was_and_the_same_again_changes_nothing(town):
    plan = lay(town, "W1", city.WEST, shift(town, "inspector1"))
    later = FRIDAY - timedelta(days=1)
    smaller = Plan("W1", "西一", None, plan.cells[:1], plan.shifts)
    done = beats.lay_out(town, [smaller], at=later)
    assert (done.added, done.changed, done.unchanged) == ((), ("W1",), ())
    assert beats.lay_out(town, [smaller], at=FRIDAY).unchanged == ("W1",)
    assert beats.listed(town, later - timedelta(seconds=1))[0].cells == len(plan.cells)
    assert beats.listed(town, later)[0].cells == 1
    beats.close(town, "W1", at=FRIDAY)
    assert not beats.listed(town, FRIDAY) and beats.listed(town, later)
    with pytest.raises(NotFound) as refused:
        beats.close(town, "W1", at=FRIDAY)
    assert refused.value.code == "grid.beat-unknown"


def test_a_change_comes_after_the_one_before(town):
    plan = lay(town, "W1", city.WEST)
    with pytest.raises(Conflict) as refused:
        beats.lay_out(town, [Plan("W1", "西一", None, plan.cells, ())], at=EARLIER)
    assert refused.value.code == "grid.same-moment"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"cells": ()}, "cells"),
        ({"cells": ("510104017001999",)}, "cells"),
        ({"login": "acceptor1"}, "inspector"),
    ],
)
def test_a_beat_needs_valid_cells_and_active_inspectors(town, changed, field):
    own = changed.get("cells", cells(town, city.WEST))
    shifts = (shift(town, changed["login"]),) if "login" in changed else ()
    with pytest.raises(Invalid) as refused:
        beats.lay_out(town, [Plan("W1", "西一", None, own, shifts)], at=EARLIER)
    assert refused.value.code == "grid.bad-field" and refused.value.facts["field"] == field


def test_the_inspector_on_duty_in_the_beat_is_sent(town):
    lay(town, "W1", city.WEST, shift(town, "inspector1"))
    lay(town, "E1", city.EAST, shift(town, "inspector2"))
    found = beats.inspector_for(town, *city.IN_EAST, f"{city.EAST}001", FRIDAY)
    assert beats.login_of(town, found) == "inspector2"
    assert found.why["how"] == "beat" and found.why["beat"] == "E1"
    assert "当班" in found.why["text_zh"] and "Beat E1" in found.why["text_en"]


def test_when_nobody_is_on_duty_there_the_nearest_on_duty_is_sent(town):
    lay(town, "W1", city.WEST, shift(town, "inspector1", 18, 22))
    lay(town, "E1", city.EAST, shift(town, "inspector2"))
    found = beats.inspector_for(town, *city.IN_WEST, f"{city.WEST}001", FRIDAY)
    assert beats.login_of(town, found) == "inspector2"
    assert found.why["how"] == "nearest" and 200 < found.why["distance_m"] < 300
    assert login_at(town, city.IN_WEST, f"{city.WEST}001", FRIDAY + timedelta(hours=9)) == "inspector1"


def test_who_reported_a_case_is_not_sent_to_it(town):
    one, other = shift(town, "inspector1"), shift(town, "inspector2")
    lay(town, "W1", city.WEST, one)
    lay(town, "E1", city.EAST, other)
    assert login_at(town, city.IN_WEST, f"{city.WEST}001", not_person=one.person_id) == "inspector2"


def test_nobody_is_sent_when_nobody_is_on_duty(town):
    lay(town, "W1", city.WEST, shift(town, "inspector1", 18, 22))
    found = beats.inspector_for(town, *city.IN_WEST, f"{city.WEST}001", FRIDAY)
    assert found.person_id is None and "No inspector" in found.why["text_en"]
    assert beats.login_of(town, found) is None


def test_a_night_shift_counts_with_the_day_on_which_it_began(town):
    lay(town, "W1", city.WEST, shift(town, "inspector1", 22, 6, (5,)))
    night = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    asked = {hours: login_at(town, city.IN_WEST, f"{city.WEST}001", night + timedelta(hours=hours))
             for hours in (-18, 0, 6, 8, 24)}  # fmt: skip
    assert asked == {-18: None, 0: "inspector1", 6: "inspector1", 8: None, 24: None}


def test_who_has_left_is_on_duty_no_more(town):
    lay(town, "W1", city.WEST, shift(town, "inspector1"))
    assert [(row.beat_code, row.login) for row in beats.on_duty(town, FRIDAY)] == [("W1", "inspector1")]
    assert not beats.on_duty(town, FRIDAY, area=city.EAST)
    town.execute(text("UPDATE city.person SET active = false WHERE login = 'inspector1'"))
    assert not beats.on_duty(town, FRIDAY) and login_at(town, city.IN_WEST, f"{city.WEST}001") is None


def test_what_the_beats_leave_out_and_cover_twice_is_told(town):
    west, east = cells(town, city.WEST), cells(town, city.EAST)
    every = (shift(town, "inspector1", 0, 0),)
    beats.lay_out(town, [Plan("W1", "西一", None, west, every), Plan("W2", "西二", None, west[:1], ())], at=EARLIER)
    found = beats.coverage(town)
    assert [(row.community_code, row.cells, row.codes[0]) for row in found.left_out] == [
        (city.EAST, len(east), east[0])
    ]
    assert found.twice == {west[0]: ["W1", "W2"]} and found.gone == {}
    assert found.unmanned == {"W2": 168.0}
    town.execute(text("UPDATE city.cell SET valid = tstzrange(lower(valid), now()) WHERE code = :code"),
                 {"code": west[1]})  # fmt: skip
    assert beats.coverage(town).gone == {west[1]: ["W1"]}
    assert beats.coverage(town, city.EAST).twice == {}
