"""Tables of what the city is: areas (city, county, subdistrict, community), unit cells with their people, and which
cell came from which.

A code is never edited. A cell that changes gets an end to its `valid` range, and its successors are new rows
(GB/T 30428.1-2013: initial time, end time). Geometry is CGCS2000 (SRID 4490), longitude first; areas are in m2 of the
city's projected system.
"""

from datetime import date, datetime

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
    Text,
    column,
    text,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from webgis.db import Base
from webgis.geo import SRID

LEVELS = ("city", "county", "subdistrict", "community")
"""Levels of areas from the widest to the narrowest."""

CODE_LENGTHS = {"city": 4, "county": 6, "subdistrict": 9, "community": 12}
"""Digits of an area's code by level (GB/T 2260: 4 and 6; subdistrict and community: 3 more each)."""

CELL_CODE_LENGTH = 15
"""Digits of a cell's code: its community's 12 and a sequence of 3, from 001."""

AREA_CODE_CHECK = (
    "code ~ '^[0-9]+$' AND length(code) = CASE level"
    " WHEN 'city' THEN 4 WHEN 'county' THEN 6 WHEN 'subdistrict' THEN 9 WHEN 'community' THEN 12 END"
)
AREA_PARENT_CHECK = (
    "CASE WHEN parent_code IS NULL THEN level IN ('city', 'county')"
    " ELSE left(code, length(parent_code)) = parent_code AND length(parent_code) = CASE level"
    " WHEN 'county' THEN 4 WHEN 'subdistrict' THEN 6 WHEN 'community' THEN 9 END END"
)


class Area(Base):
    """A city, county, subdistrict or community. A county may stand without a city (a county-level city of its own)."""

    __tablename__ = "area"
    __table_args__ = (
        CheckConstraint("level IN ('city', 'county', 'subdistrict', 'community')", name="level"),
        CheckConstraint(AREA_CODE_CHECK, name="code"),
        CheckConstraint(AREA_PARENT_CHECK, name="parent"),
        Index("ix_area_parent_code", "parent_code"),
        Index("ix_area_code_prefix", "code", postgresql_ops={"code": "text_pattern_ops"}),
        Index("ix_area_geom", "geom", postgresql_using="gist"),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    level: Mapped[str] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(Text, ForeignKey(code))
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    geom = mapped_column(Geometry("MULTIPOLYGON", SRID, spatial_index=False), nullable=False)
    area_m2: Mapped[float] = mapped_column(Double)
    illustrative: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    source: Mapped[str | None] = mapped_column(Text)
    population: Mapped[int | None] = mapped_column(Integer)
    projected_srid: Mapped[int | None] = mapped_column(Integer)


class Cell(Base):
    """A unit cell during one stretch of time; `valid` without an upper end means it is valid now."""

    __tablename__ = "cell"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]{15}$' AND right(code, 3) <> '000'", name="code"),
        CheckConstraint("left(code, 12) = community_code", name="community"),
        CheckConstraint(
            "lower_inc(valid) AND NOT upper_inc(valid) AND NOT lower_inf(valid) AND NOT isempty(valid)", name="valid"
        ),
        CheckConstraint("origin IN ('divided', 'surveyed')", name="origin"),
        CheckConstraint("area_m2 > 0", name="area"),
        ExcludeConstraint(
            (column("code"), "="),
            using="btree",
            where=text("upper_inf(valid)"),
            ops={"code": "text_pattern_ops"},
            name="ex_cell_one_valid",
        ),
        ExcludeConstraint(
            (text("(code::bigint)"), "="),
            (column("valid"), "&&"),
            using="gist",
            where=text("NOT upper_inf(valid)"),
            name="ex_cell_one_past",
        ),
        Index("ix_cell_geom", "geom", postgresql_using="gist"),
        Index("ix_cell_code", "code", postgresql_ops={"code": "text_pattern_ops"}),
        Index("ix_cell_community_code", "community_code"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    community_code: Mapped[str] = mapped_column(Text, ForeignKey(Area.code))
    geom = mapped_column(Geometry("POLYGON", SRID, spatial_index=False), nullable=False)
    area_m2: Mapped[float] = mapped_column(Double)
    nominal_m: Mapped[float | None] = mapped_column(Double)
    valid: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    origin: Mapped[str] = mapped_column(Text)
    land_use: Mapped[str | None] = mapped_column(Text)
    manager: Mapped[str | None] = mapped_column(Text)
    remark: Mapped[str | None] = mapped_column(Text)


class CellPeople(Base):
    """The people who live on a cell, as of a day. A cell that was divided anew is another row, without people yet."""

    __tablename__ = "cell_people"
    __table_args__ = (CheckConstraint("people >= 0", name="people"),)

    cell_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Cell.id), primary_key=True)
    people: Mapped[int] = mapped_column(Integer)
    as_of: Mapped[date]
    source: Mapped[str | None] = mapped_column(Text)


class CellLineage(Base):
    """One step of history: the part `share` (0 to 1) of the from-cell's ground that the to-cell took over."""

    __tablename__ = "cell_lineage"
    __table_args__ = (
        CheckConstraint("share > 0 AND share <= 1", name="share"),
        CheckConstraint("reason IN ('divided', 'split', 'merged', 'surveyed')", name="reason"),
        Index("ix_cell_lineage_to_cell", "to_cell"),
    )

    from_cell: Mapped[int] = mapped_column(BigInteger, ForeignKey(Cell.id), primary_key=True)
    to_cell: Mapped[int] = mapped_column(BigInteger, ForeignKey(Cell.id), primary_key=True)
    share: Mapped[float] = mapped_column(Double)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
