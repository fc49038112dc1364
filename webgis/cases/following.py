"""How reporters follow a case by a secret link: how it goes, what they think of its end, their one objection.

Only the SHA-256 of a link's secret is stored; whoever has the link may use it.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.accounts.actor import PUBLIC
from webgis.cases import contacts, handling, keyring, notices, queries, workflow
from webgis.cases.channel_models import SATISFACTION
from webgis.cases.contacts import Caller
from webgis.cases.evidence import Evidence
from webgis.cases.keyring import Keyring
from webgis.errors import Conflict, NotFound
from webgis.settings import Settings

LONGEST_WORDS = 1000
ENDED_FOR_REPORTERS = ("closed", "rejected")
"""Ends that a reporter may rate and object to."""

SHOWN = (
    *("report", "confirm", "file", "reject", "dispatch", "receive", "resolve", "verify", "close", "force_close"),
    *("reopen", "merge", "unmerge", "void", "suspend", "resume", "split"),
)
"""Steps that a reporter is shown; the others are the city's own business."""


def add(session: Session, settings: Settings, case_id: int, who: Caller, form_hash: bytes | None = None) -> str:
    """Keep who reported, if they said so, and the hash of their link's secret; have them told that the report has
    arrived. Returns the secret."""
    contact = contacts.add(session, settings, case_id, who) if who.known else None
    secret = link_secret(keyring.of(settings), case_id, contact)[0]
    hashed = accounts.fingerprint(secret)
    session.execute(_FOLLOW, {"case": case_id, "contact": contact, "secret": hashed, "form": form_hash})
    if who.channel != "none":
        notices.tell(session, case_id, "received")
    return secret


_FOLLOW = text(
    "INSERT INTO city.follow (case_id, contact_id, secret_hash, form_hash) VALUES (:case, :contact, :secret, :form)"
)


def link_of(settings: Settings, link: Row) -> str | None:
    """The secret of a stored link (case_id, contact_id, secret_hash); None when the key that made it is gone."""
    for secret in link_secret(keyring.of(settings), link.case_id, link.contact_id):
        if accounts.fingerprint(secret) == bytes(link.secret_hash):
            return secret
    return None


def link_secret(ring: Keyring, case_id: int, contact_id: int | None) -> list[str]:
    """The secret of the link by which this reporter follows this case, with each key, the newest first (24 signs).

    It is derived from the key, so that a later notice can hold the link although only its hash is stored.
    """
    digests = ring.digests("follow", f"{case_id}/{contact_id or '-'}")
    return [base64.urlsafe_b64encode(digest[:18]).decode() for digest in digests]


@dataclass(frozen=True)
class Told:
    """A step as a reporter sees it: no names, and the reason only where it is meant for them."""

    action: str
    at: datetime
    department_zh: str | None
    department_en: str | None
    reason: str | None
    failed: bool


@dataclass(frozen=True)
class Followed:
    """A case as its reporter follows it. `case` is the one that was reported, `shown` the one whose course is shown:
    the same, or the one it was merged into."""

    link: Row
    case: Row
    shown: Row
    steps: list[Told]
    may_rate: bool
    may_object: bool
    object_until: datetime | None


_BY_SECRET = "SELECT * FROM city.follow WHERE secret_hash = :secret"
_LINE = text("SELECT * FROM fn.case_line WHERE id = :id")


def follow(session: Session, settings: Settings, secret: str, *, at: datetime) -> Followed:
    """The case that this link follows. `NotFound` when it is none."""
    return _followed(session, settings, _link(session, secret), at)


def _link(session: Session, secret: str, *, lock: bool = False) -> Row:
    statement = text(_BY_SECRET + (" FOR UPDATE" if lock else ""))
    row = session.execute(statement, {"secret": accounts.fingerprint(secret)}).one_or_none()
    if row is None:
        raise NotFound("cases.link-unknown", "This link leads to no case. Check that it was copied whole")
    return row


