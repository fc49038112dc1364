"""Changes of cases, read from their history, claims and alarms beside them, and who is told what of each.

Writers do nothing for it. NOTIFY would: at each commit it takes a lock that all writers share. So the history is asked,
a few times a second, for what came after the last event; that reads one end of one index.
"""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from webgis.accounts.actor import Actor
from webgis.cases import queries
from webgis.hazards import alarm_words

AT_ONCE = 500
"""Events read by one statement."""

PATIENCE_S = 60.0
"""So long an id is waited for that others have passed: its transaction is still going on, or was rolled back."""

MOST_MISSING = 5000
LOOK_BACK, LOOK_BACK_S = 500, 30
"""Who asks in turns is told the last events again, so far and so long back: what committed late is among them. Each
change is known by its case and version, so nothing is told twice."""

_NEWEST = "SELECT coalesce(max(id), 0) AS id FROM city.case_event"
_CHANGES = "SELECT * FROM fn.case_changes(%s, %s::bigint[], %s)"
_MARK = "SELECT coalesce(max(id), 0) AS id, count(*) AS events FROM city.case_event WHERE id > %s"
_LATE = (
    "SELECT coalesce(array_agg(id), '{}') AS ids FROM city.case_event"
    " WHERE id > %s AND id <= %s AND recorded_at > now() - make_interval(secs => %s)"
)

_NEWEST_CLAIM = "SELECT coalesce(max(id), 0) AS id FROM city.claim_change"
_CLAIMS = "SELECT * FROM fn.claim_changes(%s, %s::bigint[], %s)"
_CLAIM_MARK = "SELECT coalesce(max(id), 0) AS id, count(*) AS claims FROM city.claim_change"
_LATE_CLAIMS = (
    "SELECT coalesce(array_agg(id), '{}') AS ids FROM city.claim_change"
    " WHERE id <= %s AND at > now() - make_interval(secs => %s)"
)

_NEWEST_ALARM = "SELECT coalesce(max(id), 0) AS id FROM city.alarm_event"
_ALARMS = "SELECT * FROM fn.alarm_changes(%s, %s::bigint[], %s)"
_ALARM_MARK = "SELECT coalesce(max(id), 0) AS id, count(*) AS events FROM city.alarm_event WHERE id > %s"
_LATE_ALARMS = (
    "SELECT coalesce(array_agg(id), '{}') AS ids FROM city.alarm_event"
    " WHERE id > %s AND id <= %s AND recorded_at > now() - make_interval(secs => %s)"
)

Ask = Callable[..., Sequence[Any]]

_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})")
"""Numbers that the database can be asked for."""


def told(change: Any, actor: Actor) -> dict[str, Any] | None:
    """What this person is told of a change (a row of `fn.case_changes`), or None. Of a case that they may see no more
    only that it is gone."""
    sight = queries.sight(actor)
    if _within(sight, change.department_code, change.cell_code, f"{change.kind}:{change.class_code}"):
        return {
            "number": change.number,
            "state": change.state,
            "was": change.was,
            "action": change.action,
            "version": change.version,
            "department": change.department_code,
            "cell": change.cell_code,
            "due": change.due_at,
            "ended": change.ended,
            "lon": round(change.lon, 6),
            "lat": round(change.lat, 6),
        }
    was = f"{change.was_kind or change.kind}:{change.was_class or change.class_code}"
    if _within(sight, change.was_department, change.was_cell or change.cell_code, was):
        return {"number": change.number, "gone": True}
    return None


def claim_told(change: Any, actor: Actor) -> dict[str, Any] | None:
    """What this person is told of a claim (a row of `fn.claim_changes`): who holds the case now, if anyone."""
    class_ = f"{change.kind}:{change.class_code}"
    if not _within(queries.sight(actor), change.department_code, change.cell_code, class_):
        return None
    by = None if change.person_id is None else {"id": change.person_id, "name": change.name}
    return {"number": change.number, "by": by, "until": by and change.until}


def alarm_told(change: Any, actor: Actor) -> dict[str, Any] | None:
    """What this person is told of an alarm (a row of `fn.alarm_changes`): what happened, and how it stands now."""
    class_ = f"{change.kind}:{change.class_code}"
    if not _within(queries.sight(actor), change.department_code, change.cell_code, class_):
        return None
    level_zh, level_en = alarm_words.level_words(change.levels, change.level)
    return {
        "event": change.id,
        "action": change.action,
        "id": change.alarm,
        "state": change.state,
        "level": change.level,
        "level_zh": level_zh,
        "level_en": level_en,
        "rank": change.rank,
        "advice": change.advice,
        "raised_at": change.raised_at,
        "waiting": change.waiting,
        "station": change.station,
        "name_zh": change.station_zh,
        "name_en": change.station_en,
        "value": change.last_value,
        "unit": change.unit,
        "number": change.case_number,
        "lon": round(change.lon, 6),
        "lat": round(change.lat, 6),
    }


