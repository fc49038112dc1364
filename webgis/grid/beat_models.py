"""Tables of beats (巡查责任网格): whole unit cells that inspectors patrol, and who is on duty there when.

A beat that changes gets an end to its `valid` range, and another row of the same code follows it, as cells do.
"""

from datetime import datetime, time

from geoalchemy2 import Geometry
from sqlalchemy import ARRAY, ForeignKey, Identity, Index, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Person
from webgis.db import Base
from webgis.geo import SRID
from webgis.grid.models import Area


class Beat(Base):
    """A beat during one stretch of time; `geom` is the ground of its cells as they were when it was made."""

    __tablename__ = "beat"
    __table_args__ = (
        Index("uq_beat_code", "code", unique=True, postgresql_where=text("upper_inf(valid)")),
        Index("ix_beat_area_code", "area_code", postgresql_ops={"area_code": "text_pattern_ops"}),
        Index("ix_beat_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    area_code: Mapped[str] = mapped_column(Text, ForeignKey(Area.code))
    valid: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    geom = mapped_column(Geometry("MULTIPOLYGON", SRID, spatial_index=False))


class BeatCell(Base):
    """A cell of a beat, by its code."""

    __tablename__ = "beat_cell"
    __table_args__ = (Index("ix_beat_cell_cell_code", "cell_code"),)

    beat_id: Mapped[int] = mapped_column(Integer, ForeignKey(Beat.id), primary_key=True)
    cell_code: Mapped[str] = mapped_column(Text, primary_key=True)


class BeatShift(Base):
    """When an inspector is on duty in a beat: ISO weekdays (1 Monday) and local times of the city.

    A shift that ends at or before its beginning runs past midnight and belongs to the weekday on which it began.
    """

    __tablename__ = "beat_shift"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    beat_id: Mapped[int] = mapped_column(Integer, ForeignKey(Beat.id), index=True)
    days: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    from_time: Mapped[time]
    until_time: Mapped[time]
    person_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id), index=True)
