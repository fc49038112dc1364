"""The commands `webgis workflow ...`."""

import sys
from pathlib import Path

import click

from webgis.cases import workflow_drawing as drawing
from webgis.cases.table_commands import FILE


@click.group()
def workflow() -> None:
    """The table of who may do what next with a case."""


@workflow.command("draw")
@click.argument("file", type=FILE, required=False)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when the file shows another table.")
def draw(file: Path | None, check: bool) -> None:
    """Draw the table as diagrams and rows: to the screen, or between the marks of FILE (docs/workflow.md)."""
    drawn = drawing.drawn()
    if file is None:
        click.echo(drawn)
        return
    text = file.read_text(encoding="utf-8")
    begin, end = text.find(drawing.BEGIN), text.find(drawing.END)
    if begin < 0 or end < begin:
        raise click.UsageError(f"{file} lacks the lines {drawing.BEGIN!r} and {drawing.END!r}")
    fresh = text[:begin] + drawn + text[end + len(drawing.END) :]
    if check:
        sys.exit(int(fresh != text))
    file.write_text(fresh, encoding="utf-8")
