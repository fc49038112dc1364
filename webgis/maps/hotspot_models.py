"""Tables of hot spots: what was asked and found at a moment, and the cells that are told of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Identity, Index, SmallInteger, Text, desc, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.db import Base, one_of
from webgis.grid.models import Cell
from webgis.maps.trends import WORDS


class HotspotRun(Base):
    """One question and its answer. `asked` holds the sight of who asked (area, departments, classes) beside span and
    class.

    `counted` is the version of the cases' counts and `grid` the state of the grid that the answer stands on; `told` is
    the answer as a whole, null while it is being worked out.
    """

    __tablename__ = "hotspot_run"
    __table_args__ = (
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        Index("ix_hotspot_run_asked", "asked", desc("made_at")),
        Index("ix_hotspot_run_made_at", "made_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    asked: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    counted: Mapped[int] = mapped_column(BigInteger)
    grid: Mapped[str] = mapped_column(Text)
    progress: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    told: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class HotspotCell(Base):
    """A cell that is hot or cold in a run, or was hot in one of its windows.

    `called` is 90, 95 or 99, below zero when cold, 0 when neither; `word` tells its way through the windows.
    """

    __tablename__ = "hotspot_cell"
    __table_args__ = (
        CheckConstraint("called IN (-99, -95, -90, 0, 90, 95, 99)", name="called"),
        CheckConstraint(one_of("word", WORDS), name="word"),
    )

    run_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(HotspotRun.id, ondelete="CASCADE"), primary_key=True)
    cell_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Cell.id), primary_key=True)
    reported: Mapped[float] = mapped_column(Double)
    z: Mapped[float] = mapped_column(Double)
    p: Mapped[float] = mapped_column(Double)
    q: Mapped[float] = mapped_column(Double)
    called: Mapped[int] = mapped_column(SmallInteger)
    word: Mapped[str | None] = mapped_column(Text)
