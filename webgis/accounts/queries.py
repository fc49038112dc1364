"""Questions about accounts."""

import hashlib

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.accounts.models import ApiKey, Department, LoginSession, Person
from webgis.errors import Invalid, NotFound

_ACTOR = select(Person.id, Person.login, Person.name, Person.role, Person.department_code).where(Person.active)


def _one_actor(session: Session, statement: Select) -> Actor | None:
    row: Row | None = session.execute(statement).one_or_none()
    return None if row is None else Actor(*row)


def fingerprint(secret: str) -> bytes:
    """SHA-256 of a key or session token, as stored (32 bytes)."""
    return hashlib.sha256(secret.encode()).digest()


def person_by_login(session: Session, login: str) -> Person | None:
    """The person of this login; upper and lower case are the same."""
    return session.scalar(select(Person).where(func.lower(Person.login) == login.strip().lower()))


def actor(session: Session, login: str) -> Actor:
    """The actor of this login. `NotFound` when there is none, or it is not active."""
    found = _one_actor(session, _ACTOR.where(func.lower(Person.login) == login.strip().lower()))
    if found is None:
        raise NotFound("accounts.unknown", f"There is no active account {login}", field="login")
    return found


def actor_of_key(session: Session, key: str) -> Actor | None:
    """Who an API key speaks for; None when it is unknown or revoked."""
    statement = _ACTOR.join(ApiKey, ApiKey.person_id == Person.id)
    return _one_actor(session, statement.where(ApiKey.key_hash == fingerprint(key), ApiKey.revoked_at.is_(None)))


def actor_of_session(session: Session, token: str) -> Actor | None:
    """Who is logged in with this token; None when the login has ended."""
    statement = _ACTOR.join(LoginSession, LoginSession.person_id == Person.id)
    alive = LoginSession.expires_at > func.now()
    return _one_actor(session, statement.where(LoginSession.token_hash == fingerprint(token), alive))


def people(session: Session) -> list[Person]:
    """Everyone, by role and login."""
    return list(session.scalars(select(Person).order_by(Person.role, Person.login)))


def departments(session: Session, kind: str | None = None) -> list[Department]:
    """Departments, those of `kind` only when given, by code."""
    statement = select(Department).order_by(Department.code)
    return list(session.scalars(statement.where(Department.kind == kind) if kind else statement))


def require_department(session: Session, code: str) -> Department:
    """The department of this code, or `Invalid` that names the field."""
    found = session.get(Department, code)
    if found is None:
        raise Invalid(
            "accounts.department-unknown",
            f"There is no department {code}",
            field="department",
            got=code,
            accepted="the code of a department",
        )
    return found
