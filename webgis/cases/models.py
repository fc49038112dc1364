"""Tables of cases: the case, its history, its photos, and the keys that make a retry harmless."""

from datetime import date, datetime

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    desc,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Department, Person
from webgis.cases.workflow import STATES
from webgis.catalog.models import FilingCondition
from webgis.catalog.rules import KINDS
from webgis.db import Base, one_of
from webgis.geo import SRID
from webgis.grid.models import Cell


class Case(Base):
    """A reported component or matter. Its place and cell are those of the report."""

    __tablename__ = "case"
    __table_args__ = (
        CheckConstraint("number ~ '^[0-9]{19}$'", name="number"),
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint(one_of("state", STATES), name="state"),
        CheckConstraint("deadline_at IS NULL OR department_code IS NOT NULL", name="deadline"),
        Index("ix_case_newest", desc("reported_at"), desc("id")),
        Index("ix_case_state", "state", desc("reported_at"), desc("id")),
        Index("ix_case_department_code", "department_code", "state", desc("reported_at"), desc("id")),
        Index("ix_case_class", "kind", "class_code", desc("reported_at"), desc("id")),
        Index("ix_case_cell_code", "cell_code", postgresql_ops={"cell_code": "text_pattern_ops"}),
        Index("ix_case_geom", "geom", postgresql_using="gist"),
        Index(
            "ix_case_words",
            "description",
            "address",
            postgresql_using="gin",
            postgresql_ops={"description": "gin_trgm_ops", "address": "gin_trgm_ops"},
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    standard: Mapped[str] = mapped_column(Text)
    class_code: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False), nullable=False)
    crs: Mapped[str] = mapped_column(Text)
    accuracy_m: Mapped[float | None] = mapped_column(Double)
    cell_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Cell.id), index=True)
    cell_code: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    reporter_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id))
    state: Mapped[str] = mapped_column(Text)
    condition_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(FilingCondition.id))
    department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code))
    resolver_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    reported_at: Mapped[datetime]
    dispatched_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]
    rework_count: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))


class CaseEvent(Base):
    """One step of one case: who, when, what was given, from which state to which, and where they stood.

    The database refuses to change or delete it.
    """

    __tablename__ = "case_event"
    __table_args__ = (Index("ix_case_event_case_id", "case_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id))
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    action: Mapped[str] = mapped_column(Text)
    from_state: Mapped[str | None] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id))
    role: Mapped[str] = mapped_column(Text)
    department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code))
    given: Mapped[dict] = mapped_column(JSONB)
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False))


class Photo(Base):
    """A photo given with a step. The file lies under `var/photos` by the SHA-256 of what is stored."""

    __tablename__ = "photo"
    __table_args__ = (Index("ix_photo_case_id", "case_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id))
    event_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(CaseEvent.id), index=True)
    sha256: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    bytes: Mapped[int]
    taken_at: Mapped[datetime | None]
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False))


class CaseCounter(Base):
    """The last sequence number given to a county on a day."""

    __tablename__ = "case_counter"
    __table_args__ = (CheckConstraint("last BETWEEN 1 AND 99999", name="last"),)

    county_code: Mapped[str] = mapped_column(Text, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]


class IdempotencyKey(Base):
    """A request that was done: asked again with the same key by the same person, it gives the same case."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_created_at", "created_at"),)

    person_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    number: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
