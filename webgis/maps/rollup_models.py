"""Tables of counts: how many cases lie where, by class and time, and the changes that are not folded into them yet.

Written by `fn.note_change` (the log alone) and `rollups.py` (the sums); read by the functions of `rollups.sql`, which
explain bins, areas as numbers, and grains. All measures are functions of the case's row as it is.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webgis.db import Base


class CaseChange(Base):
    """A difference that a step made, not folded yet: the new contribution of a case, or the old one taken away.

    Zeros throughout say that a case has another state, which maps draw and nobody counts.
    """

    __tablename__ = "case_change"
    __table_args__ = ({"postgresql_with": {"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 2000}},)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    day: Mapped[date]
    bin: Mapped[int] = mapped_column(BigInteger)
    cell_id: Mapped[int] = mapped_column(BigInteger)
    area: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    class_code: Mapped[str] = mapped_column(Text)
    reported: Mapped[int]
    open: Mapped[int]
    closed: Mapped[int]
    on_time: Mapped[int]


class DayCount(Base):
    """Cases of a day in a cell and bin (of zoom 16), by class: nearly as many rows as cases, so only the edges of a
    span are read from here."""

    __tablename__ = "day_count"
    __table_args__ = (
        Index("ix_day_count_cell_id_day", "cell_id", "day"),
        {"postgresql_with": {"fillfactor": 90}},
    )

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    class_code: Mapped[str] = mapped_column(Text, primary_key=True)
    bin: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    cell_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    area: Mapped[int] = mapped_column(BigInteger)
    reported: Mapped[int]
    open: Mapped[int]
    closed: Mapped[int]
    on_time: Mapped[int]


class BinCount(Base):
    """Cases of a period (`grain`, `start`) in a bin of zoom `level` and in a community (`area`, its code as a number).

    Rows with the kind or the class '' count all of them.
    """

    __tablename__ = "bin_count"
    __table_args__ = ({"postgresql_with": {"fillfactor": 90}},)

    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    class_code: Mapped[str] = mapped_column(Text, primary_key=True)
    grain: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    start: Mapped[date] = mapped_column(primary_key=True)
    bin: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    area: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reported: Mapped[int]
    open: Mapped[int]
    closed: Mapped[int]
    on_time: Mapped[int]


class CellCount(Base):
    """Cases of a year in a cell; the kind or the class '' counts all of them."""

    __tablename__ = "cell_count"
    __table_args__ = ({"postgresql_with": {"fillfactor": 90}},)

    cell_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    class_code: Mapped[str] = mapped_column(Text, primary_key=True)
    start: Mapped[date] = mapped_column(primary_key=True)
    reported: Mapped[int]
    open: Mapped[int]
    closed: Mapped[int]
    on_time: Mapped[int]


class Rollup(Base):
    """How many changes have been folded, ever, and when the last: one row. Part of `fn.case_version`."""

    __tablename__ = "rollup"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    folded: Mapped[int] = mapped_column(BigInteger)
    folded_at: Mapped[datetime]
