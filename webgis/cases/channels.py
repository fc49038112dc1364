"""How reports arrive besides the inspectors': by the hotline, from the public without an account, from machines; and
how a reporter follows a case by a secret link: how it goes, what they think of its end, one objection.

Only the SHA-256 of a link's secret is stored; whoever has the link may use it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.accounts.actor import PUBLIC, Actor
from webgis.cases import contacts, handling, intake, notices, queries, workflow
from webgis.cases.channel_models import SATISFACTION
from webgis.cases.contacts import Caller
from webgis.cases.evidence import Evidence
from webgis.errors import Conflict, Forbidden, NotFound
from webgis.settings import Settings

OPERATORS = ("acceptor",)
"""The role that answers the hotline."""

MACHINES = ("system",)

LONGEST_CALL = 64
LONGEST_EXTERNAL = 128
LONGEST_WORDS = 1000
ENDED_FOR_REPORTERS = ("closed", "rejected")
"""Ends that a reporter may rate and object to."""

SHOWN = (
    *("report", "confirm", "file", "reject", "dispatch", "receive", "resolve", "verify", "close", "force_close"),
    *("reopen", "merge", "unmerge", "void", "suspend", "resume", "split"),
)
"""Steps that a reporter is shown; the others are the city's own business."""


# The hotline


def require_operator(actor: Actor) -> None:
    """Refuse who does not answer the hotline."""
    _require_role(actor, OPERATORS, "A call is taken by")


def _require_role(actor: Actor, accepted: tuple[str, ...], sentence: str) -> None:
    if actor.role not in accepted:
        raise Forbidden(
            "cases.not-your-role", f"{sentence}: {' or '.join(accepted)}", role=actor.role, accepted=accepted
        )


def take_call(
    session: Session,
    settings: Settings,
    actor: Actor,
    given: intake.Report,
    photos: Sequence[Evidence],
    who: Caller,
    call_number: str,
    *,
    at: datetime,
) -> Row:
    """Take in what a caller reports; the case. The caller is kept sealed, with a link to follow if they can be told.

    `Invalid` for a call without a number of its own or without the caller's telephone number.
    """
    require_operator(actor)
    if not call_number.strip() or len(call_number) > LONGEST_CALL or not call_number.isprintable():
        raise workflow.bad_field("call_number", None, f"the number of the call, at most {LONGEST_CALL} characters")
    if who.phone is None:
        raise workflow.bad_field("phone", None, "the caller's telephone number")
    case = intake.report(session, settings, actor, given, photos, at=at)
    session.execute(_CALL, {"case": case.id, "call": call_number.strip(), "operator": actor.id, "at": at})
    _follower(session, settings, case.id, who)
    notices.tell(session, case.id, "received")
    return case


_CALL = text(
    "INSERT INTO city.hotline_call (case_id, call_number, operator_id, called_at) VALUES (:case, :call, :operator, :at)"
)


def calls_of(session: Session, settings: Settings, actor: Actor, phone: str) -> Sequence[Row]:
    """Earlier cases of the same caller, newest first; asked while the call goes on. See `contacts.cases_of_phone`."""
    require_operator(actor)
    who = contacts.caller(None, phone, None)
    return contacts.cases_of_phone(session, settings, who.phone) if who.phone else []


def call_of(session: Session, case_id: int) -> Row | None:
    """The call by which a case came: call_number, called_at; None for other cases."""
    return session.execute(
        text("SELECT call_number, called_at FROM city.hotline_call WHERE case_id = :case"), {"case": case_id}
    ).one_or_none()


# The public


@dataclass(frozen=True)
class Receipt:
    """What someone without an account gets: the case's number and the secret of the link to follow it."""

    number: str
    secret: str
    made: bool
    """False when the same form had been sent before."""


def take_public(
    session: Session,
    settings: Settings,
    given: intake.Report,
    photos: Sequence[Evidence],
    who: Caller,
    *,
    at: datetime,
    form: str | None = None,
) -> Receipt:
    """Take in a report of someone without an account.

    `form` tells that two requests are the same one sent twice (it should hold what was sent): the second gives the
    receipt of the first. A likely duplicate is taken in all the same: strangers are not shown others' cases.
    """
    form_hash = hashlib.sha256(form.encode()).digest() if form is not None else None
    if form_hash is not None and (before := _sent_before(session, settings, form_hash)):
        return before
    case = intake.report(session, settings, PUBLIC, given, photos, at=at)
    secret = _follower(session, settings, case.id, who, form_hash)
    notices.tell(session, case.id, "received")
    return Receipt(case.number, secret, True)


