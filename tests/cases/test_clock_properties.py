"""What holds for every clock: properties, and a walk minute by minute beside which the fast clock is held."""

import json
import re
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases.test_clock_table import CALENDAR, IN_SUMMER, SHIFTS, ZONE, is_working_day
from webgis.cases import clock
from webgis.errors import Conflict

MINUTE = timedelta(minutes=1)
OTHER = clock.Calendar(ZONE, clock.parse_shifts("09:00-17:00"), lambda day: day.weekday() != 2)
ALWAYS = settings(derandomize=True, deadline=None, max_examples=200)
FEWER = settings(derandomize=True, deadline=None, max_examples=60)

starts = st.datetimes(datetime(2025, 12, 20), datetime(2027, 1, 15)).map(lambda moment: moment.replace(tzinfo=ZONE))
minutes = starts.map(lambda moment: moment.replace(second=0, microsecond=0))
limits = st.integers(1, 60)
units = st.sampled_from(clock.UNITS)
calendars = st.sampled_from([CALENDAR, IN_SUMMER, OTHER])
ENTRIES = ("start", "pause", "resume", "extend", "stop", "continue")
gaps = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 20_000)), max_size=4)
"""Pauses: minutes after the pause before, and how many minutes each lasts."""


def ledger_with(start: datetime, limit: int, unit: str, pauses, left_out: int | None = None) -> list[dict]:
    """A ledger with these pauses, one of them left out."""
    ledger = clock.add([], "start", start, limit=limit, unit=unit)
    moment = start
    for number, (after, lasts) in enumerate(pauses):
        begin = moment + after * MINUTE
        moment = begin + lasts * MINUTE
        if number != left_out:
            ledger = clock.add(ledger, "pause", begin, why="suspension")
            ledger = clock.add(ledger, "resume", moment)
    return ledger


@ALWAYS
@given(starts, limits, units, gaps.filter(bool), calendars, st.data())
def test_a_pause_never_brings_a_deadline_nearer(start, limit, unit, pauses, calendar, data):
    without = data.draw(st.integers(0, len(pauses) - 1))
    fewer = clock.due(ledger_with(start, limit, unit, pauses, without), calendar)
    assert clock.due(ledger_with(start, limit, unit, pauses), calendar) >= fewer


@ALWAYS
@given(starts, limits, st.sampled_from(["urgent_hour", "urgent_day"]), gaps)
def test_urgent_clocks_ignore_calendars(start, limit, unit, pauses):
    ledger = ledger_with(start, limit, unit, pauses)
    never = clock.Calendar(ZONE, SHIFTS, lambda _day: False)
    assert clock.due(ledger, CALENDAR) == clock.due(ledger, OTHER) == clock.due(ledger, never)


@ALWAYS
@given(starts, limits, st.integers(1, 40), units, gaps, calendars)
def test_a_longer_limit_is_never_due_earlier(start, limit, more, unit, pauses, calendar):
    longer = clock.due(ledger_with(start, limit + more, unit, pauses), calendar)
    assert longer > clock.due(ledger_with(start, limit, unit, pauses), calendar)


@ALWAYS
@given(starts, st.integers(0, 20_000), limits, units, calendars)
def test_who_starts_later_is_never_due_earlier(start, later, limit, unit, calendar):
    if calendar is IN_SUMMER and unit == "working_day":
        return
    assert clock.deadline(start + later * MINUTE, limit, unit, calendar) >= clock.deadline(start, limit, unit, calendar)


@ALWAYS
@given(starts, limits, units, gaps, st.integers(1, 20), units, calendars)
def test_an_extension_gives_more_time(start, limit, unit, pauses, more, other, calendar):
    ledger = ledger_with(start, limit, unit, pauses)
    last = datetime.fromisoformat(ledger[-1]["at"])
    assert clock.due(clock.add(ledger, "extend", last, limit=more, unit=other), calendar) > clock.due(ledger, calendar)


@ALWAYS
@given(starts, limits, units, gaps, st.integers(0, 5000), calendars)
def test_stopping_going_on_and_an_open_pause_do_not_move_a_deadline(start, limit, unit, pauses, after, calendar):
    ledger = ledger_with(start, limit, unit, pauses)
    due = clock.due(ledger, calendar)
    moment = datetime.fromisoformat(ledger[-1]["at"]) + after * MINUTE
    stopped = clock.add(ledger, "stop", moment)
    assert clock.due(stopped, calendar) == clock.due(clock.add(stopped, "continue", moment), calendar) == due
    assert clock.due(clock.add(ledger, "pause", moment, why="decision"), calendar) == due


