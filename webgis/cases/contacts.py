"""Who reported a case: sealed, shown masked, looked at in writing, and erased when it is no longer needed.

Names, numbers and addresses are stored sealed (`keyring.py`). A keyed hash of the number finds the other cases of a
caller. Source: Personal Information Protection Law, articles 19 (no longer than needed), 47 (erasure), 51 (encryption,
access); the days are a local rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import contact_rules as rules
from webgis.cases import keyring, queries
from webgis.cases.keyring import Keyring
from webgis.cases.workflow import bad_field
from webgis.settings import Settings

BATCH = 500
"""Rows that are sealed anew, or erased, in one transaction."""


@dataclass(frozen=True)
class Caller:
    """Who reports: what they said of themselves, in the forms of `contact_rules`, and how they wish to hear of it."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    channel: str = "none"
    language: str = "zh"

    @property
    def known(self) -> bool:
        """Whether they said anything of themselves."""
        return bool(self.name or self.phone or self.email)


def caller(
    name: str | None, phone: str | None, email: str | None, *, channel: str | None = None, language: str = "zh"
) -> Caller:
    """What was typed as a `Caller`. `Invalid` names the field that cannot be used.

    Without a wish (`channel` None) a mobile number is told by short message, else an e-mail address by e-mail.
    """
    kept = Caller(
        _read("name", name, rules.name, f"a name of at most {rules.LONGEST_NAME} characters"),
        _read("phone", phone, rules.phone, "a telephone number, such as 13800001234, 028-86540000 or +85221234567"),
        _read("email", email, rules.email, "an e-mail address, such as name@example.com"),
        language=language,
    )
    can = _reachable(kept)
    wish = channel or next(iter(can), "none")
    if wish != "none" and wish not in can:
        field = "phone" if wish == "sms" else "email"
        raise bad_field(field, None, "a mobile number for short messages" if wish == "sms" else "an address for e-mail")
    return Caller(kept.name, kept.phone, kept.email, wish, language)


def _read(field: str, given: str | None, reader, accepted: str) -> str | None:
    if given is None or not given.strip():
        return None
    read = reader(given)
    if read is None:
        raise bad_field(field, None, accepted)
    return read


def _reachable(one: Caller) -> list[str]:
    return (["sms"] if one.phone and rules.mobile(one.phone) else []) + (["email"] if one.email else [])


def _sealed(ring: Keyring, one: Caller) -> dict[str, Any]:
    return {
        "key": ring.name,
        "name": ring.seal(one.name),
        "phone": ring.seal(one.phone),
        "email": ring.seal(one.email),
        "phone_hash": ring.digests("phone", one.phone)[0] if one.phone else None,
    }


def _opened(ring: Keyring, row: Row) -> Caller:
    opened = {name: ring.open(getattr(row, name)) for name in ("name", "phone", "email")}
    return Caller(**opened, channel=row.channel, language=row.language)


_ADD = text(
    "INSERT INTO city.contact (case_id, sealed_with, name, phone, email, phone_hash, channel, language)"
    " VALUES (:case_id, :key, :name, :phone, :email, :phone_hash, :channel, :language) RETURNING id"
)
_OF_CASE = text(
    "SELECT id, case_id, name, phone, email, channel, language, created_at, erased_at FROM city.contact"
    " WHERE case_id = :case_id ORDER BY id"
)


def add(session: Session, settings: Settings, case_id: int, one: Caller) -> int:
    """Keep who reported a case, sealed; the contact's id."""
    values = {"case_id": case_id, "channel": one.channel, "language": one.language}
    return session.execute(_ADD, values | _sealed(keyring.of(settings), one)).scalar_one()


@dataclass(frozen=True)
class Shown:
    """A contact as it is shown: masked, whole, or erased."""

    id: int
    name: str | None
    phone: str | None
    email: str | None
    channel: str
    language: str
    masked: bool
    erased: bool


def masked(session: Session, settings: Settings, actor: Actor, number: str) -> list[Shown]:
    """Who reported the case, masked, to everyone who may see the case (`NotFound` for others)."""
    case = queries.require_case(session, actor, number)
    return _shown(settings, session.execute(_OF_CASE, {"case_id": case.id}).all(), whole=False)


def look(session: Session, settings: Settings, actor: Actor, number: str) -> list[Shown]:
    """Who reported the case, whole, to an acceptor or dispatcher; that they looked is written down."""
    permissions.require(actor, "contacts.look")
    case = queries.require_case(session, actor, number)
    rows = session.execute(_OF_CASE, {"case_id": case.id}).all()
    for row in rows:
        if row.erased_at is None:
            session.execute(_LOOKED, {"contact_id": row.id, "person": actor.id, "role": actor.role})
    return _shown(settings, rows, whole=True)


_LOOKED = text("INSERT INTO city.contact_look (contact_id, person_id, role) VALUES (:contact_id, :person, :role)")


