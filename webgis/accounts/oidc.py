"""Whom the city's own login service (OpenID Connect) vouches for, and which account that is.

The service says who somebody is by a subject that never changes. The first time an account is found by its login (the
claim `oidc_claim`); from then on by the subject, so that a login given to someone else over there opens nothing here.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webgis.accounts import admin_log, operations, passwords, queries
from webgis.accounts.models import Person
from webgis.errors import Forbidden
from webgis.settings import Settings


def person_of(session: Session, settings: Settings, claims: Mapping[str, Any]) -> Person:
    """The active account of who has these claims (validated), made now when the setting `oidc_role` says so.
    `Forbidden` when there is none."""
    subject = f"{claims['iss']} {claims['sub']}"
    person = session.scalar(select(Person).where(Person.oidc_subject == subject))
    if person is None:
        person = _first_time(session, settings, claims, subject)
    if not person.active:
        raise _unknown(person.login)
    return person


def _first_time(session: Session, settings: Settings, claims: Mapping[str, Any], subject: str) -> Person:
    login = str(claims.get(settings.oidc_claim) or "")
    person = queries.person_by_login(session, login)
    if person is None and settings.oidc_role and operations.LOGIN.match(login):
        name = str(claims.get("name") or login)[: operations.LONGEST_NAME]
        person = operations.add_person(session, login, name, settings.oidc_role, passwords.made())
    if person is None or person.oidc_subject is not None or person.role == "system":
        raise _unknown(login)
    person.oidc_subject = subject
    session.flush()
    admin_log.record(session, None, "people.service", person.login, None, {"subject": subject})
    return person


def _unknown(login: str) -> Forbidden:
    message = "The login service knows you, but there is no account here for you. Ask the administrator"
    return Forbidden("accounts.service-unknown", message, login=login[: operations.LONGEST_NAME])
