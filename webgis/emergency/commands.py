"""The commands `webgis emergency ...`."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.accounts import queries as accounts
from webgis.accounts.actor import ENGINE
from webgis.cases.table_commands import FILE, check_option
from webgis.db import Runtime
from webgis.emergency import cap_inbox, plans, queries, resources
from webgis.errors import Invalid
from webgis.geo import CRS_NAMES


@click.group()
def emergency() -> None:
    """Emergencies: their plans, resources and logs."""


@emergency.command("list")
@click.pass_obj
def list_open(runtime: Runtime) -> None:
    """Print the open emergencies."""
    with runtime.transaction() as session:
        for one in queries.listed(session, ENGINE, "open"):
            click.echo(f"{one.number}  level {one.level}  {one.kind}  {one.title}")


@emergency.command("plans")
@click.argument("kind", required=False)
@click.pass_obj
def show_plans(runtime: Runtime, kind: str | None) -> None:
    """Print the plan of every KIND, or of one, as a table that `import-plans` takes."""
    with runtime.transaction() as session:
        found = {name: rows for name, rows in plans.plans(session).items() if kind in (None, name)}
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(plans.COLUMNS)
    table.writerows(vars(one).values() for rows in found.values() for one in rows)
    click.echo(written.getvalue(), nl=False)


@contextmanager
def _taking(runtime: Runtime, check: bool) -> Iterator[Session]:
    """A transaction that takes a file over, or with `check` only looks; every row that cannot be used is named."""
    try:
        with runtime.transaction() as session:
            yield session
            if check:
                session.rollback()
    except Invalid as error:
        for fault in error.facts.get("errors", ()):
            got = f" ({fault['got']})" if fault.get("got") not in (None, "") else ""
            click.echo(f"row {fault['row']}: {fault['field']}{got}: {fault.get('accepted', error.message)}", err=True)
        raise


def _said(check: bool, told: str) -> None:
    click.echo(f"{'would be: ' if check else ''}{told}")


@emergency.command("import-plans")
@click.argument("file", type=FILE)
@check_option
@click.pass_obj
def import_plans(runtime: Runtime, file: Path, check: bool) -> None:
    """Make the plans of FILE (CSV, TSV, XLSX) those of the city: each kind in it in the place of the one there was."""
    with _taking(runtime, check) as session:
        before = plans.plans(session)
        counts = plans.take_over(session, file, admin_log.command_line())
        compared = {kind: plans.compared(before[kind], plans.plan(session, kind)) for kind in counts}
    _said(check, ", ".join(f"{kind}: {count} tasks{_change(compared[kind])}" for kind, count in counts.items()))


def _change(found: dict[str, list[plans.Planned]]) -> str:
    if not (found["added"] or found["gone"]):
        return " as they were"
    return f" ({len(found['added'])} new, {len(found['gone'])} gone)"


@emergency.command("import-resources")
@click.argument("file", type=FILE)
@click.option("--crs", type=click.Choice(CRS_NAMES), default="wgs84", show_default=True, help="Of lon and lat.")
@check_option
@click.pass_obj
def import_resources(runtime: Runtime, file: Path, crs: str, check: bool) -> None:
    """Store the resources of FILE (CSV, TSV, XLSX): those whose code is known become as their row says."""
    with _taking(runtime, check) as session:
        done = resources.take_over(session, file, crs, admin_log.command_line())
    _said(check, ", ".join(f"{len(codes)} {name}" for name, codes in done.items()))


@emergency.command("receive-cap")
@click.argument("file", type=FILE)
@click.option("--as", "login", required=True, help="Login of who sends it in.")
@click.pass_obj
def receive_cap(runtime: Runtime, file: Path, login: str) -> None:
    """Take in the CAP 1.2 message in FILE; it waits until somebody decides on it."""
    with runtime.transaction() as session:
        actor = accounts.actor(session, login)
        done = cap_inbox.receive(session, runtime.settings, actor, file.read_bytes(), at=datetime.now(UTC))
        waits = done.proposal.state if done.proposal else "nothing to decide"
        waits = f"our own, given out by {done.ours}" if done.ours else waits
    click.echo(f"{done.told['identifier']} of {done.told['sender']}: {waits}")


@emergency.command()
@click.argument("number")
@click.pass_obj
def log(runtime: Runtime, number: str) -> None:
    """Print the log of the emergency NUMBER, one JSON object a line; exit code 1 when it is not as it was written."""
    with runtime.transaction() as session:
        found = queries.require(session, ENGINE, number)
        for row in queries.log(session, ENGINE, found):
            told = {"seq": row.seq, "at": row.at.isoformat(), "action": row.action, "who": row.login or row.role}
            click.echo(json.dumps(told | {"facts": row.facts, "hash": row.hash.hex()}, ensure_ascii=False))
        altered = queries.altered(session, found)
    if altered:
        click.echo(f"altered: {', '.join(map(str, altered))}", err=True)
        raise SystemExit(1)
