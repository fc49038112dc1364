"""Verbs of accounts: departments, people, keys. What is done with logins is in `logins.py`.

Every one writes a line into the log of administrative acts; `by` is who does it (None: the command line).
"""

import re
import secrets
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webgis.accounts import admin_log, logins, passwords, queries
from webgis.accounts.actor import DEPARTMENT_KINDS, ROLES, Actor
from webgis.accounts.models import ApiKey, Department, Person
from webgis.accounts.permissions import BY_ACTION
from webgis.errors import Conflict, Invalid, NotFound
from webgis.settings import Settings

LOGIN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._@-]{1,63}$")
CODE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
CLASS_CODE = re.compile(r"^(?:(component|matter):)?(\d{2,5})$")
AREA_CODE = re.compile(r"^\d{4}(\d\d(\d{3}(\d{3})?)?)?$")
KEY_PREFIX = "wg_"
LONGEST_NAME, LONGEST_LABEL = 64, 100
LONGEST_KEY_DAYS = 3650


def add_department(
    session: Session,
    code: str,
    name_zh: str,
    name_en: str | None = None,
    *,
    kind: str,
    area: str | None = None,
    parent: str | None = None,
    by: Actor | None = None,
) -> Department:
    """Add a department of a kind, serving `area` (a code) or everywhere; `Conflict` when the code is taken."""
    if not CODE.match(code.strip()):
        _refuse("code", code, "1 to 64 letters, digits or . _ -, beginning with a letter or digit")
    if session.get(Department, code) is not None:
        raise Conflict("accounts.department-exists", f"There is a department {code} already", field="code")
    given = {"name_zh": name_zh, "name_en": name_en, "kind": kind, "area": area, "parent": parent}
    facts = _department(session, code, given)
    department = Department(code=code)
    _take_over(department, facts, DEPARTMENT_COLUMNS)
    session.add(department)
    session.flush()
    admin_log.record(session, by, "departments.add", code, None, facts)
    return department


DEPARTMENT_COLUMNS = {
    "name_zh": "name_zh", "name_en": "name_en", "kind": "kind", "area": "area_code", "parent": "parent_code",
}  # fmt: skip


def change_department(session: Session, code: str, given: Mapping[str, Any], *, by: Actor | None = None) -> Department:
    """Change name, kind, area or parent of a department: those that are given."""
    department = session.get(Department, code, with_for_update=True)
    if department is None:
        raise NotFound("accounts.department-missing", f"There is no department {code}", field="code")
    before = department_facts(department)
    after = _department(session, code, before | dict(given))
    _take_over(department, after, DEPARTMENT_COLUMNS)
    session.flush()
    admin_log.record_change(session, by, "departments.change", code, before, after)
    return department


def department_facts(department: Department) -> dict[str, Any]:
    """A department as it is told."""
    return {name: getattr(department, column) for name, column in DEPARTMENT_COLUMNS.items()}


