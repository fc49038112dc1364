"""Tables of emergency command."""

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.actor import DEPARTMENT_KINDS
from webgis.accounts.models import Department, Person
from webgis.cases.models import Case
from webgis.db import Base, one_of
from webgis.emergency.board import STATES as TASK_STATES
from webgis.emergency.kinds import KINDS, RESOURCE_KINDS, TOLD, WHO
from webgis.geo import SRID
from webgis.grid.models import Cell
from webgis.hazards.alarm_models import Alarm

STATES = ("open", "closed")
PROPOSAL_STATES = ("waiting", "accepted", "declined")


class Emergency(Base):
    """An emergency: what, where, how grave, who leads. `area` is the ground it covers: `radius_m` around its place, or
    an outline of its own. `version` and `head` are number and hash of its last line of log."""

    __tablename__ = "emergency"
    __table_args__ = (
        UniqueConstraint("number"),
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint("level BETWEEN 1 AND 4", name="level"),
        CheckConstraint(one_of("state", STATES), name="state"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        Index("ix_emergency_area", "area", postgresql_using="gist"),
        Index("ix_emergency_opened_at", "opened_at"),
        Index("ix_emergency_open", "id", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    level: Mapped[int] = mapped_column(SmallInteger)
    exercise: Mapped[bool] = mapped_column(Boolean)
    place = mapped_column(Geometry("POINT", SRID, spatial_index=False), nullable=False)
    radius_m: Mapped[float | None] = mapped_column(Double)
    area = mapped_column(Geometry("MULTIPOLYGON", SRID, spatial_index=False), nullable=False)
    cell_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Cell.id))
    cell_code: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    lead_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code))
    alarm_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Alarm.id))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    summary: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    head: Mapped[bytes] = mapped_column(LargeBinary, server_default=text("''"))


class EmergencyParty(Base):
    """A department that takes part, from when until when (null: still)."""

    __tablename__ = "emergency_party"
    __table_args__ = (Index("ix_emergency_party_department_code", "department_code"),)

    emergency_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey(Emergency.id), primary_key=True, autoincrement=False
    )
    department_code: Mapped[str] = mapped_column(ForeignKey(Department.code), primary_key=True)
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]


class Resource(Base):
    """Something that helps in an emergency and stands somewhere."""

    __tablename__ = "resource"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint(one_of("kind", RESOURCE_KINDS), name="kind"),
        Index("ix_resource_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False), nullable=False)
    department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code))
    amount: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    illustrative: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))


class EmergencyTask(Base):
    """What one department is to do, by when, since when (`put_at`). `words_en` may be missing: somebody wrote it in one
    language. `resource_id`: what is to be brought, if that is the task. `near_told_at`, `late_told_at`: when it was
    told that its deadline is near, or past."""

    __tablename__ = "emergency_task"
    __table_args__ = (
        CheckConstraint(one_of("state", TASK_STATES), name="state"),
        Index("ix_emergency_task_department_code", "department_code"),
        Index("ix_emergency_task_resource_id", "resource_id", postgresql_where=text("resource_id IS NOT NULL")),
    )

    emergency_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey(Emergency.id), primary_key=True, autoincrement=False
    )
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    words_zh: Mapped[str] = mapped_column(Text)
    words_en: Mapped[str | None] = mapped_column(Text)
    department_code: Mapped[str] = mapped_column(ForeignKey(Department.code))
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]
    put_at: Mapped[datetime]
    near_told_at: Mapped[datetime | None]
    late_told_at: Mapped[datetime | None]
    resource_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Resource.id))


class EmergencyListener(Base):
    """Who is told by message of what happens to an emergency: the departments that it happens to, the one that leads,
    or the people of a role whose area it lies in."""

    __tablename__ = "emergency_listener"
    __table_args__ = (
        CheckConstraint(one_of("event", TOLD), name="event"),
        CheckConstraint(one_of("who", WHO), name="who"),
    )

    event: Mapped[str] = mapped_column(Text, primary_key=True)
    who: Mapped[str] = mapped_column(Text, primary_key=True)


class EmergencyEvent(Base):
    """A line of the log; added by `fn.add_emergency_event` alone, never altered. `hash` holds the line before it."""

    __tablename__ = "emergency_event"
    __table_args__ = (UniqueConstraint("emergency_id", "seq"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    emergency_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Emergency.id))
    seq: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    role: Mapped[str] = mapped_column(Text)
    department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class EmergencyCase(Base):
    """A case that belongs to an emergency."""

    __tablename__ = "emergency_case"
    __table_args__ = (Index("ix_emergency_case_case_id", "case_id"),)

    emergency_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey(Emergency.id), primary_key=True, autoincrement=False
    )
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id), primary_key=True, autoincrement=False)


class EmergencyPlan(Base):
    """A task of the city's own plan for a kind, from which level on it is needed (4: always, 1: only at level I).
    A kind without rows has the plan that ships (`plans.py`)."""

    __tablename__ = "emergency_plan"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint("level BETWEEN 1 AND 4", name="level"),
        CheckConstraint("minutes BETWEEN 1 AND 43200", name="minutes"),
        CheckConstraint(one_of("department_kind", DEPARTMENT_KINDS), name="department_kind"),
    )

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    level: Mapped[int] = mapped_column(SmallInteger)
    department_kind: Mapped[str] = mapped_column(Text)
    minutes: Mapped[int] = mapped_column(Integer)
    words_zh: Mapped[str] = mapped_column(Text)
    words_en: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)


class CapMessage(Base):
    """A CAP message that an emergency gave out: one when it was opened, one for each change, one when it was closed."""

    __tablename__ = "cap_message"
    __table_args__ = (UniqueConstraint("identifier"), UniqueConstraint("emergency_id", "seq"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    emergency_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Emergency.id))
    seq: Mapped[int] = mapped_column(Integer)
    identifier: Mapped[str] = mapped_column(Text)
    sender: Mapped[str] = mapped_column(Text)
    sent: Mapped[str] = mapped_column(Text)
    msg_type: Mapped[str] = mapped_column(Text)
    xml: Mapped[str] = mapped_column(Text)


class CapProposal(Base):
    """A CAP message that came in: waits until somebody opens an emergency from it, or declines. Sender, identifier and
    moment are its identity in CAP. `told` is what it says, in the shape of `cap_reading.read`. `change`: what happened
    last to it, an id of the sequence that numbers the events of emergencies (`fn.emergency_news`)."""

    __tablename__ = "cap_proposal"
    __table_args__ = (
        UniqueConstraint("sender", "identifier", "sent"),
        CheckConstraint(one_of("state", PROPOSAL_STATES), name="state"),
        Index("ix_cap_proposal_waiting", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_cap_proposal_change", "change"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    sender: Mapped[str] = mapped_column(Text)
    identifier: Mapped[str] = mapped_column(Text)
    sent: Mapped[str] = mapped_column(Text)
    told: Mapped[dict[str, Any]] = mapped_column(JSONB)
    xml: Mapped[str] = mapped_column(Text)
    area = mapped_column(Geometry("MULTIPOLYGON", SRID, spatial_index=False))
    state: Mapped[str] = mapped_column(Text, server_default=text("'waiting'"))
    received_at: Mapped[datetime]
    received_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    emergency_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Emergency.id))
    change: Mapped[int | None] = mapped_column(BigInteger)
