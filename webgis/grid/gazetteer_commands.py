"""`webgis places`: names of roads, compounds, doors and other places, source by source."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from webgis import geo
from webgis.accounts import admin_log
from webgis.db import Runtime
from webgis.grid import gazetteer, gazetteer_files, gazetteer_queries
from webgis.grid.gazetteer_files import Fault
from webgis.grid.gazetteer_rules import KINDS

console = Console()
SHOWN = 50
"""Faults printed one by one; --json gives all."""

as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")


@click.group()
def places() -> None:
    """The gazetteer: roads, compounds, doors, villages, buildings and points of interest by name."""


@places.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--crs", help="wgs84, gcj02, bd09, cgcs2000 or EPSG:n; default: what the file states (CSV states none).")
@click.option("--source", help="Name by which these places are listed and removed; default: the file's name.")
@click.option("--kind", type=click.Choice(KINDS), help="What the places are, where no column says it.")
@click.option("--encoding", help="Of a CSV's or Shapefile's texts; default: by content.")
@click.option("--replace", is_flag=True, help="Instead of the places this source has now.")
@click.option("--skip-faulty", is_flag=True, help="Store the rows without faults; else it is all or nothing.")
@click.option("--illustrative", is_flag=True, help="The places are made up for show.")
@as_json_option
@click.pass_obj
@admin_log.recorded("places.import")
def import_places(
    runtime: Runtime,
    file: Path,
    crs: str | None,
    source: str | None,
    kind: str | None,
    encoding: str | None,
    replace: bool,
    skip_faulty: bool,
    illustrative: bool,
    as_json: bool,
) -> None:
    """Import places from a CSV, GeoPackage, GeoJSON or Shapefile. Columns: docs/places.md.

    Every fault is reported with its row and column. Unless --skip-faulty, nothing is stored when there is one (exit
    code 1).
    """
    read = gazetteer_files.read(file, crs, kind=kind, encoding=encoding)
    with runtime.transaction() as session:
        outcome = gazetteer.import_places(
            session,
            read.entries,
            read.faults,
            source or file.stem,
            file=file.name,
            illustrative=illustrative,
            replace=replace,
            skip_faulty=skip_faulty,
        )
    if as_json:
        told = vars(outcome) | {"faults": [fault.facts() for fault in outcome.faults]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        _tell(outcome, file.name, read.crs)
    sys.exit(0 if outcome.loaded else 1)


def _tell(outcome: gazetteer.Outcome, name: str, crs: str) -> None:
    console.print(f"{outcome.rows:,} rows of {name} in {crs}", highlight=False)
    _print_faults(outcome.faults)
    if outcome.loaded:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(outcome.kinds.items()))
        console.print(f"{outcome.stored:,} places stored as {outcome.source}: {kinds}", highlight=False)
    else:
        console.print("[red]Nothing was stored[/]; mend the faults above, or import with --skip-faulty")


def _print_faults(faults: list[Fault]) -> None:
    if not faults:
        return
    table = Table("row", "column", "fault", "what")
    for fault in faults[:SHOWN]:
        table.add_row(str(fault.row), fault.column, fault.kind, fault.message)
    console.print(table)
    if len(faults) > SHOWN:
        console.print(f"... and {len(faults) - SHOWN:,} more; --json gives all")


@places.command("list")
@as_json_option
@click.pass_obj
def list_sources(runtime: Runtime, as_json: bool) -> None:
    """List the sources of places, with how many of each kind they hold."""
    with runtime.transaction() as session:
        rows = [dict(row._mapping) for row in gazetteer_queries.sources(session)]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2, default=str))
        return
    table = Table("source", "file", "imported", "places", "illustrative")
    for row in rows:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(row["kinds"].items()))
        when = row["imported_at"].astimezone(runtime.settings.zone).strftime("%Y-%m-%d %H:%M")
        table.add_row(row["name"], row["file"], when, kinds, "yes" if row["illustrative"] else "")
    console.print(table if rows else "No places yet. Import them: webgis places import FILE")


@places.command("remove")
@click.argument("source")
@click.pass_obj
@admin_log.recorded("places.remove")
def remove(runtime: Runtime, source: str) -> None:
    """Remove a SOURCE with all its places."""
    with runtime.transaction() as session:
        count = gazetteer.remove(session, source)
    console.print(f"{count:,} places of {source} removed", highlight=False)


@places.command("search")
@click.argument("words")
@click.option("--near", nargs=2, type=float, metavar="LON LAT", help="The nearest of equals comes first.")
@click.option("--crs", default="wgs84", show_default=True, type=click.Choice(geo.CRS_NAMES), help="Of --near.")
@as_json_option
@click.pass_obj
def search(runtime: Runtime, words: str, near: tuple[float, float] | None, crs: str, as_json: bool) -> None:
    """Search places as the pages do, with their scores."""
    lon, lat = geo.to_cgcs2000(*near, crs) if near else (None, None)
    with runtime.transaction() as session:
        rows = gazetteer_queries.find(session, words, lon, lat)
    if as_json:
        click.echo(json.dumps([row._asdict() for row in rows], ensure_ascii=False, indent=2))
        return
    table = Table("score", "kind", "name", "English", "area", "cell", "lon, lat")
    for row in rows:
        where = f"{row.lon:.6f}, {row.lat:.6f}"
        table.add_row(f"{row.score:.2f}", row.kind, row.name, row.name_en, row.area_code, row.cell_code or "", where)
    console.print(table if rows else "Nothing is called like that.")
