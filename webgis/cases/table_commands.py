"""What commands share that read tables and print them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, tzinfo
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from webgis.accounts.actor import Actor
from webgis.errors import Invalid
from webgis.settings import Settings

SHOWN = 20
"""Faults printed one by one; --json gives all."""

OPERATOR = Actor(None, "webgis", "webgis", "administrator")
"""Who acts on the command line: whoever runs the city's machine."""

console = Console()
errors = Console(stderr=True)

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
check_option = click.option("--check", is_flag=True, help="Only look: say what would change, and change nothing.")


def language(settings: Settings) -> str:
    """The language of the installation, as tables and reasons have it: zh or en."""
    return "en" if settings.locale == "en" else "zh"


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_written))


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[Any]], empty: str, zone: tzinfo = UTC) -> None:
    """Print rows, their moments in `zone`, or the sentence `empty` when there are none."""
    table = Table(*heads)
    for row in rows:
        table.add_row(*(_cell(value, zone) for value in row))
    console.print(table if table.row_count else empty)


def _cell(value: Any, zone: tzinfo) -> str:
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return "" if value is None else escape(str(value))


@contextmanager
def faults_shown(as_json: bool) -> Iterator[None]:
    """Print the faults of a table that is refused in the block, before the refusal itself."""
    try:
        yield
    except Invalid as error:
        if as_json:
            print_json({"code": error.code, "message": error.message} | error.facts)
        elif faults := error.facts.get("faults"):
            table = Table("row", "column", "problem")
            for fault in faults[:SHOWN]:
                table.add_row(str(fault["row"] or ""), escape(fault["column"]), escape(fault["problem"]))
            errors.print(table)
        raise
