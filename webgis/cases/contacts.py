"""Who reported a case: sealed, shown masked, looked at in writing, and erased when it is no longer needed.

Names, numbers and addresses are stored as Fernet tokens (AES-128-CBC with HMAC-SHA256); the key is in the settings or a
file, never in the database. A keyed hash of the number finds the other cases of a caller. Source: Personal Information
Protection Law, articles 19 (no longer than needed), 47 (erasure), 51 (encryption, access); the days are a local rule.
"""

import base64
import hashlib
import hmac
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.cases import contact_rules as rules
from webgis.cases import queries
from webgis.cases.workflow import bad_field
from webgis.errors import Conflict, Forbidden, Invalid, Unavailable
from webgis.settings import Settings

WHO_NEEDS_TO_KNOW = ("acceptor", "dispatcher")
"""The roles that see a contact whole; each look is written down."""

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


# Keys


class Keyring:
    """Keys that seal and open, the newest first: that one seals, all open."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]
        self._fernet = MultiFernet([Fernet(key) for key in self._keys])
        self.name = hashlib.sha256(self._keys[0]).hexdigest()[:12]
        """Names the newest key without telling it."""

    def seal(self, given: str | None) -> bytes | None:
        """A text sealed with the newest key; None stays None."""
        return None if given is None else self._fernet.encrypt(given.encode())

    def open(self, token: bytes | None) -> str | None:
        """A sealed text; None stays None. `Unavailable` when no key fits."""
        if token is None:
            return None
        try:
            return self._fernet.decrypt(bytes(token)).decode()
        except InvalidToken:
            raise Unavailable(
                "cases.contact-key-lost",
                "A contact was sealed with a key that is not here any more. Add it behind the newest one: contact_key, "
                "or a line of var/contact_key",
            ) from None

    def reseal(self, token: bytes | None) -> bytes | None:
        """The same text sealed with the newest key."""
        return self.seal(self.open(token))

    def digests(self, purpose: str, given: str) -> list[bytes]:
        """HMAC-SHA256 of a text for one purpose, with each key, the newest first (32 bytes each)."""
        return [hmac.digest(key, f"webgis {purpose}\0{given}".encode(), "sha256") for key in self._keys]


def keyring(settings: Settings) -> Keyring:
    """The keys of this installation: from the settings, or from `var/contact_key`, made once for all processes."""
    if settings.contact_key is not None:
        return _ring(settings.contact_key.get_secret_value().replace(",", "\n"))
    path = settings.var_dir / "contact_key"
    if not path.exists():
        _make_key(path)
    return _ring(path.read_text(encoding="ascii"))


@lru_cache(maxsize=16)
def _ring(lines: str) -> Keyring:
    try:
        return Keyring([line.strip() for line in lines.splitlines() if line.strip()])
    except (ValueError, IndexError):
        raise Invalid(
            "settings.bad-value", "contact_key: a Fernet key is 32 bytes in URL-safe base64", field="contact_key"
        ) from None


def _make_key(path: Path) -> None:
    """Make the first key. Of two processes at once one makes it, and the other uses it."""
    made = _written(path, Fernet.generate_key().decode())
    try:
        path.hardlink_to(made)
    except FileExistsError:
        pass
    finally:
        made.unlink()


def _written(path: Path, content: str) -> Path:
    """A file beside `path` that only its owner reads, on the disc for good."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with open(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(content + "\n")
        file.flush()
        os.fsync(file.fileno())
    return made


def rotate(session: Session, settings: Settings) -> str:
    """Put a new key before the others in `var/contact_key` and have everything sealed anew; returns its name.

    `Conflict` when the key is in the settings: who keeps it there puts the new one before it there, and calls `reseal`.
    """
    if settings.contact_key is not None:
        raise Conflict(
            "cases.contact-key-in-settings",
            "The key is in the setting contact_key: put a new one before it there (webgis contacts new-key), start "
            "again, then run: webgis contacts reseal",
        )
    keyring(settings)
    path = settings.var_dir / "contact_key"
    _written(path, "\n".join([Fernet.generate_key().decode(), *path.read_text().split()])).replace(path)
    jobs.enqueue(session, "cases.reseal_contacts")
    return keyring(settings).name


def forget_old_keys(session: Session, settings: Settings) -> int:
    """Drop all keys but the newest from `var/contact_key`; returns how many. `Conflict` while one is still needed."""
    left = sealed_with_old(session, settings)
    if left or settings.contact_key is not None:
        raise Conflict(
            "cases.contact-key-needed",
            f"{left} rows are still sealed with an older key" if left else "The key is in the setting contact_key",
        )
    path = settings.var_dir / "contact_key"
    keys = path.read_text().split()
    _written(path, keys[0]).replace(path)
    return len(keys) - 1


