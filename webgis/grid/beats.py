"""Beats (巡查责任网格): who is on duty in a cell, beats from tables, and what the beats leave out or cover twice.

A beat is whole unit cells (standards: 责任网格). Shifts are in the city's time and may run past midnight.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Assigned:
    """Who is to look: a person's id, or None; and why, in words (`text_zh`, `text_en`) and facts."""

    person_id: int | None
    why: dict[str, Any]


_ON_DUTY = text(
    "SELECT * FROM fn.inspector_for(ST_SetSRID(ST_Point(:lon, :lat), 4490), :cell_code, :at, :zone, :not_person)"
)


def inspector_for(
    session: Session, lon: float, lat: float, cell_code: str, at: datetime, *, not_person: int | None = None
) -> Assigned:
    """The inspector on duty in a beat of the cell at the moment `at` (aware), else the nearest on duty, else nobody.

    Of several the one with the least open work. `not_person` is never chosen. `lon` and `lat` are CGCS2000 degrees.
    """
    zone = session.info["settings"].timezone
    given = {"lon": lon, "lat": lat, "cell_code": cell_code, "at": at, "zone": zone, "not_person": not_person}
    found = session.execute(_ON_DUTY, given).one_or_none()
    if found is None:
        nobody = {"how": None, "text_zh": "此刻没有采集员当班", "text_en": "No inspector is on duty at this moment"}
        return Assigned(None, nobody)
    return Assigned(found.person_id, _why(found))


def _why(found) -> dict[str, Any]:
    zh, en = f"{found.beat_code} {found.beat_zh}", f"{found.beat_code} {found.beat_en or found.beat_zh}"
    if found.inside:
        words = {"text_zh": f"责任网格 {zh} 的当班采集员", "text_en": f"On duty in beat {en}, which holds the cell"}
        return {"how": "beat", "beat": found.beat_code} | words
    metres = round(found.metres)
    words = {
        "text_zh": f"本单元网格无人当班，最近的当班责任网格是 {zh}，相距 {metres:,} 米",
        "text_en": f"Nobody is on duty in the cell; the nearest beat with someone on duty is {en}, {metres:,} m away",
    }
    return {"how": "nearest", "beat": found.beat_code, "distance_m": metres} | words
