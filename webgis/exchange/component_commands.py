"""`webgis components`: the register of components from the command line."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from webgis import geo
from webgis.accounts import admin_log
from webgis.cases.table_commands import FILE, OUT, console, json_option, print_json
from webgis.catalog import component_files, component_queries
from webgis.catalog import components as register
from webgis.catalog.component_files import DOUBTFUL, MENDED, UNSTORABLE, Report
from webgis.catalog.component_queries import Filters
from webgis.catalog.component_rules import STATES
from webgis.catalog.standards import CURRENT, MINOR_DIGITS
from webgis.db import Runtime
from webgis.exchange import component_surveys
from webgis.exchange.component_surveys import HEADINGS

SHOWN = 50
"""Faults printed one by one; --json gives all."""

accept_option = click.option(
    "--accept-faults", "accepted", multiple=True, metavar="KIND", help="A kind of fault to accept; may be repeated."
)
area_option = click.option("--area", help="Only within the area with this code.")
class_option = click.option("--class", "classes", multiple=True, help="Only of this class; may be repeated.")
state_option = click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only in this state; may be repeated."
)


@click.group()
def components() -> None:
    """The register of components: surveys in, files out, lists."""


@components.command("import")
@click.argument("file", type=FILE)
@click.option("--crs", help="wgs84, gcj02, bd09, cgcs2000 or EPSG:n; default: what the file states. Tables need it.")
@click.option("--encoding", help="Of a Shapefile's texts, such as GBK; default: .cpg, else by content.")
@click.option(
    "--field", "named", multiple=True, metavar="MEANING=NAME", help="Which field of the file is which; may be repeated."
)
@click.option(
    "--standard", default=CURRENT, type=click.Choice(list(MINOR_DIGITS)), show_default=True, help="Of the codes."
)
@click.option("--stage-only", is_flag=True, help="Only check and report; take over later.")
@accept_option
@json_option
@click.pass_obj
@admin_log.recorded("components.import")
def import_components(
    runtime: Runtime,
    file: Path,
    crs: str | None,
    encoding: str | None,
    named: tuple[str, ...],
    standard: str,
    stage_only: bool,
    accepted: tuple[str, ...],
    as_json: bool,
) -> None:
    """Import a survey from a GeoPackage, Shapefile, GeoJSON, CSV, TSV or XLSX FILE.

    Every row is staged and checked first. With a fault that is not accepted nothing goes into the register, the survey
    stays staged, and the exit code is 1.
    """
    component_files.require_kinds(accepted)
    survey = component_surveys.read(file, crs=crs, encoding=encoding, given=_named(named), standard=standard)
    with runtime.transaction() as session:
        survey_id = component_files.stage(
            session, survey, cells_at=component_surveys.cells_at(session), at=datetime.now(UTC)
        )
    if not stage_only:
        with runtime.transaction() as session:
            component_files.take_over(session, survey_id, accepted=accepted, at=datetime.now(UTC))
    _show(runtime, survey_id, accepted, as_json)


def _named(given: Sequence[str]) -> dict[str, str]:
    known = {*component_surveys.NAMES, *component_surveys.PLACE_NAMES}
    pairs = dict(one.partition("=")[::2] for one in given)
    for meaning, name in pairs.items():
        if meaning not in known or not name:
            raise click.UsageError(f"--field MEANING=NAME; a MEANING is one of {', '.join(sorted(known))}")
    return pairs


@components.command("take-over")
@click.argument("survey", type=click.IntRange(1, 2**31))
@accept_option
@json_option
@click.pass_obj
@admin_log.recorded("components.take-over")
def take_over(runtime: Runtime, survey: int, accepted: tuple[str, ...], as_json: bool) -> None:
    """Put the staged SURVEY into the register. Exit code 1 while it has faults that are not accepted."""
    with runtime.transaction() as session:
        component_files.take_over(session, survey, accepted=accepted, at=datetime.now(UTC))
    _show(runtime, survey, accepted, as_json)


@components.command()
@click.argument("survey", type=click.IntRange(1, 2**31))
@click.pass_obj
@admin_log.recorded("components.discard")
def discard(runtime: Runtime, survey: int) -> None:
    """Give up the staged SURVEY; its report stays."""
    with runtime.transaction() as session:
        component_files.discard(session, survey, at=datetime.now(UTC))
    console.print(f"survey {survey} is discarded")


@components.command("report")
@click.argument("survey", type=click.IntRange(1, 2**31))
@accept_option
@json_option
@click.pass_obj
def show_report(runtime: Runtime, survey: int, accepted: tuple[str, ...], as_json: bool) -> None:
    """Print the report on SURVEY: row, field, what was expected. Exit code 1 while something stands against it."""
    component_files.require_kinds(accepted)
    _show(runtime, survey, accepted, as_json)


@components.command("surveys")
@json_option
@click.pass_obj
def list_surveys(runtime: Runtime, as_json: bool) -> None:
    """List the surveys, the newest first."""
    with runtime.transaction() as session:
        found = component_files.surveys(session)
    names = ("id", "file", "crs", "rows", "state", "staged_at", "outcome")
    facts = [{name: getattr(one, name) for name in names} for one in found]
    if as_json:
        return print_json(facts)
    table = Table(*names)
    for row in facts:
        staged = row["staged_at"].astimezone(runtime.settings.zone).strftime("%Y-%m-%d %H:%M")
        told = (row["id"], row["file"], row["crs"], f"{row['rows']:,}", row["state"], staged)
        table.add_row(*_cells(told), _counted(row["outcome"] or {}))
    return console.print(table)


@components.command("export")
@click.argument("file", type=OUT)
@area_option
@class_option
@state_option
@click.option(
    "--headings",
    type=click.Choice(list(HEADINGS)),
    default="abbreviation",
    show_default=True,
    help="Names of the fields: the standard's abbreviations, Chinese, or English.",
)
@click.option("--crs", default="wgs84", show_default=True, help="Also gcj02, bd09, cgcs2000, EPSG:n.")
@click.pass_obj
def export(
    runtime: Runtime,
    file: Path,
    area: str | None,
    classes: tuple[str, ...],
    states: tuple[str, ...],
    headings: str,
    crs: str,
) -> None:
    """Write components to a GeoPackage, GeoJSON, CSV, TSV or XLSX FILE, which `import` reads back."""
    with runtime.transaction() as session:
        filters = Filters(area=area, classes=classes, states=states)
        count = component_surveys.export(session, file, filters, headings=headings, crs=crs)
    console.print(f"{count:,} components written to {file}", highlight=False)


@components.command("list")
@click.argument("words", required=False)
@area_option
@class_option
@state_option
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many.")
@click.option("--counts", "counted", is_flag=True, help="How many there are by class and state.")
@json_option
@click.pass_obj
def list_components(
    runtime: Runtime,
    words: str | None,
    area: str | None,
    classes: tuple[str, ...],
    states: tuple[str, ...],
    limit: int,
    counted: bool,
    as_json: bool,
) -> None:
    """List components by code; WORDS: the beginning of a number they bear, or of their class or remark."""
    filters = Filters(area=area, classes=classes, states=states, q=words)
    if counted:
        names = ("class_code", "class_zh", "class_en", "state", "components")
        with runtime.transaction() as session:
            rows = component_queries.counts(session, filters)
    else:
        names = ("code", "class_zh", "state", "cell_code", "maintainer_name", "second_code")
        with runtime.transaction() as session:
            rows = component_queries.listed(session, filters, limit=limit).rows
    facts = [{name: getattr(row, name) for name in names} for row in rows]
    if as_json:
        return print_json(facts)
    table = Table(*names)
    for row in facts:
        table.add_row(*_cells(row.values()))
    return console.print(table if facts else "There are no such components.")


@components.command()
@click.argument("code")
@json_option
@click.pass_obj
def show(runtime: Runtime, code: str, as_json: bool) -> None:
    """Show the component CODE with its history, oldest first."""
    with runtime.transaction() as session:
        found = component_queries.line(session, code)
        if found is None:
            raise register.unknown(code)
        history = component_queries.history(session, code)
    facts = {name: getattr(found, name) for name in (*component_queries.COLUMNS, "lon", "lat")}
    if as_json:
        return print_json(facts | {"history": [dict(event._mapping) for event in history]})
    for name, value in facts.items():
        if value is not None:
            console.print(f"{name}: {value}", markup=False, highlight=False)
    table = Table("version", "at", "action", "state", "changes", "by", "reason")
    for event in history:
        at = event.at.astimezone(runtime.settings.zone).strftime("%Y-%m-%d %H:%M")
        told = (event.version, at, event.action, event.state, _changed(event.changes), event.login, event.reason)
        table.add_row(*_cells(told))
    return console.print(table)


def _changed(changes: dict[str, list]) -> str:
    return "; ".join(f"{name}: {before} -> {after}" for name, (before, after) in sorted(changes.items()))


@components.command()
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("--crs", default="wgs84", show_default=True, type=click.Choice(geo.CRS_NAMES), help="Of LON and LAT.")
@click.option("--class", "class_code", help="Only of this class.")
@click.option("--within", "within_m", default=register.NEAR_M, show_default=True, help="Metres.")
@click.option("--limit", type=click.IntRange(1, register.MOST_NEAR), default=10, show_default=True, help="At most.")
@json_option
@click.pass_obj
def near(
    runtime: Runtime,
    lon: float,
    lat: float,
    crs: str,
    class_code: str | None,
    within_m: float,
    limit: int,
    as_json: bool,
) -> None:
    """List the components nearest to LON LAT, degrees, and whether they stand in the cell of that place."""
    lon, lat = geo.to_cgcs2000(lon, lat, crs)
    with runtime.transaction() as session:
        found = register.near(session, lon, lat, class_code, limit, within_m)
    if as_json:
        return print_json([asdict(one) for one in found])
    table = Table("metres", "in the cell", "code", "class", "state", "maintainer")
    for one in found:
        it = one.component
        in_cell = "yes" if one.in_cell else ""
        table.add_row(*_cells((f"{one.distance_m:.1f}", in_cell, it.code, it.class_zh, it.state, it.maintainer_name)))
    return console.print(table)


@components.command()
@click.pass_obj
@admin_log.recorded("components.regrid")
def regrid(runtime: Runtime) -> None:
    """Find the cells again of components whose cell is not valid any more; run it after the grid has changed."""
    with runtime.transaction() as session:
        count = register.regrid(session, at=datetime.now(UTC))
    console.print(f"{count:,} components have a new cell")


def _show(runtime: Runtime, survey_id: int, accepted: Sequence[str], as_json: bool) -> None:
    """Print a report; exit code 1 while something stands against taking the survey over."""
    with runtime.transaction() as session:
        found = component_files.report(session, survey_id, accepted, most=None if as_json else SHOWN)
    if as_json:
        print_json(asdict(found))
    else:
        _print_report(found)
    if found.state == "staged" and found.refused:
        sys.exit(1)


def _print_report(found: Report) -> None:
    encoding = f", {found.encoding}" if found.encoding else ""
    console.print(escape(f"survey {found.id}: {found.file}, {found.rows:,} rows, {found.crs}{encoding}"))
    for note in found.notes:
        console.print(note, highlight=False, markup=False)
    if found.faults:
        table = Table("row", "field", "kind", "expected", "got")
        for fault in found.faults:
            table.add_row(*_cells((fault.row, fault.field, fault.kind, fault.expected, fault.got)))
        console.print(table)
    for kind, count in found.counts.items():
        console.print(f"{count:,} x {kind}: {_consequence(kind)}", highlight=False)
    console.print(_ending(found), highlight=False)


def _consequence(kind: str) -> str:
    if kind in UNSTORABLE:
        return "such rows cannot be stored; accepted, they are left out"
    if kind in DOUBTFUL:
        return "accepted, such rows are taken as they are"
    assert kind in MENDED
    return "told only"


def _ending(found: Report) -> str:
    if found.state == "taken_over":
        return f"taken over: {_counted(found.outcome or {})}"
    if found.state == "discarded":
        return "discarded"
    if found.refused:
        return f"staged, nothing was taken over; to accept: --accept-faults {' --accept-faults '.join(found.refused)}"
    return f"staged; to take it over: webgis components take-over {found.id}"


def _counted(outcome: dict[str, int]) -> str:
    return ", ".join(f"{outcome[name]:,} {name.replace('_', ' ')}" for name in sorted(outcome))


def _cells(values: Iterable[Any]) -> Iterator[str]:
    """Values as a table shows them: nothing for None, and no markup of what people typed."""
    return ("" if value is None else escape(str(value)) for value in values)
