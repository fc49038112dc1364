"""How long things are kept, where a city has said so."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webgis.db import Base


class Retention(Base):
    """How many days a kind of thing is kept (null: for good), and the law or rule that says so. A kind without a row is
    kept as `retention.KINDS` has it."""

    __tablename__ = "retention"
    __table_args__ = (
        CheckConstraint("days BETWEEN 1 AND 36500", name="days"),
        CheckConstraint("source <> ''", name="source"),
    )

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    days: Mapped[int | None]
    source: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