def _take_over(row: Any, facts: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    for name, column in columns.items():
        setattr(row, column, facts[name])


def _department(session: Session, code: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a department, checked."""
    facts = {name: (str(given.get(name) or "").strip() or None) for name in DEPARTMENT_COLUMNS}
    if facts["kind"] not in DEPARTMENT_KINDS:
        _refuse("kind", facts["kind"], f"one of {', '.join(DEPARTMENT_KINDS)}")
    if not facts["name_zh"] or len(facts["name_zh"]) > LONGEST_NAME:
        _refuse("name_zh", facts["name_zh"], f"1 to {LONGEST_NAME} characters")
    if len(facts["name_en"] or "") > 2 * LONGEST_NAME:
        _refuse("name_en", facts["name_en"], f"at most {2 * LONGEST_NAME} characters")
    _check_area(facts["area"])
    if facts["parent"] is not None:
        queries.require_department(session, facts["parent"])
        if facts["parent"] in queries.departments_below(session, code) or facts["parent"] == code:
            _refuse("parent", facts["parent"], "a department that is not below this one")
    return facts


def _check_area(area: str | None) -> None:
    if area is not None and not AREA_CODE.match(area):
        _refuse("area", area, "the code of an area: 4, 6, 9 or 12 digits")


PERSON_COLUMNS = {
    "name": "name", "role": "role", "department": "department_code", "area": "area_code", "classes": "class_codes",
}  # fmt: skip


RIGHTS = ("role", "area", "classes")
"""What nobody changes of their own."""


def add_person(
    session: Session,
    login: str,
    name: str,
    role: str,
    password: str,
    *,
    department: str | None = None,
    area: str | None = None,
    classes: str | None = None,
    must_change: bool = False,
    by: Actor | None = None,
) -> Person:
    """Add a person who can log in. The password is stored as an argon2id hash; `must_change` at the first login."""
    if not LOGIN.match(login):
        _refuse("login", login, "2 to 64 letters, digits or . _ @ -, beginning with a letter or digit")
    given = {"name": name, "role": role, "department": department, "area": area, "classes": classes}
    facts = check_person(session, given)
    logins.check_password(_settings(session), login, password, "password")
    person = Person(login=login, password_hash=passwords.hashed(password), must_change=must_change and role != "system")
    _take_over(person, facts, PERSON_COLUMNS)
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError:
        raise Conflict("accounts.login-exists", f"The login {login} is taken", field="login") from None
    admin_log.record(session, by, "people.add", login, None, facts)
    return person


def check_person(session: Session, given: Mapping[str, Any]) -> dict[str, Any]:
    """Name, role, department, area and classes of a person, or `Invalid` for the first that cannot be."""
    facts = {field: (str(given.get(field) or "").strip() or None) for field in PERSON_COLUMNS}
    if not facts["name"] or len(facts["name"]) > LONGEST_NAME:
        _refuse("name", facts["name"], f"1 to {LONGEST_NAME} characters")
    if facts["role"] not in ROLES:
        _refuse("role", facts["role"], f"one of {', '.join(ROLES)}")
    if facts["role"] == "department" and facts["department"] is None:
        _refuse("department", None, "the code of the department this person works for")
    if facts["department"] is not None:
        queries.require_department(session, facts["department"])
    _check_area(facts["area"])
    if facts["classes"] is not None:
        facts["classes"] = read_classes(facts["classes"], queries.class_keys(session))
    return facts


def read_classes(written: str, known: Collection[str]) -> str | None:
    """Classes that somebody is limited to as they are kept: `models.CLASSES`, each beginning a `known` kind:code.

    Written are beginnings of codes with commas or spaces between them; without a kind before it one stands for both
    kinds, as far as there are such classes. `Invalid` for one with which no class begins.
    """
    found: set[str] = set()
    for one in re.split(r"[\s,;，；、]+", written.strip()):
        kind, code = match.groups() if (match := CLASS_CODE.match(one)) else (None, "")
        wanted = {f"{each}:{code}" for each in ((kind,) if kind else ("component", "matter")) if code}
        begun = {prefix for prefix in wanted if any(key.startswith(prefix) for key in known)}
        if one and not begun:
            _refuse("classes", one, "beginnings of codes of classes, such as 01, 0601 or matter:06")
        found |= begun
    widest = [one for one in sorted(found) if not any(one != other and one.startswith(other) for other in found)]
    return ",".join(widest) or None


def person_facts(person: Person) -> dict[str, Any]:
    """A person as they are told."""
    return {field: getattr(person, column) for field, column in PERSON_COLUMNS.items()}


def change_person(session: Session, login: str, given: Mapping[str, Any], *, by: Actor | None = None) -> Person:
    """Change name, role, department, area or classes of a person: those that are given. Administrators keep their
    own rights."""
    person = logins.require_person(session, login)
    before = person_facts(person)
    after = check_person(session, before | dict(given))
    if any(before[name] != after[name] for name in RIGHTS):
        logins.not_oneself(by, person)
    _take_over(person, after, PERSON_COLUMNS)
    session.flush()
    admin_log.record_change(session, by, "people.change", person.login, before, after)
    return person


def set_active(session: Session, login: str, active: bool, *, by: Actor | None = None) -> Person:
    """Let someone in again, or no more: then all their logins and keys end."""
    person = logins.require_person(session, login)
    if person.active == active:
        return person
    logins.not_oneself(by, person)
    person.active = active
    ended = {}
    if not active:
        keys = _revoke(session, ApiKey.person_id == person.id)
        ended = {"sessions": logins.end_all(session, person.id), "keys": keys}
    session.flush()
    admin_log.record(session, by, "people.activate" if active else "people.deactivate", person.login, None, ended)
    return person


def _refuse(field: str, got: str | None, accepted: str) -> None:
    raise Invalid("accounts.bad-field", f"{field}: expected {accepted}", field=field, got=got, accepted=accepted)


def _settings(session: Session) -> Settings:
    return session.info.get("settings") or Settings()


def set_password(
    session: Session, login: str, password: str, *, must_change: bool = False, by: Actor | None = None
) -> Person:
    """Give a person a new password and end all their logins; they are not locked out any more."""
    person = logins.require_person(session, login)
    logins.check_password(_settings(session), person.login, password, "password")
    person.password_hash = passwords.hashed(password)
    person.must_change = must_change and person.role != "system"
    logins.end_all(session, person.id)
    logins.unlock(session, person.login, by)
    session.flush()
    admin_log.record(session, by, "people.password", person.login)
    return person


def make_key(
    session: Session,
    login: str,
    label: str | None = None,
    *,
    read_only: bool = False,
    actions: Collection[str] | None = None,
    days: int | None = None,
    by: Actor | None = None,
) -> str:
    """Make an API key that speaks for this person: for reading only, for some actions of the table of rights only, for
    so many days. It is returned once; only its hash is kept."""
    person = queries.actor(session, login)
    if label is not None and len(label) > LONGEST_LABEL:
        _refuse("label", label[:LONGEST_LABEL], f"at most {LONGEST_LABEL} characters")
    if days is not None and not 1 <= days <= LONGEST_KEY_DAYS:
        _refuse("days", str(days), f"1 to {LONGEST_KEY_DAYS}, or none")
    if unknown := sorted(set(actions or ()) - {one.action for one in BY_ACTION.values() if one.keys}):
        _refuse("actions", ", ".join(unknown), "actions of the table of rights that keys may do")
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    made = ApiKey(
        key_hash=queries.fingerprint(key),
        person_id=person.id,
        label=label,
        read_only=read_only,
        actions=sorted(actions) if actions else None,
        expires_at=None if days is None else func.now() + timedelta(days=days),
    )
    session.add(made)
    session.flush()
    facts = {"id": made.id, "label": label, "read_only": read_only, "actions": made.actions, "days": days}
    admin_log.record(session, by, "keys.make", person.login, None, facts)
    return key


def _revoke(session: Session, condition: Any) -> int:
    alive = update(ApiKey).where(condition, ApiKey.revoked_at.is_(None))
    return session.execute(alive.values(revoked_at=func.now())).rowcount


def revoke_keys(session: Session, login: str, *, by: Actor | None = None) -> int:
    """Revoke every key of this person; returns how many were alive."""
    person = queries.actor(session, login)
    count = _revoke(session, ApiKey.person_id == person.id)
    admin_log.record(session, by, "keys.revoke", person.login, None, {"keys": count})
    return count


def revoke_key(session: Session, key_id: int, *, of: int | None = None, by: Actor | None = None) -> None:
    """Revoke a key: one of one's own (`of` a person), or anyone's. `NotFound` when there is none alive."""
    own = (ApiKey.id == key_id) if of is None else (ApiKey.id == key_id) & (ApiKey.person_id == of)
    if not _revoke(session, own):
        raise NotFound("accounts.key-unknown", "There is no such key, or it was revoked already")
    owner = session.scalar(select(Person.login).join(ApiKey, ApiKey.person_id == Person.id).where(ApiKey.id == key_id))
    admin_log.record(session, by, "keys.revoke", owner, {"id": key_id})