_OLD = """
    (SELECT count(*) FROM city.contact WHERE erased_at IS NULL AND sealed_with <> :key)
    + (SELECT count(*) FROM city.notice_address WHERE address IS NOT NULL AND sealed_with <> :key)
"""


def sealed_with_old(session: Session, settings: Settings) -> int:
    """How many rows are sealed with another key than the newest."""
    return session.scalar(text(f"SELECT {_OLD}"), {"key": keyring(settings).name})


def reseal(session: Session, settings: Settings) -> int:
    """Seal a batch of rows anew with the newest key; returns how many there were. 0 when all are."""
    ring = keyring(settings)
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


# Contacts of a case

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
    return session.execute(_ADD, values | _sealed(keyring(settings), one)).scalar_one()


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
    if actor.role not in WHO_NEEDS_TO_KNOW:
        raise Forbidden(
            "cases.not-your-role",
            f"A reporter's contact is seen by: {' or '.join(WHO_NEEDS_TO_KNOW)}",
            role=actor.role,
            accepted=WHO_NEEDS_TO_KNOW,
        )
    case = queries.require_case(session, actor, number)
    rows = session.execute(_OF_CASE, {"case_id": case.id}).all()
    for row in rows:
        if row.erased_at is None:
            session.execute(_LOOKED, {"contact_id": row.id, "person": actor.id, "role": actor.role})
    return _shown(settings, rows, whole=True)


_LOOKED = text("INSERT INTO city.contact_look (contact_id, person_id, role) VALUES (:contact_id, :person, :role)")


def _shown(settings: Settings, rows: Sequence[Row], *, whole: bool) -> list[Shown]:
    ring = keyring(settings)
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
            ' JOIN city."case" k ON k.id = c.case_id WHERE k.number = :number ORDER BY l.id'
        ),
        {"number": number},
    ).all()


def cases_of_phone(session: Session, settings: Settings, number: str, limit: int = 10) -> Sequence[Row]:
    """Cases that were reported from this number (in the form of `contact_rules.phone`), newest first.

    Rows: number, state, class_zh, class_en, reported_at, closed_at.
    """
    hashes = keyring(settings).digests("phone", number)
    return session.execute(_OF_PHONE, {"hashes": hashes, "limit": limit}).all()


_OF_PHONE = text(
    """
    SELECT DISTINCT c.number, c.state, k.name_zh AS class_zh, k.name_en AS class_en, c.reported_at, c.closed_at
    FROM city.contact o
    JOIN city."case" c ON c.id = o.case_id
    JOIN city.class k ON k.standard = c.standard AND k.kind = c.kind AND k.code = c.class_code
    WHERE o.phone_hash = ANY(:hashes) ORDER BY c.reported_at DESC LIMIT :limit
    """
)


def erase_old(session: Session, days: int, *, batch: int = BATCH) -> int:
    """Erase the contacts of cases that ended more than `days` ago; the case and the row stay. Returns how many."""
    return session.execute(_ERASE, {"days": days, "batch": batch}).rowcount


_ERASE = text(
    """
    WITH old AS (
        SELECT o.id FROM city.contact o JOIN city."case" c ON c.id = o.case_id
        WHERE o.erased_at IS NULL AND c.closed_at < now() - make_interval(days => :days)
        ORDER BY o.id LIMIT :batch FOR UPDATE OF o SKIP LOCKED
    )
    UPDATE city.contact o
    SET name = NULL, phone = NULL, email = NULL, phone_hash = NULL, channel = 'none', erased_at = now()
    FROM old WHERE o.id = old.id
    """
)


def new_key() -> str:
    """A key for the setting contact_key."""
    return Fernet.generate_key().decode()


def link_of(settings: Settings, link: Row) -> str | None:
    """The secret of a stored link (case_id, contact_id, secret_hash); None when the key that made it is gone."""
    for secret in link_secret(keyring(settings), link.case_id, link.contact_id):
        if accounts.fingerprint(secret) == bytes(link.secret_hash):
            return secret
    return None


def link_secret(ring: Keyring, case_id: int, contact_id: int | None) -> list[str]:
    """The secret of the link by which this reporter follows this case, with each key, the newest first (24 signs).

    It is derived from the key, so that a later notice can hold the link although only its hash is stored.
    """
    digests = ring.digests("follow", f"{case_id}/{contact_id or '-'}")
    return [base64.urlsafe_b64encode(digest[:18]).decode() for digest in digests]
