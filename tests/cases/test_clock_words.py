"""How deadlines are explained, in both languages, and what a ledger refuses."""

from datetime import date

import pytest

from tests.cases.test_clock_table import CALENDAR, DAYS_OFF, SHIFTS, ZONE, at, is_working_day, ledger_of
from webgis.cases import clock
from webgis.errors import Conflict, Invalid

NAMES = {day: ("春节", "Spring Festival") for day in DAYS_OFF if day.month == 2} | {
    date(2026, 2, 20): ("休息日（由 2026-02-14 调休）", "Day off (substituted from 02/14/2026)"),
    date(2026, 2, 14): ("调休上班", "make-up working day"),
}
NAMED = clock.Calendar(ZONE, SHIFTS, is_working_day, names=NAMES)

SAID = [
    (
        ledger_of("2026-11-20 16:30", 4, "working_hour"),
        "4 working hours from Fri 2026-11-20 16:30: 1.5 h on Friday, closed at the weekend, 2.5 h on Monday"
        " -> Mon 2026-11-23 10:30",
        "周五 2026-11-20 16:30 起 4工作时：周五 1.5 小时，周末不计，周一 2.5 小时 -> 周一 2026-11-23 10:30",
    ),
    (
        ledger_of("2026-11-20 23:30", 2, "urgent_hour"),
        "2 urgent hours from Fri 2026-11-20 23:30: nights and days off count -> Sat 2026-11-21 01:30",
        "周五 2026-11-20 23:30 起 2紧急工作时：夜间和节假日照计 -> 周六 2026-11-21 01:30",
    ),
    (
        ledger_of("2026-11-16 16:31", 2, "working_hour"),
        "2 working hours from Mon 2026-11-16 16:31: 1 h 29 min on Monday, 31 min on Tuesday -> Tue 2026-11-17 08:31",
        "周一 2026-11-16 16:31 起 2工作时：周一 1 小时 29 分钟，周二 31 分钟 -> 周二 2026-11-17 08:31",
    ),
    (
        ledger_of("2026-11-20 20:00", 1, "working_day"),
        "1 working day from Fri 2026-11-20 20:00: after hours on Friday, closed at the weekend, 8 h on Monday"
        " -> Mon 2026-11-23 18:00",
        "周五 2026-11-20 20:00 起 1工作日：周五 已下班，周末不计，周一 8 小时 -> 周一 2026-11-23 18:00",
    ),
    (
        ledger_of("2026-02-13 17:00", 3, "working_day"),
        "3 working days from Fri 2026-02-13 17:00: 1 h on Fri 02-13, 8 h on Sat 02-14 (make-up working day), "
        "closed for Spring Festival from Sun 02-15 to Mon 02-23, 8 h on Tue 02-24, 7 h on Wed 02-25"
        " -> Wed 2026-02-25 17:00",
        "周五 2026-02-13 17:00 起 3工作日：02-13（周五） 1 小时，02-14（周六，调休上班） 8 小时，"
        "02-15（周日） 至 02-23（周一） 不计（春节），02-24（周二） 8 小时，02-25（周三） 7 小时"
        " -> 周三 2026-02-25 17:00",
    ),
    (
        ledger_of("2026-11-20 16:30", 4, "working_hour", [("2026-11-23 09:00", "2026-11-25 09:00")]),
        "4 working hours from Fri 2026-11-20 16:30: 1.5 h on Friday, closed at the weekend, 1 h on Monday, "
        "paused from Mon 2026-11-23 09:00 to Wed 2026-11-25 09:00 (suspension), 1.5 h on Wednesday"
        " -> Wed 2026-11-25 10:30",
        "周五 2026-11-20 16:30 起 4工作时：周五 1.5 小时，周末不计，周一 1 小时，"
        "周一 2026-11-23 09:00 至 周三 2026-11-25 09:00 暂停（挂账），周三 1.5 小时 -> 周三 2026-11-25 10:30",
    ),
    (
        ledger_of("2026-11-16 08:00", 4, "working_hour", (), [("2026-11-16 09:00", 4, "working_hour")]),
        "4 working hours from Mon 2026-11-16 08:00: 4 h on Monday -> Mon 2026-11-16 12:00\n"
        "extended by 4 working hours from Mon 2026-11-16 12:00: 4 h on Monday -> Mon 2026-11-16 18:00",
        "周一 2026-11-16 08:00 起 4工作时：周一 4 小时 -> 周一 2026-11-16 12:00\n"
        "延期 4工作时，周一 2026-11-16 12:00 起：周一 4 小时 -> 周一 2026-11-16 18:00",
    ),
    (
        clock.add(ledger_of("2026-11-16 08:00", 1, "working_hour"), "stop", at("2026-11-16 09:30")),
        "1 working hour from Mon 2026-11-16 08:00: 1 h on Monday -> Mon 2026-11-16 09:00\n"
        "Reported back Mon 2026-11-16 09:30: late",
        "周一 2026-11-16 08:00 起 1工作时：周一 1 小时 -> 周一 2026-11-16 09:00\n周一 2026-11-16 09:30 部门反馈，超期",
    ),
    (
        clock.add(ledger_of("2026-11-16 08:00", 1, "working_hour"), "pause", at("2026-11-16 08:30"), why="decision"),
        "1 working hour from Mon 2026-11-16 08:00: 1 h on Monday -> Mon 2026-11-16 09:00\n"
        "Paused since Mon 2026-11-16 08:30; when the clock goes on, the deadline moves by the pause",
        "周一 2026-11-16 08:00 起 1工作时：周一 1 小时 -> 周一 2026-11-16 09:00\n"
        "周一 2026-11-16 08:30 起暂停计时，恢复后截止时间相应顺延",
    ),
    ([], "Not dispatched yet: no clock runs", "尚未派遣，未开始计时"),
]


