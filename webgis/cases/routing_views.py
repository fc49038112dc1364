"""The API of routing: rule sets made, tried on past cases and put in force; who would handle a case; open work."""

from datetime import UTC, datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import jsonify, request
from pydantic import Field
from sqlalchemy.orm import Session

from webgis import api, geo, web
from webgis.accounts import admin_log
from webgis.cases import queries, routing, routing_reading, routing_replay, routing_sets, table_wire
from webgis.cases.routing_models import RoutingSet
from webgis.catalog import queries as catalog
from webgis.catalog import sheets

sets = APIBlueprint("routing", __name__, url_prefix="/api/v1/routing", tag="Routing")
work = APIBlueprint("workload", __name__, url_prefix="/api/v1/workload", tag="Routing")
BLUEPRINTS = (sets, work)

LARGEST_RULE = 4 * 1024 * 1024
"""Bytes of a rule: its polygon may have many corners."""

LARGEST_VERSION = 2**31 - 1


class DraftGiven(api.Given):
    """A new draft."""

    name: str = Field(max_length=routing_sets.LONGEST_NAME)
    based_on: int | None = Field(None, ge=1, le=LARGEST_VERSION, description="version whose rules it begins with")


class RuleGiven(api.Given):
    """A rule: every condition that is not empty must hold."""

    number: int | None = Field(None, ge=1, description="the next free one when left out")
    priority: int | None = Field(None, description="0 to 1000; 100 when left out. The higher one wins")
    kind: str | None = Field(None, max_length=20, description="component or matter")
    class_: str | None = Field(None, alias="class", max_length=10, description="a class, or a major class (2 digits)")
    area: str | None = Field(None, max_length=15, description="code of an area or cell")
    polygon: str | None = Field(None, description="WKT or GeoJSON")
    owner: str | None = Field(None, max_length=18, description="credit code of the component's owner")
    maintainer: str | None = Field(None, max_length=18, description="credit code of the component's maintainer")
    zone: str | None = Field(None, max_length=64)
    first_day: str | None = Field(None, max_length=10)
    last_day: str | None = Field(None, max_length=10)
    days: str | None = Field(None, max_length=100, description="such as Mon-Fri or 周一至周五")
    hours: str | None = Field(None, max_length=20, description="such as 22:00-06:00")
    department: str = Field(max_length=64)
    remark: str | None = Field(None, max_length=500)
    crs: str = Field("wgs84", description="of the polygon")

    def texts(self) -> dict[str, str]:
        """The fields as texts by column, as in a table."""
        given = self.model_dump(by_alias=True, exclude={"crs"})
        return {name: str(value) for name, value in given.items() if value is not None}


class DryRunAsked(api.Given):
    """Which cases are replayed, and what is compared with."""

    days: int = Field(30, ge=1, le=3660, description="reported in the last days, today included")
    against: Literal[routing_replay.AGAINST] = Field("actual", description="where they went, or the rules in force")
    examples: int = Field(50, ge=0, le=routing_replay.MOST_EXAMPLES, description="cases listed one by one")


class ChoiceAsked(api.Given):
    """A case that might be."""

    kind: Literal["component", "matter"]
    class_: str = Field(alias="class", max_length=10)
    lon: float
    lat: float
    crs: str = "wgs84"
    component: str | None = Field(None, pattern=r"^\d{17}$")
    condition: int | None = Field(None, ge=1)
    at: datetime | None = Field(None, description="now when left out")
    version: int | None = Field(
        None, ge=1, le=LARGEST_VERSION, description="of the rules; those in force when left out"
    )


@sets.get("/sets")
@sets.doc(summary="Rule sets", description="Newest first, each with its state: draft, active or retired.")
@web.permits("routing.see")
def listed():
    """Every version of the rules."""
    with web.transaction() as session:
        rows = routing_sets.listed(session)
        return jsonify({"sets": [_set(made) | {"rules": count} for made, count in rows]})


@sets.post("/sets")
@sets.doc(summary="Make a draft", description="Empty, or with the rules of another version.")
@api.documented(body=DraftGiven)
@web.permits("routing.change")
def new_draft():
    """Make a draft."""
    given = _given(DraftGiven)
    with web.transaction() as session:
        made = routing_sets.new_draft(session, web.actor(), given.name, given.based_on)
        _record(session, "routing.draft", made.version, given.model_dump(mode="json"))
        return _with_rules(session, made.version), 201


@sets.post("/import")
@sets.doc(summary="Import rules", description="A CSV, TSV or XLSX file in `file` becomes a draft called `name`.")
@web.permits("routing.change")
def import_rules():
    """Make a draft from a table."""
    fields = api.form_fields(request.form)
    with table_wire.uploaded() as path, web.transaction() as session:
        name, crs = fields.get("name") or path.name, fields.get("crs") or "wgs84"
        done = routing_sets.import_rules(session, web.actor(), sheets.read(path), name=name, crs=crs)
        _record(session, "routing.import", done.version, {"name": name, "rules": done.rules})
    return jsonify(vars(done)), 201


@sets.get("/sets/<int:version>")
@sets.doc(summary="A rule set", description="With its rules.")
@web.permits("routing.see")
def one(version: int):
    """One version of the rules."""
    with web.transaction() as session:
        return _with_rules(session, _known(version))


@sets.delete("/sets/<int:version>")
@sets.doc(summary="Throw a draft away")
@web.permits("routing.change")
def drop_draft(version: int):
    """Throw a draft away."""
    with web.transaction() as session:
        routing_sets.drop_draft(session, web.actor(), _known(version))
        _record(session, "routing.drop", version)
    return "", 204


