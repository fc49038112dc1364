"""Where people with accounts want to be told: one address for each channel, sealed like a reporter's contact."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.cases import contact_rules, keyring
from webgis.cases.workflow import bad_field
from webgis.settings import Settings


def set_address(
    session: Session,
    settings: Settings,
    login: str,
    channel: str,
    address: str,
    *,
    language: str = "zh",
    digest_minutes: int | None = None,
) -> None:
    """Where a person wants to be told by `channel`. `NotFound` for an unknown login, `Invalid` for a bad address."""
    person = accounts.actor(session, login)
    read = contact_rules.phone(address) if channel == "sms" else contact_rules.email(address)
    if read is None or (channel == "sms" and not contact_rules.mobile(read)):
        raise bad_field("address", None, "a mobile number" if channel == "sms" else "an e-mail address")
    ring = keyring.of(settings)
    session.execute(
        _SET,
        {
            "person": person.id,
            "channel": channel,
            "key": ring.name,
            "address": ring.seal(read),
            "language": language,
            "digest": digest_minutes,
        },
    )


_SET = text(
    "INSERT INTO city.notice_address (person_id, channel, sealed_with, address, language, digest_minutes)"
    " VALUES (:person, :channel, :key, :address, :language, :digest)"
    " ON CONFLICT (person_id, channel) DO UPDATE SET sealed_with = excluded.sealed_with, address = excluded.address,"
    " language = excluded.language, digest_minutes = excluded.digest_minutes"
)


def drop_address(session: Session, login: str, channel: str) -> bool:
    """Erase a person's address of a channel; whether there was one."""
    person = accounts.actor(session, login)
    dropped = text(
        "UPDATE city.notice_address SET address = NULL"
        " WHERE person_id = :person AND channel = :channel AND address IS NOT NULL"
    )
    return session.execute(dropped, {"person": person.id, "channel": channel}).rowcount == 1


def addresses(session: Session, settings: Settings, login: str) -> list[dict[str, Any]]:
    """A person's own addresses: channel, address, language, digest_minutes."""
    person = accounts.actor(session, login)
    rows = session.execute(
        text(
            "SELECT channel, address, language, digest_minutes FROM city.notice_address"
            " WHERE person_id = :person AND address IS NOT NULL ORDER BY channel"
        ),
        {"person": person.id},
    )
    ring = keyring.of(settings)
    return [dict(row._mapping) | {"address": ring.open(row.address)} for row in rows]


_LISTED = text(
    "SELECT p.login, p.name, p.role, a.channel, a.address, a.language, a.digest_minutes"
    " FROM city.notice_address a JOIN city.person p ON p.id = a.person_id"
    " WHERE a.address IS NOT NULL ORDER BY p.login, a.channel"
)


def listed(session: Session, settings: Settings) -> list[dict[str, Any]]:
    """Everyone's addresses, masked: login, name, role, channel, address, language, digest_minutes."""
    ring, mask = keyring.of(settings), {"sms": contact_rules.masked_phone, "email": contact_rules.masked_email}
    return [
        dict(row._mapping) | {"address": mask[row.channel](ring.open(row.address))} for row in session.execute(_LISTED)
    ]