@pytest.mark.parametrize(("ledger", "english", "chinese"), SAID)
def test_a_deadline_is_explained_in_both_languages(ledger, english, chinese):
    assert clock.explain(ledger, NAMED, "en") == english
    assert clock.explain(ledger, NAMED, "zh") == chinese


def test_the_middle_of_a_long_limit_is_told_as_one():
    said = clock.explain(ledger_of("2026-02-13 17:00", 60, "working_day"), CALENDAR, "en")
    assert "456 h on 57 working days from Tue 02-24 to Fri 05-15, closed at the weekend" in said


def test_entries_are_stored_in_utc_with_microseconds():
    assert ledger_of("2026-11-20 16:30", 4, "working_hour") == [
        {"at": "2026-11-20T08:30:00.000000Z", "entry": "start", "limit": 4, "unit": "working_hour"}
    ]


def test_adding_an_entry_leaves_the_ledger_before_it_as_it_was():
    before = ledger_of("2026-11-20 16:30", 4, "working_hour")
    clock.add(before, "stop", at("2026-11-20 17:00"))
    assert len(before) == 1


@pytest.mark.parametrize(
    ("entries", "refused"),
    [
        ((), "pause"),
        ((), "stop"),
        (("start",), "start"),
        (("start",), "resume"),
        (("start",), "continue"),
        (("start", "pause"), "pause"),
        (("start", "pause"), "continue"),
        (("start", "stop"), "pause"),
        (("start", "stop"), "extend"),
        (("start", "stop"), "stop"),
    ],
)
def test_an_entry_that_cannot_follow_is_refused(entries, refused):
    values = {"start": {"limit": 1, "unit": "urgent_day"}, "extend": {"limit": 1, "unit": "urgent_day"}}
    values["pause"] = {"why": "suspension"}
    ledger = []
    for entry in entries:
        ledger = clock.add(ledger, entry, at("2026-11-20 16:30"), **values.get(entry, {}))
    with pytest.raises(Conflict) as refusal:
        clock.add(ledger, refused, at("2026-11-20 17:00"), **values.get(refused, {}))
    assert refusal.value.code == "cases.clock-order" and refused not in refusal.value.facts["accepted"]


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        ("start", {}),
        ("start", {"limit": 0, "unit": "urgent_day"}),
        ("start", {"limit": 1.5, "unit": "urgent_day"}),
        ("start", {"limit": 1, "unit": "week"}),
        ("start", {"limit": 1, "unit": "urgent_day", "why": "suspension"}),
    ],
)
def test_an_entry_with_values_that_mean_nothing_is_refused(entry, values):
    with pytest.raises(Invalid):
        clock.add([], entry, at("2026-11-20 16:30"), **values)


def test_a_pause_says_why():
    with pytest.raises(Invalid):
        clock.add(ledger_of("2026-11-20 16:30", 1, "urgent_day"), "pause", at("2026-11-20 17:00"), why="holidays")


def test_an_entry_that_raced_with_the_last_one_stands_beside_it_and_an_old_one_is_refused():
    ledger = ledger_of("2026-11-20 16:30", 4, "working_hour")
    raced = clock.add(ledger, "stop", at("2026-11-20 16:29:59"))
    assert raced[1]["at"] == raced[0]["at"]
    with pytest.raises(Conflict):
        clock.add(ledger, "stop", at("2026-11-20 16:00"))


def test_a_stop_ends_a_pause():
    ledger = ledger_of("2026-11-16 08:00", 4, "working_hour")
    ledger = clock.add(ledger, "pause", at("2026-11-16 09:00"), why="suspension")
    ledger = clock.add(ledger, "stop", at("2026-11-16 10:00"))
    assert clock.due(ledger, CALENDAR) == at("2026-11-16 15:00")
    assert clock.stopped_at(ledger) == at("2026-11-16 10:00")
    assert clock.stopped_at(clock.add(ledger, "continue", at("2026-11-16 11:00"))) is None