@sets.get("/sets/<int:version>/export.xlsx")
@sets.doc(summary="A rule set as a workbook", description="Which `import` reads back; polygons are WKT, CGCS2000.")
@web.permits("routing.see")
def export(version: int):
    """The rules as XLSX."""
    with web.transaction() as session:
        rows = routing_sets.export_rows(session, _known(version))
    return table_wire.rows_workbook(f"rules_{version}", routing_reading.EXPORT_HEADINGS["zh"], rows)


@sets.post("/sets/<int:version>/rules")
@sets.doc(summary="Add a rule", description="To a draft.")
@api.documented(body=RuleGiven)
@web.permits("routing.change")
def add_rule(version: int):
    """Add a rule to a draft."""
    given = _given(RuleGiven)
    with web.transaction() as session:
        made = routing_sets.add_rule(session, web.actor(), _known(version), given.texts(), given.crs)
        _record(session, "routing.rule", version, given.texts() | {"number": made.number})
        return jsonify(routing_sets.facts(made)), 201


@sets.put("/sets/<int:version>/rules/<int:number>")
@sets.doc(summary="Replace a rule", description="Of a draft; its number stays.")
@api.documented(body=RuleGiven)
@web.permits("routing.change")
def change_rule(version: int, number: int):
    """Replace a rule of a draft."""
    given = _given(RuleGiven)
    with web.transaction() as session:
        made = routing_sets.change_rule(session, web.actor(), _known(version), _known(number), given.texts(), given.crs)
        _record(session, "routing.rule", version, given.texts() | {"number": number})
        return jsonify(routing_sets.facts(made))


@sets.delete("/sets/<int:version>/rules/<int:number>")
@sets.doc(summary="Take a rule out", description="Of a draft.")
@web.permits("routing.change")
def remove_rule(version: int, number: int):
    """Take a rule out of a draft."""
    with web.transaction() as session:
        routing_sets.remove_rule(session, web.actor(), _known(version), _known(number))
        _record(session, "routing.remove", version, {"number": number})
    return "", 204


@sets.get("/sets/<int:version>/dry-run")
@sets.doc(summary="Try a rule set", description="Past cases replayed through it: which would go elsewhere, and why.")
@api.documented(query=DryRunAsked)
@web.permits("routing.try")
def dry_run(version: int):
    """Replay past cases through a version; nothing is changed."""
    asked = api.checked(DryRunAsked, api.once(request.args))
    with web.transaction() as session:
        done = routing_replay.of_days(
            session,
            _known(version),
            asked.days,
            against=asked.against,
            examples=asked.examples,
            area=web.actor().area,
            classes=web.actor().classes,
        )
    return jsonify(done.facts())


@sets.post("/sets/<int:version>/activate")
@sets.doc(summary="Put a rule set in force", description="And retire the one before it.")
@web.permits("routing.change")
def activate(version: int):
    """Put a version in force."""
    with web.transaction() as session:
        made = routing_sets.activate(session, web.actor(), _known(version), at=datetime.now(UTC))
        _record(session, "routing.activate", version)
        return jsonify(_set(made))


@sets.get("/choice")
@sets.doc(summary="Who would handle it", description="The department for a case that might be, and why.")
@api.documented(query=ChoiceAsked)
@web.permits("routing.see")
def choice():
    """Who would handle a case."""
    asked = api.checked(ChoiceAsked, api.once(request.args))
    lon, lat = geo.to_cgcs2000(asked.lon, asked.lat, asked.crs)
    at = datetime.now(UTC) if asked.at is None else queries.moment("at", asked.at, web.runtime().settings.zone)
    with web.transaction() as session:
        if asked.version is not None:
            routing_sets.require_set(session, asked.version)
        cell = queries.require_cell(session, lon, lat, at)
        chosen = routing.choose(
            session,
            kind=asked.kind,
            class_code=catalog.require_class(session, asked.kind, asked.class_).code,
            cell_code=cell.code,
            lon=lon,
            lat=lat,
            component_code=asked.component,
            condition_id=asked.condition,
            at=at,
            version=asked.version,
        )
    return jsonify({"cell": cell.code, "department": chosen.department, "why": chosen.why})


@work.get("")
@work.doc(summary="Open work", description="By department and by person, as far as you may see it.")
@web.permits("workload.see")
def workload():
    """Open work by department and by person."""
    with web.transaction() as session:
        found = routing.workload(session, web.actor(), at=datetime.now(UTC))
    rows = {"departments": found.departments, "people": found.people}
    return jsonify({name: [table_wire.plain(row) for row in part] for name, part in rows.items()})


def _record(session: Session, action: str, version: int, after: dict[str, Any] | None = None) -> None:
    admin_log.record(session, web.actor(), action, f"rules {version}", None, after)


def _with_rules(session, version: int) -> dict[str, Any]:
    made = routing_sets.require_set(session, version)
    session.refresh(made)
    return _set(made) | {"rules": [routing_sets.facts(rule) for rule in routing_sets.rules_of(session, version)]}


def _set(made: RoutingSet) -> dict[str, Any]:
    names = ("version", "name", "state", "based_on", "created_at", "changed_at", "activated_at", "retired_at")
    return {name: getattr(made, name) for name in names}


def _known(number: int) -> int:
    """A number that the database can be asked for."""
    return min(number, LARGEST_VERSION)


def _given(model: type[api.Model]) -> api.Model:
    """What was given of a draft or rule."""
    return api.checked(model, api.fields(LARGEST_RULE))
