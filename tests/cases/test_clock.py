"""Deadlines against hand-worked ones, in Chengdu's calendar of 2026."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import holidays
import pytest

from webgis.cases import clock

ZONE = ZoneInfo("Asia/Shanghai")
CALENDAR = clock.Calendar(
    ZONE, clock.parse_shifts("08:00-12:00,14:00-18:00"), holidays.country_holidays("CN").is_working_day
)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("start", "limit", "unit", "due"),
    [
        ("11-20 16:30", 4, "working_hour", "11-23 10:30"),  # Friday: 1.5 h, weekend, Monday 2.5 h
        ("11-20 16:30", 4, "urgent_hour", "11-20 20:30"),
        ("11-20 23:30", 2, "urgent_hour", "11-21 01:30"),
        ("11-20 16:30", 2, "urgent_day", "11-22 16:30"),
        ("11-20 16:30", 1, "working_day", "11-23 16:30"),
        ("11-20 20:00", 1, "working_day", "11-23 18:00"),  # after hours: the whole of Monday
        ("11-23 07:00", 1, "working_day", "11-23 18:00"),
        ("11-23 12:30", 1, "working_hour", "11-23 15:00"),  # in the noon break
        ("11-23 11:30", 1, "working_hour", "11-23 14:30"),  # across the noon break
        ("11-23 11:00", 1, "working_hour", "11-23 12:00"),  # ends with the shift
        ("11-23 17:59", 2, "working_hour", "11-24 09:59"),
        ("11-18 09:00", 5, "working_day", "11-25 09:00"),
        ("09-30 17:00", 2, "working_hour", "10-08 09:00"),  # National Day: 1 to 7 October off
        ("10-09 17:00", 2, "working_hour", "10-10 09:00"),  # Saturday 10 October is a make-up day
        ("02-13 17:00", 2, "working_hour", "02-14 09:00"),  # Saturday 14 February is a make-up day
        ("02-14 17:00", 2, "working_hour", "02-24 09:00"),  # Spring Festival: 15 to 23 February off
    ],
)
def test_deadlines_are_those_worked_out_by_hand(start, limit, unit, due):
    assert clock.deadline(_at(start), limit, unit, CALENDAR) == _at(due)


def test_a_deadline_is_given_in_utc():
    assert clock.deadline(_at("11-20 16:30"), 1, "urgent_hour", CALENDAR).utcoffset() == datetime.now(UTC).utcoffset()


def test_a_calendar_without_working_days_is_refused():
    never = clock.Calendar(ZONE, CALENDAR.shifts, lambda _day: False)
    with pytest.raises(ValueError, match="no working day"):
        clock.deadline(_at("11-20 16:30"), 1, "working_hour", never)


@pytest.mark.parametrize("text", ["12:00-08:00", "08:00-12:00,11:00-18:00", "08:00-08:00"])
def test_shifts_that_overlap_or_end_before_they_begin_are_refused(text):
    with pytest.raises(ValueError, match="shifts"):
        clock.parse_shifts(text)


@pytest.mark.parametrize(
    ("now", "light"),
    [("11-20 12:00", "in_time"), ("11-20 18:00", "in_time"), ("11-20 18:01", "due_soon"), ("11-20 20:01", "overdue")],
)
def test_the_light_turns_amber_when_a_fifth_is_left(now, light):
    assert clock.light(_at("11-20 10:00"), _at("11-20 20:00"), _at(now)) == light


def test_the_six_make_up_days_of_2026_are_working_days():
    make_up = [
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ]
    assert all(CALENDAR.is_working_day(day) for day in make_up)
