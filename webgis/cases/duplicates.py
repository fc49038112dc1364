"""Duplicates (重复案件): open cases that a report may repeat, and others who reported the same ("me too").

The search is one call of `fn.duplicates`; the score and its parts are explained in `docs/evidence.md`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts.actor import Actor
from webgis.cases import queries
from webgis.errors import Conflict


@dataclass(frozen=True)
class Candidate:
    """An open case that a report may repeat. `score` and the likenesses `class_`, `text` and `photo` are from 0 to 1;
    `told_by` is the number of the report that is alike, when that was merged into or split from the case."""

    case_id: int
    number: str
    state: str
    score: float
    distance_m: float
    age_s: float
    class_: float
    text: float
    photo: float
    told_by: str

    def as_facts(self) -> dict[str, Any]:
        """As the answer 409 gives it, and the button shows it."""
        facts = asdict(self)
        del facts["case_id"]
        facts["class"] = facts.pop("class_")
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in facts.items()}


_CANDIDATES = (
    "SELECT case_id, number, state, score, distance_m, age_s, class_likeness, words, photo, told_by"
    " FROM fn.duplicates(%s, %s, %s, %s, %s, %s, %s::bigint[], %s)"
)


def candidates(
    session: Session,
    *,
    kind: str,
    class_code: str,
    lon: float,
    lat: float,
    at: datetime,
    description: str,
    photo_hashes: Sequence[int] = (),
    limit: int = 5,
) -> list[Candidate]:
    """Open cases that a report of this class at this place (CGCS2000 degrees) and moment may repeat, likeliest first.

    One statement. Only those whose score reaches the threshold of the class (`city.duplicate_window`). Until the
    transaction ends, others who ask around here wait: of two reports of one thing at once the second finds the first.
    """
    hashes = list(photo_hashes)
    found = db.call(session, _CANDIDATES, kind, class_code, lon, lat, at, description, hashes, limit)
    return [Candidate(*row) for row in found]


def shown_to(session: Session, actor: Actor, found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those of these candidates (as facts) that this person may see; a report that told of one if they see that too."""
    seen = queries.seen(session, actor, {one[name] for one in found for name in ("number", "told_by")})
    return [
        {**one, "told_by": one["told_by"] if one["told_by"] in seen else one["number"]}
        for one in found
        if one["number"] in seen
    ]


_OPEN = text(
    """
    SELECT coalesce(p.id, c.id) AS id, coalesce(p.number, c.number) AS number, coalesce(p.state, c.state) AS state,
           coalesce(p.reporter_id, c.reporter_id) AS reporter_id,
           CASE WHEN p.id IS NULL THEN c.outcome IS NULL ELSE p.outcome IS NULL END AS open
    FROM city.case c LEFT JOIN city.case p ON p.id = c.parent_id
    WHERE c.number = :number
    FOR KEY SHARE OF c
    """
)
_JOIN = text(
    """
    INSERT INTO city.co_reporter (case_id, person_id, contact_key, source, description, geom, at)
    VALUES (:case_id, :person, :contact_key, :source, :description,
            ST_SetSRID(ST_Point(CAST(:lon AS float8), CAST(:lat AS float8)), 4490), :at)
    ON CONFLICT DO NOTHING RETURNING id
    """
)


@dataclass(frozen=True)
class Joined:
    """The case that someone joined (the one that holds it, when a merged report or a task was named), and whether they
    are new to it."""

    case_id: int
    number: str
    added: bool


def join(
    session: Session,
    actor: Actor,
    number: str,
    *,
    at: datetime,
    source: str,
    contact_key: bytes | None = None,
    description: str | None = None,
    place: tuple[float, float] | None = None,
) -> Joined:
    """Add another reporter ("me too") to the open case `number`: the actor, or the contact of this key when given.

    Each once: a second time, and the first reporter, change nothing. `place` is (lon, lat) in CGCS2000 degrees;
    `contact_key` is the same for the same telephone or address and tells neither. `NotFound` for an unknown number,
    `Conflict` ("cases.ended") when the case, or the one it was merged into, has ended.
    """
    case = _open(session, number)
    if contact_key is None and actor.id == case.reporter_id:
        return Joined(case.id, case.number, False)
    lon, lat = place or (None, None)
    given = {
        "case_id": case.id,
        "person": actor.id if contact_key is None else None,
        "contact_key": contact_key,
        "source": source,
        "description": (description or "").strip() or None,
        "lon": lon,
        "lat": lat,
        "at": at,
    }
    return Joined(case.id, case.number, session.execute(_JOIN, given).one_or_none() is not None)


def _open(session: Session, number: str) -> Row:
    """The open case that this one is, or that holds it."""
    case = session.execute(_OPEN, {"number": number}).one_or_none()
    if case is None:
        raise queries.unknown(number)
    if not case.open:
        message = f"Case {case.number} has ended ({case.state}): report it as a new one"
        raise Conflict("cases.ended", message, number=case.number, state=case.state)
    return case


_JOINED = text(
    "SELECT r.person_id, p.login, p.name, r.contact_key, r.source, r.description, r.at"
    " FROM city.co_reporter r LEFT JOIN city.person p ON p.id = r.person_id"
    " WHERE r.case_id = :case_id ORDER BY r.at, r.id"
)


def joined(session: Session, case_id: int) -> Sequence[Row]:
    """Those who reported the case besides the first, oldest first: person_id, login, name (None for contacts),
    contact_key, source, description, at."""
    return session.execute(_JOINED, {"case_id": case_id}).all()
