"""What the inspector's phone shows: classes, tasks, the beat, likely duplicates. Names in both languages, because the
phone keeps answers while its language may change. Reads only."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from flask import url_for
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases import duplicates, queries, shifts, stages, workflow
from webgis.cases.models import Photo
from webgis.catalog import queries as catalog
from webgis.catalog.models import CaseClass
from webgis.grid import queries as grid
from webgis.settings import Settings

MOST_TASKS = 100
SHORT = 80
"""Letters of a description beside others."""

KINDS = {"component": {"zh": "部件", "en": "Component"}, "matter": {"zh": "事项", "en": "Matter"}}


def classes(session: Session) -> list[dict[str, Any]]:
    """Every class of today's standard: matters of the street, components, then the matters that repeat these."""
    found = catalog.classes(session)
    components = {one.code for one in found if one.kind == "component"}

    def rank(one: CaseClass) -> tuple[bool, bool, str]:
        return one.kind == "matter" and one.code in components, one.kind == "component", one.code

    return [_class(one) for one in sorted(found, key=rank)]


def _class(one: CaseClass) -> dict[str, Any]:
    kind = KINDS[one.kind]
    pinyin, initials = _spelt(one.name_zh)
    return {
        "kind": one.kind,
        "code": one.code,
        "name": {"zh": one.name_zh, "en": one.name_en},
        "group": {"zh": f"{kind['zh']} · {one.major_zh}", "en": f"{kind['en']} · {one.major_en or one.major_zh}"},
        "pinyin": pinyin,
        "initials": initials,
    }


@lru_cache(maxsize=4096)
def _spelt(name: str) -> tuple[str, str]:
    """A name in pinyin, and its initials."""
    # The dictionary takes 57 MB and most of a second: not every process has phones that ask for classes.
    from pypinyin import Style, lazy_pinyin

    styles = (Style.NORMAL, Style.FIRST_LETTER)
    pinyin, initials = ("".join(lazy_pinyin(name, style=style)).lower() for style in styles)
    return pinyin, initials


_TASKS = text(
    f"""
    WITH given AS (
        SELECT o.case_id, o.due_at FROM city.open_case o
        WHERE o.inspector_id = :person AND o.state = ANY(CAST(:states AS text[]))
            AND {queries.in_sight("o")}
        ORDER BY o.due_at, o.case_id LIMIT :most
    ), mine AS MATERIALIZED (
        SELECT DISTINCT k.cell_code FROM city.beat_shift s
        JOIN city.beat b ON b.id = s.beat_id AND upper_inf(b.valid)
        JOIN city.beat_cell k ON k.beat_id = b.id
        WHERE s.person_id = :person
    ), free AS (
        SELECT o.case_id, o.due_at FROM city.open_case o
        WHERE o.state = :free AND o.inspector_id IS NULL
            AND o.cell_code IN (SELECT m.cell_code FROM mine m)
            AND {queries.in_sight("o")}
        ORDER BY o.due_at, o.case_id LIMIT :most
    )
    SELECT t.case_id FROM (SELECT * FROM given UNION ALL SELECT * FROM free) t
    ORDER BY t.due_at, t.case_id LIMIT :most
    """
)
_ASKED = text(
    """
    SELECT DISTINCT ON (e.case_id) e.case_id, e.given ->> 'note' AS note FROM city.case_event e
    WHERE e.case_id = ANY(CAST(:ids AS bigint[])) AND e.action = ANY(CAST(:actions AS text[]))
    ORDER BY e.case_id, e.seq DESC
    """
)
_RESOLVED = text(
    "SELECT e.id FROM city.case_event e WHERE e.case_id = ANY(CAST(:ids AS bigint[])) AND e.action = 'resolve'"
)
ACTIONS = ("confirm", "verify")
REQUESTS = ("request_confirmation", "request_verification")


