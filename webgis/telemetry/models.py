"""Tables of stations, their datastreams, and readings on their way and in place.

Readings lie in a table for each month of their moments (UTC), `city.reading_202611`, made by `partitions.py`.
"""

from datetime import date, datetime

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Department
from webgis.db import Base, one_of
from webgis.geo import SRID

SOURCES = ("http", "mqtt", "own")
"""By which way readings came; `own` are made by webgis itself (the demo, a file)."""

CODE = "code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'"

_NONE = text("0")


class Station(Base):
    """A place where something is measured (a Thing of SensorThings). `place`: its kind, of `quantities.PLACES`."""

    __tablename__ = "station"
    __table_args__ = (
        CheckConstraint(CODE, name="code"),
        CheckConstraint("cell_code ~ '^[0-9]{15}$'", name="cell_code"),
        Index("ix_station_geom", "geom", postgresql_using="gist"),
        Index("ix_station_cell_code", "cell_code", postgresql_ops={"cell_code": "text_pattern_ops"}),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    place: Mapped[str] = mapped_column(Text)
    geom = mapped_column(Geometry("POINT", SRID, spatial_index=False), nullable=False)
    cell_code: Mapped[str | None] = mapped_column(Text)
    department_code: Mapped[str | None] = mapped_column(ForeignKey(Department.code), index=True)
    illustrative: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    made_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Datastream(Base):
    """One quantity measured at a station, and how it stands. `least` to `most` is what its sensor can tell.

    `last_at`, `last_value`: the newest reading by its own moment. `heard_at`: when one was last taken. `silent_since`:
    that moment (or when the datastream was made) if for too long none has come since.
    """

    __tablename__ = "datastream"
    __table_args__ = (
        CheckConstraint(CODE, name="code"),
        CheckConstraint("interval_s BETWEEN 1 AND 86400", name="interval_s"),
        CheckConstraint("least < most", name="range"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    station_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Station.id), index=True)
    quantity: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    least: Mapped[float] = mapped_column(Double)
    most: Mapped[float] = mapped_column(Double)
    interval_s: Mapped[int] = mapped_column(Integer)
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    made_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_at: Mapped[datetime | None]
    last_value: Mapped[float | None] = mapped_column(Double)
    heard_at: Mapped[datetime | None]
    silent_since: Mapped[datetime | None]


class DatastreamSilence(Base):
    """A time in which a datastream told nothing: from the last reading taken until the next, if there was one."""

    __tablename__ = "datastream_silence"
    __table_args__ = (Index("ix_datastream_silence_now", "datastream_id", postgresql_where=text("until IS NULL")),)

    datastream_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Datastream.id), primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    noticed_at: Mapped[datetime]
    until: Mapped[datetime | None]


class Reading(Base):
    """What a datastream told of a moment, once for each moment. Partitioned by month of `at`.

    It has no foreign key, for speed: the writer takes only readings of datastreams that are there, and no datastream
    is ever deleted.
    """

    __tablename__ = "reading"
    __table_args__ = (
        Index("ix_reading_at", "at", postgresql_using="brin"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    datastream_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[float] = mapped_column(Double)
    arrived_at: Mapped[datetime]


class ReadingInbox(Base):
    """Readings that were acknowledged and are not in place yet: three arrays of one length.

    A moment or value that is no moment or number is NULL; a datastream that nobody knows is 0. A row with an `error`
    could not be put in place and waits for somebody to look (`webgis telemetry status`).
    """

    __tablename__ = "reading_inbox"
    __table_args__ = (
        CheckConstraint(one_of("source", SOURCES), name="source"),
        CheckConstraint(
            "cardinality(moments) = cardinality(datastreams) AND cardinality(vals) = cardinality(datastreams)",
            name="lengths",
        ),
        {"postgresql_with": {"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 2000}},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    arrived_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    source: Mapped[str] = mapped_column(Text)
    datastreams: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    moments: Mapped[list[datetime]] = mapped_column(ARRAY(TIMESTAMP(timezone=True)))
    vals: Mapped[list[float]] = mapped_column(ARRAY(Double))
    error: Mapped[str | None] = mapped_column(Text)


class ReadingCount(Base):
    """What became of the readings of a datastream that arrived on a day of the city; 0 stands for those unknown.

    `taken` readings are in place; of them `reordered` and `late` came after newer ones, `late` by more than 10 minutes.
    `doubled`: known already; `contradicted`: another value for a known moment, of which the highest is kept. Not used:
    `impossible`, `ahead` (of the future), `too_old`, `unknown`.
    """

    __tablename__ = "reading_count"
    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)

    datastream_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    taken: Mapped[int] = mapped_column(BigInteger, server_default=_NONE)
    reordered: Mapped[int] = mapped_column(BigInteger, server_default=_NONE)
    late: Mapped[int] = mapped_column(BigInteger, server_default=_NONE)
    doubled: Mapped[int] = mapped_column(BigInteger, server_default=_NONE)
    contradicted: Mapped[int] = mapped_column(BigInteger, server_default=_NONE)
    impossible: Mapped[int] = mapped_column(BigInteger, server_default=_NONE)
    ahead: Mapped[int] = mapped_column(BigInteger, server_default=_NONE)
    too_old: Mapped[int] = mapped_column(BigInteger, server_default=_NONE)
    unknown: Mapped[int] = mapped_column(BigInteger, server_default=_NONE)
