"""Tables of counts: how many cases lie where, by class and time, and the changes that are not folded into them yet.

Written by `fn.note_change` and `fn.note_figures` (the logs alone) and `rollups.py` (the sums); read by the functions of
`rollups.sql` and `rollups_figures.sql`, which explain bins, areas as numbers, and grains. All measures are functions of
the case's row as it is.
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
        Index("ix_day_count_class", "day", "kind", "class_code", "bin"),
        {"postgresql_with": {"fillfactor": 90}},
    )

    day: Mapped[date] = mapped_column(primary_key=True)
    bin: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    cell_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    class_code: Mapped[str] = mapped_column(Text, primary_key=True)
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
    """Cases of a year or a month (`grain`, `start`) in a cell and bin (of zoom 16); of a class there are no months.

    The kind or the class '' counts all of them.
    """

    __tablename__ = "cell_count"
    __table_args__ = ({"postgresql_with": {"fillfactor": 90}},)

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    class_code: Mapped[str] = mapped_column(Text, primary_key=True)
    grain: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    start: Mapped[date] = mapped_column(primary_key=True)
    bin: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    cell_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reported: Mapped[int]
    open: Mapped[int]
    closed: Mapped[int]
    on_time: Mapped[int]


class FigureChange(Base):
    """A difference that a step made in what came in and went out, not folded yet. A department '' is none yet."""

    __tablename__ = "figure_change"
    __table_args__ = ({"postgresql_with": {"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 2000}},)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    day: Mapped[date]
    area: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    class_code: Mapped[str] = mapped_column(Text)
    department: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    reported: Mapped[int]
    filed: Mapped[int]
    reopened: Mapped[int]
    closed: Mapped[int]
    on_time: Mapped[int]


class FigureCount(Base):
    """What came in and went out in a day or month (`grain` 365 or 12), told apart by none, one or two of area (1),
    class (2), department (4) and source (8), whose numbers are added up in `dims`; the others are 0 or ''."""

    __tablename__ = "figure_count"
    __table_args__ = ({"postgresql_with": {"fillfactor": 90}},)

    dims: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    grain: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    start: Mapped[date] = mapped_column(primary_key=True)
    area: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    class_code: Mapped[str] = mapped_column(Text, primary_key=True)
    department: Mapped[str] = mapped_column(Text, primary_key=True)
    source: Mapped[str] = mapped_column(Text, primary_key=True)
    reported: Mapped[int]
    filed: Mapped[int]
    reopened: Mapped[int]
    closed: Mapped[int]
    on_time: Mapped[int]


class Rollup(Base):
    """How many changes have been folded, ever, and when the last: one row. Part of `fn.case_version`."""

    __tablename__ = "rollup"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    folded: Mapped[int] = mapped_column(BigInteger)
    folded_at: Mapped[datetime]