def _shown(settings: Settings, rows: Sequence[Row], *, whole: bool) -> list[Shown]:
    ring = keyring.of(settings)
    return [
        Shown(
            row.id, *_texts(_opened(ring, row), whole), row.channel, row.language, not whole, row.erased_at is not None
        )
        for row in rows
    ]


def _texts(one: Caller, whole: bool) -> tuple[str | None, str | None, str | None]:
    if whole:
        return one.name, one.phone, one.email
    return (
        one.name and rules.masked_name(one.name),
        one.phone and rules.masked_phone(one.phone),
        one.email and rules.masked_email(one.email),
    )


def looks(session: Session, number: str) -> Sequence[Row]:
    """Who looked at the contacts of a case, oldest first: at, login, role, contact_id."""
    return session.execute(
        text(
            "SELECT l.at, p.login, l.role, l.contact_id FROM city.contact_look l"
            " JOIN city.person p ON p.id = l.person_id JOIN city.contact c ON c.id = l.contact_id"
            " JOIN city.case k ON k.id = c.case_id WHERE k.number = :number ORDER BY l.id"
        ),
        {"number": number},
    ).all()


def cases_of_phone(session: Session, settings: Settings, actor: Actor, number: str, limit: int = 10) -> Sequence[Row]:
    """Cases that were reported from this number (in the form of `contact_rules.phone`) and that the actor may see,
    newest first.

    Rows: number, state, class_zh, class_en, reported_at, closed_at.
    """
    hashes = keyring.of(settings).digests("phone", number)
    values = queries.sight(actor)._asdict() | {"hashes": hashes, "limit": limit}
    return session.execute(_OF_PHONE, values).all()


_OF_PHONE = text(
    f"""
    SELECT DISTINCT c.number, c.state, k.name_zh AS class_zh, k.name_en AS class_en, c.reported_at, c.closed_at
    FROM city.contact o
    JOIN city.case c ON c.id = o.case_id
    JOIN city.class k ON k.standard = c.standard AND k.kind = c.kind AND k.code = c.class_code
    WHERE o.phone_hash = ANY(:hashes)
      AND {queries.in_sight("c")}
    ORDER BY c.reported_at DESC LIMIT :limit
    """
)


OF_ENDED = """
    JOIN city.case c ON c.id = o.case_id LEFT JOIN city.case p ON p.id = c.parent_id
    WHERE CASE WHEN p.id IS NULL THEN c.closed_at ELSE p.closed_at END < :before
"""
"""Rows `o` of cases that ended before a moment: a merged report with the case that holds it."""

_OLD = f"FROM city.contact o {OF_ENDED} AND o.erased_at IS NULL"
_COUNT_OLD = text(f"SELECT count(*) {_OLD}")
_ERASE = text(
    f"""
    WITH old AS (SELECT o.id {_OLD} ORDER BY o.id LIMIT :batch FOR UPDATE OF o SKIP LOCKED)
    UPDATE city.contact o
    SET name = NULL, phone = NULL, email = NULL, phone_hash = NULL, channel = 'none', erased_at = now()
    FROM old WHERE o.id = old.id
    """
)


def count_before(session: Session, before: datetime) -> int:
    """How many contacts are of cases that ended before a moment.

    Those of a report that was merged into another case are kept as long as that one's.
    """
    return session.scalar(_COUNT_OLD, {"before": before})


def erase_before(session: Session, before: datetime) -> int:
    """Erase them, at most `BATCH` at once; the case and the row stay. Returns how many."""
    return session.execute(_ERASE, {"before": before, "batch": BATCH}).rowcount


def reseal(session: Session, settings: Settings) -> int:
    """Seal a batch of rows anew with the newest key; returns how many there were. 0 when all are."""
    ring = keyring.of(settings)
    contacts = session.execute(_OLD_CONTACTS, {"key": ring.name, "batch": BATCH}).all()
    for row in contacts:
        session.execute(_RESEAL_CONTACT, {"id": row.id} | _sealed(ring, _opened(ring, row)))
    addresses = session.execute(_OLD_ADDRESSES, {"key": ring.name, "batch": BATCH}).all()
    for row in addresses:
        values = {"id": row.id, "key": ring.name, "address": ring.reseal(row.address)}
        session.execute(
            text("UPDATE city.notice_address SET address = :address, sealed_with = :key WHERE id = :id"), values
        )
    return len(contacts) + len(addresses)


_OLD_CONTACTS = text(
    "SELECT id, name, phone, email, channel, language, erased_at FROM city.contact"
    " WHERE erased_at IS NULL AND sealed_with <> :key ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED"
)
_OLD_ADDRESSES = text(
    "SELECT id, address FROM city.notice_address WHERE address IS NOT NULL AND sealed_with <> :key"
    " ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED"
)
_RESEAL_CONTACT = text(
    "UPDATE city.contact SET sealed_with = :key, name = :name, phone = :phone, email = :email,"
    " phone_hash = :phone_hash WHERE id = :id"
)
