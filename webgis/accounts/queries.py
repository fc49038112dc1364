"""Questions about accounts."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.accounts.models import ApiKey, Department, Person
from webgis.accounts.permissions import KeyLimits
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
    departments, classes = tuple(row.departments or ()), tuple(row.classes or ())
    return Actor(row.id, row.login, row.name, row.role, row.department, departments, row.area, classes)


@dataclass(frozen=True)
class Admitted:
    """Who a login or key speaks for. `by_id`: of the login or key; `needs`: what a login still needs before it counts;
    `limits`: of a key; `stale`: it is some minutes since its use was written down."""

    actor: Actor
    by_id: int
    needs: str | None
    limits: KeyLimits
    stale: bool


def _admitted(found: Sequence) -> Admitted | None:
    if not found:
        return None
    row = found[0]
    limits = KeyLimits(row.read_only, None if row.actions is None else frozenset(row.actions))
    return Admitted(_actor(row), row.by_id, row.needs, limits, row.stale)


def admitted_by_key(ask: Callable[..., Sequence], key: str) -> Admitted | None:
    """What an API key stands for; None when it is unknown, revoked or over. Asked (`Runtime.ask`) at every request."""
    return _admitted(ask(_BY_KEY, fingerprint(key)))


def admitted_by_session(ask: Callable[..., Sequence], token: str) -> Admitted | None:
    """What a login stands for; None when it has ended. Asked (`Runtime.ask`) at every request."""
    return _admitted(ask(_BY_TOKEN, fingerprint(token)))


def actor_of_key(ask: Callable[..., Sequence], key: str) -> Actor | None:
    """Who an API key speaks for; None when it is unknown, revoked or over. What it is limited to is not looked at."""
    found = admitted_by_key(ask, key)
    return found and found.actor


def actor_of_session(ask: Callable[..., Sequence], token: str) -> Actor | None:
    """Who is logged in with this token; None when the login has ended, or still needs something."""
    found = admitted_by_session(ask, token)
    return None if found is None or found.needs else found.actor


def people(session: Session) -> list[Person]:
    """Everyone, by role and login."""
    return list(session.scalars(select(Person).order_by(Person.role, Person.login)))


def class_keys(session: Session) -> list[str]:
    """Every class of every standard, as kind:code."""
    return list(session.scalars(text("SELECT DISTINCT kind || ':' || code FROM city.class")))


def called(words: str) -> ColumnElement[bool]:
    """Whether a person's login or name holds these words."""
    return Person.login.icontains(words, autoescape=True) | Person.name.icontains(words, autoescape=True)


def search(
    session: Session,
    *,
    words: str = "",
    role: str = "",
    department: str = "",
    active: bool | None = None,
    after: str = "",
    most: int = 50,
) -> list[Person]:
    """People by part of login or name, role, department (with those below it) and whether they are active, by login;
    `after`: from this login on."""
    login = func.lower(Person.login)
    wanted = select(Person).where(login > after.lower()).order_by(login).limit(most)
    if words:
        wanted = wanted.where(called(words))
    if role:
        wanted = wanted.where(Person.role == role)
    if department:
        wanted = wanted.where(Person.department_code.in_(departments_below(session, department)))
    if active is not None:
        wanted = wanted.where(Person.active.is_(active))
    return list(session.scalars(wanted))


_KEYS = (
    select(ApiKey, Person.login, Person.name)
    .join(Person, Person.id == ApiKey.person_id)
    .where(ApiKey.revoked_at.is_(None))
    .order_by(ApiKey.id.desc())
)


def keys(session: Session, *, person_id: int | None = None, words: str = "", most: int = 200) -> Sequence[Any]:
    """Keys that were not revoked, newest first: (ApiKey, login, name); of a person, or by part of login or label."""
    wanted = _KEYS.limit(most)
    if person_id is not None:
        wanted = wanted.where(ApiKey.person_id == person_id)
    if words:
        part = Person.login.icontains(words, autoescape=True) | ApiKey.label.icontains(words, autoescape=True)
        wanted = wanted.where(part)
    return session.execute(wanted).all()


def departments(session: Session, kind: str | None = None) -> list[Department]:
    """Departments, those of `kind` only when given, by code."""
    statement = select(Department).order_by(Department.code)
    return list(session.scalars(statement.where(Department.kind == kind) if kind else statement))


def departments_among(session: Session, codes: Iterable[str | None]) -> set[str]:
    """Those of these codes that departments have."""
    asked = set(filter(None, codes))
    return set(session.scalars(select(Department.code).where(Department.code.in_(asked)))) if asked else set()


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
