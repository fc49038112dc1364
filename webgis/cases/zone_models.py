"""Tables of what construction and protection zones do to cases."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from webgis.cases.clock import UNITS
from webgis.cases.models import Case
from webgis.catalog.rules import KINDS
from webgis.db import Base, one_of
from webgis.metro.construction_models import ConstructionZone
from webgis.metro.construction_rules import PHASES, SEVERITIES
from webgis.metro.distances import ZONE_KINDS


class CaseZone(Base):
    """The zones in which a case lay when it was reported, as they were known then: the version of the construction
    zone and its phase, the protection zone that held and the structure it is of."""

    __tablename__ = "case_zone"
    __table_args__ = (
        CheckConstraint("zone_id IS NOT NULL OR structure IS NOT NULL", name="some"),
        CheckConstraint("(structure IS NULL) = (protection IS NULL)", name="structure"),
        CheckConstraint(one_of("protection", ZONE_KINDS), name="protection"),
    )

    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id), primary_key=True)
    zone_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(ConstructionZone.id), index=True)
    phase: Mapped[str | None] = mapped_column(Text)
    structure: Mapped[str | None] = mapped_column(Text)
    protection: Mapped[str | None] = mapped_column(Text)
    approximate: Mapped[bool | None] = mapped_column(Boolean)


class ZoneRule(Base):
    """What happens to cases of a class (or of classes that begin so) in construction zones: whether they go to the
    contractor's department, how severe they are, and a limit instead of that of the filing condition. An empty
    protection or phase is any; the rule of the narrowest class, then with a protection, then with a phase holds."""

    __tablename__ = "zone_rule"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint("class_code ~ '^([0-9]{2}|[0-9]{4,5})?$'", name="class_code"),
        CheckConstraint(one_of("protection", ("", *ZONE_KINDS)), name="protection"),
        CheckConstraint(one_of("phase", ("", *PHASES)), name="phase"),
        CheckConstraint(one_of("severity", SEVERITIES), name="severity"),
        CheckConstraint("limit_value BETWEEN 1 AND 1000", name="limit_value"),
        CheckConstraint(one_of("limit_unit", UNITS), name="limit_unit"),
        CheckConstraint("(limit_value IS NULL) = (limit_unit IS NULL)", name="limit"),
        CheckConstraint("source <> ''", name="source"),
    )

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    class_code: Mapped[str] = mapped_column(Text, primary_key=True)
    protection: Mapped[str] = mapped_column(Text, primary_key=True)
    phase: Mapped[str] = mapped_column(Text, primary_key=True)
    to_contractor: Mapped[bool]
    severity: Mapped[str] = mapped_column(Text)
    limit_value: Mapped[int | None]
    limit_unit: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
