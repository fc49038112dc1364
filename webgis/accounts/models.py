"""Tables of accounts."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.actor import DEPARTMENT_KINDS, ROLES
from webgis.db import Base, one_of

LANGUAGES = ("zh_CN", "en")
CLASS = "(component|matter):[0-9]{2,5}"
CLASSES = f"^{CLASS}(,{CLASS})*$"
"""Classes that somebody is limited to: beginnings of codes, each with its kind."""


class Department(Base):
    """A department (责任单位) that resolves cases: its kind says which filing conditions name it.

    `area_code` is the code of the area it serves (4 to 12 digits); empty: everywhere. Areas may be loaded later, so it
    is no foreign key. `credit_code` is its unified social credit code (18 characters), by which the register of
    components names owners and maintainers.
    """

    __tablename__ = "department"
    __table_args__ = (
        CheckConstraint(one_of("kind", DEPARTMENT_KINDS), name="kind"),
        CheckConstraint("area_code ~ '^[0-9]{4,12}$'", name="area_code"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str | None]
    kind: Mapped[str]
    area_code: Mapped[str | None]
    parent_code: Mapped[str | None] = mapped_column(ForeignKey(f"{Base.metadata.schema}.department.code"), index=True)
    credit_code: Mapped[str | None] = mapped_column(index=True)


class Person(Base):
    """Someone, or a machine, with an account. A department's people belong to one department.

    `area_code` limits a person to an area (4 to 12 digits); empty: the whole city. `class_codes` limits them to classes
    (`CLASSES`); empty: all. `must_change`: the password is one that somebody else gave. The secret of the second factor
    is sealed; it counts from `totp_since` on, and `totp_step` is the last step of time of which a code was used.
    `oidc_subject` is who this is at the city's own login service.
    """

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint(one_of("role", ROLES), name="role"),
        CheckConstraint("area_code ~ '^[0-9]{4,12}$'", name="area_code"),
        CheckConstraint(f"class_codes ~ '{CLASSES}'", name="class_codes"),
        CheckConstraint(one_of("language", LANGUAGES), name="language"),
        CheckConstraint("role <> 'department' OR department_code IS NOT NULL", name="department_of_role"),
        Index("uq_person_login", text("lower(login)"), unique=True),
        Index("ix_person_department_code", "department_code", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    login: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code))
    area_code: Mapped[str | None]
    class_codes: Mapped[str | None] = mapped_column(Text)
    password_hash: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    must_change: Mapped[bool] = mapped_column(server_default=text("false"))
    language: Mapped[str | None]
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_since: Mapped[datetime | None]
    totp_step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    oidc_subject: Mapped[str | None] = mapped_column(unique=True)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that this person is limited to; none: all."""
        return tuple(self.class_codes.split(",")) if self.class_codes else ()


NEEDS = ("second", "password", "enrol")
"""What a login may still need before it counts: a code, a new password, a second factor to be set up."""


class LoginSession(Base):
    """A login on one device. The cookie holds the token, the table its SHA-256. While it `needs` something it is no
    login yet."""

    __tablename__ = "login_session"
    __table_args__ = (CheckConstraint(one_of("needs", NEEDS), name="needs"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    needs: Mapped[str | None]
    device: Mapped[str | None]
    address: Mapped[str | None]
    seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class ApiKey(Base):
    """A key of a program. Only its SHA-256 is kept: the key is 256 random bits, so no slow hash is needed.

    It may be for reading only, for some `actions` of the table of rights only (null: all), and end.
    """

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    label: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    revoked_at: Mapped[datetime | None]
    read_only: Mapped[bool] = mapped_column(server_default=text("false"))
    actions: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code that stands for the second factor once: only its SHA-256, and only until it was used."""

    __tablename__ = "recovery_code"

    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)


class LoginFailure(Base):
    """Failures to log in by what was typed, whether or not there is such an account; a row goes with the next login."""

    __tablename__ = "login_failure"

    login: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    locked_until: Mapped[datetime | None]


class AdminEvent(Base):
    """An administrative act: who did what to what, and how it was before and after. Only added to."""

    __tablename__ = "admin_event"
    __table_args__ = (
        Index("ix_admin_event_action", "action", "id"),
        Index("ix_admin_event_subject", "subject", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey(Person.id))
    who: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
