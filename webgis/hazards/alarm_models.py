"""Tables of alarms: rules of thresholds as a city has them, what is watched by which, occurrences, who was told."""

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Department, Person
from webgis.cases.models import Case
from webgis.db import Base, one_of
from webgis.geo import SRID
from webgis.hazards.threshold_tables import MEASURES
from webgis.telemetry.models import Datastream

STATES = ("open", "reset", "withdrawn")
"""Of an alarm: a level is reached; all are left; there was none, as late readings or a person say."""

ADVICES = ("slowed", "closed")
"""What a level says of the road, if it says anything."""

ACTIONS = (
    "raised", "escalated", "reset", "amended", "withdrawn", "dismissed", "case_opened", "told", "acknowledged",
    "passed_on",
)  # fmt: skip
WHO = ("department", "acceptor", "dispatcher", "manager")
"""Who is told of an alarm: people of its department, or of a role."""


class ThresholdRule(Base):
    """A rule of thresholds (`threshold_tables.Rule`) as the city has it, and the class of the case that an alarm opens.

    `levels`: a list of name, name_zh, name_en, rank, measure, window_s, at, reset, lasting_s, quiet_s, hours, advice,
    sureness, source. `version` grows with every change; `shipped`: it is as webgis ships it.
    """

    __tablename__ = "threshold_rule"
    __table_args__ = (
        CheckConstraint("key ~ '^[a-z0-9_.]{3,64}$'", name="key"),
        CheckConstraint("late_s BETWEEN 0 AND 86400", name="late"),
        CheckConstraint("silence_s BETWEEN 0 AND 864000", name="silence"),
    )

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    quantity: Mapped[str] = mapped_column(Text)
    place: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    least: Mapped[float] = mapped_column(Double)
    most: Mapped[float] = mapped_column(Double)
    late_s: Mapped[int] = mapped_column(server_default=text("600"))
    silence_s: Mapped[int] = mapped_column(server_default=text("1800"))
    levels: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    kind: Mapped[str] = mapped_column(Text)
    class_code: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default=text("1"))
    shipped: Mapped[bool] = mapped_column(server_default=text("true"))
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Watch(Base):
    """A datastream watched by a rule; `department_code`: who is sent, else the routing rules choose. `numbered`: the
    number of its last alarm."""

    __tablename__ = "watch"
    __table_args__ = (UniqueConstraint("datastream_id", "rule_key"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    datastream_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Datastream.id))
    rule_key: Mapped[str] = mapped_column(Text, ForeignKey(ThresholdRule.key), index=True)
    department_code: Mapped[str | None] = mapped_column(Text, ForeignKey(Department.code))
    numbered: Mapped[int] = mapped_column(server_default=text("0"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class WatchState(Base):
    """What is known of a watched datastream (`thresholds.State`) while it is not quiet. A quiet one has no row: its
    readings tell all there is."""

    __tablename__ = "watch_state"

    watch_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Watch.id), primary_key=True, autoincrement=False)
    rule_version: Mapped[int]
    state: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Alarm(Base):
    """An occurrence of a watched datastream, and the one case that it opened.

    `level` and `rank` are the gravest it reached; `measure` and `window_s` what that level looks at, and `peak` the
    highest of that. `told_at`: when it was known first; `raised_at`: when it began, by the readings. `case_told`: the
    last of its events that stands in the case's history; `no_case`: why none was opened.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state"),
        CheckConstraint(one_of("advice", ADVICES), name="advice"),
        CheckConstraint(one_of("measure", MEASURES), name="measure"),
        CheckConstraint("(state = 'open') = (reset_at IS NULL) OR state = 'withdrawn'", name="reset"),
        UniqueConstraint("watch_id", "number"),
        Index("uq_alarm_case_id", "case_id", unique=True, postgresql_where=text("case_id IS NOT NULL")),
        Index("ix_alarm_open", "rank", "id", postgresql_where=text("state = 'open'")),
        Index("ix_alarm_datastream_id", "datastream_id", "id"),
        Index("ix_alarm_raised_at", "raised_at", "id"),
        Index("ix_alarm_geom", "geom", postgresql_using="gist", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    watch_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Watch.id))
    datastream_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Datastream.id))
    rule_key: Mapped[str] = mapped_column(Text, ForeignKey(ThresholdRule.key))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    rank: Mapped[int]
    advice: Mapped[str | None] = mapped_column(Text)
    raised_at: Mapped[datetime]
    reset_at: Mapped[datetime | None]
    told_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    peak: Mapped[float | None] = mapped_column(Double)
    measure: Mapped[str] = mapped_column(Text, server_default=text("'value'"))
    window_s: Mapped[int] = mapped_column(server_default=text("0"))
    kind: Mapped[str] = mapped_column(Text)
    class_code: Mapped[str] = mapped_column(Text)
    department_code: Mapped[str | None] = mapped_column(Text, ForeignKey(Department.code))
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False), nullable=False)
    cell_code: Mapped[str | None] = mapped_column(Text)
    case_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(Case.id))
    case_told: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    no_case: Mapped[str | None] = mapped_column(Text)


class AlarmEvent(Base):
    """What happened to an alarm: added to, never changed; who listens is told of these."""

    __tablename__ = "alarm_event"
    __table_args__ = (
        CheckConstraint(one_of("action", ACTIONS), name="action"),
        Index("ix_alarm_event_alarm_id", "alarm_id", "id"),
        Index("ix_alarm_event_recorded_at", "recorded_at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    alarm_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Alarm.id))
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    action: Mapped[str] = mapped_column(Text)
    level: Mapped[str | None] = mapped_column(Text)
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class AlarmLadder(Base):
    """Who must be told of an alarm of a rank, and within how many minutes they must have acknowledged it, before the
    next step is told. `rule_key` empty: of every rule that has no rows of its own."""

    __tablename__ = "alarm_ladder"
    __table_args__ = (
        CheckConstraint("rank BETWEEN 1 AND 9", name="rank"),
        CheckConstraint("step BETWEEN 1 AND 9", name="step"),
        CheckConstraint(one_of("who", WHO), name="who"),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
        UniqueConstraint("rule_key", "rank", "step"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    rule_key: Mapped[str] = mapped_column(Text, server_default=text("''"))
    rank: Mapped[int]
    step: Mapped[int]
    who: Mapped[str] = mapped_column(Text)
    minutes: Mapped[int]
    source: Mapped[str] = mapped_column(Text)


class AlarmNotice(Base):
    """A step of the ladder that an alarm has reached: who was told, until when they are to acknowledge it, and whether
    they did."""

    __tablename__ = "alarm_notice"
    __table_args__ = (
        UniqueConstraint("alarm_id", "rank", "step"),
        Index(
            "ix_alarm_notice_waiting",
            "due_at",
            postgresql_where=text("acknowledged_at IS NULL AND overdue_at IS NULL"),
        ),
        Index("ix_alarm_notice_unacknowledged", "alarm_id", postgresql_where=text("acknowledged_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    alarm_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Alarm.id))
    rank: Mapped[int]
    step: Mapped[int]
    who: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime]
    due_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    overdue_at: Mapped[datetime | None]
