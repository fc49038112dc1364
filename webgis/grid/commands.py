"""`webgis areas` and `webgis grid`: the city's areas and unit cells from the command line."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click
import numpy as np
import shapely
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from webgis import geo
from webgis.accounts import admin_log
from webgis.catalog import sheets
from webgis.db import Runtime
from webgis.grid import areas as area_operations
from webgis.grid import (
    cell_people,
    changes,
    checks,
    dividing,
    division,
    files,
    fitting,
    history,
    queries,
    survey,
    systems,
)
from webgis.grid.checks import Fault
from webgis.grid.models import LEVELS

console = Console()

SHOWN = 50
"""Faults printed one by one; --json gives all."""

FILE = click.Path(dir_okay=False, path_type=Path)
as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
crs_option = click.option("--crs", help="wgs84, gcj02, bd09, cgcs2000 or EPSG:n; default: what the file states.")
out_crs_option = click.option("--crs", default="wgs84", show_default=True, help="Also gcj02, bd09, cgcs2000, EPSG:n.")
encoding_option = click.option(
    "--encoding", help="Of a Shapefile's texts, such as GBK; default: .cpg, else by content."
)
check_option = click.option("--check", is_flag=True, help="Only look: report what it would do, and change nothing.")
tolerance_option = click.option("--tolerance", type=float, help="Report overlaps and gaps from so many m2.")


def moment_option(about: str) -> Callable:
    """`--at TIME`: ISO 8601, in the city's time zone unless it says another."""
    return click.option("--at", "at", metavar="TIME", help=f"{about} ISO 8601; default: now.")


def _moment(runtime: Runtime, given: str | None) -> datetime | None:
    return None if given is None else history.read_moment(given, runtime.settings.zone)


