"""Tables of rule sets: who handles what, as data."""

from datetime import date, datetime, time

from geoalchemy2 import Geometry
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Department, Person
from webgis.db import Base, one_of
from webgis.geo import SRID

SET_STATES = ("draft", "active", "retired")


class RoutingSet(Base):
    """One version of the rules of a city: a draft may be changed, one is active, those before it are retired."""

    __tablename__ = "routing_set"
    __table_args__ = (
        CheckConstraint(one_of("state", SET_STATES), name="state"),
        Index("uq_routing_set_active", "state", unique=True, postgresql_where=text("state = 'active'")),
    )

    version: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    based_on: Mapped[int | None] = mapped_column(Integer, ForeignKey(version, ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    created_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    activated_at: Mapped[datetime | None]
    activated_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    retired_at: Mapped[datetime | None]


class RoutingRule(Base):
    """One rule: every condition that is not empty must hold. `number` is its name within the version.

    `class_code` is a class or a major class, `area_code` the code of an area or cell, empty for all; `owner_code` and
    `maintainer_code` are unified social credit codes of the component's register. Times are the city's; a rule whose
    hours end at or before their beginning runs past midnight and counts with the day on which it began.
    """

    __tablename__ = "routing_rule"
    __table_args__ = (
        UniqueConstraint("version", "number"),
        CheckConstraint("priority BETWEEN 0 AND 1000", name="priority"),
        CheckConstraint("kind IN ('', 'component', 'matter')", name="kind"),
        CheckConstraint("(from_time IS NULL) = (until_time IS NULL)", name="hours"),
        CheckConstraint("first_day <= last_day", name="period"),
        Index("ix_routing_rule_match", "version", "class_code", "area_code"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, ForeignKey(RoutingSet.version, ondelete="CASCADE"))
    number: Mapped[int]
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("100"))
    kind: Mapped[str] = mapped_column(Text, server_default=text("''"))
    class_code: Mapped[str] = mapped_column(Text, server_default=text("''"))
    area_code: Mapped[str] = mapped_column(Text, server_default=text("''"))
    geom = mapped_column(Geometry("MULTIPOLYGON", SRID, spatial_index=False))
    owner_code: Mapped[str | None] = mapped_column(Text)
    maintainer_code: Mapped[str | None] = mapped_column(Text)
    days: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    from_time: Mapped[time | None]
    until_time: Mapped[time | None]
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    zone: Mapped[str | None] = mapped_column(Text)
    department_code: Mapped[str] = mapped_column(ForeignKey(Department.code))
    remark: Mapped[str | None] = mapped_column(Text)
