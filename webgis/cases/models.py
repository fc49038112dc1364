"""Tables of cases: the case, its history, its photos, and the keys that make a retry harmless."""

from datetime import date, datetime

from geoalchemy2 import Geometry
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
    desc,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Department, Person
from webgis.cases.workflow import OUTCOMES, RELATIONS, REQUEST_KINDS, REQUEST_STATES, STATES
from webgis.catalog.models import FilingCondition
from webgis.catalog.rules import KINDS
from webgis.db import Base, one_of
from webgis.geo import SRID
from webgis.grid.models import Cell


class Case(Base):
    """A reported component or matter, or a task split from one.

    Its state and deadlines stand in no index here: a step then rewrites no index of this large table. Queues read
    `OpenCase`. `outcome` is the state in which it has ended; `ledger` is what its handling clock has seen (`clock.py`);
    `returned` is what came back last and must not be passed on unchanged; `head` is the hash of its last event.
    """

    __tablename__ = "case"
    __table_args__ = (
        CheckConstraint("number ~ '^[0-9]{19}$'", name="number"),
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint(one_of("state", STATES), name="state"),
        CheckConstraint("deadline_at IS NULL OR department_code IS NOT NULL", name="deadline"),
        Index("ix_case_newest", desc("reported_at"), desc("id")),
        CheckConstraint(one_of("outcome", OUTCOMES), name="outcome"),
        CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name="ended"),
        CheckConstraint(one_of("relation", RELATIONS), name="relation"),
        CheckConstraint("(parent_id IS NULL) = (relation IS NULL)", name="parent"),
        CheckConstraint(one_of("confirmation", ("found", "not_found")), name="confirmation"),
        Index(
            "ix_case_outcome",
            "outcome",
            desc("reported_at"),
            desc("id"),
            postgresql_where=text("outcome IS NOT NULL"),
        ),
        Index("ix_case_department_code", "department_code", desc("reported_at"), desc("id")),
        Index("ix_case_closed_at", "closed_at", postgresql_where=text("outcome = 'closed'")),
        Index("ix_case_parent_id", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
        Index("ix_case_component_code", "component_code", postgresql_where=text("component_code IS NOT NULL")),
        Index("ix_case_class", "kind", "class_code", desc("reported_at"), desc("id")),
        Index("ix_case_cell_code", "cell_code", "reported_at", postgresql_ops={"cell_code": "text_pattern_ops"}),
        Index("ix_case_geom", "geom", postgresql_using="gist"),
        Index("ix_case_open_geom", "geom", postgresql_using="gist", postgresql_where=text("outcome IS NULL")),
        Index(
            "ix_case_words",
            "description",
            "address",
            postgresql_using="gin",
            postgresql_ops={"description": "gin_trgm_ops", "address": "gin_trgm_ops"},
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    standard: Mapped[str] = mapped_column(Text)
    class_code: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False), nullable=False)
    crs: Mapped[str] = mapped_column(Text)
    accuracy_m: Mapped[float | None] = mapped_column(Double)
    cell_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Cell.id), index=True)
    cell_code: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    reporter_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    state: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)
    parent_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(f"{Base.metadata.schema}.case.id"))
    relation: Mapped[str | None] = mapped_column(Text)
    condition_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(FilingCondition.id))
    department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code))
    resolver_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    handler_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    inspector_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    component_code: Mapped[str | None] = mapped_column(Text)
    confirmation: Mapped[str | None] = mapped_column(Text)
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    returned: Mapped[dict | None] = mapped_column(JSONB)
    ledger: Mapped[list] = mapped_column(JSONB, server_default=text("'[]'"))
    due_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    resume_at: Mapped[datetime | None]
    extension_count: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    reported_at: Mapped[datetime]
    dispatched_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]
    rework_count: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    head: Mapped[bytes] = mapped_column(LargeBinary)


class OpenCase(Base):
    """A case that has not ended, as queues need it: written with each step, gone when the case ends.

    `due_at` is the deadline of what runs now: a stage, or the handling. Whoever claimed it works on it until
    `claimed_until`; after that moment the claim is nothing.
    """

    __tablename__ = "open_case"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state"),
        Index("ix_open_case_due", "due_at", "case_id"),
        Index("ix_open_case_state", "state", "due_at", "case_id"),
        Index("ix_open_case_department_code", "department_code", "due_at", "case_id"),
        Index(
            "ix_open_case_inspector_id",
            "inspector_id",
            "due_at",
            postgresql_where=text("inspector_id IS NOT NULL"),
        ),
        Index("ix_open_case_handler_id", "handler_id", "due_at", postgresql_where=text("handler_id IS NOT NULL")),
        {"postgresql_with": {"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02}},
    )

    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id), primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    class_code: Mapped[str] = mapped_column(Text)
    cell_code: Mapped[str] = mapped_column(Text)
    department_code: Mapped[str | None]
    reported_at: Mapped[datetime]
    due_at: Mapped[datetime]
    handler_id: Mapped[int | None]
    inspector_id: Mapped[int | None]
    claimed_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    claimed_until: Mapped[datetime | None]


