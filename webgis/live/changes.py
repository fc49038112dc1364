"""Changes of cases, claims, alarms and emergencies, read from their histories, and who is told what of each.

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

from webgis.accounts import permissions
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

Ask = Callable[..., Sequence[Any]]


def told(change: Any, actor: Actor) -> dict[str, Any] | None:
    """What this person is told of a change (a row of `fn.case_changes`), or None. Of a case that they may see no more
    only that it is gone."""
    sight = queries.sight(actor)
    if within(sight, change.department_code, change.cell_code, f"{change.kind}:{change.class_code}"):
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
    if within(sight, change.was_department, change.was_cell or change.cell_code, was):
        return {"number": change.number, "gone": True}
    return None


def claim_told(change: Any, actor: Actor) -> dict[str, Any] | None:
    """What this person is told of a claim (a row of `fn.claim_changes`): who holds the case now, if anyone."""
    class_ = f"{change.kind}:{change.class_code}"
    if not within(queries.sight(actor), change.department_code, change.cell_code, class_):
        return None
    by = None if change.person_id is None else {"id": change.person_id, "name": change.name}
    return {"number": change.number, "by": by, "until": by and change.until}


def alarm_told(change: Any, actor: Actor) -> dict[str, Any] | None:
    """What this person is told of an alarm (a row of `fn.alarm_changes`): what happened, and how it stands now."""
    class_ = f"{change.kind}:{change.class_code}"
    if not within(queries.sight(actor), change.department_code, change.cell_code, class_):
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
        "value": change.now_value,
        "unit": change.unit,
        "number": change.case_number,
        "lon": round(change.lon, 6),
        "lat": round(change.lat, 6),
    }


def emergency_told(change: Any, actor: Actor) -> dict[str, Any] | None:
    """What this person is told of an emergency (a row of `fn.emergency_changes`): what happened, and how it stands now;
    a department that takes part no longer, that it is gone. Of a CAP message that came in, whether it waits."""
    departments, area, _classes = queries.sight(actor)
    if area is not None and not any(cell.startswith(area) for cell in change.cells):
        return None
    if change.proposal is not None:
        may = permissions.may(actor, "emergency.open")
        return {"event": change.id, "proposal": change.proposal, "state": change.state} if may else None
    told = {"event": change.id, "number": change.number}
    if departments is None or not set(departments).isdisjoint(change.parties):
        facts = ("action", "version", "level", "state")
        return told | {name: getattr(change, name) for name in facts}
    return told | {"gone": True} if change.dismissed in departments else None


def within(sight: queries.Sight, department: str | None, cell: str | None, class_: str) -> bool:
    """Whether somebody sees what is of this department, cell and class (kind:code); `fn.sees` says the same in SQL."""
    departments, area, classes = sight
    return (
        (departments is None or department in departments)
        and (area is None or (cell or "").startswith(area))
        and (classes is None or class_.startswith(tuple(classes)))
    )


def as_json(value: Any) -> str:
    """One line of JSON; moments as RFC 3339."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)


@dataclass(frozen=True)
class History:
    """Where changes of a kind are read: `table` holds their ids and, as `moment`, when they were stored; `function`
    gives their rows, of which somebody is told what `told` says. `plural`: their name for who asks in turns."""

    plural: str
    table: str
    moment: str
    function: str
    told: Callable[[Any, Actor], dict[str, Any] | None]

    def newest(self, ask: Ask) -> int:
        """The last id."""
        return ask(f"SELECT coalesce(max(id), 0) AS id FROM {self.table}")[0].id

    def rows(self, ask: Ask, since: int, ids: Sequence[int], most: int) -> Sequence[Any]:
        """Changes after an id, and those of these ids; oldest first."""
        return ask(f"SELECT * FROM {self.function}(%s, %s::bigint[], %s)", since, list(ids), most)

    def after(self, ask: Ask, since: int) -> tuple[Sequence[Any], bool]:
        """Changes after an id, with those before it that may have committed late; and whether they are more than are
        told at once, so that everything should be asked for again."""
        late = (
            f"SELECT coalesce(array_agg(id), '{{}}') AS ids FROM {self.table}"
            f" WHERE id > %s AND id <= %s AND {self.moment} > now() - make_interval(secs => %s)"
        )
        ids = ask(late, since - LOOK_BACK, since, LOOK_BACK_S)[0].ids
        rows = self.rows(ask, since, ids, AT_ONCE + 1)
        return rows[:AT_ONCE], len(rows) > AT_ONCE

    def mark(self, ask: Ask) -> tuple[int, str]:
        """The last id, and a text that is another after every commit that adds one."""
        newest = self.newest(ask)
        counted = f"SELECT coalesce(max(id), 0) AS id, count(*) AS rows FROM {self.table} WHERE id > %s"
        row = ask(counted, newest - LOOK_BACK)[0]
        return max(newest, row.id), f"{row.id}-{row.rows}"


HISTORIES = {
    "case": History("cases", "city.case_event", "recorded_at", "fn.case_changes", told),
    "claim": History("claims", "city.claim_change", "at", "fn.claim_changes", claim_told),
    "alarm": History("alarms", "city.alarm_event", "recorded_at", "fn.alarm_changes", alarm_told),
    "emergency": History("emergencies", "fn.emergency_news", "at", "fn.emergency_changes", emergency_told),
}
"""What is told of, by the name of its event."""


@dataclass
class Feed:
    """The end of a history: gives every change once, also those that commit after later ones."""

    history: History
    last: int | None = None
    missing: dict[int, float] = field(default_factory=dict)

    def read(self, ask: Ask) -> Sequence[Any]:
        """Changes since the last time, oldest first; at the first time none."""
        if self.last is None:
            self.last = self.history.newest(ask)
            return []
        now = time.monotonic()
        self.missing = {id: since for id, since in self.missing.items() if now - since < PATIENCE_S}
        rows = self.history.rows(ask, self.last, list(self.missing), AT_ONCE)
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


@dataclass(frozen=True)
class Cursor:
    """How far somebody has heard: the last id of each history."""

    ids: tuple[int, ...]

    def __str__(self) -> str:
        return ".".join(map(str, self.ids))

    @classmethod
    def read(cls, given: str) -> "Cursor | None":
        """One that was told, or None. Numbers that the database can be asked for have up to 18 digits."""
        told = given.split(".")
        good = len(told) == len(HISTORIES) and all(re.fullmatch("[0-9]{1,18}", one) for one in told)
        return cls(tuple(map(int, told))) if good else None


def mark(ask: Ask) -> tuple[Cursor, str]:
    """The newest id of each history, and a tag that changes with every commit that adds one."""
    newest, tags = zip(*(history.mark(ask) for history in HISTORIES.values()), strict=True)
    return Cursor(newest), "-".join(tags)
