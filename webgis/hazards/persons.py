"""Who is in charge of a hazard source: sealed, shown masked, seen whole by those who may, which is written down."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import contact_rules, keyring
from webgis.hazards.source_rules import bad_field
from webgis.hazards.source_wire import PersonGiven
from webgis.settings import Settings

BATCH = 500
"""Rows that are sealed anew in one transaction."""

_OF = text("SELECT id, duty, name, phone FROM city.hazard_person WHERE source_id = :id ORDER BY place, id")
_FORGET = text("DELETE FROM city.hazard_person WHERE source_id = :id")
_ADD = text(
    "INSERT INTO city.hazard_person (source_id, duty, place, sealed_with, name, phone)"
    " VALUES (:id, :duty, :place, :key, :name, :phone)"
)
_LOOKED = text("INSERT INTO city.hazard_look (source_id, person_id, role) VALUES (:id, :person, :role)")
_OLD = text(
    "SELECT id, name, phone FROM city.hazard_person WHERE sealed_with <> :key ORDER BY id LIMIT :batch"
    " FOR UPDATE SKIP LOCKED"
)
_RESEAL = text("UPDATE city.hazard_person SET sealed_with = :key, name = :name, phone = :phone WHERE id = :id")


@dataclass(frozen=True)
class Shown:
    """A person in charge as they are shown: masked or whole."""

    duty: str
    name: str | None
    phone: str | None


def put(session: Session, source_id: int, given: Sequence[PersonGiven]) -> bool:
    """Let these be in charge of a source from now on; whether anything differs from before."""
    ring = keyring.of(session.info["settings"])
    wanted = [_read(number, one) for number, one in enumerate(given, 1) if one.name or one.phone]
    if wanted == _opened(session, source_id):
        return False
    session.execute(_FORGET, {"id": source_id})
    for place, one in enumerate(wanted):
        sealed = {"name": ring.seal(one.name), "phone": ring.seal(one.phone)}
        session.execute(_ADD, {"id": source_id, "duty": one.duty, "place": place, "key": ring.name} | sealed)
    return True


def _read(number: int, given: PersonGiven) -> Shown:
    facts = {"person": number}
    name = contact_rules.name(given.name) if given.name else None
    if given.name and name is None:
        raise bad_field("persons", None, f"a name of at most {contact_rules.LONGEST_NAME} characters", **facts)
    phone = contact_rules.phone(given.phone) if given.phone else None
    if given.phone and phone is None:
        raise bad_field("persons", None, "a telephone number, such as 13800001234 or 028-86540000", **facts)
    return Shown(given.duty, name, phone)


def masked(session: Session, source_id: int) -> list[Shown]:
    """Who is in charge, masked."""
    return [
        Shown(
            one.duty,
            one.name and contact_rules.masked_name(one.name),
            one.phone and contact_rules.masked_phone(one.phone),
        )
        for one in _opened(session, source_id)
    ]


def look(session: Session, actor: Actor, source_id: int) -> list[Shown]:
    """Who is in charge, whole, to those who may; that they looked is written down."""
    permissions.require(actor, "hazards.persons")
    session.execute(_LOOKED, {"id": source_id, "person": actor.id, "role": actor.role})
    return _opened(session, source_id)


def looks(session: Session, source_id: int, most: int = 50) -> Sequence[Row]:
    """Who looked at the persons in charge, newest first: at, login, role."""
    return session.execute(
        text(
            "SELECT l.at, p.login, l.role FROM city.hazard_look l JOIN city.person p ON p.id = l.person_id"
            " WHERE l.source_id = :id ORDER BY l.id DESC LIMIT :most"
        ),
        {"id": source_id, "most": most},
    ).all()


def _opened(session: Session, source_id: int) -> list[Shown]:
    ring = keyring.of(session.info["settings"])
    rows = session.execute(_OF, {"id": source_id}).all()
    return [Shown(row.duty, ring.open(row.name), ring.open(row.phone)) for row in rows]


def reseal(session: Session, settings: Settings) -> int:
    """Seal a batch of rows anew with the newest key; returns how many there were. 0 when all are."""
    ring = keyring.of(settings)
    rows = session.execute(_OLD, {"key": ring.name, "batch": BATCH}).all()
    for row in rows:
        values = {"name": ring.reseal(row.name), "phone": ring.reseal(row.phone)}
        session.execute(_RESEAL, {"id": row.id, "key": ring.name} | values)
    return len(rows)
