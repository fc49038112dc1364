"""The second factor: a secret shared with an app on one's phone, sealed at rest; recovery codes for when it is lost.

A code counts once: the step of time of the last one is kept and only grows.
"""

import io
import secrets

import segno
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from webgis.accounts import admin_log, queries, totp
from webgis.accounts.actor import Actor
from webgis.accounts.models import Person, RecoveryCode
from webgis.errors import Conflict, Unavailable
from webgis.settings import Settings
from webgis.web import secret_key

CODES = 10
_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_NONCE = 12


def begin(session: Session, settings: Settings, person: Person) -> bytes:
    """The secret to be scanned: the one that waits, or a new one. It counts when a code of it was given (`confirm`)."""
    if person.totp_since is not None:
        raise Conflict("accounts.second-factor-on", "There is a second factor already; take it off first")
    if person.totp_secret is None:
        person.totp_secret = _seal(settings, person.id, secrets.token_bytes(totp.SECRET_BYTES))
        session.flush()
    return _open(settings, person)


def confirm(session: Session, settings: Settings, person: Person, given: str, seconds: float) -> list[str] | None:
    """Set the second factor up with a first code of it; recovery codes to be shown once, or None for a wrong code."""
    if person.totp_since is not None or not _uses(session, settings, person, given, seconds):
        return None
    person.totp_since = func.now()
    session.flush()
    session.refresh(person)
    admin_log.record(session, queries.actor(session, person.login), "second-factor.on", person.login)
    return new_codes(session, person)


def new_codes(session: Session, person: Person) -> list[str]:
    """Recovery codes in place of those before, to be shown once."""
    made = ["-".join(_word() for _part in range(2)) for _code in range(CODES)]
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    rows = [{"code_hash": _hashed(person, code), "person_id": person.id} for code in made]
    session.execute(insert(RecoveryCode), rows)
    return made


def _word() -> str:
    return "".join(secrets.choice(_SIGNS) for _sign in range(5))


def _hashed(person: Person, code: str) -> bytes:
    plain = "".join(sign for sign in code.upper() if sign in _SIGNS)
    return queries.fingerprint(f"{person.id} {plain}")


def right(session: Session, settings: Settings, person: Person, given: str, seconds: float) -> bool:
    """Whether this is a code of the app that was not used yet, or a recovery code, which is used up by it."""
    if person.totp_since is None:
        return False
    return _uses(session, settings, person, given, seconds) or _recovers(session, person, given)


def _uses(session: Session, settings: Settings, person: Person, given: str, seconds: float) -> bool:
    if person.totp_secret is None:
        return False
    step = totp.accepted(_open(settings, person), "".join(given.split()), seconds)
    if step is None:
        return False
    newer = update(Person).where(Person.id == person.id, Person.totp_step < step).values(totp_step=step)
    return session.execute(newer, execution_options={"synchronize_session": False}).rowcount == 1


def _recovers(session: Session, person: Person, given: str) -> bool:
    own = RecoveryCode.code_hash == _hashed(person, given)
    return session.execute(delete(RecoveryCode).where(own, RecoveryCode.person_id == person.id)).rowcount == 1


def codes_left(session: Session, person_id: int) -> int:
    """How many recovery codes were not used."""
    return session.scalar(select(func.count()).where(RecoveryCode.person_id == person_id))


def take_off(session: Session, person: Person, by: Actor | None) -> None:
    """Take the second factor off: one's own, or by an administrator for someone who has lost phone and codes."""
    person.totp_secret, person.totp_since = None, None
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    admin_log.record(session, by, "second-factor.off", person.login)


def picture(secret: bytes, login: str, issuer: str) -> str:
    """The QR code as SVG to stand in a page."""
    buffer = io.BytesIO()
    made = segno.make(totp.address(secret, login, issuer), error="m", micro=False)
    made.save(buffer, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=2, dark="#000", light="#fff")
    return buffer.getvalue().decode()


def _key(settings: Settings) -> AESGCM:
    derived = HKDF(hashes.SHA256(), 32, None, b"webgis second factor").derive(secret_key(settings).encode())
    return AESGCM(derived)


def _seal(settings: Settings, person_id: int, secret: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _key(settings).encrypt(nonce, secret, str(person_id).encode())


def _open(settings: Settings, person: Person) -> bytes:
    kept = bytes(person.totp_secret)
    try:
        return _key(settings).decrypt(kept[:_NONCE], kept[_NONCE:], str(person.id).encode())
    except ValueError as error:
        raise _lost() from error


def _lost() -> Unavailable:
    return Unavailable(
        "accounts.second-factor-lost",
        "The key that sealed the second factors is not here any more. An administrator can take yours off",
    )
