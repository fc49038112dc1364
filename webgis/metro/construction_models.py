"""Tables of construction zones: what was known of each when, its phases, its lines of traffic, who patrolled it.

A zone has a code. What is known of it is a version; a change ends the version (`recorded`) and begins another, so that
what was known at the moment of a report stays readable. `valid` is when the works are there, in the city's days.
"""

from datetime import date, datetime, time

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Department, Person
from webgis.db import Base, one_of
from webgis.geo import SRID
from webgis.metro.construction_rules import LINES, PHASES, WAYS


class ConstructionZone(Base):
    """A version of a construction zone (施工管控区). `points` are codes of datastreams; `patrols` visits due a day."""

    __tablename__ = "construction_zone"
    __table_args__ = (
        CheckConstraint("width_left_m BETWEEN 0 AND 200", name="width"),
        CheckConstraint("patrols BETWEEN 0 AND 24", name="patrols"),
        CheckConstraint("last_day IS NULL OR first_day <= last_day", name="days"),
        CheckConstraint("(works_from IS NULL) = (works_until IS NULL)", name="hours"),
        UniqueConstraint("code", "version", name="uq_construction_zone_version"),
        Index("ix_construction_zone_geom", "geom", postgresql_using="gist"),
        Index("uq_construction_zone_now", "code", unique=True, postgresql_where=text("upper_inf(recorded)")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    recorded: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    recorded_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    project: Mapped[str] = mapped_column(Text)
    permit_number: Mapped[str | None] = mapped_column(Text)
    owner: Mapped[str | None] = mapped_column(Text)
    contractor: Mapped[str] = mapped_column(Text)
    supervisor: Mapped[str | None] = mapped_column(Text)
    department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code))
    metro_department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code))
    first_day: Mapped[date]
    last_day: Mapped[date | None]
    valid: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    road: Mapped[str | None] = mapped_column(Text)
    width_left_m: Mapped[float | None] = mapped_column(Double)
    works_from: Mapped[time | None]
    works_until: Mapped[time | None]
    night_permits: Mapped[list] = mapped_column(JSONB, server_default=text("'[]'"))
    points: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    patrols: Mapped[int] = mapped_column(SmallInteger, server_default=text("2"))
    illustrative: Mapped[bool] = mapped_column(server_default=text("false"))
    geom = mapped_column(Geometry("MULTIPOLYGON", SRID, spatial_index=False), nullable=False)


class ConstructionPhase(Base):
    """A phase of the works, in the city's days; `place` is its turn among the kinds."""

    __tablename__ = "construction_phase"
    __table_args__ = (
        CheckConstraint(one_of("kind", PHASES), name="kind"),
        CheckConstraint("first_day <= last_day", name="days"),
    )

    zone_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(ConstructionZone.id), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    place: Mapped[int] = mapped_column(SmallInteger)
    first_day: Mapped[date]
    last_day: Mapped[date]
    valid: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)


class ConstructionLine(Base):
    """A road closed or narrowed by the works, or the way round; without days as long as the zone."""

    __tablename__ = "construction_line"
    __table_args__ = (
        CheckConstraint(one_of("kind", LINES), name="kind"),
        Index("ix_construction_line_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    zone_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(ConstructionZone.id), index=True)
    kind: Mapped[str] = mapped_column(Text)
    words: Mapped[str | None] = mapped_column(Text)
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    valid: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    geom = mapped_column(Geometry("LINESTRING", SRID, spatial_index=False), nullable=False)


class EmergencyRoute(Base):
    """A road that fire engines and ambulances need, by the city's own list."""

    __tablename__ = "emergency_route"
    __table_args__ = (Index("ix_emergency_route_geom", "geom", postgresql_using="gist"),)

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    illustrative: Mapped[bool] = mapped_column(server_default=text("false"))
    geom = mapped_column(Geometry("MULTILINESTRING", SRID, spatial_index=False), nullable=False)


class ConstructionPatrol(Base):
    """Somebody looked at a zone: by an act on the phone, or their shift's track went through it. `key` makes an act
    that is sent twice one. `away_m`: how far from the zone an act was noted, 0 in it; nobody knows when null."""

    __tablename__ = "construction_patrol"
    __table_args__ = (
        CheckConstraint(one_of("way", WAYS), name="way"),
        UniqueConstraint("person_id", "key", name="uq_construction_patrol_key"),
        Index("ix_construction_patrol_zone_code", "zone_code", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    zone_code: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    way: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    key: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    away_m: Mapped[float | None]
