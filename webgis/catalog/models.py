"""Tables of the catalogue: classes by standard, the crosswalk, filing standards and their conditions."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webgis.db import Base


class CaseClass(Base):
    """A class of component or matter in one version of the standard; codes are text, unique within standard and kind.

    `extension` marks a city's own class (080-999 in the 2026 standard).
    """

    __tablename__ = "class"
    __table_args__ = (CheckConstraint("kind IN ('component', 'matter')", name="kind"),)

    standard: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    major_code: Mapped[str]
    major_zh: Mapped[str]
    major_en: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str | None]
    extension: Mapped[bool] = mapped_column(server_default=text("false"))


class Crosswalk(Base):
    """Where a known class of one standard stands in another; `to_code` is null when it has no counterpart there."""

    __tablename__ = "crosswalk"
    __table_args__ = (
        ForeignKeyConstraint(
            ["from_standard", "from_kind", "from_code"],
            [CaseClass.standard, CaseClass.kind, CaseClass.code],
            name="fk_crosswalk_from_code",
        ),
    )

    from_standard: Mapped[str] = mapped_column(primary_key=True)
    from_kind: Mapped[str] = mapped_column(primary_key=True)
    from_code: Mapped[str] = mapped_column(primary_key=True)
    to_standard: Mapped[str] = mapped_column(primary_key=True)
    to_kind: Mapped[str]
    to_code: Mapped[str | None]
    change: Mapped[str]
    note: Mapped[str]


class FilingStandard(Base):
    """One version of a city's rules for filing and closing; at most one per city is active.

    A version is never edited: what changes is imported as the next one, since cases point at its conditions.
    """

    __tablename__ = "filing_standard"
    __table_args__ = (
        UniqueConstraint("city_code", "code", "version"),
        UniqueConstraint("id", "standard"),
        Index("uq_filing_standard_active", "city_code", unique=True, postgresql_where=text("active")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    city_code: Mapped[str]
    code: Mapped[str]
    version: Mapped[int]
    name_zh: Mapped[str]
    name_en: Mapped[str | None]
    standard: Mapped[str]
    source: Mapped[str | None]
    digest: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FilingCondition(Base):
    """When a class is filed, how long its handling may take, and when it may be closed (GB/T 30428.8).

    `limit_value` counts `limit_unit`: urgent_hour, working_hour, urgent_day or working_day. `seq` is the order within
    the class. The database refuses to change a row.
    """

    __tablename__ = "filing_condition"
    __table_args__ = (
        UniqueConstraint("filing_standard_id", "kind", "class_code", "seq"),
        ForeignKeyConstraint(
            ["filing_standard_id", "standard"],
            [FilingStandard.id, FilingStandard.standard],
            name="fk_filing_condition_filing_standard_id",
        ),
        ForeignKeyConstraint(
            ["standard", "kind", "class_code"],
            [CaseClass.standard, CaseClass.kind, CaseClass.code],
            name="fk_filing_condition_class_code",
        ),
        CheckConstraint("limit_value > 0", name="limit_value"),
        CheckConstraint(
            "limit_unit IN ('urgent_hour', 'working_hour', 'urgent_day', 'working_day')", name="limit_unit"
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    filing_standard_id: Mapped[int]
    standard: Mapped[str]
    kind: Mapped[str]
    class_code: Mapped[str]
    seq: Mapped[int] = mapped_column(SmallInteger)
    text_zh: Mapped[str]
    text_en: Mapped[str | None]
    limit_value: Mapped[int]
    limit_unit: Mapped[str]
    closing_zh: Mapped[str]
    closing_en: Mapped[str | None]
    department_kind: Mapped[str | None]

    filing_standard: Mapped[FilingStandard] = relationship(viewonly=True)
    case_class: Mapped[CaseClass] = relationship(viewonly=True)
