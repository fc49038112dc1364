"""When a case is due, and why. Pure: moments, a ledger and a calendar in, a moment or words out.

Four units of time limits (GB/T 30428.8): urgent hours and urgent days run through nights and holidays; working hours
and working days pass only inside the shifts of working days. A working day is as many working hours as the day has on
which the limit begins to run (8 in the usual calendar), so "1 working day from Friday 16:30" is Monday 16:30.

The **ledger** of a case is a list of entries in the order of time, as JSON in `case.ledger`:

    {"at": "2026-11-22T01:02:03.000004Z", "entry": "start", "limit": 4, "unit": "working_hour"}
    {"at": ..., "entry": "pause", "why": "suspension"}      or "decision": waiting for a decision on a request
    {"at": ..., "entry": "resume"}
    {"at": ..., "entry": "extend", "limit": 4, "unit": "working_hour"}    more time, after what there was
    {"at": ..., "entry": "stop"}                            the department has reported back
    {"at": ..., "entry": "continue"}                        rework: the same clock goes on

A pause stands still for every unit. An extension runs after the limit before it is used up. `stop` and `continue` do
not move the deadline: they say until when the department had the case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from webgis.cases import clock_words
from webgis.cases.clock_words import Run
from webgis.cases.working_time import (
    HOUR,
    LONGEST_GAP_DAYS,
    Calendar,
    Period,
    micros,
    moment,
    parse_shifts,
)
from webgis.errors import Conflict, Invalid

__all__ = (
    "DUE_SOON", "LONGEST_GAP_DAYS", "Account", "Calendar", "Light", "Period", "account", "add", "check", "deadline",
    "due", "explain", "light", "parse_shifts", "stage_due", "status", "stopped_at", "suspensions",
)  # fmt: skip

URGENT = {"urgent_hour": HOUR, "urgent_day": 24 * HOUR}
UNITS = ("urgent_hour", "working_hour", "urgent_day", "working_day")
WHYS = ("suspension", "decision")
"""Why a clock may pause (standards.md 4.3)."""

DUE_SOON = 0.2
"""Share of the limit left under which the light turns amber (`ui.md`)."""

RACE = timedelta(minutes=1)
"""An entry that comes so little before the last one raced with it (two processes, two clocks) and is put beside it."""

Light = Literal["in_time", "due_soon", "overdue"]
Status = Literal["none", "running", "paused", "stopped"]
Entry = Mapping[str, Any]

FOLLOWS: dict[str, dict[str, Status]] = {
    "none": {"start": "running"},
    "running": {"pause": "paused", "extend": "running", "stop": "stopped"},
    "paused": {"resume": "running", "extend": "paused", "stop": "stopped"},
    "stopped": {"continue": "running"},
}
"""Status of a clock -> entry -> status after it. Whatever is not here is refused."""


def status(ledger: Sequence[Entry]) -> Status:
    """Whether the clock of this ledger runs."""
    return _status_after(ledger[-1]["entry"], ledger) if ledger else "none"


def _status_after(entry: str, ledger: Sequence[Entry]) -> Status:
    if entry != "extend":
        return {"pause": "paused", "stop": "stopped"}.get(entry, "running")
    before = next(one["entry"] for one in reversed(ledger) if one["entry"] != "extend")
    return "paused" if before == "pause" else "running"


def add(ledger: Sequence[Entry], entry: str, at: datetime, **values: Any) -> list[dict[str, Any]]:
    """A new ledger with this entry at the moment `at` (aware).

    `start` and `extend` take limit and unit, `pause` takes why. `Conflict` "cases.clock-order" for an entry that cannot
    follow (a pause while paused, anything before the last entry), `Invalid` "cases.bad-field" for bad values.
    """
    before = status(ledger)
    if entry not in FOLLOWS[before]:
        raise Conflict(
            "cases.clock-order",
            f"The clock of this case is {before}: it takes {' or '.join(FOLLOWS[before])}, not {entry}",
            got=entry,
            status=before,
            accepted=list(FOLLOWS[before]),
        )
    _require_values(entry, values)
    return [*map(dict, ledger), {"at": _written(_not_before_last(ledger, entry, at)), "entry": entry} | values]


def without_request(ledger: Sequence[Entry]) -> list[Entry]:
    """The ledger without the pause of a request that waits: one that is taken back has stopped no clock."""
    last = ledger[-1] if ledger else {}
    return list(ledger[:-1] if last.get("why") == "decision" else ledger)


def check(ledger: Sequence[Entry]) -> None:
    """Refuse, as `add` does, a ledger that could not have been made by it."""
    grown: list[dict[str, Any]] = []
    for one in ledger:
        values = {name: value for name, value in one.items() if name not in ("at", "entry")}
        grown = add(grown, one["entry"], _read(one), **values)


def _require_values(entry: str, values: Mapping[str, Any]) -> None:
    wanted = {"start": {"limit", "unit"}, "extend": {"limit", "unit"}, "pause": {"why"}}.get(entry, set())
    limit = values.get("limit", 1)
    good = (
        values.keys() == wanted
        and values.get("unit", UNITS[0]) in UNITS
        and values.get("why", WHYS[0]) in WHYS
        and isinstance(limit, int)
        and limit >= 1
    )
    if not good:
        raise Invalid(
            "cases.bad-field",
            f"{entry}: a clock takes {', '.join(sorted(wanted)) or 'nothing'}, not {dict(values)}",
            field=entry,
            accepted={"limit": "1 or more", "unit": list(UNITS), "why": list(WHYS)},
        )


def _not_before_last(ledger: Sequence[Entry], entry: str, at: datetime) -> datetime:
    last = _read(ledger[-1]) if ledger else at
    if at < last - RACE:
        raise Conflict(
            "cases.clock-order",
            f"The last entry of this clock is of {_written(last)}: {entry} at {_written(at)} would come before it",
            got=_written(at),
            accepted=f"a moment from {_written(last)} on",
        )
    return max(at, last)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _read(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry["at"])


def due(ledger: Sequence[Entry], calendar: Calendar) -> datetime | None:
    """The deadline in UTC, or None for a clock that never started. An open pause counts as ended at its start."""
    if not ledger:
        return None
    if len(ledger) == 1:
        return deadline(_read(ledger[0]), ledger[0]["limit"], ledger[0]["unit"], calendar)
    return moment(_runs(ledger, calendar)[-1].until)


def deadline(start: datetime, limit: int, unit: str, calendar: Calendar) -> datetime:
    """The moment `limit` units after `start` (aware; any zone), in UTC."""
    begin = micros(start)
    if unit in URGENT:
        return moment(begin + limit * URGENT[unit])
    return moment(calendar.time.after(begin, _working(begin, limit, unit, calendar)))


def _working(begin: int, limit: int, unit: str, calendar: Calendar) -> int:
    return limit * (HOUR if unit == "working_hour" else calendar.time.day_at(begin))


def stage_due(start: datetime, minutes: int, runs: Literal["urgent", "working"], calendar: Calendar) -> datetime:
    """By when a stage (filing, dispatch, ...) is to be done that began at `start` and may take `minutes`, in UTC.

    `runs` says in which time: urgent (nights and days off count) or working.
    """
    span = minutes * HOUR // 60
    begin = micros(start)
    return moment(begin + span if runs == "urgent" else calendar.time.after(begin, span))


def _runs(ledger: Sequence[Entry], calendar: Calendar) -> list[Run]:
    """The limit and its extensions as spans that ran between the pauses, until each was used up."""
    pauses = _pauses(ledger)
    limits = [(one["limit"], one["unit"]) for one in ledger if one["entry"] in ("start", "extend")]
    runs: list[Run] = []
    begin = micros(_read(ledger[0]))
    for number, (limit, unit) in enumerate(limits):
        left = limit * URGENT[unit] if unit in URGENT else _working(begin, limit, unit, calendar)
        while True:
            end = begin + left if unit in URGENT else calendar.time.after(begin, left)
            if not pauses or end <= pauses[0][0]:
                runs.append(Run(number, limit, unit, begin, end, None))
                begin = end
                break
            pause = pauses.pop(0)
            left -= pause[0] - begin if unit in URGENT else calendar.time.passed(begin, pause[0])
            runs.append(Run(number, limit, unit, begin, pause[0], pause))
            begin = pause[1]
    return runs


def _pauses(ledger: Sequence[Entry]) -> list[tuple[int, int, str]]:
    """Begin, end and reason of every pause that has ended (by going on, or by the stop of a case that was resting)."""
    pauses = []
    open_pause = None
    for one in ledger:
        if one["entry"] == "pause":
            open_pause = one
        elif open_pause and one["entry"] in ("resume", "stop"):
            pauses.append((micros(_read(open_pause)), micros(_read(one)), open_pause["why"]))
            open_pause = None
    return pauses


def suspensions(ledger: Sequence[Entry]) -> int:
    """How often the clock was suspended since its start."""
    return sum(one.get("why") == "suspension" for one in ledger)


def stopped_at(ledger: Sequence[Entry]) -> datetime | None:
    """When the department reported back, if its clock stands since then."""
    return _read(ledger[-1]) if ledger and ledger[-1]["entry"] == "stop" else None


@dataclass(frozen=True)
class Account:
    """Where the time since the start went; the three add up to it."""

    ran: timedelta
    paused: timedelta
    stopped: timedelta


def account(ledger: Sequence[Entry], now: datetime) -> Account:
    """How long the clock has run, paused and stood still after a report, from its start until `now`."""
    spent = {"running": timedelta(), "paused": timedelta(), "stopped": timedelta()}
    for number, one in enumerate(ledger):
        until = _read(ledger[number + 1]) if number + 1 < len(ledger) else max(now, _read(one))
        spent[status(ledger[: number + 1])] += until - _read(one)
    return Account(spent["running"], spent["paused"], spent["stopped"])


def light(started: datetime, due: datetime, now: datetime) -> Light:
    """Green, amber or red: in time, less than a fifth of the span left, or over."""
    if now > due:
        return "overdue"
    return "due_soon" if (due - now) < DUE_SOON * (due - started) else "in_time"


def explain(ledger: Sequence[Entry], calendar: Calendar, lang: Literal["zh", "en"] = "zh") -> str:
    """How the deadline comes about, in words of that language; one line for the limit and each extension.

    "4 working hours from Fri 2026-11-20 16:30: 1.5 h on Friday, closed at the weekend, 2.5 h on Monday
    -> Mon 2026-11-23 10:30".
    """
    if not ledger:
        return clock_words.not_started(lang)
    since = {state: next(_read(one) for one in reversed(ledger) if one["entry"] == entry)
             for state, entry in (("paused", "pause"), ("stopped", "stop")) if status(ledger) == state}  # fmt: skip
    return clock_words.explain(
        _runs(ledger, calendar),
        calendar,
        lang,
        resting=micros(since["paused"]) if "paused" in since else None,
        stopped=micros(since["stopped"]) if "stopped" in since else None,
    )
