"""Permits for work in protection zones: applied for, decided, monitored, ended.

What is applied for is checked by `permit_applications`. Who may do what with a permit as it stands is said by the table
of `permit_rules`. Every act is a line of its history.
"""

from collections.abc import Sequence
from datetime import datetime

from geoalchemy2.shape import to_shape
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import ENGINE, Actor
from webgis.errors import Conflict, Forbidden, NotFound
from webgis.metro import permit_rules
from webgis.metro.permit_applications import CHANGEABLE, Application, check, day_of, values_of
from webgis.metro.permit_models import MetroPermit, MetroPermitEvent
from webgis.metro.permit_rules import LONGEST_TEXT, Step, bad_field

COUNTER = ("dispatcher", "manager")
"""Roles that take applications for those who come to the counter, and decide for lines without an operator."""


_NUMBER = text(
    "SELECT coalesce(max(right(number, 5)::integer), 0) + 1 FROM city.metro_permit WHERE number LIKE :year || '%'"
)
_NUMBER_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('webgis metro permit numbers', 0))")


def apply(session: Session, actor: Actor, asked: Application, at: datetime) -> str:
    """Apply for a permit; returns its number. `Invalid` "metro.bad-field" names the field at fault."""
    permissions.require(actor, "permits.apply")
    values = values_of(session, actor, asked, at)
    session.execute(_NUMBER_LOCK)
    year = f"MP{at.astimezone(session.info['settings'].zone):%Y}"
    made = MetroPermit(
        number=f"{year}{session.scalar(_NUMBER, {'year': year}):05d}",
        state="applied",
        department_code=actor.department,
        person_id=actor.id,
        created_at=at,
        **values,
    )
    session.add(made)
    session.flush()
    tell(session, made, actor, "apply", None, at, None)
    return made.number


def apply_again(session: Session, actor: Actor, number: str, asked: Application, at: datetime) -> MetroPermit:
    """Hand a returned application in again as it is now asked for; the history says which fields are others. Errors of
    `apply` and of `permit_rules.step`."""
    permissions.require(actor, "permits.act")
    permit = require(session, actor, number, lock=True)
    permit_rules.step("resubmit", permit.state, parts(actor, permit), frozenset())
    values = values_of(session, actor, asked, at)
    changed = [name for name in CHANGEABLE if getattr(permit, name) != values[name]]
    if to_shape(permit.geom) != to_shape(values["geom"]):
        changed.append("ground")
    for name, value in values.items():
        setattr(permit, name, value)
    if changed:
        tell(session, permit, actor, "amend", permit.state, at, " ".join(changed))
    return _do(session, actor, permit, "resubmit", at)


def require(session: Session, actor: Actor, number: str, *, lock: bool = False) -> MetroPermit:
    """The permit of this number, or `NotFound` when there is none that this person sees."""
    wanted = select(MetroPermit).where(MetroPermit.number == number)
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None or not sees(actor, found):
        raise NotFound("metro.permit-unknown", f"There is no permit {number[:40]}", got=number[:40])
    return found


def changeable(session: Session, actor: Actor, number: str) -> MetroPermit:
    """The permit of this number, held, once this person has a part in it and it has not ended."""
    permissions.require(actor, "permits.act")
    permit = require(session, actor, number, lock=True)
    if not parts(actor, permit):
        accepted = [permit_rules.APPLICANT, permit_rules.OPERATOR]
        raise Forbidden("metro.not-your-permit", f"{number} is for its {' and '.join(accepted)}", accepted=accepted)
    if permit.state in permit_rules.ENDED:
        raise Conflict("metro.not-now", "An ended permit is not changed any more", state=permit.state, accepted=[])
    return permit


def sees(actor: Actor, permit: MetroPermit) -> bool:
    """Whether a permit is in the sight of a person: of their area, for department staff of their department."""
    if actor.area is not None and not (permit.cell_code or "").startswith(actor.area):
        return False
    own = {permit.department_code, permit.operator_code} & {*actor.departments}
    return actor.role != "department" or bool(own)


def parts(actor: Actor, permit: MetroPermit) -> frozenset[str]:
    """What somebody is of a permit: applicant, operator, both or neither."""
    if actor == ENGINE:
        return frozenset({permit_rules.ENGINE})
    found = set()
    if actor.role in COUNTER or permit.department_code in actor.departments:
        found.add(permit_rules.APPLICANT)
    if (actor.role in COUNTER and permit.operator_code is None) or actor.role == "manager":
        found.add(permit_rules.OPERATOR)
    if permit.operator_code is not None and permit.operator_code in actor.departments:
        found.add(permit_rules.OPERATOR)
    return frozenset(found)


