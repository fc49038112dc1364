"""Deadlines worked out by hand: nights, weekends, the holidays of 2026 with their make-up days, pauses, year ends."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest

from webgis.cases import clock

ZONE = ZoneInfo("Asia/Shanghai")
SHIFTS = clock.parse_shifts("08:00-12:00,14:00-18:00")
SUMMER = clock.Period(date(2026, 5, 1), date(2026, 9, 30), clock.parse_shifts("08:30-12:00,14:30-18:00"))

OFF = (
    ("2026-01-01", 3), ("2026-02-15", 9), ("2026-04-04", 3), ("2026-05-01", 5), ("2026-06-19", 3), ("2026-09-25", 3),
    ("2026-10-01", 7), ("2027-01-01", 1),
)  # fmt: skip
MAKE_UP = ("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10")
"""The holidays of 2026 as the State Council announced them: first day and number of days; weekend days worked."""

DAYS_OFF = {date.fromisoformat(first) + timedelta(days=n) for first, count in OFF for n in range(count)}
DAYS_ON = {date.fromisoformat(day) for day in MAKE_UP}


def is_working_day(day: date) -> bool:
    """2026 as announced."""
    return day in DAYS_ON or (day.weekday() < 5 and day not in DAYS_OFF)


CALENDAR = clock.Calendar(ZONE, SHIFTS, is_working_day)
IN_SUMMER = clock.Calendar(ZONE, SHIFTS, is_working_day, (SUMMER,))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def ledger_of(start: str, limit: int, unit: str, pauses=(), extensions=()) -> list[dict]:
    entries = [("start", start, {"limit": limit, "unit": unit})]
    for begin, end in pauses:
        entries += [("pause", begin, {"why": "suspension"}), ("resume", end, {})]
    entries += [("extend", when, {"limit": more, "unit": of}) for when, more, of in extensions]
    ledger = []
    for entry, when, values in sorted(entries, key=lambda one: (one[1], one[0] not in ("start", "resume"))):
        ledger = clock.add(ledger, entry, at(when), **values)
    return ledger


TABLE = [
    ("2026-11-16 07:59", 1, "working_hour", (), "2026-11-16 09:00"),
    ("2026-11-16 08:00", 1, "working_hour", (), "2026-11-16 09:00"),
    ("2026-11-16 08:00", 4, "working_hour", (), "2026-11-16 12:00"),
    ("2026-11-16 08:00", 5, "working_hour", (), "2026-11-16 15:00"),
    ("2026-11-16 12:00", 1, "working_hour", (), "2026-11-16 15:00"),
    ("2026-11-16 13:59", 1, "working_hour", (), "2026-11-16 15:00"),
    ("2026-11-16 11:59", 1, "working_hour", (), "2026-11-16 14:59"),
    ("2026-11-16 18:00", 1, "working_hour", (), "2026-11-17 09:00"),
    ("2026-11-16 23:59", 2, "working_hour", (), "2026-11-17 10:00"),
    ("2026-11-16 17:30", 8, "working_hour", (), "2026-11-17 17:30"),
    ("2026-11-16 00:00", 8, "working_hour", (), "2026-11-16 18:00"),
    ("2026-11-16 09:15", 20, "working_hour", (), "2026-11-18 15:15"),
    ("2026-11-16 17:59:30", 1, "working_hour", (), "2026-11-17 08:59:30"),
    ("2026-11-16 16:00", 2, "urgent_hour", (), "2026-11-16 18:00"),
    ("2026-11-16 22:00", 4, "urgent_hour", (), "2026-11-17 02:00"),
    ("2026-11-16 23:30", 1, "urgent_day", (), "2026-11-17 23:30"),
    ("2026-11-16 10:00", 1, "working_day", (), "2026-11-17 10:00"),
    ("2026-11-16 12:30", 1, "working_day", (), "2026-11-17 12:00"),
    ("2026-11-16 18:00", 1, "working_day", (), "2026-11-17 18:00"),
    ("2026-11-16 20:00", 1, "working_day", (), "2026-11-17 18:00"),
    ("2026-11-20 16:30", 4, "working_hour", (), "2026-11-23 10:30"),
    ("2026-11-20 16:30", 4, "urgent_hour", (), "2026-11-20 20:30"),
    ("2026-11-20 17:00", 2, "urgent_day", (), "2026-11-22 17:00"),
    ("2026-11-20 16:30", 1, "working_day", (), "2026-11-23 16:30"),
    ("2026-11-20 18:00", 1, "working_day", (), "2026-11-23 18:00"),
    ("2026-11-21 10:00", 2, "working_hour", (), "2026-11-23 10:00"),
    ("2026-11-22 23:00", 1, "working_day", (), "2026-11-23 18:00"),
    ("2026-11-21 10:00", 3, "urgent_hour", (), "2026-11-21 13:00"),
    ("2026-11-19 15:00", 2, "working_day", (), "2026-11-23 15:00"),
    ("2026-11-18 09:00", 5, "working_day", (), "2026-11-25 09:00"),
    ("2026-11-13 17:00", 10, "working_day", (), "2026-11-27 17:00"),
    ("2026-11-20 17:59", 2, "working_hour", (), "2026-11-23 09:59"),
    ("2026-02-13 17:00", 2, "working_hour", (), "2026-02-14 09:00"),
    ("2026-02-14 17:00", 2, "working_hour", (), "2026-02-24 09:00"),
    ("2026-02-14 18:00", 1, "working_hour", (), "2026-02-24 09:00"),
    ("2026-02-14 10:00", 1, "working_day", (), "2026-02-24 10:00"),
    ("2026-02-17 12:00", 4, "working_hour", (), "2026-02-24 12:00"),
    ("2026-02-17 12:00", 4, "urgent_hour", (), "2026-02-17 16:00"),
    ("2026-02-14 20:00", 2, "urgent_day", (), "2026-02-16 20:00"),
    ("2026-02-13 09:00", 5, "working_day", (), "2026-02-27 09:00"),
    ("2026-02-13 09:00", 7, "working_day", (), "2026-03-02 09:00"),
    ("2026-02-27 16:00", 4, "working_hour", (), "2026-02-28 10:00"),
    ("2026-02-28 16:00", 4, "working_hour", (), "2026-03-02 10:00"),
    ("2026-02-23 23:00", 1, "working_day", (), "2026-02-24 18:00"),
    ("2026-02-12 14:00", 20, "working_hour", (), "2026-02-14 18:00"),
    ("2026-02-12 14:00", 21, "working_hour", (), "2026-02-24 09:00"),
    ("2025-12-31 17:00", 2, "working_hour", (), "2026-01-04 09:00"),
    ("2025-12-31 23:00", 2, "urgent_hour", (), "2026-01-01 01:00"),
    ("2025-12-31 10:00", 2, "working_day", (), "2026-01-05 10:00"),
    ("2026-01-02 09:00", 1, "working_hour", (), "2026-01-04 09:00"),
    ("2025-12-30 09:00", 3, "working_day", (), "2026-01-05 09:00"),
    ("2026-12-31 17:30", 1, "working_hour", (), "2027-01-04 08:30"),
    ("2026-12-31 09:00", 1, "working_day", (), "2027-01-04 09:00"),
    ("2026-12-31 23:59", 1, "urgent_day", (), "2027-01-01 23:59"),
    ("2026-12-30 16:00", 15, "working_hour", (), "2027-01-04 15:00"),
    ("2026-12-28 08:00", 5, "working_day", (), "2027-01-04 18:00"),
    ("2026-04-03 16:00", 3, "working_hour", (), "2026-04-07 09:00"),
    ("2026-04-05 10:00", 1, "working_day", (), "2026-04-07 18:00"),
    ("2026-04-30 15:00", 1, "working_day", (), "2026-05-06 15:00"),
    ("2026-05-08 15:00", 1, "working_day", (), "2026-05-09 15:00"),
    ("2026-05-09 15:00", 1, "working_day", (), "2026-05-11 15:00"),
    ("2026-04-30 17:00", 30, "working_hour", (), "2026-05-09 15:00"),
    ("2026-06-18 17:30", 1, "working_hour", (), "2026-06-22 08:30"),
    ("2026-09-18 16:30", 4, "working_hour", (), "2026-09-20 10:30"),
    ("2026-09-20 17:00", 2, "working_hour", (), "2026-09-21 09:00"),
    ("2026-09-24 15:00", 1, "working_day", (), "2026-09-28 15:00"),
    ("2026-09-30 17:00", 2, "working_hour", (), "2026-10-08 09:00"),
    ("2026-10-03 08:00", 1, "urgent_hour", (), "2026-10-03 09:00"),
    ("2026-10-09 17:00", 2, "working_hour", (), "2026-10-10 09:00"),
    ("2026-10-10 17:00", 2, "working_hour", (), "2026-10-12 09:00"),
    ("2026-09-30 09:00", 5, "working_day", (), "2026-10-13 09:00"),
    ("2026-09-30 18:00", 2, "urgent_day", (), "2026-10-02 18:00"),
    ("2026-09-29 10:00", 15, "working_day", (), "2026-10-26 10:00"),
    ("2026-11-16 09:00", 4, "working_hour", [("2026-11-16 10:00", "2026-11-16 11:00")], "2026-11-16 16:00"),
    ("2026-11-16 09:00", 4, "working_hour", [("2026-11-16 12:00", "2026-11-16 14:00")], "2026-11-16 15:00"),
    ("2026-11-16 09:00", 4, "working_hour", [("2026-11-16 10:00", "2026-11-18 10:00")], "2026-11-18 15:00"),
    ("2026-11-20 16:30", 4, "working_hour", [("2026-11-20 18:00", "2026-11-23 08:00")], "2026-11-23 10:30"),
    ("2026-11-20 16:30", 4, "working_hour", [("2026-11-20 17:30", "2026-11-23 09:00")], "2026-11-23 12:00"),
    ("2026-11-20 16:30", 4, "urgent_hour", [("2026-11-20 17:30", "2026-11-20 19:30")], "2026-11-20 22:30"),
    ("2026-02-13 16:00", 4, "working_hour", [("2026-02-14 09:00", "2026-02-24 10:00")], "2026-02-24 11:00"),
    ("2026-02-14 16:00", 1, "working_day", [("2026-02-16 09:00", "2026-02-20 18:00")], "2026-02-24 16:00"),
    ("2026-02-14 16:00", 1, "urgent_day", [("2026-02-16 09:00", "2026-02-20 18:00")], "2026-02-15 16:00"),
    ("2026-02-14 16:00", 3, "urgent_day", [("2026-02-16 00:00", "2026-02-20 00:00")], "2026-02-21 16:00"),
    ("2026-09-30 16:00", 2, "working_day", [("2026-10-01 08:00", "2026-10-09 08:00")], "2026-10-10 16:00"),
    ("2026-12-31 15:00", 1, "working_day", [("2026-12-31 16:00", "2027-01-05 09:00")], "2027-01-05 18:00"),
    ("2026-11-16 08:00", 8, "working_hour",
     [("2026-11-16 09:00", "2026-11-16 10:00"), ("2026-11-16 15:00", "2026-11-16 16:00")], "2026-11-17 10:00"),
    ("2026-11-16 16:00", 4, "working_hour", [("2026-11-16 17:00", "2026-11-17 07:00")], "2026-11-17 11:00"),
    ("2026-11-16 08:00", 1, "working_hour", [("2026-11-16 09:00", "2026-11-16 17:00")], "2026-11-16 09:00"),
    ("2026-11-16 08:00", 1, "urgent_hour", [("2026-11-16 10:00", "2026-11-16 12:00")], "2026-11-16 09:00"),
    ("2026-11-16 08:00", 2, "working_hour", [("2026-11-16 08:00", "2026-11-16 11:00")], "2026-11-16 15:00"),
    ("2026-11-16 20:00", 4, "urgent_hour", [("2026-11-16 22:00", "2026-11-17 06:00")], "2026-11-17 08:00"),
    ("2026-10-07 12:00", 2, "working_day", [("2026-10-09 12:00", "2026-10-12 14:00")], "2026-10-12 18:00"),
    ("2026-05-08 16:00", 2, "working_day", [("2026-05-09 08:00", "2026-05-11 08:00")], "2026-05-12 16:00"),
]  # fmt: skip

EXTENDED = [
    ("2026-11-16 08:00", 4, "working_hour", (), [("2026-11-16 09:00", 4, "working_hour")], "2026-11-16 18:00"),
    ("2026-11-20 16:30", 4, "working_hour", (), [("2026-11-23 09:00", 4, "working_hour")], "2026-11-23 16:30"),
    ("2026-02-14 16:00", 1, "working_day", (), [("2026-02-14 17:00", 1, "working_day")], "2026-02-25 16:00"),
    ("2026-10-01 10:00", 2, "urgent_hour", (), [("2026-10-01 11:00", 2, "urgent_hour")], "2026-10-01 14:00"),
    ("2026-09-30 16:00", 1, "working_day", (),
     [("2026-09-30 17:00", 1, "working_day"), ("2026-10-08 09:00", 1, "working_day")], "2026-10-10 16:00"),
    ("2026-11-16 08:00", 4, "working_hour", [("2026-11-16 09:00", "2026-11-16 11:00")],
     [("2026-11-16 11:00", 4, "working_hour")], "2026-11-17 10:00"),
    ("2026-11-20 17:00", 2, "working_hour", (), [("2026-11-20 17:30", 1, "urgent_day")], "2026-11-24 09:00"),
]  # fmt: skip

SUMMER_HOURS = [
    ("2026-06-01 08:00", 1, "working_day", "2026-06-01 18:00"),
    ("2026-06-01 12:00", 1, "working_hour", "2026-06-01 15:30"),
    ("2026-04-30 16:30", 4, "working_hour", "2026-05-06 11:00"),
    ("2026-04-30 17:00", 1, "working_day", "2026-05-06 18:00"),
    ("2026-09-30 17:00", 1, "working_day", "2026-10-08 16:00"),
    ("2026-06-01 08:00", 3, "urgent_hour", "2026-06-01 11:00"),
]


@pytest.mark.parametrize(("start", "limit", "unit", "pauses", "due"), TABLE)
def test_deadlines_are_those_worked_out_by_hand(start, limit, unit, pauses, due):
    assert clock.due(ledger_of(start, limit, unit, pauses), CALENDAR) == at(due)
    if not pauses:
        assert clock.deadline(at(start), limit, unit, CALENDAR) == at(due)


@pytest.mark.parametrize(("start", "limit", "unit", "pauses", "extensions", "due"), EXTENDED)
def test_an_extension_runs_after_what_there_was(start, limit, unit, pauses, extensions, due):
    assert clock.due(ledger_of(start, limit, unit, pauses, extensions), CALENDAR) == at(due)


@pytest.mark.parametrize(("start", "limit", "unit", "due"), SUMMER_HOURS)
def test_a_period_may_have_shifts_of_its_own(start, limit, unit, due):
    assert clock.deadline(at(start), limit, unit, IN_SUMMER) == at(due)


@pytest.mark.parametrize(
    ("start", "minutes", "runs", "due"),
    [
        ("2026-11-20 17:50", 15, "working", "2026-11-23 08:05"),
        ("2026-11-20 17:50", 15, "urgent", "2026-11-20 18:05"),
        ("2026-11-16 11:40", 30, "working", "2026-11-16 14:10"),
        ("2026-02-14 17:45", 30, "working", "2026-02-24 08:15"),
        ("2026-10-03 03:00", 30, "working", "2026-10-08 08:30"),
        ("2026-10-03 03:00", 30, "urgent", "2026-10-03 03:30"),
    ],
)
def test_the_limit_of_a_stage_runs_in_working_or_urgent_time(start, minutes, runs, due):
    assert clock.stage_due(at(start), minutes, runs, CALENDAR) == at(due)


@pytest.mark.parametrize(
    ("start", "limit", "unit", "due"),
    [
        ("2026-03-27 17:00", 2, "working_hour", "2026-03-30 09:00"),
        ("2026-03-28 23:00", 4, "urgent_hour", "2026-03-29 04:00"),
        ("2026-10-24 23:00", 4, "urgent_hour", "2026-10-25 02:00"),
        ("2026-10-23 17:00", 2, "working_hour", "2026-10-26 09:00"),
    ],
)
def test_a_change_of_clocks_neither_gives_nor_takes_time(start, limit, unit, due):
    berlin = ZoneInfo("Europe/Berlin")
    calendar = clock.Calendar(berlin, SHIFTS, lambda day: day.weekday() < 5)
    began = datetime.fromisoformat(start).replace(tzinfo=berlin)
    ends = clock.deadline(began, limit, unit, calendar)
    assert ends.astimezone(berlin).replace(tzinfo=None) == datetime.fromisoformat(due)


def test_the_table_is_long_enough_and_no_row_is_there_twice():
    assert len(TABLE) >= 60 and len({str(row[:4]) for row in TABLE}) == len(TABLE)


def test_the_package_that_seeds_the_calendar_knows_2026_as_it_was_announced():
    package = holidays.country_holidays("CN")
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [day for day in days if package.is_working_day(day) != is_working_day(day)] == []
