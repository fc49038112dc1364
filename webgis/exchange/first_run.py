"""A city of one's own from nothing: which steps of setting it up are done, as the database tells. Reads only, but for
the line in the log that says that it has begun its work."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.accounts.actor import Actor
from webgis.accounts.models import AdminEvent, Department, Person
from webgis.catalog.models import FilingStandard
from webgis.errors import Conflict
from webgis.grid import queries

STEPS = ("boundaries", "grid", "people", "standard", "go")
NEEDED_ROLES = ("inspector", "acceptor", "dispatcher", "department")
"""Roles without which no case goes its way."""

BEGUN = "city.begin"

_UNDIVIDED = text(
    "SELECT count(*) FROM city.area a WHERE a.level = 'community'"
    " AND NOT EXISTS (SELECT FROM city.cell c WHERE c.community_code = a.code AND upper_inf(c.valid))"
)


@dataclass(frozen=True)
class Standing:
    """How far a city is: what there is, and which steps are done."""

    counts: dict[str, int]
    undivided: int
    departments: int
    roles: dict[str, int]
    standard: FilingStandard | None
    begun: bool

    @property
    def missing_roles(self) -> list[str]:
        """Roles that nobody has yet."""
        return [role for role in NEEDED_ROLES if not self.roles.get(role)]

    @property
    def done(self) -> Collection[str]:
        """The steps that are done."""
        found = {
            "boundaries": self.counts["community"] > 0,
            "grid": self.counts["cells"] > 0 and not self.undivided,
            "people": self.departments > 0 and not self.missing_roles,
            "standard": self.standard is not None,
            "go": self.begun,
        }
        return {step for step, done in found.items() if done}

    @property
    def now(self) -> str | None:
        """The step that comes next, or None."""
        return next((step for step in STEPS if step not in self.done), None)


_NEEDED = text(
    """
    SELECT (NOT EXISTS (SELECT FROM city.area WHERE level = 'community')
            OR NOT EXISTS (SELECT FROM city.filing_standard WHERE active)
            OR NOT EXISTS (SELECT FROM city.department)
            OR EXISTS (SELECT FROM unnest(CAST(:roles AS text[])) AS r (role)
                       WHERE NOT EXISTS (SELECT FROM city.person p WHERE p.role = r.role AND p.active))
            OR EXISTS (SELECT FROM city.area a WHERE a.level = 'community' AND NOT EXISTS (
                           SELECT FROM city.cell c WHERE c.community_code = a.code AND upper_inf(c.valid))))
        AND NOT EXISTS (SELECT FROM city.admin_event WHERE action = :begun)
    """
)


def needed(session: Session) -> bool:
    """Whether setting up is still to be offered: not to a city that has all it needs, or has begun its work.

    What `Standing.done` says, without counting: every page of administration asks it.
    """
    return session.scalar(_NEEDED, {"roles": list(NEEDED_ROLES), "begun": BEGUN})


def standing(session: Session) -> Standing:
    """How far the city is."""
    roles = select(Person.role, func.count()).where(Person.active).group_by(Person.role)
    return Standing(
        queries.counts(session),
        session.scalar(_UNDIVIDED),
        session.scalar(select(func.count()).select_from(Department)),
        dict(session.execute(roles).all()),
        session.scalar(select(FilingStandard).where(FilingStandard.active).limit(1)),
        session.scalar(select(AdminEvent.id).filter_by(action=BEGUN).limit(1)) is not None,
    )


def begin(session: Session, by: Actor) -> None:
    """Say that the city begins its work. `Conflict` while a step is open."""
    found = standing(session)
    left = [step for step in STEPS[:-1] if step not in found.done]
    if left:
        raise Conflict("exchange.not-ready", f"Still to be done: {', '.join(left)}", steps=left)
    after: dict[str, Any] = found.counts | {"departments": found.departments, "standard": found.standard.code}
    admin_log.record(session, by, BEGUN, found.standard.city_code, None, after)