def act(
    session: Session,
    actor: Actor,
    number: str,
    action: str,
    at: datetime,
    *,
    note: str | None = None,
    conditions: str | None = None,
) -> MetroPermit:
    """Do a step of a permit. Errors of `permit_rules.step`; `Conflict` "metro.excluded" when a special zone excludes
    the work, which no decision changes."""
    permissions.require(actor, "permits.act")
    return _do(session, actor, require(session, actor, number, lock=True), action, at, note, conditions)


def _do(
    session: Session,
    actor: Actor,
    permit: MetroPermit,
    action: str,
    at: datetime,
    note: str | None = None,
    conditions: str | None = None,
) -> MetroPermit:
    given = {"note": (note or "").strip() or None, "conditions": (conditions or "").strip() or None}
    for field, said in given.items():
        if len(said or "") > LONGEST_TEXT:
            raise bad_field(field, f"{len(said)} characters", f"at most {LONGEST_TEXT} characters")
    told = frozenset(name for name, said in given.items() if said)
    step = permit_rules.step(action, permit.state, parts(actor, permit), told)
    if step.action == "grant":
        _grant(session, permit, at)
        permit.conditions = given["conditions"]
    before = permit.state
    permit.state = step.to
    if step.to in permit_rules.ENDED:
        permit.ended_at = at
    session.flush()
    tell(session, permit, actor, action, before, at, given["note"] or (given["conditions"] if step.needs else None))
    return permit


def _grant(session: Session, permit: MetroPermit, at: datetime) -> None:
    if permit.ends < day_of(session, at):
        raise Conflict("metro.days-over", f"Its last day was {permit.ends}: return it for other days", got=permit.ends)
    permit.checked = check(session, to_shape(permit.geom), permit.purpose, permit.starts, permit.ends)
    excluded = [zone["structure"] for zone in permit.checked if zone["allows"] == "excluded"]
    if excluded:
        raise Conflict(
            "metro.excluded",
            f"The special protection zone of {excluded[0]} excludes work for this purpose",
            structures=excluded,
            accepted=sorted(permit_rules.IN_SPECIAL),
        )
    permit.granted_at = at


_POSITION = text("SELECT coalesce(max(position), 0) + 1 FROM city.metro_permit_event WHERE permit_id = :id")


def tell(
    session: Session,
    permit: MetroPermit,
    actor: Actor,
    action: str,
    before: str | None,
    at: datetime,
    note: str | None,
) -> None:
    """Write a line of the history of a permit, as it stands now."""
    session.add(
        MetroPermitEvent(
            permit_id=permit.id,
            position=session.scalar(_POSITION, {"id": permit.id}),
            at=at,
            person_id=actor.id,
            action=action,
            from_state=before,
            to_state=permit.state,
            note=note,
        )
    )
    session.flush()


def offered(actor: Actor, permit: MetroPermit) -> tuple[Step, ...]:
    """The steps that this person may do now."""
    may = permissions.may(actor, "permits.act")
    return permit_rules.offered(permit.state, parts(actor, permit)) if may else ()


def expire(session: Session, at: datetime) -> int:
    """End the permits whose last day is over; how many."""
    wanted = select(MetroPermit).where(MetroPermit.state == "granted", MetroPermit.ends < day_of(session, at))
    over = session.scalars(wanted.order_by(MetroPermit.id).with_for_update(skip_locked=True)).all()
    for permit in over:
        _do(session, ENGINE, permit, "expire", at)
    return len(over)


_STREAMS = text("SELECT id, code FROM city.datastream WHERE code = ANY(:codes)")
_UNLINK = text("DELETE FROM city.metro_permit_datastream WHERE permit_id = :id")
_LINK = text("INSERT INTO city.metro_permit_datastream (permit_id, datastream_id) VALUES (:id, :stream)")


def monitor(session: Session, actor: Actor, number: str, codes: Sequence[str], at: datetime) -> None:
    """Say by which datastreams (codes) the work is monitored, instead of those before."""
    permit = changeable(session, actor, number)
    known = {row.code: row.id for row in session.execute(_STREAMS, {"codes": list(codes)})}
    if missing := sorted(set(codes) - known.keys()):
        raise bad_field("datastreams", missing[0][:60], "codes of datastreams that are registered")
    session.execute(_UNLINK, {"id": permit.id})
    if known:
        session.execute(_LINK, [{"id": permit.id, "stream": stream} for stream in known.values()])
    tell(session, permit, actor, "monitor", permit.state, at, ", ".join(sorted(known)) or None)
