"""`webgis metro`: lines and structures in and out, their zones, the table of distances, permits that expire."""

import csv
import dataclasses
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from webgis import geo
from webgis.accounts import admin_log
from webgis.db import Runtime
from webgis.errors import Invalid
from webgis.metro import findings, permit_queries, queries, structure_files, structures, zoning
from webgis.metro.distances import Distance, shipped
from webgis.metro.permit_rules import bad_field
from webgis.metro.structures import Outcome

console = Console()
SHOWN = 50
"""Faults printed one by one; --json gives all."""

as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")


@click.group()
def metro() -> None:
    """Structures of the metro and the protection zones beside them."""


@metro.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--format", "format_", type=click.Choice(structure_files.FORMATS), help="Default: by the file.")
@click.option("--crs", help="wgs84, gcj02, bd09, cgcs2000 or EPSG:n; default: what the file states; of amap GCJ-02.")
@click.option("--source", help="By which these structures are known; default: the file's name.")
@click.option("--station-kind", default="underground_station", show_default=True, help="What the stations of amap are.")
@click.option("--section-kind", default="tunnel", show_default=True, help="What lies between two stations of amap.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Since when new structures are there; default: now.")
@click.option("--replace", is_flag=True, help="End the structures of the source that the file does not have.")
@click.option("--check", is_flag=True, help="Only look: nothing is stored.")
@as_json_option
@click.pass_obj
@admin_log.recorded("metro.import")
def import_structures(
    runtime: Runtime,
    file: Path,
    format_: str | None,
    crs: str | None,
    source: str | None,
    station_kind: str,
    section_kind: str,
    since: datetime | None,
    replace: bool,
    check: bool,
    as_json: bool,
) -> None:
    """Import lines and structures from FILE, and work out their zones: all of it, or nothing with every fault (exit
    code 1). Fields: docs/metro.md."""
    zone = runtime.settings.zone
    read = structure_files.read(file, format_, crs, zone=zone, station=station_kind, section=section_kind)
    with runtime.sessions.begin() as session:
        outcome = structures.take_in(
            session,
            read,
            source=source or file.stem,
            at=datetime.now(UTC),
            since=since and since.replace(tzinfo=zone),
            replace=replace,
        )
        if check:
            session.rollback()
    _tell(outcome, read, check, as_json)
    sys.exit(0 if outcome.loaded else 1)


def _tell(outcome: Outcome, read: structure_files.Read, check: bool, as_json: bool) -> None:
    if as_json:
        zones = outcome.zones and outcome.zones.counts()
        told = vars(outcome) | {"zones": zones, "crs": read.crs, "checked_only": check}
        click.echo(json.dumps(told | {"faults": [vars(one) for one in outcome.faults]}, ensure_ascii=False, indent=2))
        return
    console.print(f"{outcome.rows:,} rows in {read.crs}", highlight=False)
    for note in read.notes:
        console.print(note)
    if outcome.faults:
        _print_faults(outcome)
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(outcome.kinds.items()))
    zones = outcome.zones.counts()
    console.print(f"{outcome.lines} lines; {kinds}", highlight=False)
    became = f"{outcome.added:,} new, {outcome.changed:,} changed, {outcome.unchanged:,} as they were"
    console.print(f"{became}, {outcome.ended:,} ended", highlight=False)
    console.print("zones: {opened:,} begun, {closed:,} ended, {unchanged:,} stay".format(**zones), highlight=False)
    if outcome.approximate:
        console.print(f"[yellow]{outcome.approximate:,} are not surveyed: their zones are approximate[/]")
    if check:
        console.print("Nothing was stored: this was a look")


def _print_faults(outcome: Outcome) -> None:
    table = Table("row", "field", "what")
    for fault in outcome.faults[:SHOWN]:
        table.add_row(str(fault.row), fault.column, fault.problem)
    console.print(table)
    if len(outcome.faults) > SHOWN:
        console.print(f"... and {len(outcome.faults) - SHOWN:,} more; --json gives all")
    console.print("[red]Nothing was stored[/]; mend the faults above")


