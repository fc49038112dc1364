"""The commands `webgis cases ...`."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from webgis.db import Runtime
from webgis.exchange import case_months

console = Console(highlight=False, soft_wrap=True)


@click.group()
def cases() -> None:
    """Cases in files."""


@cases.command()
@click.argument("month")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    show_default=True,
    help="Folder of the files.",
)
@click.pass_obj
def export(runtime: Runtime, month: str, folder: Path) -> None:
    """Write the cases reported in MONTH (2026-03) and their histories as GeoParquet."""
    bar = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with bar, runtime.engine.connect() as connection:
        line = bar.add_task("", total=None)
        written = case_months.export(
            connection,
            runtime.settings,
            month,
            folder,
            lambda name, rows: bar.update(line, description=name, completed=rows),
        )
    for one in written:
        console.print(f"{one.path}: {one.rows:,} rows")
