"""The first people of an installation: its first administrator, and the usual departments with a post of each role.

The first administrator comes from who runs the machine, never from the web: `webgis accounts first`, or the first
start of `bin/serve --no-demo`, prints a password that must be changed at the first login.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis.accounts import operations, passwords, queries
from webgis.accounts.actor import DEPARTMENT_KIND_WORDS, Actor
from webgis.accounts.models import Department, Person
from webgis.errors import Conflict

LOGIN = "administrator"
NAMES = {
    "administrator": ("系统管理员", "Administrator"),
    "inspector": ("信息采集员", "Inspector"),
    "acceptor": ("受理员", "Acceptor"),
    "dispatcher": ("派遣员", "Dispatcher"),
    "manager": ("管理者", "Manager"),
}
POSTS = (("inspector", 2), ("acceptor", 1), ("dispatcher", 1), ("manager", 1))
"""Roles outside the departments, and how many posts each gets: nobody verifies what they reported themselves."""


@dataclass(frozen=True)
class Made:
    """An account that was made: its login, its name, and the password for the first login, which is kept nowhere."""

    login: str
    name: str
    password: str


def administrator(session: Session) -> Made:
    """Add the first administrator. `Conflict` when there is one already."""
    wanted = select(Person.login).where(Person.role == "administrator", Person.active)
    known = session.scalars(wanted.order_by(Person.id)).first()
    if known is not None:
        message = f"There is an administrator already: {known}. A new password: webgis accounts password {known}"
        raise Conflict("accounts.not-first", message, login=known)
    login = LOGIN if queries.person_by_login(session, LOGIN) is None else f"{LOGIN}-{_count(session)}"
    return _add(session, login, NAMES["administrator"][0], "administrator", None, None)


def nobody(session: Session) -> bool:
    """Whether there is no account at all."""
    return session.scalar(select(Person.id).limit(1)) is None


def _count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Person)) or 0


def usual(session: Session, area: str, language: str = "zh", by: Actor | None = None) -> list[Made]:
    """Add a department of every kind that serves an area, someone in each, and a post of each other role; those that
    there are stay as they are. The accounts that were made."""
    english = language == "en"
    made = []
    for role, count in POSTS:
        for number in range(1, count + 1):
            name = f"{NAMES[role][1]} {number}" if english else f"{NAMES[role][0]}{number}"
            made.append((f"{role}{number}", name, role, None))
    for kind, (zh, en) in DEPARTMENT_KIND_WORDS.items():
        code = f"{area}-{kind.replace('_', '-')}"
        if session.get(Department, code) is None:
            operations.add_department(session, code, zh, en, kind=kind, area=area, by=by)
        made.append((f"{kind.replace('_', '-')}1", f"{en} 1" if english else f"{zh}1", "department", code))
    return _missing(session, made, by)


def _missing(session: Session, wanted: Sequence[tuple[str, str, str, str | None]], by: Actor | None) -> list[Made]:
    known = {one.login.lower() for one in queries.people(session)}
    return [_add(session, *one, by) for one in wanted if one[0] not in known]


def _add(session: Session, login: str, name: str, role: str, department: str | None, by: Actor | None) -> Made:
    password = passwords.made()
    operations.add_person(session, login, name, role, password, department=department, must_change=True, by=by)
    return Made(login, name, password)
