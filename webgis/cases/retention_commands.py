"""The commands `webgis retention ...`."""

import json
from datetime import UTC, datetime

import click

from webgis.accounts import admin_log
from webgis.cases import retention as rules
from webgis.db import Runtime


@click.group()
def retention() -> None:
    """How long photos, contacts, tracks, drafts and exports are kept."""


@retention.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_obj
def list_kept(runtime: Runtime, as_json: bool) -> None:
    """How long each kind is kept, what says so, and how many would be removed now."""
    with runtime.transaction() as session:
        due = rules.due(session, runtime.settings, datetime.now(UTC))
        rows = [
            {"kind": one.kind, "days": one.days, "source": one.source, "due": due[one.kind]}
            for one in rules.kept(session, runtime.settings)
        ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        kept = "for good" if row["days"] is None else f"{row['days']} days"
        click.echo(f"{row['kind']}: {kept}, {row['due']} to remove now ({row['source']})")


@retention.command("set")
@click.argument("kind", type=click.Choice(list(rules.KINDS)))
@click.argument("days")
@click.option("--source", required=True, help="The law or rule that says so.")
@click.pass_obj
def set_days(runtime: Runtime, kind: str, days: str, source: str) -> None:
    """Keep KIND so many DAYS from now on, or `forever`."""
    if days != "forever" and not (days.isdecimal() and len(days) < 10):
        raise click.BadParameter("a number of days, or: forever")
    with runtime.transaction() as session:
        rules.change(session, runtime.settings, kind, None if days == "forever" else int(days), source)
    click.echo(f"{kind}: {days}")


@retention.command()
@click.pass_obj
def remove(runtime: Runtime) -> None:
    """Remove now what was kept long enough, of photos and contacts a batch; the timetable does so every hour."""
    with runtime.transaction() as session:
        gone = rules.remove(session, runtime.settings, datetime.now(UTC), by=admin_log.command_line())
    click.echo(", ".join(f"{kind}: {count}" for kind, count in gone.items()))
