"""Tables of the metro: lines, structures, stops, the table of distances, and the protection zones that follow.

Zones are stored in degrees with the time in which they hold, so that what held at an earlier moment can be told. They
are written by `zoning.py` alone.
"""

from datetime import datetime

from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Double, ForeignKey, Identity, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Department
from webgis.db import Base, one_of
from webgis.geo import SRID
from webgis.metro.distances import MEASURED_FROM, SURENESS, WIDEST_M, ZONE_KINDS

CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$"
"""The form of codes of lines and structures: they stand in addresses."""


class MetroLine(Base):
    """A line. `colour`: #rrggbb, lower case; `place`: its turn in lists; `department_code`: the operator's department,
    which decides on works in the zones of the line."""

    __tablename__ = "metro_line"
    __table_args__ = (
        CheckConstraint(f"code ~ '{CODE}'", name="code"),
        CheckConstraint("colour ~ '^#[0-9a-f]{6}$'", name="colour"),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    colour: Mapped[str] = mapped_column(Text)
    operator: Mapped[str | None] = mapped_column(Text)
    department_code: Mapped[str | None] = mapped_column(Text, ForeignKey(Department.code))
    source: Mapped[str] = mapped_column(Text)
    place: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class MetroStructure(Base):
    """Something built or planned. `kind`: as the table of distances names it; `geom`: its outline, or a point or line
    where no more is known (of planned lines and trams the centre line); `surveyed`: whether that is where it is, to
    the accuracy of a survey; `line_code`: none for a station of several lines; from `since` to `until` it is there."""

    __tablename__ = "metro_structure"
    __table_args__ = (
        CheckConstraint(f"code ~ '{CODE}'", name="code"),
        CheckConstraint("until > since", name="until"),
        Index("ix_metro_structure_line_code", "line_code"),
        Index("ix_metro_structure_geom", "geom", postgresql_using="gist"),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    line_code: Mapped[str | None] = mapped_column(Text, ForeignKey(MetroLine.code))
    geom = mapped_column(Geometry("GEOMETRY", SRID, spatial_index=False), nullable=False)
    surveyed: Mapped[bool] = mapped_column(Boolean)
    source: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(server_default=text("now()"))
    until: Mapped[datetime | None]


class MetroStop(Base):
    """A station in its place on a line; a line that forks has several paths."""

    __tablename__ = "metro_stop"
    __table_args__ = (Index("ix_metro_stop_structure_code", "structure_code"),)

    line_code: Mapped[str] = mapped_column(Text, ForeignKey(MetroLine.code), primary_key=True)
    path: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    structure_code: Mapped[str] = mapped_column(Text, ForeignKey(MetroStructure.code))


class MetroDistance(Base):
    """A row of the table of distances (`distances.py`), as this city has it."""

    __tablename__ = "metro_distance"
    __table_args__ = (
        CheckConstraint(one_of("zone_kind", ZONE_KINDS), name="zone_kind"),
        CheckConstraint(one_of("measured_from", MEASURED_FROM), name="measured_from"),
        CheckConstraint(one_of("sureness", SURENESS), name="sureness"),
        CheckConstraint(f"metres > 0 AND metres <= {WIDEST_M:g}", name="metres"),
        CheckConstraint("source <> ''", name="source"),
    )

    structure_kind: Mapped[str] = mapped_column(Text, primary_key=True)
    zone_kind: Mapped[str] = mapped_column(Text, primary_key=True)
    metres: Mapped[float] = mapped_column(Double)
    measured_from: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    sureness: Mapped[str] = mapped_column(Text)


class MetroZone(Base):
    """Ground that is (was, will be) protected for a structure while `valid`. `geom`: all of it; `held`: where no other
    zone holds before it, for drawing; empty where that is nowhere, null while it is not valid. `built_on`: a digest of
    what it follows from, which tells a zone that has to be worked out anew."""

    __tablename__ = "metro_zone"
    __table_args__ = (
        CheckConstraint(one_of("kind", ZONE_KINDS), name="kind"),
        CheckConstraint("NOT isempty(valid) AND NOT lower_inf(valid)", name="valid"),
        Index("ix_metro_zone_geom", "geom", postgresql_using="gist"),
        Index("ix_metro_zone_structure_code", "structure_code", "kind"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    structure_code: Mapped[str] = mapped_column(Text, ForeignKey(MetroStructure.code))
    structure_kind: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    metres: Mapped[float] = mapped_column(Double)
    source: Mapped[str] = mapped_column(Text)
    approximate: Mapped[bool] = mapped_column(Boolean)
    built_on: Mapped[str | None] = mapped_column(Text)
    geom = mapped_column(Geometry("MULTIPOLYGON", SRID, spatial_index=False), nullable=False)
    held = mapped_column(Geometry("MULTIPOLYGON", SRID, spatial_index=False))
    valid: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
