"""Tables of accounts."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.actor import DEPARTMENT_KINDS, ROLES
from webgis.db import Base, one_of


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

    `area_code` limits a person to an area (4 to 12 digits); empty: the whole city.
    """

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint(one_of("role", ROLES), name="role"),
        CheckConstraint("area_code ~ '^[0-9]{4,12}$'", name="area_code"),
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
    password_hash: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class LoginSession(Base):
    """A login on one device. The cookie holds the token, the table its SHA-256."""

    __tablename__ = "login_session"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]


class ApiKey(Base):
    """A key of a program. Only its SHA-256 is kept: the key is 256 random bits, so no slow hash is needed."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    label: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    revoked_at: Mapped[datetime | None]
