"""The commands `webgis rollup ...`."""

import json
import sys

import click
from rich.console import Console
from rich.progress import Progress

from webgis.accounts import admin_log
from webgis.db import Runtime
from webgis.maps import rollups

console = Console(highlight=False, soft_wrap=True)
SHOWN = 20
"""Differences printed one by one; --json gives all."""


@click.group()
def rollup() -> None:
    """The counts that maps read, beside the cases themselves."""


@rollup.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object with every difference.")
@click.pass_obj
def check(runtime: Runtime, as_json: bool) -> None:
    """Compare all counts with a recount of the cases (exit code 1 when something differs)."""
    with _bar() as bar, runtime.engine.connect() as connection:
        found = rollups.check(connection, _told(bar, "recount"))
    if as_json:
        click.echo(json.dumps({"differences": [one._asdict() for one in found]}, default=str))
    else:
        for one in found[:SHOWN]:
            console.print(f"{one.table} {' '.join(map(str, one.key))}: stored {one.stored}, true {one.true}")
        console.print(f"{len(found):,} differ: webgis rollup rebuild" if found else "equal to a recount")
    sys.exit(1 if found else 0)


@rollup.command()
@click.pass_obj
@admin_log.recorded("rollup.rebuild")
def rebuild(runtime: Runtime) -> None:
    """Make all counts equal to a recount of the cases, while the city goes on; what is right is not touched."""
    with _bar() as bar, runtime.engine.connect() as connection:
        written = rollups.rebuild(connection, _told(bar, "rebuild"))
        connection.commit()
    console.print(f"{written:,} rows written" if written else "nothing to do: equal to a recount")


def _bar() -> Progress:
    return Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _told(bar: Progress, what: str):
    line = bar.add_task(what, total=None)
    return lambda done, of: bar.update(line, completed=done, total=of)
