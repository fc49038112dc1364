"""Tables of the channels: who reported and how to reach them, calls, links to follow, machines' reports, notices.

Names, telephone numbers and addresses are sealed (`contacts.py`); the database holds no key.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Person
from webgis.cases.models import Case
from webgis.db import Base, one_of

LANGUAGES = ("zh", "en")
CHANNELS = ("sms", "email")
WISHES = ("none", *CHANNELS)
"""How a reporter wishes to hear of the case."""

SATISFACTION = ("satisfied", "partly", "unsatisfied")


class Contact(Base):
    """Someone who reported a case, if they said who they are. Erased after the retention time; the row stays.

    `phone_hash` is keyed, so that one caller's cases are found without opening any; `sealed_with` names the key.
    """

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint(one_of("channel", WISHES), name="channel"),
        CheckConstraint(one_of("language", LANGUAGES), name="language"),
        CheckConstraint("erased_at IS NULL OR num_nonnulls(name, phone, email, phone_hash) = 0", name="erased"),
        Index("ix_contact_phone_hash", "phone_hash", postgresql_where=text("phone_hash IS NOT NULL")),
        Index("ix_contact_kept", "id", postgresql_where=text("erased_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id), index=True)
    sealed_with: Mapped[str] = mapped_column(Text)
    name: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone: Mapped[bytes | None] = mapped_column(LargeBinary)
    email: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    channel: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    erased_at: Mapped[datetime | None]


class ContactLook(Base):
    """A look at a contact's whole data: who, in which role, when. The database refuses to change or delete it."""

    __tablename__ = "contact_look"
    __table_args__ = (Index("ix_contact_look_contact_id", "contact_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Contact.id))
    person_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id))
    role: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class HotlineCall(Base):
    """The call by which a case came; one call may bring several cases."""

    __tablename__ = "hotline_call"

    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id), primary_key=True)
    call_number: Mapped[str] = mapped_column(Text, index=True)
    operator_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id))
    called_at: Mapped[datetime]


class Follow(Base):
    """A secret link by which a reporter follows a case; what they thought of its end, and their one objection.

    Only the SHA-256 of the secret is here. `form_hash` tells a form that was sent twice.
    """

    __tablename__ = "follow"
    __table_args__ = (
        CheckConstraint(one_of("satisfaction", SATISFACTION), name="satisfaction"),
        CheckConstraint("(satisfaction IS NULL) = (rated_at IS NULL)", name="rated"),
        CheckConstraint("(objection IS NULL) = (objected_at IS NULL)", name="objected"),
        Index("ix_follow_contact_id", "contact_id", postgresql_where=text("contact_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id), index=True)
    contact_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Contact.id))
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    form_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    satisfaction: Mapped[str | None] = mapped_column(Text)
    satisfaction_words: Mapped[str | None] = mapped_column(Text)
    rated_at: Mapped[datetime | None]
    objection: Mapped[str | None] = mapped_column(Text)
    objected_at: Mapped[datetime | None]


class Signal(Base):
    """A machine's report by its own number, so that the same one again makes no second case."""

    __tablename__ = "signal"
    __table_args__ = (CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),)

    person_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id), primary_key=True)
    external_id: Mapped[str] = mapped_column(Text, primary_key=True)
    case_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Case.id), index=True)
    confidence: Mapped[float | None] = mapped_column(Double)
    at: Mapped[datetime]


class NoticeAddress(Base):
    """Where a person with an account wants to be told; `digest_minutes` of their own, else the city's."""

    __tablename__ = "notice_address"
    __table_args__ = (
        CheckConstraint(one_of("channel", CHANNELS), name="channel"),
        CheckConstraint(one_of("language", LANGUAGES), name="language"),
        CheckConstraint("digest_minutes BETWEEN 0 AND 1440", name="digest"),
        UniqueConstraint("person_id", "channel"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    person_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id))
    channel: Mapped[str] = mapped_column(Text)
    sealed_with: Mapped[str] = mapped_column(Text)
    address: Mapped[bytes | None] = mapped_column(LargeBinary)
    language: Mapped[str] = mapped_column(Text)
    digest_minutes: Mapped[int | None] = mapped_column(SmallInteger)


class Message(Base):
    """What is sent once to one recipient: one notice, or several as a digest. Its words are made when it is sent."""

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint(one_of("channel", CHANNELS), name="channel"),
        CheckConstraint("num_nonnulls(contact_id, address_id) = 1", name="recipient"),
        Index("ix_message_created_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Contact.id))
    address_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(NoticeAddress.id))
    channel: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)


class Notice(Base):
    """One thing that one recipient is to be told of a case, or of what has the page `page` (`emergency/E...`). `key` is
    that of the happening, so it is told once."""

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint("num_nonnulls(contact_id, address_id) = 1", name="recipient"),
        CheckConstraint("num_nonnulls(case_id, page) = 1", name="about"),
        UniqueConstraint("key", "contact_id", name="uq_notice_contact"),
        UniqueConstraint("key", "address_id", name="uq_notice_address"),
        Index("ix_notice_message_id", "message_id", postgresql_where=text("message_id IS NOT NULL")),
        Index("ix_notice_contact_waiting", "contact_id", "id", postgresql_where=text("message_id IS NULL")),
        Index("ix_notice_address_waiting", "address_id", "id", postgresql_where=text("message_id IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    key: Mapped[UUID]
    case_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Case.id))
    page: Mapped[str | None] = mapped_column(Text)
    event: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict] = mapped_column(JSONB)
    contact_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Contact.id))
    address_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(NoticeAddress.id))
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    due_at: Mapped[datetime]
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey(Message.id))


class DueTold(Base):
    """That a deadline came near or passed has been told, once for each deadline a case had."""

    __tablename__ = "due_told"
    __table_args__ = (CheckConstraint(one_of("event", ("due_soon", "overdue")), name="event"),)

    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id), primary_key=True)
    event: Mapped[str] = mapped_column(Text, primary_key=True)
    due_at: Mapped[datetime] = mapped_column(primary_key=True)
