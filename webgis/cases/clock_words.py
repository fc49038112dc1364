"""How a deadline comes about, said in words, Chinese and English. Pure: spans of `clock.py` in, text out.

The parts of a line add up to its limit: they are counted in whole minutes of the calendar's working time.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Literal, NamedTuple

from webgis.cases.working_time import HOUR, Calendar, micros, moment
from webgis.catalog.rules import limit_text

Lang = Literal["zh", "en"]

MINUTE = HOUR // 60
MOST_PARTS = 9
"""A line with more parts than this tells its middle as one."""

SHORT = timedelta(days=6)
"""So long after its start a weekday's name alone says which day is meant."""

WEEKDAYS = {
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
WHY = {
    "zh": {"suspension": "挂账", "decision": "等待审批"},
    "en": {"suspension": "suspension", "decision": "waiting for a decision"},
}
SUBSTITUTED = ("Day off (",)
"""English names of days off that are only there because of another day: the holiday beside them names the run."""


class Run(NamedTuple):
    """A span in which limit number `number` ran, and the pause (begin, end, why) that ended it, if not its end did."""

    number: int
    limit: int
    unit: str
    begin: int
    until: int
    pause: tuple[int, int, str] | None


@dataclass(frozen=True)
class _Day:
    """One day of a run: the minutes that counted, and whether they are the whole working time of the day."""

    day: date
    minutes: int
    kind: Literal["part", "full", "closed"]


@dataclass(frozen=True)
class _Speaker:
    """The words of one language about one calendar; `short` says that weekdays alone name the days."""

    calendar: Calendar
    lang: Lang
    short: bool

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def weekday(self, day: date) -> str:
        name = WEEKDAYS[self.lang][day.weekday()]
        return name if self.lang == "zh" or self.short else name[:3]

    def day(self, day: date) -> str:
        """ "Friday", or "Fri 11-20" where a weekday would not be enough; named when work is made up for on it."""
        weekday, made_up = self.weekday(day), day in self.calendar.names and self.calendar.is_working_day(day)
        if self.lang == "en":
            shown = weekday if self.short else f"{weekday} {day:%m-%d}"
            return f"{shown} ({self.name(day)})" if made_up else shown
        if self.short:
            return f"{weekday}（{self.name(day)}）" if made_up else weekday
        return f"{day:%m-%d}（{weekday}，{self.name(day)}）" if made_up else f"{day:%m-%d}（{weekday}）"

    def name(self, day: date) -> str:
        zh, en = self.calendar.names[day]
        return self.say(zh, en)

    def at(self, count: int) -> str:
        """ "Fri 2026-11-20 16:30", in the city's time."""
        local = moment(count).astimezone(self.calendar.zone)
        return f"{WEEKDAYS[self.lang][local.weekday()][:3]} {local:%Y-%m-%d %H:%M}"

    def hours(self, minutes: int) -> str:
        """ "1.5 h", "45 min" or "1 h 29 min"."""
        if minutes % 6 == 0 and minutes >= 30:
            return self.say(f"{minutes / 60:g} 小时", f"{minutes / 60:g} h")
        hours, rest = divmod(minutes, 60)
        if not hours:
            return self.say(f"{rest} 分钟", f"{rest} min")
        return self.say(f"{hours} 小时 {rest} 分钟", f"{hours} h {rest} min")


def not_started(lang: Lang) -> str:
    """What is said of a clock that never started."""
    return "尚未派遣，未开始计时" if lang == "zh" else "Not dispatched yet: no clock runs"


def explain(runs: Sequence[Run], calendar: Calendar, lang: Lang, *, resting: int | None, stopped: int | None) -> str:
    """One line for the limit and for each extension; one more when the clock rests or stands (since these moments)."""
    span = moment(runs[-1].until).astimezone(calendar.zone) - moment(runs[0].begin).astimezone(calendar.zone)
    speaker = _Speaker(calendar, lang, span < SHORT)
    lines = [_line(speaker, list(group)) for _number, group in groupby(runs, key=lambda run: run.number)]
    if resting is not None:
        zh = f"{speaker.at(resting)} 起暂停计时，恢复后截止时间相应顺延"
        en = f"Paused since {speaker.at(resting)}; when the clock goes on, the deadline moves by the pause"
        lines.append(speaker.say(zh, en))
    if stopped is not None:
        lines.append(_verdict(speaker, stopped, runs[-1].until))
    return "\n".join(lines)


def _verdict(speaker: _Speaker, stopped: int, due: int) -> str:
    at, late = speaker.at(stopped), stopped > due
    zh = f"{at} 部门反馈，{'超期' if late else '按期'}"
    return speaker.say(zh, f"Reported back {at}: {'late' if late else 'in time'}")


def _line(speaker: _Speaker, runs: list[Run]) -> str:
    first = runs[0]
    limit = limit_text(first.limit, first.unit, speaker.lang)
    begin, end = speaker.at(first.begin), speaker.at(runs[-1].until)
    parts = [part for run in runs for part in _parts(speaker, run)]
    if first.unit.startswith("urgent"):
        parts.insert(0, speaker.say("夜间和节假日照计", "nights and days off count"))
    if first.number:
        head = speaker.say(f"延期 {limit}，{begin} 起", f"extended by {limit} from {begin}")
    else:
        head = speaker.say(f"{begin} 起 {limit}", f"{limit} from {begin}")
    comma, colon = speaker.say("，", ", "), speaker.say("：", ": ")
    return f"{head}{colon}{comma.join(parts)} -> {end}"


def _parts(speaker: _Speaker, run: Run) -> list[str]:
    """What is said of one run: its days (of working units), and the pause that ended it."""
    said = [] if run.unit.startswith("urgent") else _said_days(speaker, run)
    if run.pause:
        begin, end, why = run.pause
        why = WHY[speaker.lang][why]
        said.append(speaker.say(f"{speaker.at(begin)} 至 {speaker.at(end)} 暂停（{why}）",
                                f"paused from {speaker.at(begin)} to {speaker.at(end)} ({why})"))  # fmt: skip
    return said


def _said_days(speaker: _Speaker, run: Run) -> list[str]:
    days = _until_last_work(list(_days(speaker.calendar, run.begin, run.until)))
    groups = [list(group) for _kind, group in groupby(days, key=lambda day: day.kind if day.kind != "part" else day)]
    if len(groups) > MOST_PARTS:
        middle = [day for group in groups[3:-3] for day in group]
        return [
            *(_said(speaker, group) for group in groups[:3]),
            _said_middle(speaker, middle),
            *(_said(speaker, group) for group in groups[-3:]),
        ]
    return [_said(speaker, group) for group in groups]


def _until_last_work(days: list[_Day]) -> list[_Day]:
    """Without the days at the end on which nothing counted (a pause that began at night or on a day off)."""
    while days and days[-1].minutes == 0:
        days.pop()
    return days


def _days(calendar: Calendar, begin: int, until: int) -> Iterator[_Day]:
    """Every day from begin to until with what counted of it."""
    day = moment(begin).astimezone(calendar.zone).date()
    last = moment(until).astimezone(calendar.zone).date()
    base = calendar.time.table(begin, until).first
    while day <= last:
        midnight, next_midnight = _midnight(calendar, day), _midnight(calendar, day + timedelta(days=1))
        if calendar.is_working_day(day):
            whole = calendar.time.passed(midnight, next_midnight)
            start, end = max(begin, midnight), min(until, next_midnight)
            counted = calendar.time.passed(base, end) // MINUTE - calendar.time.passed(base, start) // MINUTE
            yield _Day(day, counted, "full" if counted == whole // MINUTE else "part")
        else:
            yield _Day(day, 0, "closed")
        day += timedelta(days=1)


def _midnight(calendar: Calendar, day: date) -> int:
    return micros(datetime(day.year, day.month, day.day, tzinfo=calendar.zone))


def _said(speaker: _Speaker, days: list[_Day]) -> str:
    if days[0].kind == "closed":
        return _said_closed(speaker, [one.day for one in days])
    minutes = sum(one.minutes for one in days)
    first, last = speaker.day(days[0].day), speaker.day(days[-1].day)
    hours = speaker.hours(minutes)
    if len(days) > 1:
        return speaker.say(f"{first} 至 {last} 共 {hours}", f"{hours} from {first} to {last}")
    if minutes == 0:
        return speaker.say(f"{first} 已下班", f"after hours on {first}")
    return speaker.say(f"{first} {hours}", f"{hours} on {first}")


def _said_closed(speaker: _Speaker, days: list[date]) -> str:
    named = Counter(
        speaker.name(day) for day in days
        if day in speaker.calendar.names and not speaker.calendar.names[day][1].startswith(SUBSTITUTED)
    )  # fmt: skip
    if not named and [day.weekday() for day in days] == [5, 6]:
        return speaker.say("周末不计", "closed at the weekend")
    names = [name for name, _count in named.most_common(1)]
    names += [speaker.name(day) for day in days if day in speaker.calendar.names]
    name = names[0] if names else ""
    first, last = speaker.day(days[0]), speaker.day(days[-1])
    zh, en = (f"（{name}）", f"closed for {name}") if name else ("", "closed")
    if len(days) == 1:
        return speaker.say(f"{first} 不计{zh}", f"{en} on {first}")
    return speaker.say(f"{first} 至 {last} 不计{zh}", f"{en} from {first} to {last}")


def _said_middle(speaker: _Speaker, days: list[_Day]) -> str:
    worked = [one for one in days if one.minutes]
    hours, count = speaker.hours(sum(one.minutes for one in worked)), len(worked)
    first, last = speaker.day(days[0].day), speaker.day(days[-1].day)
    return speaker.say(
        f"{first} 至 {last} {count} 个工作日共 {hours}", f"{hours} on {count} working days from {first} to {last}"
    )
