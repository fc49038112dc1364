"""Tables of permits for work in protection zones, and of work that was found there without one."""

from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Department, Person
from webgis.db import Base, one_of
from webgis.geo import SRID
from webgis.metro.distances import ZONE_KINDS
from webgis.metro.models import MetroStructure
from webgis.metro.permit_rules import PURPOSES, STATES, WORKS
from webgis.telemetry.models import Datastream

FOUND_BY = ("case", "component", "site")
SETTLED = ("open", "permitted", "no_work", "stopped")
"""How a finding stands: nobody has looked; there is a permit; it is no work of the kind; the work was stopped."""


class MetroPermit(Base):
    """A permit, from its application on. `geom`: the ground of the work; `cell_code`: of the cell that holds a point of
    it, none outside the grid; `department_code`: who applied, `operator_code`: whose agreement is asked; `checked`: the
    zones that it touched when it was applied for, and when it was decided. It is in force from `granted_at` to
    `ended_at`, on the days from `starts` to `ends`, both included."""

    __tablename__ = "metro_permit"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state"),
        CheckConstraint(one_of("work", WORKS), name="work"),
        CheckConstraint(one_of("purpose", PURPOSES), name="purpose"),
        CheckConstraint("ends >= starts", name="days"),
        CheckConstraint("(state <> 'granted') OR (granted_at IS NOT NULL AND ended_at IS NULL)", name="granted"),
        UniqueConstraint("number"),
        Index("ix_metro_permit_geom", "geom", postgresql_using="gist"),
        Index("ix_metro_permit_state", "state", "ends"),
        Index("ix_metro_permit_cell_code", "cell_code", postgresql_ops={"cell_code": "text_pattern_ops"}),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default=text("'applied'"))
    project: Mapped[str] = mapped_column(Text)
    applicant: Mapped[str] = mapped_column(Text)
    contractor: Mapped[str | None] = mapped_column(Text)
    work: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    geom = mapped_column(Geometry("MULTIPOLYGON", SRID, spatial_index=False), nullable=False)
    cell_code: Mapped[str | None] = mapped_column(Text)
    starts: Mapped[date]
    ends: Mapped[date]
    department_code: Mapped[str | None] = mapped_column(Text, ForeignKey(Department.code))
    operator_code: Mapped[str | None] = mapped_column(Text, ForeignKey(Department.code))
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    conditions: Mapped[str | None] = mapped_column(Text)
    checked: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    granted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class MetroPermitEvent(Base):
    """A line of a permit's history: who did what, from which state to which. The database refuses to change one."""

    __tablename__ = "metro_permit_event"

    permit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(MetroPermit.id), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    action: Mapped[str] = mapped_column(Text)
    from_state: Mapped[str | None] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)


class MetroPermitFile(Base):
    """A plan file of a permit, kept under its hash in `var/metro/plans`."""

    __tablename__ = "metro_permit_file"
    __table_args__ = (Index("ix_metro_permit_file_permit_id", "permit_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    permit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(MetroPermit.id))
    name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    bytes: Mapped[int] = mapped_column(Integer)
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MetroPermitDatastream(Base):
    """A datastream by which the work of a permit is monitored."""

    __tablename__ = "metro_permit_datastream"
    __table_args__ = (Index("ix_metro_permit_datastream_datastream_id", "datastream_id"),)

    permit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(MetroPermit.id), primary_key=True)
    datastream_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Datastream.id), primary_key=True)


class MetroFinding(Base):
    """Work that was found in a protection zone without a permit in force there: by a `case` (its number), a changed
    `component` (its code and version, "code/version") or the `site` of a construction zone (its code and the day since
    which no permit touches it, "code/day").

    `class_key`: kind and code of the case's or component's class; `structure_code`, `zone_kind`: of the zone that holds
    there.
    """

    __tablename__ = "metro_finding"
    __table_args__ = (
        CheckConstraint(one_of("found_by", FOUND_BY), name="found_by"),
        CheckConstraint(one_of("state", SETTLED), name="state"),
        CheckConstraint(one_of("zone_kind", ZONE_KINDS), name="zone_kind"),
        CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled"),
        UniqueConstraint("found_by", "reference"),
        Index("ix_metro_finding_state", "state", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    found_by: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    class_key: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False), nullable=False)
    cell_code: Mapped[str | None] = mapped_column(Text)
    structure_code: Mapped[str] = mapped_column(Text, ForeignKey(MetroStructure.code))
    zone_kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default=text("'open'"))
    settled_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    settled_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Text)
