"""Everything the page of a case says of the case itself: class, place, clocks, people, photos, related cases."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import clock_queries, duplicates, queries
from webgis.cases.models import Photo
from webgis.catalog import queries as catalog
from webgis.grid import queries as grid
from webgis.hazards import alarm_queries
from webgis.metro import permit_queries
from webgis.metro.findings import WORK_CLASSES
from webgis.pages import alarm_shown, construction_words, shown, step_words, words
from webgis.settings import Settings

PLAIN = (
    *("number", "state", "class_code", "description", "address", "lon", "lat", "accuracy_m", "component_code"),
    *("rework_count", "extension_count", "version", "parent_number", "relation", "handler_name", "inspector_name"),
)


def of(
    session: Session,
    settings: Settings,
    actor: Actor,
    row: Row,
    photos: Sequence[Photo],
    events: Sequence[Row],
    now: datetime,
) -> dict[str, Any]:
    """The facts of a case for its page."""
    class_ = catalog.find_class(session, row.kind, row.class_code)
    condition = catalog.condition(session, row.condition_id) if row.condition_id else None
    seen = queries.seen(session, actor, [row.parent_number or ""])
    return {
        **{name: getattr(row, name) for name in PLAIN},
        "cell": row.cell_code,
        "class_name": shown.class_name(row),
        "kind_word": words.KINDS[row.kind],
        "major_name": ((class_.major_en if words.english() else None) or class_.major_zh) if class_ else "",
        "department": shown.department_name(row),
        "source_word": words.SOURCES.get(row.source, row.source),
        "condition": shown.condition_words(condition) if condition else None,
        "chain": grid.area_chain(session, row.cell_code[:12]),
        "lamp": shown.lamp(row, settings, now),
        "badges": shown.badges(row),
        "clock": _clock(session, settings, row),
        "alarm": _alarm(session, row),
        "why": _why(events),
        "parent_seen": row.parent_number in seen,
        "zones": _zones(row),
        "permits": _permits(session, actor, row),
        "joined": len(duplicates.joined(session, row.id)),
        "family": shown.list_rows(session, settings, actor, queries.family(session, row.id, actor), now),
        "photos": _photos(row.number, photos, events),
        "photos_removed": queries.removed_photos(session, row.id),
    }


def _alarm(session: Session, row: Row) -> alarm_shown.AlarmWords | None:
    """The alarm that opened the case."""
    found = alarm_queries.of_case(session, row.id) if row.source == "sensor" else None
    return found and alarm_shown.of(found)


@dataclass(frozen=True)
class ClockWords:
    """What is due next and when (if it is not the handling), the deadline of that, and how it comes about, in lines."""

    word: str
    at: datetime | None
    deadline: datetime | None
    lines: list[str]


def _clock(session: Session, settings: Settings, row: Row) -> ClockWords:
    facts = clock_queries.clock_of(session, settings, row) if row.ledger else {}
    text = facts.get("explanation_en" if words.english() else "explanation_zh", "")
    at = row.resume_at or row.due_at if row.outcome is None else None
    at = None if at == row.deadline_at else at
    return ClockWords(str(step_words.DUE.get(row.state, "")), at, row.deadline_at, text.splitlines())


def _zones(row: Row) -> dict[str, Any] | None:
    """The zones in which a case lay when it was reported, in words: of works with phase and severity, of the metro."""
    found = row.zones
    if not found:
        return None
    english = words.english()
    told: dict[str, Any] = {"protection": construction_words.PROTECTION.get(found.get("protection") or "")}
    told["structure"] = (english and found.get("structure_en")) or found.get("structure_zh")
    told["approximate"] = found.get("approximate")
    if found.get("code"):
        told |= {name: found[name] for name in ("code", "version", "contractor", "severity")}
        told["name"] = (english and found["name_en"]) or found["name_zh"]
        told["phase"] = construction_words.PHASES.get(found["phase"] or "")
        told["severity_word"] = construction_words.SEVERITIES.get(found["severity"] or "")
    return told


def _permits(session: Session, actor: Actor, row: Row) -> dict[str, Any] | None:
    """Whether a permit was in force where works were reported in a protection zone of the metro, and which of these the
    reader may see; None elsewhere."""
    inside = row.zones and row.zones.get("protection")
    if not inside or not re.match(WORK_CLASSES, f"{row.kind}:{row.class_code}"):
        return None
    place = (row.lon, row.lat, row.reported_at)
    may = permissions.may(actor, "permits.see")
    return {
        "in_force": bool(permit_queries.valid_at(session, *place)),
        "seen": permit_queries.seen_at(session, actor, *place) if may else [],
    }


def _why(events: Sequence[Row]) -> dict[str, Any] | None:
    """Why the department was chosen: the words of the last dispatch, whether it was named by hand, what it beat."""
    facts = next((event.facts for event in reversed(events) if event.action == "dispatch" and event.facts), None) or {}
    why = facts.get("why")
    if why is None:
        return None
    beaten = [f"{shown.in_words(one)}{_(': ')}{shown.in_words(one, 'lost')}" for one in why.get("beaten", ())]
    return {"text": shown.in_words(why), "by_hand": why.get("by_hand"), "beaten": beaten}


def _photos(number: str, photos: Sequence[Photo], events: Sequence[Row]) -> list[dict[str, Any]]:
    """The photos, numbered; one of a result names the photo that shows the same before."""
    places = {photo.id: place for place, photo in enumerate(photos, start=1)}
    by_id = {event.id: event for event in events}
    found = []
    for photo in photos:
        event = by_id[photo.event_id]
        word = step_words.told(event.action, event.given, event.facts or {}).word
        before = places.get(_before(photo, event))
        pair = {"before": before, "compare": _("compare with photo %(place)s", place=before)} if before else {}
        found.append(_photo(number, photo, places[photo.id], word) | pair)
    return found


def _before(photo: Photo, event: Row) -> int | None:
    """The id of the photo with which this one makes a pair before and after."""
    judged = [one for one in (event.facts or {}).get("photos", ()) if isinstance(one, dict)]
    pair = next((one.get("before") for one in judged if one["sha256"] == photo.sha256), None)
    return pair and pair["photo"]


def _photo(number: str, photo: Photo, place: int, word: str) -> dict[str, Any]:
    return {
        "href": url_for("cases.photo", number=number, photo_id=photo.id),
        "thumbnail": url_for("cases.thumbnail", number=number, photo_id=photo.id),
        "width": photo.width,
        "height": photo.height,
        "place": place,
        "step": word,
        "alt": _("Photo %(place)s: %(step)s", place=place, step=word),
    }
