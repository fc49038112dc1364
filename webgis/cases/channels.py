"""How reports arrive besides the inspectors': by the hotline, from the public without an account, from machines.

How a reporter follows a case afterwards is in `following.py`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import PUBLIC, Actor
from webgis.cases import contacts, following, intake, workflow
from webgis.cases.contacts import Caller
from webgis.cases.evidence import Evidence
from webgis.settings import Settings

LONGEST_CALL = 64
LONGEST_EXTERNAL = 128


# The hotline


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
    permissions.require(actor, "hotline.take")
    if not call_number.strip() or len(call_number) > LONGEST_CALL or not call_number.isprintable():
        raise workflow.bad_field("call_number", None, f"the number of the call, at most {LONGEST_CALL} characters")
    if who.phone is None:
        raise workflow.bad_field("phone", None, "the caller's telephone number")
    case = intake.report(session, settings, actor, given, photos, at=at)
    session.execute(_CALL, {"case": case.id, "call": call_number.strip(), "operator": actor.id, "at": at})
    following.add(session, settings, case.id, who)
    return case


_CALL = text(
    "INSERT INTO city.hotline_call (case_id, call_number, operator_id, called_at) VALUES (:case, :call, :operator, :at)"
)


def calls_of(session: Session, settings: Settings, actor: Actor, phone: str) -> Sequence[Row]:
    """Earlier cases of the same caller, newest first; asked while the call goes on. See `contacts.cases_of_phone`."""
    permissions.require(actor, "hotline.callers")
    who = contacts.caller(None, phone, None)
    return contacts.cases_of_phone(session, settings, actor, who.phone) if who.phone else []


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
    secret = following.add(session, settings, case.id, who, form_hash)
    return Receipt(case.number, secret, True)


def _sent_before(session: Session, settings: Settings, form_hash: bytes) -> Receipt | None:
    """The receipt of the form that was sent; of two at once the second waits for the first."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(encode(:form, 'hex'), 0))"), {"form": form_hash}
    )
    row = session.execute(
        text(
            "SELECT f.case_id, f.contact_id, f.secret_hash, c.number FROM city.follow f"
            " JOIN city.case c ON c.id = f.case_id WHERE f.form_hash = :form"
        ),
        {"form": form_hash},
    ).one_or_none()
    return row and Receipt(row.number, following.link_of(settings, row), False)


# Machines


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
    permissions.require(actor, "machines.report")
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