def _within(sight: queries.Sight, department: str | None, cell: str | None, class_: str) -> bool:
    departments, area, classes = sight
    return (
        (departments is None or department in departments)
        and (area is None or (cell or "").startswith(area))
        and (classes is None or class_.startswith(tuple(classes)))
    )


def as_json(value: Any) -> str:
    """One line of JSON; moments as RFC 3339."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)


@dataclass
class Feed:
    """The end of the history: gives every event once, also those that commit after later ones. So does the end of the
    claims (`claims`) and of what happens to alarms (`alarms`)."""

    newest: str = _NEWEST
    changes: str = _CHANGES
    last: int | None = None
    missing: dict[int, float] = field(default_factory=dict)

    def read(self, ask: Ask) -> Sequence[Any]:
        """Changes since the last time, oldest first; at the first time none."""
        if self.last is None:
            self.last = ask(self.newest)[0].id
            return []
        now = time.monotonic()
        self.missing = {id: since for id, since in self.missing.items() if now - since < PATIENCE_S}
        rows = ask(self.changes, self.last, list(self.missing), AT_ONCE)
        self._note([row.id for row in rows], now)
        return rows

    def _note(self, ids: Sequence[int], now: float) -> None:
        """Remember how far was read, and which ids were passed over."""
        for id in ids:
            self.missing.pop(id, None)
        newest = max(ids, default=self.last)
        if newest <= self.last:
            return
        passed = set(range(self.last + 1, newest)) - set(ids)
        if len(passed) + len(self.missing) <= MOST_MISSING:
            self.missing |= dict.fromkeys(passed, now)
        self.last = newest


def claims() -> Feed:
    """The end of the claims."""
    return Feed(_NEWEST_CLAIM, _CLAIMS)


def alarms() -> Feed:
    """The end of what happens to alarms."""
    return Feed(_NEWEST_ALARM, _ALARMS)


@dataclass(frozen=True)
class Cursor:
    """How far somebody has heard: the last event, the last claim, and the last event of an alarm."""

    event: int
    claim: int
    alarm: int

    def __str__(self) -> str:
        return f"{self.event}.{self.claim}.{self.alarm}"

    @classmethod
    def read(cls, given: str) -> "Cursor | None":
        """One that was told, or None."""
        told = _CURSOR.fullmatch(given)
        return cls(*(int(number) for number in told.groups())) if told else None


def mark(ask: Ask) -> tuple[Cursor, str]:
    """The newest event, claim and event of an alarm, and a tag that changes with every commit that adds one."""
    row, claim = ask(_MARK, ask(_NEWEST)[0].id - LOOK_BACK)[0], ask(_CLAIM_MARK)[0]
    alarm = ask(_ALARM_MARK, ask(_NEWEST_ALARM)[0].id - LOOK_BACK)[0]
    tag = f"{row.id}-{row.events}-{claim.id}-{claim.claims}-{alarm.id}-{alarm.events}"
    return Cursor(row.id, claim.id, alarm.id), tag


def after(ask: Ask, since: int) -> tuple[Sequence[Any], bool]:
    """Changes after an event, with those before it that may have committed late; and whether they are more than are
    told at once, so that everything should be asked for again."""
    late = ask(_LATE, since - LOOK_BACK, since, LOOK_BACK_S)[0].ids
    rows = ask(_CHANGES, since, late, AT_ONCE + 1)
    return rows[:AT_ONCE], len(rows) > AT_ONCE


def claims_after(ask: Ask, since: int) -> tuple[Sequence[Any], bool]:
    """The same of claims."""
    late = ask(_LATE_CLAIMS, since, LOOK_BACK_S)[0].ids
    rows = ask(_CLAIMS, since, late, AT_ONCE + 1)
    return rows[:AT_ONCE], len(rows) > AT_ONCE


def alarms_after(ask: Ask, since: int) -> tuple[Sequence[Any], bool]:
    """The same of what happens to alarms."""
    late = ask(_LATE_ALARMS, since - LOOK_BACK, since, LOOK_BACK_S)[0].ids
    rows = ask(_ALARMS, since, late, AT_ONCE + 1)
    return rows[:AT_ONCE], len(rows) > AT_ONCE
