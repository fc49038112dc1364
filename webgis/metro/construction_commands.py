"""`webgis construction`: construction zones, emergency routes and the patrols of them from the command line."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from webgis.accounts import admin_log
from webgis.db import Runtime
from webgis.errors import Invalid
from webgis.metro import construction as zones
from webgis.metro import construction_files, construction_patrols, construction_traffic
from webgis.metro.construction_rules import PHASE_WORDS

console = Console()
FILE = click.Path(dir_okay=False, path_type=Path)
SHOWN = 50


@click.group()
def construction() -> None:
    """Construction zones of the metro (施工管控区)."""


@construction.command("import")
@click.argument("file", type=FILE)
@click.option("--crs", help="wgs84, gcj02, bd09, cgcs2000 or EPSG:n; default: what the file states.")
@click.option("--check", is_flag=True, help="Only look: report what it would do, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.pass_obj
@admin_log.recorded("construction.import")
def import_zones(runtime: Runtime, file: Path, crs: str | None, check: bool, as_json: bool) -> None:
    """Record the zones of a file (GeoJSON, GeoPackage): all, or none with every fault named.

    What is known of a zone already and is another now becomes a version; cases keep the one of their report.
    """
    try:
        with runtime.sessions() as session, session.begin() as transaction:
            found, done = construction_files.take(session, file, crs, at=datetime.now(UTC))
            if check:
                transaction.rollback()
    except Invalid as error:
        _print_faults(error.facts.get("faults", ()), as_json)
        raise
    if as_json:
        told = {name: getattr(done, name) for name in ("added", "changed", "unchanged")}
        click.echo(json.dumps(told | {"crs": found.crs, "check": check}, ensure_ascii=False))
        return
    what = "would be" if check else "are"
    console.print(
        f"{len(done.added)} zones {what} new, {len(done.changed)} changed, {len(done.unchanged)} as they were"
        f" (read as {found.crs})"
    )


def _print_faults(faults: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"faults": faults}, ensure_ascii=False))
        return
    table = Table("row", "zone", "field", "what")
    for fault in faults[:SHOWN]:
        table.add_row(str(fault["row"]), fault["zone"], fault["column"], fault["problem"])
    console.print(table)


@construction.command("export")
@click.argument("file", type=FILE)
@click.option("--crs", default="wgs84", show_default=True, help="Also gcj02, bd09, cgcs2000, EPSG:n.")
@click.pass_obj
def export_zones(runtime: Runtime, file: Path, crs: str) -> None:
    """Write what is known now of all zones, as the import reads it back."""
    with runtime.transaction() as session:
        count = construction_files.write(session, file, crs)
    console.print(f"{count} zones in {file}")


@construction.command("list")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="How things are on a day; default: now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.pass_obj
def list_zones(runtime: Runtime, day: datetime | None, as_json: bool) -> None:
    """The zones that are known, those with works first."""
    now = datetime.now(UTC)
    at = now if day is None else datetime.combine(day.date(), now.time(), runtime.settings.zone)
    with runtime.transaction() as session:
        rows = zones.listed(session, at, known=now)
    if as_json:
        told = [{name: value for name, value in row._mapping.items() if name != "geometry"} for row in rows]
        click.echo(json.dumps({"zones": told}, ensure_ascii=False, default=str))
        return
    table = Table("code", "name", "contractor", "from", "until", "phase")
    for row in rows:
        phase = PHASE_WORDS[row.phase][1] if row.phase else "works" if row.there else "-"
        table.add_row(row.code, row.name_zh, row.contractor, str(row.first_day), str(row.last_day or ""), phase)
    console.print(table)


@construction.command("missed")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Default: 7 days ago.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Default: yesterday.")
@click.pass_obj
def missed(runtime: Runtime, since: datetime | None, until: datetime | None) -> None:
    """Which zones were patrolled less often than is due, by day."""
    today: date = datetime.now(runtime.settings.zone).date()
    first = since.date() if since else today - timedelta(days=7)
    last = until.date() if until else today - timedelta(days=1)
    with runtime.transaction() as session:
        rows = construction_patrols.missed(session, first, last)
    table = Table("day", "zone", "due", "done")
    for row in rows:
        table.add_row(str(row.day), f"{row.code} {row.name_zh}", str(row.due), str(row.done))
    console.print(table if rows else "Nothing was missed")


@construction.command("routes")
@click.argument("file", type=FILE)
@click.option("--crs", help="wgs84, gcj02, bd09, cgcs2000 or EPSG:n; default: what the file states.")
@click.pass_obj
@admin_log.recorded("construction.routes")
def import_routes(runtime: Runtime, file: Path, crs: str | None) -> None:
    """Replace the routes that emergency vehicles need by those of a file (lines with code and name)."""
    with runtime.transaction() as session:
        count = construction_traffic.replace_routes(session, file, crs)
    console.print(f"{count} emergency routes")
