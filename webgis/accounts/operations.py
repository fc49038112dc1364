"""Verbs of accounts: departments, people, logins, keys."""

import re
import secrets
from datetime import timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, func, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webgis.accounts import queries
from webgis.accounts.actor import DEPARTMENT_KINDS, ROLES
from webgis.accounts.models import ApiKey, Department, LoginSession, Person
from webgis.errors import Conflict, Invalid, NotFound

LOGIN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._@-]{1,63}$")
AREA_CODE = re.compile(r"^\d{4}(\d\d(\d{3}(\d{3})?)?)?$")
MINIMUM_PASSWORD = 8
KEY_PREFIX = "wg_"

_hasher = PasswordHasher()


def add_department(
    session: Session,
    code: str,
    name_zh: str,
    name_en: str | None = None,
    *,
    kind: str,
    area: str | None = None,
    parent: str | None = None,
) -> Department:
    """Add a department of a kind, serving `area` (a code) or everywhere; `Conflict` when the code is taken."""
    if kind not in DEPARTMENT_KINDS:
        _refuse("kind", kind, f"one of {', '.join(DEPARTMENT_KINDS)}")
    if not code.strip() or not name_zh.strip():
        _refuse("code" if not code.strip() else "name_zh", "", "some text")
    if area is not None and not AREA_CODE.match(area):
        _refuse("area", area, "the code of an area: 4, 6, 9 or 12 digits")
    if parent is not None:
        queries.require_department(session, parent)
    if session.get(Department, code) is not None:
        raise Conflict("accounts.department-exists", f"There is a department {code} already", field="code")
    department = Department(code=code, name_zh=name_zh, name_en=name_en, kind=kind, area_code=area, parent_code=parent)
    session.add(department)
    session.flush()
    return department


def add_person(
    session: Session, login: str, name: str, role: str, password: str, *, department: str | None = None
) -> Person:
    """Add a person who can log in. The password is stored as an argon2id hash."""
    if not LOGIN.match(login):
        _refuse("login", login, "2 to 64 letters, digits or . _ @ -, beginning with a letter or digit")
    if role not in ROLES:
        _refuse("role", role, f"one of {', '.join(ROLES)}")
    if len(password) < MINIMUM_PASSWORD:
        _refuse("password", None, f"at least {MINIMUM_PASSWORD} characters")
    if role == "department" and department is None:
        _refuse("department", None, "the code of the department this person works for")
    if department is not None:
        queries.require_department(session, department)
    person = Person(login=login, name=name, role=role, department_code=department, password_hash=_hasher.hash(password))
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError:
        raise Conflict("accounts.login-exists", f"The login {login} is taken", field="login") from None
    return person


def _refuse(field: str, got: str | None, accepted: str) -> None:
    raise Invalid("accounts.bad-field", f"{field}: expected {accepted}", field=field, got=got, accepted=accepted)


def log_in(session: Session, login: str, password: str, hours: int) -> tuple[Person, str]:
    """Check a password and open a login session of `hours`; returns the person and the token for the cookie."""
    person = queries.person_by_login(session, login)
    usable = person is not None and person.active
    nobodys = _nobody()
    if not _matches(person.password_hash if usable else nobodys, password) or not usable:
        raise Invalid("accounts.wrong-login", "The login or the password is wrong", field="password")
    token = secrets.token_urlsafe(32)
    session.execute(delete(LoginSession).where(LoginSession.expires_at <= func.now()))
    session.add(
        LoginSession(
            token_hash=queries.fingerprint(token), person_id=person.id, expires_at=func.now() + timedelta(hours=hours)
        )
    )
    session.flush()
    return person, token


@lru_cache
def _nobody() -> str:
    """A hash to check when the login is unknown, so that the time of an answer does not tell which logins exist."""
    return _hasher.hash(secrets.token_hex(16))


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def log_out(session: Session, token: str) -> None:
    """End the login of this token, if it has not ended."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == queries.fingerprint(token)))


def set_password(session: Session, login: str, password: str) -> Person:
    """Give a person a new password and end all their logins."""
    person = queries.person_by_login(session, login)
    if person is None:
        raise NotFound("accounts.person-unknown", f"There is no account {login}", field="login")
    if len(password) < MINIMUM_PASSWORD:
        _refuse("password", None, f"at least {MINIMUM_PASSWORD} characters")
    person.password_hash = _hasher.hash(password)
    session.execute(delete(LoginSession).where(LoginSession.person_id == person.id))
    session.flush()
    return person


def make_key(session: Session, login: str, label: str | None = None) -> str:
    """Make an API key that speaks for this person. It is returned once; only its hash is kept."""
    actor = queries.actor(session, login)
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    session.add(ApiKey(key_hash=queries.fingerprint(key), person_id=actor.id, label=label))
    session.flush()
    return key


def revoke_keys(session: Session, login: str) -> int:
    """Revoke every key of this person; returns how many were alive."""
    actor = queries.actor(session, login)
    alive = update(ApiKey).where(ApiKey.person_id == actor.id, ApiKey.revoked_at.is_(None))
    return session.execute(alive.values(revoked_at=func.now())).rowcount