@contextmanager
def _progress(what: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, so that standard output stays what was asked for."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def _print_faults(faults: Sequence[Fault]) -> None:
    if not faults:
        return
    table = Table("row", "code", "fault", "what", "place")
    for fault in faults[:SHOWN]:
        where = f"{fault.lon}, {fault.lat}" if fault.lon is not None else ""
        table.add_row(str(fault.row or ""), fault.code or "", fault.kind, fault.message, where)
    console.print(table)
    if len(faults) > SHOWN:
        console.print(f"... and {len(faults) - SHOWN} more; --json gives all")
    console.print("  ".join(f"{kind}: {count}" for kind, count in checks.counts(faults).items()))


def _report(outcome: Any) -> dict[str, Any]:
    """An outcome as JSON, its faults counted and listed."""
    given = {name: value for name, value in vars(outcome).items() if name != "faults"}
    return given | {"counts": checks.counts(outcome.faults), "faults": [fault.facts() for fault in outcome.faults]}


@click.group()
def areas() -> None:
    """Cities, counties, subdistricts and communities."""


@areas.command("import")
@click.argument("file", type=FILE)
@crs_option
@encoding_option
@click.option("--level", type=click.Choice(LEVELS), help="Refuse rows of another level; default: by the code's length.")
@click.option("--code-field", help="Field of the area's code.")
@click.option("--name-field", help="Field of the Chinese name.")
@click.option("--name-en-field", help="Field of the English name or pinyin.")
@click.option("--population-field", help="Field of the population.")
@click.option("--source", help="Where the boundaries come from; kept with each area.")
@click.option("--illustrative", is_flag=True, help="The boundaries are made up for show.")
@click.option(
    "--projected-srid",
    type=int,
    metavar="EPSG",
    help="Metres and areas of the file's cities; default: what they keep, or the setting, else their 3-degree zone.",
)
@check_option
@as_json_option
@click.pass_obj
@admin_log.recorded("areas.import")
def import_areas(
    runtime: Runtime,
    file: Path,
    crs: str | None,
    encoding: str | None,
    level: str | None,
    code_field: str | None,
    name_field: str | None,
    name_en_field: str | None,
    population_field: str | None,
    source: str | None,
    illustrative: bool,
    projected_srid: int | None,
    check: bool,
    as_json: bool,
) -> None:
    """Import areas from a GeoJSON, GeoPackage or Shapefile; those that are there already are updated.

    Repaired geometry, overlaps and gaps are reported and loaded; wrong codes, missing names, unknown parents and
    empty geometry are not: then nothing is loaded and the exit code is 1.

    A table (CSV, TSV, XLSX: code, people; as_of, source) gives the people of unit cells. With any fault nothing is
    loaded.
    """
    if file.suffix.lower() in sheets.ENDINGS:
        _import_people(runtime, file, code_field, population_field, source, check, as_json)
    given = {"code": code_field, "name_zh": name_field, "name_en": name_en_field, "population": population_field}
    layer = files.read(file, crs, encoding)
    with runtime.transaction() as session:
        outcome = area_operations.import_areas(
            session,
            layer,
            srid=runtime.settings.projected_srid,
            level=level,
            given=given,
            source=source,
            illustrative=illustrative,
            city_srid=projected_srid,
            zone_srid=None if runtime.settings.states("projected_srid") else systems.zone_of(layer.geoms),
        )
        if check:
            session.rollback()
    if as_json:
        _print_json(_report(outcome))
    else:
        console.print(f"{len(layer.geoms)} features of {file.name} in {layer.crs}")
        for note in outcome.notes:
            console.print(note)
        _print_faults(outcome.faults)
        if outcome.srids:
            console.print(f"metres are measured in EPSG:{', '.join(map(str, outcome.srids))}")
        done = f"{outcome.added} added, {outcome.updated} updated"
        done = f"Nothing was changed; it would be: {done}" if check else done
        console.print(done if outcome.loaded else "[red]Nothing was loaded[/]; mend the faults above and import again")
    sys.exit(0 if outcome.loaded else 1)


def _import_people(
    runtime: Runtime,
    file: Path,
    code_field: str | None,
    people_field: str | None,
    source: str | None,
    check: bool,
    as_json: bool,
) -> NoReturn:
    today = datetime.now(runtime.settings.zone).date()
    with runtime.transaction() as session:
        outcome = cell_people.import_people(
            session, file, today=today, code_field=code_field, people_field=people_field, source=source
        )
        if check:
            session.rollback()
    if as_json:
        _print_json(_report(outcome))
    else:
        _print_faults(outcome.faults)
        done = f"people of {outcome.cells} cells: {outcome.added} added, {outcome.updated} updated"
        done = f"Nothing was changed; it would be: {done}" if check else done
        console.print(done if outcome.loaded else "[red]Nothing was loaded[/]; mend the faults above and import again")
    sys.exit(0 if outcome.loaded else 1)


@areas.command("list")
@click.option("--level", type=click.Choice(LEVELS), help="Only of this level.")
@click.option("--area", "within", metavar="CODE", help="Only within this area.")
@as_json_option
@click.pass_obj
def list_areas(runtime: Runtime, level: str | None, within: str | None, as_json: bool) -> None:
    """List areas by code."""
    with runtime.transaction() as session:
        rows = [
            {name: getattr(area, name) for name in ("code", "level", "name_zh", "name_en", "area_m2", "population")}
            for area in queries.areas(session, level, within)
        ]
    if as_json:
        _print_json(rows)
        return
    table = Table("code", "level", "name", "English", "km2", "population")
    for row in rows:
        km2 = f"{row['area_m2'] / 1e6:,.2f}"
        people = "" if row["population"] is None else f"{row['population']:,}"
        table.add_row(row["code"], row["level"], row["name_zh"], row["name_en"] or "", km2, people)
    console.print(table if rows else "No areas yet. Import them: webgis areas import FILE")


@areas.command("check")
@click.option("--area", "within", metavar="CODE", default="", help="Only within this area.")
@tolerance_option
@as_json_option
@click.pass_obj
def check_areas(runtime: Runtime, within: str, tolerance: float | None, as_json: bool) -> None:
    """Measure overlaps, gaps and overhangs of the stored areas; exit code 1 when there are any."""
    with runtime.transaction() as session:
        if within:
            queries.area(session, within)
        limit = area_operations.TOLERANCE_M2 if tolerance is None else tolerance
        faults = area_operations.check_areas(session, within, limit)
    _tell(faults, "No overlaps, gaps or overhangs.", as_json)


def _tell(faults: list[Fault], good: str, as_json: bool) -> None:
    if as_json:
        _print_json({"counts": checks.counts(faults), "faults": [fault.facts() for fault in faults]})
    else:
        _print_faults(faults)
        if not faults:
            console.print(good)
    sys.exit(1 if faults else 0)


@areas.command("export")
@click.option("--level", type=click.Choice(LEVELS), help="Only of this level.")
@click.option("--area", "within", metavar="CODE", help="Only within this area.")
@out_crs_option
@click.argument("file", type=FILE)
@click.pass_obj
def export_areas(runtime: Runtime, level: str | None, within: str | None, crs: str, file: Path) -> None:
    """Write areas to a .geojson or .gpkg FILE."""
    with runtime.transaction() as session:
        if within:
            queries.area(session, within)
        count = area_operations.export_areas(session, file, level, within, crs)
    console.print(f"{count} areas written to {file}")


@click.group()
def grid() -> None:
    """Unit cells: dividing, importing, checking, locating."""


@grid.command("divide")
@click.option("--area", "code", metavar="CODE", required=True, help="A community or any area above.")
@click.option("--size", type=float, default=division.SIZE_M, show_default=True, help="Side of a cell in metres.")
@click.option("--sliver", type=float, default=division.SLIVER, show_default=True, help="Share of a full cell.")
@click.option("--again", is_flag=True, help="Close the valid cells of the area and open new ones, with lineage.")
@click.option("--reuse-codes", is_flag=True, help="With --again: where all 999 codes were used, reuse the oldest.")
@moment_option("Valid from.")
@as_json_option
@click.pass_obj
@admin_log.recorded("grid.divide")
def divide(
    runtime: Runtime,
    code: str,
    size: float,
    sliver: float,
    again: bool,
    reuse_codes: bool,
    at: str | None,
    as_json: bool,
) -> None:
    """Divide every community of an area into cells and store them."""
    with _progress("dividing", as_json) as progress, runtime.transaction() as session:
        outcome = dividing.divide_area(
            session,
            code,
            srid=runtime.settings.projected_srid,
            size_m=size,
            sliver=sliver,
            again=again,
            reuse_codes=reuse_codes,
            at=_moment(runtime, at),
            progress=progress,
        )
    if as_json:
        _print_json(_division_report(outcome))
    else:
        _tell_division(outcome)


def _division_report(outcome: dividing.Outcome) -> dict[str, Any]:
    noted = {
        name: [{"code": community.code, "name_zh": community.name_zh} | note.facts for community, note in notes]
        for name, notes in (("enlarged", outcome.enlarged), ("slivers_kept", outcome.slivers))
    }
    whole = {name: value for name, value in vars(outcome).items() if name not in ("enlarged", "slivers")}
    return whole | noted


def _tell_division(outcome: dividing.Outcome) -> None:
    console.print(f"{outcome.cells:,} cells in {outcome.communities:,} communities")
    if outcome.closed:
        console.print(f"{outcome.closed:,} old cells closed, {outcome.links:,} links of lineage")
    if outcome.unchanged:
        console.print(f"{len(outcome.unchanged):,} communities would have the same cells and were left as they are")
    for community, note in outcome.enlarged:
        facts = note.facts
        console.print(
            f"{community.code} {community.name_zh}: cells of {facts['size_m']:g} m, because {facts['cells']} of "
            f"{facts['asked_m']:g} m are more than the {division.MAX_CELLS} that three digits can number"
        )
    if outcome.slivers:
        console.print(f"{len(outcome.slivers)} slivers stand alone, without a neighbour in their community to join")
    if outcome.reused:
        console.print(f"[yellow]{len(outcome.reused)} codes of earlier cells were used again[/]")


@grid.command("import")
@click.argument("file", type=FILE)
@crs_option
@encoding_option
@click.option("--code-field", help="Field of the cell's code (网格标识码).")
@click.option("--area-field", help="Field of the area in m2 (面积).")
@click.option("--since-field", help="Field of the initial time (初始时间).")
@click.option("--until-field", help="Field of the end time (终止时间).")
@click.option("--remark-field", help="Field of the remark (备注).")
@click.option("--land-use-field", help="Field of the class of land use.")
@click.option("--manager-field", help="Field of the responsible body.")
@click.option("--accept-faults", default="", metavar="KIND,KIND", help="Load in spite of these kinds of faults.")
@click.option("--again", is_flag=True, help="Close the valid cells of the file's communities, with lineage.")
@moment_option("Valid from, for cells without an initial time.")
@tolerance_option
@as_json_option
@click.pass_obj
@admin_log.recorded("grid.import")
def import_cells(
    runtime: Runtime,
    file: Path,
    crs: str | None,
    encoding: str | None,
    accept_faults: str,
    again: bool,
    at: str | None,
    tolerance: float | None,
    as_json: bool,
    **given_fields: str | None,
) -> None:
    """Import surveyed cells. Every fault is reported; with any that is not accepted nothing is loaded, exit code 1."""
    layer = files.read(file, crs, encoding)
    with runtime.transaction() as session:
        outcome = survey.import_cells(
            session,
            layer,
            srid=runtime.settings.projected_srid,
            zone=runtime.settings.zone,
            given={name.removesuffix("_field"): field for name, field in given_fields.items()},
            accepted={kind.strip() for kind in accept_faults.split(",") if kind.strip()},
            again=again,
            at=_moment(runtime, at),
            tolerance_m2=checks.NOTABLE_M2 if tolerance is None else tolerance,
        )
    if as_json:
        _print_json(_report(outcome))
    else:
        _tell_import(outcome, layer, file)
    sys.exit(0 if outcome.loaded else 1)


def _tell_import(outcome: survey.Outcome, layer: files.Layer, file: Path) -> None:
    console.print(f"{len(layer.geoms)} features of {file.name} in {layer.crs}")
    for note in outcome.notes:
        console.print(note)
    _print_faults(outcome.faults)
    if outcome.loaded:
        console.print(
            f"{outcome.cells:,} cells stored, {outcome.unchanged:,} unchanged, {outcome.closed:,} old ones closed, "
            f"{outcome.left_out:,} rows left out"
        )
    else:
        kinds = ",".join(outcome.refused)
        console.print(f"[red]Nothing was loaded[/]. Mend the file, or load it as it is: --accept-faults {kinds}")


@grid.command("check")
@click.option("--area", "code", metavar="CODE", required=True, help="A community or any area above.")
@tolerance_option
@as_json_option
@click.pass_obj
def check_cells(runtime: Runtime, code: str, tolerance: float | None, as_json: bool) -> None:
    """Check the valid cells of an area: seamless, no overlap, in their communities, codes. Exit code 1 on faults."""
    limit = checks.NOTABLE_M2 if tolerance is None else tolerance
    with runtime.transaction() as session:
        faults = fitting.check_cells(session, code, srid=runtime.settings.projected_srid, tolerance_m2=limit)
    _tell(faults, "The cells are seamless, without overlap, inside their communities, in order.", as_json)


@grid.command("export")
@click.option("--area", "code", metavar="CODE", required=True, help="A community or any area above.")
@out_crs_option
@click.argument("file", type=FILE)
@click.pass_obj
def export_cells(runtime: Runtime, code: str, crs: str, file: Path) -> None:
    """Write the valid cells of an area to a .geojson or .gpkg FILE."""
    with runtime.transaction() as session:
        count = survey.export_cells(session, file, code, runtime.settings.zone, crs)
    console.print(f"{count:,} cells written to {file}")


@grid.command("locate")
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("--crs", type=click.Choice(geo.CRS_NAMES), default="wgs84", show_default=True, help="Of LON LAT.")
@moment_option("Which cell it was then.")
@as_json_option
@click.pass_obj
def locate(runtime: Runtime, lon: float, lat: float, crs: str, at: str | None, as_json: bool) -> None:
    """Print the cell that holds a place. Outside the grid: how far the nearest is, exit code 2."""
    lon, lat = geo.to_cgcs2000(lon, lat, crs)
    moment = _moment(runtime, at)
    with runtime.transaction() as session:
        found = queries.cell_at(session, lon, lat, moment)
        if found is None:
            raise queries.outside(session, lon, lat, moment)
        chain = [
            {"code": area.code, "level": area.level, "name_zh": area.name_zh, "name_en": area.name_en}
            for area in queries.area_chain(session, found.community_code)
        ]
    if as_json:
        valid = {"valid_from": found.valid.lower.isoformat(), "valid_to": found.valid.upper}
        _print_json({"code": found.code, "area_m2": found.area_m2, "lon": lon, "lat": lat} | valid | {"areas": chain})
        return
    console.print(f"[bold]{found.code}[/]  " + " ".join(area["name_zh"] for area in chain), highlight=False)


@grid.command("split")
@click.argument("code")
@click.argument("file", type=FILE)
@crs_option
@moment_option("When it is split.")
@as_json_option
@click.pass_obj
@admin_log.recorded("grid.split")
def split(runtime: Runtime, code: str, file: Path, crs: str | None, at: str | None, as_json: bool) -> None:
    """Split cell CODE along the lines, or the outlines of the polygons, in FILE."""
    by = shapely.union_all(np.array(files.read(file, crs).geoms))
    with runtime.transaction() as session:
        cells = changes.split_cell(session, code, by, srid=runtime.settings.projected_srid, at=_moment(runtime, at))
        _tell_change([code], cells, as_json)


@grid.command("merge")
@click.argument("codes", nargs=-1, required=True)
@moment_option("When they are merged.")
@as_json_option
@click.pass_obj
@admin_log.recorded("grid.merge")
def merge(runtime: Runtime, codes: tuple[str, ...], at: str | None, as_json: bool) -> None:
    """Merge the cells CODES, of one community and adjacent, into one."""
    with runtime.transaction() as session:
        cell = changes.merge_cells(session, codes, srid=runtime.settings.projected_srid, at=_moment(runtime, at))
        _tell_change(codes, [cell], as_json)


def _tell_change(old: Sequence[str], cells: Sequence, as_json: bool) -> None:
    made = [{"code": cell.code, "area_m2": round(cell.area_m2, 2)} for cell in cells]
    if as_json:
        _print_json({"closed": list(old), "opened": made})
    else:
        console.print(f"closed {', '.join(old)}; opened " + ", ".join(one["code"] for one in made), highlight=False)
