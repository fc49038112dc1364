"""Tables of hazard sources: what stands where, what its units hold, how each unit was graded, and who is in charge.

Grades are only added to; the database refuses to alter one.
"""

from datetime import datetime
from decimal import Decimal
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
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Department, Person
from webgis.db import Base, one_of
from webgis.geo import SRID
from webgis.grid.models import Area, Cell
from webgis.hazards.source_rules import DUTIES, PEOPLE_FROM, UNIT_KINDS, WHYS
from webgis.telemetry.models import CODE, Station

_NO = text("false")
_LEVEL = "level BETWEEN 1 AND 4"


class HazardKind(Base):
    """A kind of source that a city has besides those of `source_rules.KINDS`."""

    __tablename__ = "hazard_kind"
    __table_args__ = (
        CheckConstraint("code ~ '^[a-z][a-z0-9_]{1,39}$'", name="code"),
        CheckConstraint("name_zh <> ''", name="name_zh"),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)


class HazardSource(Base):
    """A standing danger. `kind`: one of `source_rules.KINDS`, or a city's own (`HazardKind`); `holder`: the body that
    answers for it; `geom`: its outline; `cell_id`, `area_code`: where a point inside it lies, none outside the grid.

    `major`, `level`: of its gravest unit, null until a unit is graded; `unsettled`: the code of the refusal for which
    its grade could not be found anew. `version` counts changes, so that none overwrites another unseen.
    """

    __tablename__ = "hazard_source"
    __table_args__ = (
        CheckConstraint(CODE, name="code"),
        CheckConstraint("kind <> ''", name="kind"),
        CheckConstraint("name_zh <> ''", name="name_zh"),
        CheckConstraint("holder <> ''", name="holder"),
        CheckConstraint("credit_code ~ '^[0-9A-Z]{18}$'", name="credit_code"),
        CheckConstraint("people_entered >= 0", name="people_entered"),
        CheckConstraint(_LEVEL, name="level"),
        CheckConstraint("level IS NULL OR major", name="graded"),
        Index("ix_hazard_source_geom", "geom", postgresql_using="gist"),
        Index("ix_hazard_source_area_code", "area_code", postgresql_ops={"area_code": "text_pattern_ops"}),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    holder: Mapped[str] = mapped_column(Text)
    credit_code: Mapped[str | None] = mapped_column(Text)
    geom = mapped_column(Geometry("MULTIPOLYGON", SRID, spatial_index=False), nullable=False)
    cell_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Cell.id), index=True)
    area_code: Mapped[str | None] = mapped_column(Text, ForeignKey(Area.code))
    department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code), index=True)
    people_entered: Mapped[int | None] = mapped_column(Integer)
    remark: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str | None] = mapped_column(Text)
    illustrative: Mapped[bool] = mapped_column(Boolean, server_default=_NO)
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    major: Mapped[bool | None] = mapped_column(Boolean)
    level: Mapped[int | None] = mapped_column(SmallInteger)
    unsettled: Mapped[str | None] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class HazardSourceStation(Base):
    """A station that watches a source."""

    __tablename__ = "hazard_source_station"

    source_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(HazardSource.id), primary_key=True)
    station_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Station.id), primary_key=True, index=True)


class HazardUnit(Base):
    """What GB 18218 grades: one storage unit or one production unit of a source. One that is gone stays, with its
    grades, and is not `active`."""

    __tablename__ = "hazard_unit"
    __table_args__ = (
        CheckConstraint("name <> ''", name="name"),
        CheckConstraint(one_of("kind", UNIT_KINDS), name="kind"),
        UniqueConstraint("source_id", "name"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    source_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(HazardSource.id))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    place: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))


class HazardStock(Base):
    """What a unit holds: `quantity_t`, the largest amount that can be there, in tonnes; named as `gb18218.Stock` is."""

    __tablename__ = "hazard_stock"
    __table_args__ = (
        CheckConstraint("name <> ''", name="name"),
        CheckConstraint("quantity_t >= 0", name="quantity_t"),
    )

    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(HazardUnit.id), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    quantity_t: Mapped[Decimal] = mapped_column(Numeric)
    cas: Mapped[str | None] = mapped_column(Text)
    row_number: Mapped[int | None] = mapped_column(SmallInteger)
    classes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    checked: Mapped[bool] = mapped_column(Boolean, server_default=_NO)


class HazardGrade(Base):
    """How a unit was graded at a moment. `why`: what had changed since the grade before; `people`: within 500 m of the
    outline, `parts` by community, null while nothing depends on them; `built_on`: what it follows from, as a digest by
    each reason of `why`, which tells a grade that has to be found anew."""

    __tablename__ = "hazard_grade"
    __table_args__ = (
        CheckConstraint(f"cardinality(why) > 0 AND why <@ '{{{','.join(WHYS)}}}'::text[]", name="why"),
        CheckConstraint(one_of("people_from", PEOPLE_FROM), name="people_from"),
        CheckConstraint(_LEVEL, name="level"),
        CheckConstraint("major = (r IS NOT NULL) AND major = (level IS NOT NULL)", name="major"),
        Index("ix_hazard_grade_unit_id", "unit_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(HazardUnit.id))
    at: Mapped[datetime]
    why: Mapped[list[str]] = mapped_column(ARRAY(Text))
    s: Mapped[float] = mapped_column(Double)
    major: Mapped[bool] = mapped_column(Boolean)
    r: Mapped[float | None] = mapped_column(Double)
    alpha: Mapped[float | None] = mapped_column(Double)
    people: Mapped[int | None] = mapped_column(Integer)
    people_from: Mapped[str | None] = mapped_column(Text)
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    level: Mapped[int | None] = mapped_column(SmallInteger)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    built_on: Mapped[dict[str, Any]] = mapped_column(JSONB)
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))


class HazardPerson(Base):
    """Who is in charge of a source; name and phone are sealed (`cases.keyring`) and shown masked."""

    __tablename__ = "hazard_person"
    __table_args__ = (
        CheckConstraint(one_of("duty", DUTIES), name="duty"),
        Index("ix_hazard_person_source_id", "source_id", "place"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    source_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(HazardSource.id))
    duty: Mapped[str] = mapped_column(Text)
    place: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    sealed_with: Mapped[str] = mapped_column(Text)
    name: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone: Mapped[bytes | None] = mapped_column(LargeBinary)


class HazardLook(Base):
    """That somebody saw the persons in charge of a source whole: kept for good."""

    __tablename__ = "hazard_look"
    __table_args__ = (Index("ix_hazard_look_source_id", "source_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    source_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(HazardSource.id))
    person_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id))
    role: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