def tasks(session: Session, settings: Settings, actor: Actor) -> list[dict[str, Any]]:
    """Cases given to this person to confirm or verify, and resolved ones of their beats that nobody was given."""
    given = queries.sight(actor)._asdict() | {
        "person": actor.id,
        "states": [workflow.CONFIRMING, workflow.VERIFYING],
        "free": workflow.RESOLVED,
        "most": MOST_TASKS,
    }
    cases = queries.lines(session, session.scalars(_TASKS, given).all())
    ids = [case.id for case in cases]
    photos = queries.photos(session, ids)
    asked = dict(session.execute(_ASKED, {"ids": ids, "actions": list(REQUESTS)}).all())
    resolved = set(session.scalars(_RESOLVED, {"ids": ids}))
    names = {one.code: one for one in grid.areas_by_code(session, {case.cell_code[:12] for case in cases})}
    told = []
    for case in cases:
        open_ = queries.open_actions(actor, case, settings)
        if action := next((one for one in ACTIONS if one in open_), None):
            area = names.get(case.cell_code[:12])
            more = {"note": asked.get(case.id), "area": {"zh": area.name_zh, "en": area.name_en} if area else None}
            pictures = [_photo(case.number, one, one.event_id in resolved) for one in photos.get(case.id, [])]
            told.append(_task(settings, case, action) | more | {"photos": pictures})
    return told


def _task(settings: Settings, case: Row, action: str) -> dict[str, Any]:
    return {
        "number": case.number,
        "action": action,
        "class": {"zh": case.class_zh, "en": case.class_en},
        "description": case.description,
        "address": case.address,
        "lon": case.lon,
        "lat": case.lat,
        "accuracy_m": case.accuracy_m,
        "cell": case.cell_code,
        "due": case.due_at,
        "limit_s": stages.limit(settings, stages.STAGES[case.state]) * 60,
    }


def _photo(number: str, one: Photo, after: bool) -> dict[str, Any]:
    return {
        "url": url_for("cases.photo", number=number, photo_id=one.id),
        "thumbnail": url_for("cases.thumbnail", number=number, photo_id=one.id),
        "after": after,
    }


def beat(
    session: Session,
    actor: Actor,
    at: datetime,
    since: datetime,
    place: tuple[float, float] | None,
    code: str | None,
) -> dict[str, Any]:
    """The beats of this person, the cells of the one of `code` (else the nearest), and their track since."""
    mine = shifts.beats_of(session, actor, at, since, place)
    chosen = next((one for one in mine if one.code == code), mine[0] if mine else None)
    return {
        "beats": [_beat(one) for one in mine],
        "chosen": chosen
        and _beat(chosen)
        | {
            "cells": [
                {"code": cell.code, "geometry": cell.geometry, "visited_at": cell.visited_at}
                for cell in shifts.cells_of(session, chosen.beat_id, since)
            ],
            "track": [[row.lon, row.lat] for row in shifts.walked(session, actor, since)],
        },
    }


def _beat(one: Row) -> dict[str, Any]:
    name = {"zh": one.name_zh, "en": one.name_en}
    return {"code": one.code, "name": name, "cells": one.cells, "visited": one.visited}


def alike(session: Session, actor: Actor, asked: Any, lon: float, lat: float) -> list[dict[str, Any]]:
    """Likely duplicates of what is about to be reported, as far as this person may see them."""
    found = duplicates.candidates(
        session,
        kind=asked.kind,
        class_code=asked.class_,
        lon=lon,
        lat=lat,
        at=datetime.now(UTC),
        description=asked.description,
    )
    return candidates(session, actor, [one.as_facts() for one in found])


def candidates(session: Session, actor: Actor, found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Likely duplicates (facts of `duplicates.Candidate`) as the phone shows them."""
    seen = duplicates.shown_to(session, actor, found)
    ids = queries.seen(session, actor, [one["number"] for one in seen])
    lines = {line.number: line for line in queries.lines(session, list(ids.values()))}
    photos = queries.photos(session, list(ids.values()))
    return [
        {
            "number": one["number"],
            "class": {"zh": line.class_zh, "en": line.class_en},
            "description": line.description[:SHORT],
            "metres": round(one["distance_m"]),
            "reported_at": line.reported_at,
            "thumbnail": next((_photo(line.number, photo, False)["thumbnail"] for photo in photos[line.id]), None),
        }
        for one in seen
        if (line := lines.get(one["number"]))
    ]
