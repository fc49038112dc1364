"""Questions about accounts."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.accounts.models import Department, Person
from webgis.errors import Invalid, NotFound


def fingerprint(secret: str) -> bytes:
    """SHA-256 of a key or session token, as stored (32 bytes)."""
    return hashlib.sha256(secret.encode()).digest()


def person_by_login(session: Session, login: str) -> Person | None:
    """The person of this login; upper and lower case are the same."""
    if "\0" in login:
        return None  # PostgreSQL has no such text
    return session.scalar(select(Person).where(func.lower(Person.login) == login.strip().lower()))


def actor(session: Session, login: str) -> Actor:
    """The actor of this login. `NotFound` when there is none, or it is not active."""
    person = person_by_login(session, login)
    if person is None or not person.active:
        raise NotFound("accounts.person-unknown", f"There is no active account {login}", field="login")
    row = session.execute(_BY_ID, {"id": person.id}).one()
    return _actor(row)


_BY_ID = text("SELECT * FROM fn.actor(:id)")
_BY_KEY = "SELECT * FROM fn.actor_of_key(%s)"
_BY_TOKEN = "SELECT * FROM fn.actor_of_session(%s)"


def _actor(row: Any) -> Actor:
    return Actor(row.id, row.login, row.name, row.role, row.department, tuple(row.departments or ()), row.area)


def actor_of_key(ask: Callable[..., Sequence], key: str) -> Actor | None:
    """Who an API key speaks for; None when it is unknown or revoked. Asked (`Runtime.ask`) at every request."""
    found = ask(_BY_KEY, fingerprint(key))
    return _actor(found[0]) if found else None


def actor_of_session(ask: Callable[..., Sequence], token: str) -> Actor | None:
    """Who is logged in with this token; None when the login has ended. Asked (`Runtime.ask`) at every request."""
    found = ask(_BY_TOKEN, fingerprint(token))
    return _actor(found[0]) if found else None


def people(session: Session) -> list[Person]:
    """Everyone, by role and login."""
    return list(session.scalars(select(Person).order_by(Person.role, Person.login)))


def departments(session: Session, kind: str | None = None) -> list[Department]:
    """Departments, those of `kind` only when given, by code."""
    statement = select(Department).order_by(Department.code)
    return list(session.scalars(statement.where(Department.kind == kind) if kind else statement))


def departments_below(session: Session, code: str) -> list[str]:
    """The codes of a department and of all below it."""
    return session.scalar(text("SELECT fn.departments_below(:code)"), {"code": code}) or []


def serving(departments: Sequence[Department], place: str) -> list[Department]:
    """Those that serve a place (the code of a cell or area), the one with the smallest area first."""
    found = [one for one in departments if place.startswith(one.area_code or "")]
    return sorted(found, key=lambda one: -len(one.area_code or ""))


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