def _sent_before(session: Session, settings: Settings, form_hash: bytes) -> Receipt | None:
    """The receipt of the form that was sent; of two at once the second waits for the first."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(encode(:form, 'hex'), 0))"), {"form": form_hash}
    )
    row = session.execute(
        text(
            "SELECT f.case_id, f.contact_id, f.secret_hash, c.number FROM city.follow f"
            ' JOIN city."case" c ON c.id = f.case_id WHERE f.form_hash = :form'
        ),
        {"form": form_hash},
    ).one_or_none()
    return row and Receipt(row.number, contacts.link_of(settings, row), False)


def _follower(session: Session, settings: Settings, case_id: int, who: Caller, form_hash: bytes | None = None) -> str:
    """Keep who reported, if they said so, and the hash of their link's secret; the secret."""
    contact = contacts.add(session, settings, case_id, who) if who.known else None
    secret = contacts.link_secret(contacts.keyring(settings), case_id, contact)[0]
    hashed = accounts.fingerprint(secret)
    session.execute(_FOLLOW, {"case": case_id, "contact": contact, "secret": hashed, "form": form_hash})
    return secret


_FOLLOW = text(
    "INSERT INTO city.follow (case_id, contact_id, secret_hash, form_hash) VALUES (:case, :contact, :secret, :form)"
)


# Machines


def require_machine(actor: Actor) -> None:
    """Refuse who is no machine with an account of its own."""
    _require_role(actor, MACHINES, "This is for the accounts of machines")


def take_signal(
    session: Session,
    settings: Settings,
    actor: Actor,
    given: intake.Report,
    photos: Sequence[Evidence],
    external_id: str,
    confidence: float | None,
    *,
    at: datetime,
) -> tuple[Row, bool]:
    """Take in what a machine reports, once for each number of its own; the case, and whether it was made now.

    `external_id` is unique for each account: a retry, also with other content, gives the case it made.
    """
    require_machine(actor)
    if not external_id.strip() or len(external_id) > LONGEST_EXTERNAL or not external_id.isprintable():
        raise workflow.bad_field("external_id", None, f"1 to {LONGEST_EXTERNAL} printable characters")
    values = {"person": actor.id, "external": external_id, "confidence": confidence, "at": at}
    if session.execute(_CLAIM_SIGNAL, values).one_or_none() is None:
        return session.execute(_CASE_OF_SIGNAL, values).one(), False
    case = intake.report(session, settings, actor, given, photos, at=at)
    session.execute(_KEEP_SIGNAL, values | {"case": case.id})
    return case, True


_CLAIM_SIGNAL = text(
    "INSERT INTO city.signal (person_id, external_id, confidence, at) VALUES (:person, :external, :confidence, :at)"
    " ON CONFLICT DO NOTHING RETURNING 1"
)
_KEEP_SIGNAL = text("UPDATE city.signal SET case_id = :case WHERE person_id = :person AND external_id = :external")
_CASE_OF_SIGNAL = text(
    "SELECT l.* FROM city.signal s JOIN fn.case_line l ON l.id = s.case_id"
    " WHERE s.person_id = :person AND s.external_id = :external"
)


# Following a case


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
    if not found.may_rate:
        _refuse(found, link.satisfaction is not None, "cases.rated-before", "You have told us already what you think")
    values = {"id": link.id, "satisfaction": satisfaction, "words": (words or "").strip() or None, "at": at}
    session.execute(_RATE, values)


_RATE = text(
    "UPDATE city.follow SET satisfaction = :satisfaction, satisfaction_words = :words, rated_at = :at WHERE id = :id"
)


def _refuse(found: Followed, before: bool, code: str, sentence: str) -> None:
    """Why a reporter cannot rate or object now."""
    if before:
        raise Conflict(code, sentence)
    if found.object_until is None:
        raise Conflict("cases.not-ended", "The case has not ended yet", state=found.shown.state)
    raise Conflict(
        "cases.objection-late",
        f"Objections were taken until {found.object_until:%Y-%m-%d}. Report it anew",
        until=found.object_until.isoformat(),
    )


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
    if not found.may_object:
        _refuse(found, link.objection is not None, "cases.objected-before", "You have objected once already")
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
