"""Changes of cases, read from their history, and who is told what of them.

Writers do nothing for it. NOTIFY would: at each commit it takes a lock that all writers share. So the history is asked,
a few times a second, for what came after the last event; that reads one end of one index.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from webgis.accounts.actor import Actor
from webgis.cases import queries

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

Ask = Callable[..., Sequence[Any]]


def told(change: Any, actor: Actor) -> dict[str, Any] | None:
    """What this person is told of a change (a row of `fn.case_changes`), or None. Of a case that they may see no more
    only that it is gone."""
    departments, area = queries.sight(actor)
    if _within(departments, area, change.department_code, change.cell_code):
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
    if _within(departments, area, change.was_department, change.was_cell or change.cell_code):
        return {"number": change.number, "gone": True}
    return None


def _within(departments: list[str] | None, area: str | None, department: str | None, cell: str | None) -> bool:
    return (departments is None or department in departments) and (area is None or (cell or "").startswith(area))


def as_json(value: Any) -> str:
    """One line of JSON; moments as RFC 3339."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)


@dataclass
class Feed:
    """The end of the history: gives every event once, also those that commit after later ones."""

    last: int | None = None
    missing: dict[int, float] = field(default_factory=dict)

    def read(self, ask: Ask) -> Sequence[Any]:
        """Changes since the last time, oldest first; at the first time none."""
        if self.last is None:
            self.last = ask(_NEWEST)[0].id
            return []
        now = time.monotonic()
        self.missing = {id: since for id, since in self.missing.items() if now - since < PATIENCE_S}
        rows = ask(_CHANGES, self.last, list(self.missing), AT_ONCE)
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


def mark(ask: Ask) -> tuple[int, str]:
    """The newest event, and a tag that changes with every commit that adds one."""
    row = ask(_MARK, ask(_NEWEST)[0].id - LOOK_BACK)[0]
    return row.id, f"{row.id}-{row.events}"


def after(ask: Ask, since: int) -> tuple[Sequence[Any], bool]:
    """Changes after an event, with those before it that may have committed late; and whether they are more than are
    told at once, so that everything should be asked for again."""
    late = ask(_LATE, since - LOOK_BACK, since, LOOK_BACK_S)[0].ids
    rows = ask(_CHANGES, since, late, AT_ONCE + 1)
    return rows[:AT_ONCE], len(rows) > AT_ONCE
