"""Writing a case with its event: one statement for a report, one for a step (`fn.write_report`, `fn.write_step`).

Nothing is decided here. Photos and jobs go with the same statement; the history's hashes are the database's work.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from webgis import db, jobs
from webgis.accounts.actor import Actor
from webgis.cases.evidence import Evidence

REDRAW = {"queue": "slow", "task": "maps.draw_cases", "args": {}, "delay": 5, "once": True}
"""A case has changed: what is drawn from cases is drawn again, soon and once for many changes."""

_STEP = "SELECT * FROM fn.write_step(%s, %s, %s, %s, %s)"
_REPORT = "SELECT * FROM fn.write_report(%s, %s, %s, %s, %s)"


def event(
    actor: Actor,
    action: str,
    source: str | None,
    target: str,
    at: datetime,
    *,
    department: str | None = None,
    given: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    place: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """An event as `fn.make_event` reads it; `place` is where the person stood, in CGCS2000 degrees."""
    return {
        "at": at,
        "action": action,
        "from_state": source,
        "to_state": target,
        "person_id": actor.id,
        "role": actor.role,
        "department_code": department,
        "given": {name: value for name, value in (given or {}).items() if value is not None},
        "facts": facts or None,
        "lon": place[0] if place else None,
        "lat": place[1] if place else None,
    }


def step(
    session: Session,
    case_id: int,
    changes: Mapping[str, Any],
    event: Mapping[str, Any],
    photos: Sequence[Evidence] = (),
    work: Sequence[Mapping[str, Any]] = (),
):
    """Write a step: columns of the case, its event, photos, jobs. The case as it is then (`fn.case_line`)."""
    values = (case_id, _json(changes), _json(event), _photos(photos), _work(session, photos, work))
    return db.call(session, _STEP, *values)[0]


def report(
    session: Session,
    case: Mapping[str, Any],
    day: date,
    event: Mapping[str, Any],
    photos: Sequence[Evidence] = (),
    work: Sequence[Mapping[str, Any]] = (),
):
    """Write a new case of a day with its first event. The case as it is then (`fn.case_line`)."""
    fresh = {"flags": [], "ledger": [], "rework_count": 0, "extension_count": 0}
    values = (_json(fresh | case), day, _json(event), _photos(photos), _work(session, photos, work))
    return db.call(session, _REPORT, *values)[0]


def _photos(photos: Sequence[Evidence]) -> str | None:
    if not photos:
        return None
    places = [photo.place or (None, None) for photo in photos]
    return _json([asdict(photo) | {"lon": lon, "lat": lat} for photo, (lon, lat) in zip(photos, places, strict=True)])


def _work(session: Session, photos: Sequence[Evidence], work: Sequence[Mapping[str, Any]]) -> str:
    """The jobs of a step; those that need not wait are handed over after the commit."""
    thumbnails = [{"queue": "quick", "task": "cases.thumbnail", "args": {"sha256": one.sha256}} for one in photos]
    wanted = [*thumbnails, *work, REDRAW]
    jobs.note(session, {one["queue"] for one in wanted if not one.get("delay")})
    return _json(wanted)


def _json(values: Any) -> str:
    return json.dumps(values, ensure_ascii=False, default=datetime.isoformat)
