"""Tables of the working calendar of a city, and of the reports of what moved when it changed."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Person
from webgis.cases.models import Case
from webgis.db import Base, one_of

SOURCES = ("seed", "edited", "import")
"""Where a day of the calendar comes from: the `holidays` package, a person, a file."""


class CityCalendar(Base):
    """One calendar per city. `version` is new, from a sequence, with every change: a copy with it is a true copy."""

    __tablename__ = "calendar"

    city_code: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class CalendarDay(Base):
    """A day of the calendar: whether it is worked on, and what it is called. A year is stored whole or not at all."""

    __tablename__ = "calendar_day"
    __table_args__ = (CheckConstraint(one_of("source", SOURCES), name="source"),)

    city_code: Mapped[str] = mapped_column(ForeignKey(CityCalendar.city_code), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    working: Mapped[bool]
    name_zh: Mapped[str | None] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    changed_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class CalendarHours(Base):
    """Shifts from one day to another (both included; null: for good), such as summer hours. Periods do not overlap."""

    __tablename__ = "calendar_hours"
    __table_args__ = (CheckConstraint("until >= since", name="until"),)

    city_code: Mapped[str] = mapped_column(ForeignKey(CityCalendar.city_code), primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[date | None]
    shifts: Mapped[str] = mapped_column(Text)
    changed_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Recompute(Base):
    """One reckoning of all open deadlines anew, after the calendar had changed to `calendar_version`."""

    __tablename__ = "recompute"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    calendar_version: Mapped[int] = mapped_column(BigInteger)
    checked: Mapped[int]
    moved: Mapped[int]


class RecomputeMove(Base):
    """A case whose deadlines moved: that of its handling, and that of what runs now."""

    __tablename__ = "recompute_move"

    recompute_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Recompute.id), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id), primary_key=True, index=True)
    old_deadline_at: Mapped[datetime | None]
    new_deadline_at: Mapped[datetime | None]
    old_due_at: Mapped[datetime | None]
    new_due_at: Mapped[datetime | None]