@ALWAYS
@given(starts, limits, units, gaps, st.integers(0, 50_000))
def test_where_the_time_went_adds_up(start, limit, unit, pauses, after):
    ledger = ledger_with(start, limit, unit, pauses)
    now = datetime.fromisoformat(ledger[-1]["at"]) + after * MINUTE
    spent = clock.account(ledger, now)
    assert spent.ran + spent.paused + spent.stopped == now - datetime.fromisoformat(ledger[0]["at"])
    assert spent.paused == sum((lasts * MINUTE for _after, lasts in pauses), timedelta())


@ALWAYS
@given(starts, limits, st.sampled_from(["working_hour", "working_day"]), calendars)
def test_a_working_limit_ends_in_working_time(start, limit, unit, calendar):
    due = clock.deadline(start, limit, unit, calendar).astimezone(ZONE)
    assert calendar.is_working_day(due.date())
    assert any(begin < due.time() <= end for begin, end in calendar.shifts_on(due.date()))


@FEWER
@given(minutes, st.integers(1, 16), st.sampled_from(["urgent_hour", "working_hour"]), gaps, calendars)
def test_the_fast_clock_says_what_a_walk_minute_by_minute_says(start, limit, unit, pauses, calendar):
    ledger = ledger_with(start, limit, unit, pauses)
    assert clock.due(ledger, calendar) == _walked(start, limit * 60, unit, pauses, calendar)


def _walked(start, left, unit, pauses, calendar) -> datetime:
    resting, moment = [], start
    for after, lasts in pauses:
        begin = moment + after * MINUTE
        moment = begin + lasts * MINUTE
        resting.append((begin, moment))
    moment = start
    while left:
        runs = unit == "urgent_hour" or _at_work(moment, calendar)
        if runs and not any(begin <= moment < end for begin, end in resting):
            left -= 1
        moment += MINUTE
    return moment


def _at_work(moment: datetime, calendar) -> bool:
    shifts = calendar.shifts_on(moment.date()) if calendar.is_working_day(moment.date()) else ()
    return any(begin <= moment.time() < end for begin, end in shifts)


@FEWER
@given(minutes, limits, st.sampled_from(["working_hour", "working_day"]), st.sampled_from([CALENDAR, OTHER]))
def test_the_parts_of_an_explanation_add_up_to_the_limit(start, limit, unit, calendar):
    said = clock.explain(clock.add([], "start", start, limit=limit, unit=unit), calendar, "en")
    parts = said.partition(": ")[2]
    told = sum(float(hours) * 60 for hours in re.findall(r"(?<![\d.])([\d.]+) h\b", parts))
    told += sum(int(rest) for rest in re.findall(r"(\d+) min\b", parts))
    hour = 60 if unit == "working_hour" else calendar.day // MINUTE
    assert told == pytest.approx(limit * hour)


@FEWER
@given(starts, st.lists(st.tuples(st.sampled_from(ENTRIES), st.integers(0, 5000)), max_size=12))
def test_a_ledger_takes_only_what_can_follow(start, wanted):
    ledger, moment = [], start
    values = {"start": {"limit": 2, "unit": "working_day"}, "extend": {"limit": 1, "unit": "urgent_hour"},
              "pause": {"why": "decision"}}  # fmt: skip
    for entry, after in wanted:
        moment += after * MINUTE
        before = clock.status(ledger)
        if entry in clock.FOLLOWS[before]:
            ledger = clock.add(ledger, entry, moment, **values.get(entry, {}))
            assert clock.status(ledger) == clock.FOLLOWS[before][entry]
        else:
            with pytest.raises(Conflict):
                clock.add(ledger, entry, moment, **values.get(entry, {}))
    assert json.loads(json.dumps(ledger)) == ledger
    clock.check(ledger)
    assert (clock.due(ledger, CALENDAR) is None) == (not ledger)


@FEWER
@given(st.dates(date(2020, 1, 1), date(2035, 12, 31)), st.integers(1, 900))
def test_years_may_be_asked_for_in_any_order(day, limit):
    fresh = clock.Calendar(ZONE, SHIFTS, lambda one: is_working_day(one))
    start = datetime(day.year, day.month, day.day, 9, tzinfo=ZONE)
    before = start - timedelta(days=500)
    assert clock.deadline(start, limit, "working_day", fresh) == clock.deadline(start, limit, "working_day", CALENDAR)
    assert clock.deadline(before, 1, "working_day", fresh) == clock.deadline(before, 1, "working_day", CALENDAR)