@metro.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--crs", default="wgs84", show_default=True, help="wgs84, gcj02, bd09, cgcs2000 or EPSG:n.")
@click.pass_obj
def export(runtime: Runtime, file: Path, crs: str) -> None:
    """Write every structure to FILE (.geojson or .gpkg); `webgis metro import` reads it back."""
    with runtime.transaction() as session:
        rows = queries.exported(session)
    if not rows:
        raise Invalid("metro.nothing", "There are no structures to export")
    structure_files.write(file, rows, crs)
    console.print(f"{len(rows):,} structures in {file}", highlight=False)


@metro.command()
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("--crs", default="wgs84", show_default=True, type=click.Choice(geo.CRS_NAMES), help="Of the place.")
@click.option("--at", type=click.DateTime(), help="A moment in the city's time; default: now.")
@as_json_option
@click.pass_obj
def zones(runtime: Runtime, lon: float, lat: float, crs: str, at: datetime | None, as_json: bool) -> None:
    """The protection zones and permits at a place, the zone that holds first."""
    place = geo.to_cgcs2000(lon, lat, crs)
    moment = at and at.replace(tzinfo=runtime.settings.zone)
    with runtime.transaction() as session:
        found, granted = queries.zones_at(session, *place, moment), permit_queries.valid_at(session, *place, moment)
    if as_json:
        told = {"zones": [row._asdict() for row in found], "permits": [row._asdict() for row in granted]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2, default=str))
        return
    table = Table("zone", "metres", "structure", "kind", "name", "approximate", "rule")
    for row in found:
        metres, rough = f"{row.metres:g}", "yes" if row.approximate else ""
        table.add_row(row.kind, metres, row.code, row.structure, row.name_zh, rough, row.source)
    console.print(table if found else "No protection zone is here.")
    for row in granted:
        console.print(f"{row.number} {row.project}, until {row.ends}", highlight=False)


@metro.command()
@click.option(
    "--set", "file", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="A CSV to use instead."
)
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, which --set reads.")
@as_json_option
@click.pass_obj
@admin_log.recorded("metro.distances")
def distances(runtime: Runtime, file: Path | None, as_csv: bool, as_json: bool) -> None:
    """Print the table of distances, or --set another one: zones are worked out again."""
    with runtime.transaction() as session:
        if file is not None:
            changed = zoning.set_distances(session, read_distances(file), datetime.now(UTC)).counts()
            console.print("{opened:,} zones begun, {closed:,} ended".format(**changed), highlight=False)
        rows = queries.distances(session) or shipped()
    if as_json:
        click.echo(json.dumps([vars(row) for row in rows], ensure_ascii=False, indent=2))
        return
    if as_csv:
        writer = csv.DictWriter(sys.stdout, [one.name for one in dataclasses.fields(Distance)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(vars(row) for row in rows)
        return
    table = Table("structure_kind", "zone_kind", "metres", "measured_from", "sureness", "source")
    for row in rows:
        table.add_row(row.structure_kind, row.zone_kind, f"{row.metres:g}", row.measured_from, row.sureness, row.source)
    console.print(table)


def read_distances(file: Path) -> list[Distance]:
    """The rows of a CSV with the columns of `data/distances.csv`."""
    rows = csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines())
    return [_distance(number, row) for number, row in enumerate(rows, 2)]


def _distance(number: int, row: dict[str, Any]) -> Distance:
    try:
        return Distance(
            row["structure_kind"].strip(),
            row["zone_kind"].strip(),
            float(row["metres"]),
            row["source"].strip(),
            (row.get("measured_from") or "outline").strip(),
            (row.get("sureness") or "M").strip(),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        accepted = "structure_kind, zone_kind, metres, source; and measured_from, sureness"
        raise bad_field("file", f"row {number}", accepted) from None


@metro.command("find-unpermitted")
@click.pass_obj
def find_unpermitted(runtime: Runtime) -> None:
    """Look for work in protection zones without a permit, as the timetable does each ten minutes."""
    with runtime.transaction() as session:
        found = findings.find(session, datetime.now(UTC))
    console.print(", ".join(f"{count} by {name}" for name, count in found.items()) or "Nothing new.", highlight=False)