def _followed(session: Session, settings: Settings, link: Row, at: datetime) -> Followed:
    case = shown = session.execute(_LINE, {"id": link.case_id}).one()
    if case.relation == "duplicate":
        shown = session.execute(_LINE, {"id": case.parent_id}).one()
    ended = shown.outcome in ENDED_FOR_REPORTERS
    until = shown.closed_at + timedelta(days=settings.objection_days) if ended else None
    return Followed(
        link=link,
        case=case,
        shown=shown,
        steps=_steps(session, shown),
        may_rate=ended and link.satisfaction is None,
        may_object=ended and link.objection is None and at <= until,
        object_until=until,
    )


def _steps(session: Session, shown: Row) -> list[Told]:
    return [
        Told(
            action=event.action,
            at=event.at,
            department_zh=event.department_zh if event.action in ("dispatch", "resolve") else None,
            department_en=event.department_en if event.action in ("dispatch", "resolve") else None,
            reason=event.given.get("reason") if event.action in ("reject", "void") else None,
            failed=event.given.get("result") in ("fail", "not_found"),
        )
        for event in queries.events(session, shown.id)
        if event.action in SHOWN
    ]


def rate(
    session: Session, settings: Settings, secret: str, satisfaction: str, words: str | None, *, at: datetime
) -> None:
    """What a reporter thinks of the end of their case, said once. `Conflict` before the end, or the second time."""
    if satisfaction not in SATISFACTION:
        raise workflow.bad_field("satisfaction", satisfaction, f"one of {', '.join(SATISFACTION)}")
    handling.check_text("words", words, LONGEST_WORDS)
    link = _link(session, secret, lock=True)
    found = _followed(session, settings, link, at)
    if link.satisfaction is not None:
        raise Conflict("cases.rated-before", "You have told us already what you think")
    _require_end(found)
    values = {"id": link.id, "satisfaction": satisfaction, "words": (words or "").strip() or None, "at": at}
    session.execute(_RATE, values)


_RATE = text(
    "UPDATE city.follow SET satisfaction = :satisfaction, satisfaction_words = :words, rated_at = :at WHERE id = :id"
)


def _require_end(found: Followed) -> datetime:
    """Until when a reporter may object; `Conflict` when the case has not ended."""
    if found.object_until is None:
        raise Conflict("cases.not-ended", "The case has not ended yet", state=found.shown.state)
    return found.object_until


def object_to_end(
    session: Session,
    settings: Settings,
    secret: str,
    reason: str,
    photos: Sequence[Evidence] = (),
    *,
    at: datetime,
) -> Any:
    """A reporter's one objection: the case is opened again, and the reason goes with it. The case as it is then.

    `Conflict` before the end, after `objection_days`, or the second time.
    """
    handling.check_text("reason", reason, LONGEST_WORDS)
    if not (reason or "").strip():
        raise workflow.bad_field("reason", None, "say in a few words what is not right")
    link = _link(session, secret, lock=True)
    found = _followed(session, settings, link, at)
    if link.objection is not None:
        raise Conflict("cases.objected-before", "You have objected once already")
    until = _require_end(found)
    if at > until:
        raise Conflict(
            "cases.objection-late",
            f"Objections were taken until {until:%Y-%m-%d}. Report it anew",
            until=until,
        )
    given = {"reason": reason.strip()}
    case = handling.act(session, settings, PUBLIC, found.shown.number, "reopen", given, photos, at=at)
    session.execute(
        text("UPDATE city.follow SET objection = :reason, objected_at = :at WHERE id = :id"),
        {"id": link.id, "reason": reason.strip(), "at": at},
    )
    return case


def satisfaction_of(session: Session, case_id: int) -> Sequence[Row]:
    """What reporters thought of a case's end: satisfaction, words, rated_at, objection, objected_at."""
    return session.execute(
        text(
            "SELECT satisfaction, satisfaction_words AS words, rated_at, objection, objected_at FROM city.follow"
            " WHERE case_id = :case AND (rated_at IS NOT NULL OR objected_at IS NOT NULL) ORDER BY id"
        ),
        {"case": case_id},
    ).all()
