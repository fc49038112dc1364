"""Tables of the gazetteer: where names come from, the places that bear them, how each is spelled, how signs sound.

Doors (house numbers) are found by the road or compound they belong to and their number, so they have no spelling of
their own: the spellings are those of names, which are few.
"""

from datetime import datetime

from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Double, ForeignKey, Identity, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webgis.db import Base, one_of
from webgis.geo import SRID
from webgis.grid.gazetteer_rules import KINDS
from webgis.grid.models import Area


class PlaceSource(Base):
    """One file of names: places are imported, listed and removed by it. `illustrative`: made up for show."""

    __tablename__ = "place_source"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    file: Mapped[str] = mapped_column(Text)
    imported_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    illustrative: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class PlaceName(Base):
    """A place with a name. A door has a parent and a number, and only a door has.

    `geom` is what the source gave (point, line or polygon), `lon` and `lat` the place where a pin is put;
    `number_value` is the number by which doors of a road are in order.
    """

    __tablename__ = "place_name"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint(
            "(kind = 'door') = (number IS NOT NULL) AND (kind = 'door') = (parent_id IS NOT NULL)"
            " AND (kind = 'door') = (number_value IS NOT NULL)",
            name="door",
        ),
        Index("ix_place_name_source_id", "source_id"),
        Index("ix_place_name_area_code", "area_code"),
        Index("ix_place_name_parent_id", "parent_id", "number_value", postgresql_where=text("parent_id IS NOT NULL")),
        Index("ix_place_name_door", "geom", postgresql_using="gist", postgresql_where=text("kind = 'door'")),
        Index("ix_place_name_road", "geom", postgresql_using="gist", postgresql_where=text("kind = 'road'")),
        Index(
            "ix_place_name_spot",
            "geom",
            postgresql_using="gist",
            postgresql_where=text("kind IN ('compound', 'village', 'building', 'poi')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    source_id: Mapped[int] = mapped_column(Integer, ForeignKey(PlaceSource.id))
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(id))
    number: Mapped[str | None] = mapped_column(Text)
    number_value: Mapped[int | None] = mapped_column(Integer)
    area_code: Mapped[str] = mapped_column(Text, ForeignKey(Area.code))
    geom = mapped_column(Geometry("GEOMETRY", SRID, spatial_index=False), nullable=False)
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)


class PlaceSpelling(Base):
    """One way to write a place's name or alias: as it is `said`, its `signs` apart, its `pinyin` and its `initials`.

    `lon` and `lat` are the place's, so that hundreds of namesakes can be put in order without reading them.
    """

    __tablename__ = "place_spelling"
    __table_args__ = (
        Index("ix_place_spelling_place_id", "place_id"),
        *(
            Index(f"ix_place_spelling_{column}", column, postgresql_ops={column: "text_pattern_ops"})
            for column in ("said", "pinyin", "initials")
        ),
        *(
            Index(
                f"ix_place_spelling_{column}_trgm",
                column,
                postgresql_using="gin",
                postgresql_ops={column: "gin_trgm_ops"},
            )
            for column in ("signs", "pinyin")
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    place_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(PlaceName.id, ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    alias: Mapped[bool] = mapped_column(Boolean)
    said: Mapped[str] = mapped_column(Text)
    signs: Mapped[str] = mapped_column(Text)
    pinyin: Mapped[str] = mapped_column(Text)
    initials: Mapped[str] = mapped_column(Text)
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)


class SignSound(Base):
    """How a Chinese sign sounds in names: with it a search hears 春溪路 as 春熙路 without a dictionary."""

    __tablename__ = "sign_sound"

    sign: Mapped[str] = mapped_column(Text, primary_key=True)
    sound: Mapped[str] = mapped_column(Text)
