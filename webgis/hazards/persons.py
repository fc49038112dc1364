"""Who is in charge of a hazard source: sealed, shown masked, seen whole by those who may, which is written down."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import contact_rules, keyring
from webgis.errors import Forbidden, Invalid
from webgis.hazards.source_rules import bad_field
from webgis.hazards.source_wire import PersonGiven
from webgis.settings import Settings

BATCH = 500
"""Rows that are sealed anew in one transaction."""

_OF = text(
    "SELECT source_id, duty, name, phone FROM city.hazard_person WHERE source_id = ANY(:ids)"
    " ORDER BY source_id, place, id"
)
_FORGET = text("DELETE FROM city.hazard_person WHERE source_id = ANY(:ids)")
_ADD = text(
    """
    INSERT INTO city.hazard_person (source_id, duty, place, sealed_with, name, phone)
    SELECT n.source, n.duty, n.place, :key, convert_to(n.name, 'UTF8'), convert_to(n.phone, 'UTF8')
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (source bigint, duty text, place integer, name text, phone text)
    """
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


def put_all(session: Session, given: Mapping[int, Sequence[PersonGiven]]) -> dict[int, bool | Invalid]:
    """Let these be in charge of each source (its id) from now on; whether anything differs from before, or why not."""
    wanted = {source_id: _wanted(persons) for source_id, persons in given.items()}
    opened = _opened(session, list(given))
    differs = {id: one for id, one in wanted.items() if not isinstance(one, Invalid) and one != opened[id]}
    if differs:
        ring = keyring.of(session.info["settings"])
        rows = [_sealed(ring, id, place, one) for id, all_ in differs.items() for place, one in enumerate(all_)]
        session.execute(_FORGET, {"ids": list(differs)})
        session.execute(_ADD, {"key": ring.name, "rows": json.dumps(rows)})
    return {id: one if isinstance(one, Invalid) else id in differs for id, one in wanted.items()}


def _wanted(given: Sequence[PersonGiven]) -> list[Shown] | Invalid:
    try:
        return [_read(number, one) for number, one in enumerate(given, 1) if one.name or one.phone]
    except Invalid as error:
        return error


def _sealed(ring: keyring.Keyring, source_id: int, place: int, one: Shown) -> dict[str, Any]:
    """A row of `_ADD`; seals are text of ASCII."""
    seals = {"name": ring.seal(one.name), "phone": ring.seal(one.phone)}
    sealed = {name: token and token.decode() for name, token in seals.items()}
    return {"source": source_id, "duty": one.duty, "place": place} | sealed


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
        for one in _opened(session, [source_id])[source_id]
    ]


def may_look(actor: Actor, source: Row) -> bool:
    """Whether somebody may see who is in charge of a source (`source_queries.require`) whole: of a department's staff
    those for whom the source is."""
    own = actor.role != "department" or source.department_code in actor.departments
    return own and permissions.may(actor, "hazards.persons")


def look(session: Session, actor: Actor, source: Row) -> list[Shown]:
    """Who is in charge, whole, to those who may; that they looked is written down."""
    permissions.require(actor, "hazards.persons")
    if not may_look(actor, source):
        raise Forbidden(
            "hazards.persons-of-others",
            f"Hazard source {source.code} is for another department",
            accepted="staff of the department that it is for, the centre, managers",
        )
    session.execute(_LOOKED, {"id": source.id, "person": actor.id, "role": actor.role})
    return _opened(session, [source.id])[source.id]


def looks(session: Session, source_id: int, most: int = 50) -> Sequence[Row]:
    """Who looked at the persons in charge, newest first: at, login, role."""
    return session.execute(
        text(
            "SELECT l.at, p.login, l.role FROM city.hazard_look l JOIN city.person p ON p.id = l.person_id"
            " WHERE l.source_id = :id ORDER BY l.id DESC LIMIT :most"
        ),
        {"id": source_id, "most": most},
    ).all()


def _opened(session: Session, source_ids: Sequence[int]) -> dict[int, list[Shown]]:
    ring = keyring.of(session.info["settings"])
    opened: dict[int, list[Shown]] = {source_id: [] for source_id in source_ids}
    for row in session.execute(_OF, {"ids": list(source_ids)}):
        opened[row.source_id].append(Shown(row.duty, ring.open(row.name), ring.open(row.phone)))
    return opened


def reseal(session: Session, settings: Settings) -> int:
    """Seal a batch of rows anew with the newest key; returns how many there were. 0 when all are."""
    ring = keyring.of(settings)
    rows = session.execute(_OLD, {"key": ring.name, "batch": BATCH}).all()
    for row in rows:
        values = {"name": ring.reseal(row.name), "phone": ring.reseal(row.phone)}
        session.execute(_RESEAL, {"id": row.id, "key": ring.name} | values)
    return len(rows)
