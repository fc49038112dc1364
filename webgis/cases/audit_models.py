"""Tables of the audit: what the history of each case was at the end of a day. The database refuses to change them."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webgis.db import Base


class AuditAnchor(Base):
    """All that was recorded before `until` and not yet anchored: `root` is the SHA-256 of its leaves' text."""

    __tablename__ = "audit_anchor"

    day: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    cases: Mapped[int] = mapped_column(BigInteger)
    events: Mapped[int] = mapped_column(BigInteger)
    previous: Mapped[bytes | None] = mapped_column(LargeBinary)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class AuditLeaf(Base):
    """A case in an anchor: how many events it had, and the hash of the last. `digest` is NULL but in leaves made before
    events held the digest of their case; the text of their anchor has it.

    It refers to neither case nor anchor: that one of them is gone is what the audit is to find.
    """

    __tablename__ = "audit_leaf"
    __table_args__ = (Index("ix_audit_leaf_day_number", "day", "number"),)

    case_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(Text)
    events: Mapped[int]
    head: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
