"""Days and hours as people write them in tables: "Mon-Fri", "周一至周五", "1-5"; "22:00-06:00". Pure.

Hours that end at or before their beginning run past midnight and count with the day on which they began.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""ISO weekdays 1 to 7, as they are written out: spreadsheets turn "1-5" into a date."""

DAYS_ACCEPTED = "Mon-Fri, 周一至周五, 1-5, Sat,Sun"
HOURS_ACCEPTED = "08:00-18:00, 22:00-06:00"

_NUMBERS = {
    word: number
    for number, words in enumerate(zip("1234567", DAYS, "一二三四五六日", strict=True), start=1)
    for word in map(str.lower, words)
} | {"天": 7}
_DASH = re.compile(r"\s*[-–—~～至到]\s*")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


def read_days(written: str) -> tuple[int, ...]:
    """ISO weekdays in order. ValueError when it is none; a range may run over the end of the week."""
    words = re.sub("星期|礼拜|周", "", _DASH.sub("-", written.strip().lower()))
    if words in ("每天", "每日", "daily"):
        return tuple(range(1, 8))
    found: set[int] = set()
    for part in re.split(r"[,，、;；/\s]+", words):
        first, *last = (_day(word) for word in part.split("-"))
        if len(last) > 1:
            raise ValueError(written)
        span = ((last[0] if last else first) - first) % 7
        found |= {(first - 1 + step) % 7 + 1 for step in range(span + 1)}
    return tuple(sorted(found))


def _day(word: str) -> int:
    number = _NUMBERS.get(word[:3])
    if number is None or len(word) > 3 and not word.endswith("day"):
        raise ValueError(word)
    return number


def read_hours(written: str) -> tuple[time, time]:
    """From and until. ValueError when it is none; 24:00 is the midnight at the end of the day."""
    found = _HOURS.fullmatch(_DASH.sub("-", written.strip().replace("：", ":")))
    if found is None:
        raise ValueError(written)
    first, last = (int(hour) * 60 + int(minute) for hour, minute in (found.group(1, 2), found.group(3, 4)))
    if first >= 1440 or last > 1440 or int(found[2]) > 59 or int(found[4]) > 59:
        raise ValueError(written)
    return _time(first), _time(last % 1440)


def _time(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def days_text(days: Sequence[int] | None) -> str:
    """Weekdays as they are written out: "Mon-Fri", "Sat,Sun", or nothing."""
    runs: list[list[int]] = []
    for day in sorted(days or ()):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    words = (
        "-".join((DAYS[run[0] - 1], DAYS[run[-1] - 1])) if len(run) > 2 else ",".join(DAYS[day - 1] for day in run)
        for run in runs
    )
    return ",".join(words)


def hours_text(start: time | None, end: time | None) -> str:
    """Hours as they are written out, or nothing."""
    return "" if start is None or end is None else f"{start:%H:%M}-{end:%H:%M}"


MINUTES_OF_DAY = 1440
MINUTES_OF_WEEK = 7 * MINUTES_OF_DAY


def unmanned_hours(shifts: Iterable[tuple[Sequence[int], time, time]]) -> float:
    """Hours of a week in which none of the shifts (weekdays, from, until) runs."""
    manned = bytearray(MINUTES_OF_WEEK)
    for days, start, end in shifts:
        first, last = _minute(start), _minute(end)
        length = (last - first - 1) % MINUTES_OF_DAY + 1
        for day in days:
            for minute in range(length):
                manned[((day - 1) * MINUTES_OF_DAY + first + minute) % MINUTES_OF_WEEK] = 1
    return round(manned.count(0) / 60, 2)


def hours_between(days: Sequence[int], start: time, end: time, since: datetime, until: datetime) -> float:
    """Hours of a shift (weekdays, from, until) between two moments of the city's time, which have no zone."""
    weeks = max(until - since, timedelta()) // timedelta(days=7)
    length = timedelta(minutes=(_minute(end) - _minute(start) - 1) % MINUTES_OF_DAY + 1)
    hours = weeks * len(days) * (length / timedelta(hours=1))
    rest = since + timedelta(days=7 * weeks)
    day = datetime.combine(rest, start) - timedelta(days=1)
    while day < until:
        if day.isoweekday() in days:
            hours += max(min(day + length, until) - max(day, rest), timedelta()) / timedelta(hours=1)
        day += timedelta(days=1)
    return hours


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
