"""The table of long work that administrators ask for."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Integer, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Person
from webgis.db import Base, one_of

STATES = ("looking", "looked", "taking", "done", "refused")


class LongWork(Base):
    """A file or a change that is looked at by a job, and then, if somebody says so, taken over by another.

    `given` is what was asked; `told` what was found or done, or why it was refused. `name` goes into addresses.
    """

    __tablename__ = "long_work"
    __table_args__ = (UniqueConstraint("name"), CheckConstraint(one_of("state", STATES), name="state"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id))
    given: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(Text)
    told: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
