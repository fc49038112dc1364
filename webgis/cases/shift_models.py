"""Tables of the shifts that inspectors work: begun and ended by themselves, with their track and the time in each cell.

Not `city.beat_shift`, which says when somebody is to be on duty.
"""

from datetime import date, datetime

from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Identity, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Person
from webgis.db import Base, one_of
from webgis.geo import SRID
from webgis.grid.models import Cell

ENDED_BY = ("person", "engine")


class WorkShift(Base):
    """A shift that somebody worked, from check-in to check-out. `key` is of the phone's making: sent again it is the
    same shift. `last_at` is the moment of the newest point of its track."""

    __tablename__ = "shift"
    __table_args__ = (
        CheckConstraint(one_of("ended_by", ENDED_BY), name="ended_by"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
        CheckConstraint("ended_at >= began_at", name="order"),
        Index("uq_shift_key", "person_id", "key", unique=True),
        Index("uq_shift_open", "person_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_shift_began_at", "began_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    person_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id))
    key: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Text)
    last_at: Mapped[datetime | None]


class Track(Base):
    """Where somebody was on a shift; erased by `retention`. No cell: outside the grid, or too inaccurate."""

    __tablename__ = "track"
    __table_args__ = (
        Index("ix_track_cell_id", "cell_id", "at"),
        Index("ix_track_at", "at", postgresql_using="brin"),
    )

    shift_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey(WorkShift.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime] = mapped_column(primary_key=True)
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False), nullable=False)
    accuracy_m: Mapped[float | None] = mapped_column(Double)
    cell_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Cell.id))


class PatrolTime(Base):
    """Seconds that all shifts together spent in a cell on a day of the city: nobody in particular, so it is kept."""

    __tablename__ = "patrol_time"

    day: Mapped[date] = mapped_column(primary_key=True)
    cell_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Cell.id), primary_key=True, autoincrement=False)
    seconds: Mapped[int]
