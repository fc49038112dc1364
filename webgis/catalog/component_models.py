"""Tables of the register of components: what stands in the city, what became of it, and surveys on their way in.

A component is never deleted (its state is then `removed`), and no change is silent: the database wants a line of
`component_event` for every version and refuses to alter one.
"""

from datetime import date, datetime

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webgis.accounts.models import Person
from webgis.catalog.component_rules import ACCURACY_CLASSES, ACTIONS, STATES, SURVEY_STATES
from webgis.catalog.models import CaseClass
from webgis.db import Base, one_of
from webgis.geo import SRID

_PLACE = (
    "CASE GeometryType(geom) WHEN 'POINT' THEN geom WHEN 'LINESTRING' THEN ST_LineInterpolatePoint(geom, 0.5)"
    " ELSE ST_PointOnSurface(geom) END"
)


class Component(Base):
    """A managed component with the fields of GB/T 47678.5-2026, table 2; `docs/components.md` lists them.

    `code`: county 6, class 5, sequence 6. `geom`: point, line or polygon in degrees. `cell_code` is that of its place.
    `authority_code`, `owner_code`, `maintainer_code`: unified social credit codes, 18 characters. `square_x`,
    `square_y`: column and line of its place (`fn.component_place`) among the web-mercator squares of zoom 19, by which
    tiles count.
    """

    __tablename__ = "component"
    __table_args__ = (
        CheckConstraint("kind = 'component'", name="kind"),
        CheckConstraint(one_of("state", STATES), name="state"),
        CheckConstraint(one_of("accuracy_class", ACCURACY_CLASSES), name="accuracy_class"),
        CheckConstraint(
            "code ~ '^[0-9]{17}$' AND right(code, 6) <> '000000' AND substr(code, 7, 5) = class_code", name="code"
        ),
        CheckConstraint("cell_code ~ '^[0-9]{15}$'", name="cell_code"),
        ForeignKeyConstraint(
            ["standard", "kind", "class_code"],
            [CaseClass.standard, CaseClass.kind, CaseClass.code],
            name="fk_component_class_code",
        ),
        ForeignKeyConstraint(
            ["code", "version"],
            ["city.component_event.component_code", "city.component_event.version"],
            name="fk_component_version",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        Index("ix_component_place", "geom", "class_number", postgresql_using="gist"),
        Index("ix_component_cell_code", "cell_code", "code", postgresql_ops={"cell_code": "text_pattern_ops"}),
        Index("ix_component_class_code", "class_code", "code"),
        Index("ix_component_square", "square_x", "square_y", postgresql_include=["state", "class_code"]),
        Index(
            "ix_component_maintainer_code",
            "maintainer_code",
            "code",
            postgresql_where=text("maintainer_code IS NOT NULL"),
        ),
        Index("ix_component_not_intact", "state", "code", postgresql_where=text("state <> 'intact'")),
        Index(
            "ix_component_second_code",
            "second_code",
            postgresql_ops={"second_code": "text_pattern_ops"},
            postgresql_where=text("second_code IS NOT NULL"),
        ),
        Index(
            "ix_component_former_code",
            "former_code",
            postgresql_ops={"former_code": "text_pattern_ops"},
            postgresql_where=text("former_code IS NOT NULL"),
        ),
        Index(
            "ix_component_remark",
            "remark",
            postgresql_using="gin",
            postgresql_ops={"remark": "gin_trgm_ops"},
            postgresql_where=text("remark IS NOT NULL"),
        ),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    standard: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text, server_default=text("'component'"))
    class_code: Mapped[str] = mapped_column(Text)
    class_number: Mapped[int] = mapped_column(Integer, Computed("class_code::integer", persisted=True))
    name: Mapped[str] = mapped_column(Text)
    second_code: Mapped[str | None] = mapped_column(Text)
    former_code: Mapped[str | None] = mapped_column(Text)
    authority_code: Mapped[str | None] = mapped_column(Text)
    authority_name: Mapped[str | None] = mapped_column(Text)
    owner_code: Mapped[str | None] = mapped_column(Text)
    owner_name: Mapped[str | None] = mapped_column(Text)
    maintainer_code: Mapped[str | None] = mapped_column(Text)
    maintainer_name: Mapped[str | None] = mapped_column(Text)
    cell_code: Mapped[str] = mapped_column(Text)
    subdistrict_code: Mapped[str] = mapped_column(Text, Computed('"left"(cell_code, 9)', persisted=True))
    community_code: Mapped[str] = mapped_column(Text, Computed('"left"(cell_code, 12)', persisted=True))
    state: Mapped[str] = mapped_column(Text, server_default=text("'intact'"))
    surveyed_on: Mapped[date | None]
    changed_on: Mapped[date | None]
    source: Mapped[str | None] = mapped_column(Text)
    remark: Mapped[str | None] = mapped_column(Text)
    accuracy_class: Mapped[str | None] = mapped_column(Text)
    geom = mapped_column(Geometry("GEOMETRY", SRID, spatial_index=False), nullable=False)
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    square_x: Mapped[int] = mapped_column(Integer, Computed(f"floor((ST_X({_PLACE}) + 180) / 360 * 524288)::integer"))
    square_y: Mapped[int] = mapped_column(
        Integer,
        Computed(
            "floor((1 - asinh(tan(radians(least(greatest("
            f"ST_Y({_PLACE}), -85.05), 85.05)))) / pi()) / 2 * 524288)::integer"
        ),
    )


class ComponentSurvey(Base):
    """A survey's file: staged with a report on its rows, then taken over into the register or discarded."""

    __tablename__ = "component_survey"
    __table_args__ = (CheckConstraint(one_of("state", SURVEY_STATES), name="state"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    file: Mapped[str] = mapped_column(Text)
    crs: Mapped[str] = mapped_column(Text)
    encoding: Mapped[str | None] = mapped_column(Text)
    rows: Mapped[int] = mapped_column(Integer)
    notes: Mapped[list] = mapped_column(JSONB, server_default=text("'[]'"))
    state: Mapped[str] = mapped_column(Text, server_default=text("'staged'"))
    staged_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ended_at: Mapped[datetime | None]
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    outcome: Mapped[dict | None] = mapped_column(JSONB)


class SurveyRow(Base):
    """A row of a survey's file: what it would be in the register (`fields`), and what is wrong with it (`faults`)."""

    __tablename__ = "component_survey_row"
    __table_args__ = (
        Index("ix_component_survey_row_faulty", "survey_id", "row", postgresql_where=text("faults <> '[]'")),
    )

    survey_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(ComponentSurvey.id), primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str | None] = mapped_column(Text)
    fields: Mapped[dict] = mapped_column(JSONB)
    geom = mapped_column(Geometry("GEOMETRY", SRID, spatial_index=False))
    faults: Mapped[list] = mapped_column(JSONB, server_default=text("'[]'"))
    storable: Mapped[bool]


class ComponentEvent(Base):
    """One version of a component: what changed (`changes`: field -> [before, after]), when, by whom, the state then.

    The database refuses to change or delete it.
    """

    __tablename__ = "component_event"
    __table_args__ = (
        Index("ix_component_event_recorded_at", "recorded_at", postgresql_using="brin"),
        CheckConstraint(one_of("action", ACTIONS), name="action"),
        CheckConstraint(one_of("state", STATES), name="state"),
    )

    component_code: Mapped[str] = mapped_column(Text, ForeignKey(Component.code), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    action: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    changes: Mapped[dict] = mapped_column(JSONB)
    person_id: Mapped[int | None] = mapped_column(Integer, ForeignKey(Person.id))
    survey_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(ComponentSurvey.id), index=True)
    reason: Mapped[str | None] = mapped_column(Text)