class ClaimChange(Base):
    """That a claim was taken or given back, for those who listen; of no use after some minutes. How the case stands
    now is in `OpenCase`."""

    __tablename__ = "claim_change"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class CaseEvent(Base):
    """One step of one case: who, when, what was given, from which state to which, and where they stood.

    `given` is what the person gave, `facts` what the engine found or decided with it. `hash` is that of this event and
    the one before it in the case (`fn.event_hash`); `digest` is of the case's row as the event left it, `found_digest`
    of the row before if somebody had altered it without a step. The database refuses to change or delete an event.
    """

    __tablename__ = "case_event"
    __table_args__ = (
        Index("uq_case_event_seq", "case_id", "seq", unique=True),
        Index("ix_case_event_recorded_at", "recorded_at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id))
    seq: Mapped[int]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    action: Mapped[str] = mapped_column(Text)
    from_state: Mapped[str | None] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    role: Mapped[str] = mapped_column(Text)
    department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code))
    given: Mapped[dict] = mapped_column(JSONB)
    facts: Mapped[dict | None] = mapped_column(JSONB)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False))
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    found_digest: Mapped[bytes | None] = mapped_column(LargeBinary)


class Photo(Base):
    """A photo given with a step. The file lies under `var/photos` by the SHA-256 of what is stored; when it has been
    kept long enough the file goes (`removed_at`), the row and the hash in the history stay."""

    __tablename__ = "photo"
    __table_args__ = (
        Index("ix_photo_case_id", "case_id", "id"),
        Index("ix_photo_kept", "case_id", postgresql_where=text("removed_at IS NULL")),
        Index("ix_photo_sha256", "sha256", postgresql_where=text("removed_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id))
    event_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(CaseEvent.id), index=True)
    sha256: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    bytes: Mapped[int]
    taken_at: Mapped[datetime | None]
    picture_hash: Mapped[int | None] = mapped_column(BigInteger)
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False))
    removed_at: Mapped[datetime | None]


class CaseCounter(Base):
    """The last sequence number given to a county on a day."""

    __tablename__ = "case_counter"
    __table_args__ = (CheckConstraint("last BETWEEN 1 AND 99999", name="last"),)

    county_code: Mapped[str] = mapped_column(Text, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]


class IdempotencyKey(Base):
    """A request that was done: asked again with the same key by the same person, it gives the same case."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_created_at", "created_at"),)

    person_id: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    number: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class CaseRequest(Base):
    """What a department asks for a case: an extension (延期), a suspension (挂账) until a moment, or that lateness be
    left out of the statistics (申诉). Asked, reviewed by the department, decided by the dispatcher."""

    __tablename__ = "case_request"
    __table_args__ = (
        CheckConstraint(one_of("kind", REQUEST_KINDS), name="kind"),
        CheckConstraint(one_of("state", REQUEST_STATES), name="state"),
        CheckConstraint("(kind = 'suspension') = (until_at IS NOT NULL)", name="until"),
        Index(
            "uq_case_request_waiting", "case_id", unique=True, postgresql_where=text("state IN ('asked', 'reviewed')")
        ),
        Index("ix_case_request_state", "state", "asked_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id), index=True)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    department_code: Mapped[str] = mapped_column(ForeignKey(Department.code))
    reason: Mapped[str] = mapped_column(Text)
    until_at: Mapped[datetime | None]
    asked_by: Mapped[int] = mapped_column(Integer, ForeignKey(Person.id))
    asked_at: Mapped[datetime]
    reviewed_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    reviewed_at: Mapped[datetime | None]
    review_note: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str | None] = mapped_column(Text)


class CaseFootprint(Base):
    """The ground an incident covers (a line or polygon) and the codes of the cells it touches."""

    __tablename__ = "case_footprint"
    __table_args__ = (Index("ix_case_footprint_geom", "geom", postgresql_using="gist"),)

    case_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Case.id), primary_key=True)
    geom = mapped_column(Geometry("GEOMETRY", SRID, spatial_index=False), nullable=False)
    cells: Mapped[list[str]] = mapped_column(ARRAY(Text))
