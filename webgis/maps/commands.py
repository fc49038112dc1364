"""The command `webgis maps`."""

import click
from rich.console import Console

from webgis.db import Runtime
from webgis.maps import tasks

console = Console()


@click.group()
def maps() -> None:
    """Maps that are drawn ahead."""


@maps.command()
@click.pass_obj
def draw(runtime: Runtime) -> None:
    """Draw the public snapshot now; otherwise it is drawn when a case changes, and once an hour."""
    with runtime.transaction() as session:
        path = tasks.draw(session, runtime.settings)
    console.print(f"drawn: {path}", highlight=False)
