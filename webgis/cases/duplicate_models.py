"""Tables of duplicates: how far they are looked for, which classes are kindred, and who else reported a case."""

from datetime import datetime

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
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Person
from webgis.cases.models import Case
from webgis.catalog.rules import KINDS
from webgis.db import Base, one_of
from webgis.geo import SRID


class DuplicateWindow(Base):
    """How far and how long ago another report may be the same thing, for classes that begin with `prefix`.

    The longest prefix counts: a class, else its major class, else "" (all). `least_score` is the threshold.
    """

    __tablename__ = "duplicate_window"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint("prefix ~ '^([0-9]{2}|[0-9]{5})?$'", name="prefix"),
        CheckConstraint("radius_m > 0 AND radius_m <= 500", name="radius"),
        CheckConstraint("hours > 0 AND hours <= 720", name="hours"),
        CheckConstraint("least_score BETWEEN 0 AND 1", name="score"),
    )

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    prefix: Mapped[str] = mapped_column(Text, primary_key=True)
    radius_m: Mapped[float] = mapped_column(Double)
    hours: Mapped[float] = mapped_column(Double)
    least_score: Mapped[float] = mapped_column(Double)
    source: Mapped[str | None] = mapped_column(Text)


class KindredClass(Base):
    """A class in a family of classes that people take for one another. How like two are is the lesser of theirs."""

    __tablename__ = "kindred_class"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint("class_code ~ '^[0-9]{5}$'", name="code"),
        CheckConstraint("likeness > 0 AND likeness <= 1", name="likeness"),
        Index("ix_kindred_class_kind_class_code", "kind", "class_code"),
    )

    family: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    class_code: Mapped[str] = mapped_column(Text, primary_key=True)
    likeness: Mapped[float] = mapped_column(Double)


class CoReporter(Base):
    """Someone else who reported what a case tells already: a person, or a contact known by its key alone."""

    __tablename__ = "co_reporter"
    __table_args__ = (
        CheckConstraint("num_nonnulls(person_id, contact_key) = 1", name="who"),
        UniqueConstraint("case_id", "person_id"),
        UniqueConstraint("case_id", "contact_key"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id))
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    contact_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    source: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False))
    at: Mapped[datetime]
