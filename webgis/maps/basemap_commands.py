"""The command `webgis basemap`."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from webgis.db import Runtime
from webgis.maps import basemaps

console = Console()


@click.group()
def basemap() -> None:
    """Basemaps of this installation: PMTiles and MBTiles files, copied under var/."""


@basemap.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="What it is called on maps; the file's name when left out.")
@click.pass_obj
def add(runtime: Runtime, file: Path, name: str | None) -> None:
    """Copy FILE (.pmtiles or .mbtiles) to var/basemaps; maps offer it from now on."""
    made = basemaps.add(runtime.settings, file, name)
    console.print(f"added: {made.name}, {made.kind}, zooms {made.first} to {made.last}", highlight=False)


@basemap.command("list")
@click.pass_obj
def list_basemaps(runtime: Runtime) -> None:
    """List the basemaps that maps offer."""
    rows = basemaps.listed(runtime.settings)
    table = Table("name", "kind", "form", "zooms")
    for row in rows:
        table.add_row(row.name, row.kind, row.form, f"{row.first}-{row.last}")
    console.print(table if rows else "No basemap: maps show their own areas.")


@basemap.command()
@click.argument("name")
@click.pass_obj
def remove(runtime: Runtime, name: str) -> None:
    """Remove the basemap NAME."""
    basemaps.remove(runtime.settings, name)
    console.print(f"removed: {name}", highlight=False)
