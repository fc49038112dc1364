"""`webgis telemetry`: stations and sensors, the writer of their readings, and the listener to MQTT."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from webgis import logs
from webgis.accounts import admin_log
from webgis.db import Runtime
from webgis.errors import Invalid
from webgis.exchange import reading_files
from webgis.geo import CRS_NAMES
from webgis.hazards import watching
from webgis.telemetry import files, inbox, mqtt, operations, queries
from webgis.telemetry.writing import Writer

console = Console(highlight=False)


@click.group()
def telemetry() -> None:
    """Sensors and what they tell."""


@telemetry.command()
@click.pass_obj
def run(runtime: Runtime) -> None:
    """Put readings in place and look for alarms, until told to stop (started by bin/serve; one a city)."""
    logs.configure(runtime.settings)
    _until_told(watching.writer(runtime))


@telemetry.command("mqtt")
@click.pass_obj
def listen(runtime: Runtime) -> None:
    """Take readings from the broker that `mqtt_url` names, until told to stop (started by bin/serve; one a city)."""
    logs.configure(runtime.settings)
    url = runtime.settings.mqtt_url
    if url is None:
        raise Invalid(
            "settings.missing", "WEBGIS_MQTT_URL is not set: mqtt://user:password@host:1883", field="mqtt_url"
        )
    _until_told(mqtt.Listener(runtime, url.get_secret_value()))


def _until_told(worker: Writer | mqtt.Listener) -> None:
    """Let it work until SIGTERM, and end what it is at."""
    signal.signal(signal.SIGTERM, lambda *_signal: setattr(worker, "stopping", True))
    worker.run()


@telemetry.command("list")
@click.option("--quantity", help="methane, gas, depth, rain, ...")
@click.option("--state", type=click.Choice(queries.STATES), help="ok, silent, new (never told anything), off.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_obj
def list_sensors(runtime: Runtime, quantity: str | None, state: queries.State | None, as_json: bool) -> None:
    """List sensors, those that fell silent first (at most 1,000)."""
    with runtime.transaction() as session:
        rows = queries.listed(session, quantity=quantity, state=state, limit=1000).rows
    if as_json:
        click.echo(json.dumps([dict(row._mapping) for row in rows], ensure_ascii=False, default=str, indent=2))
        return
    table = Table("id", "sensor", "station", "quantity", "value", "at", "state")
    for row in rows:
        value = "" if row.last_value is None else f"{row.last_value:g} {row.unit}"
        at = "" if row.last_at is None else runtime.settings.moment(row.last_at)
        table.add_row(str(row.id), row.code, row.name_zh, row.quantity, value, at, row.state)
    console.print(table if rows else "There are no sensors.")


@telemetry.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--crs", type=click.Choice(CRS_NAMES), required=True, help="Coordinate system of the file's places.")
@click.option("--illustrative", is_flag=True, help="The stations are made up for show.")
@click.option("--outside", is_flag=True, help="Stations may lie outside the grid; their alarms open no cases.")
@click.option("--dry-run", is_flag=True, help="Look only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
@admin_log.recorded("sensors.import")
def import_sensors(
    runtime: Runtime, file: Path, crs: str, illustrative: bool, outside: bool, dry_run: bool, as_json: bool
) -> None:
    """Register stations and sensors from a table (CSV, TSV, XLSX). Columns: docs/telemetry.md.

    One row for each sensor. Every fault is reported with its row; with one, nothing is stored (exit code 1).
    """
    with runtime.transaction() as session:
        table = files.read(session, file, crs, illustrative=illustrative, outside=outside)
    if not dry_run:
        for done in range(0, len(table.sensors), files.AT_ONCE):
            with runtime.transaction() as session:  # some at a time: the writer of readings waits for none for long
                operations.register_all(session, table.sensors[done : done + files.AT_ONCE], None)
    if as_json:
        told = {"rows": table.rows, "taken": not (table.faults or dry_run)}
        faults = [vars(fault) for fault in table.faults]
        click.echo(json.dumps(told | {"faults": faults}, ensure_ascii=False, indent=2))
    else:
        for fault in table.faults[:50]:
            console.print(f"row {fault.row}, {fault.column}: {fault.problem}")
        done = "could be taken over" if dry_run else "taken over"
        console.print(f"{len(table.faults)} faults; nothing stored" if table.faults else f"{table.rows} rows {done}")
    sys.exit(1 if table.faults else 0)


@telemetry.command("readings")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Look only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
@admin_log.recorded("sensors.readings")
def load_readings(runtime: Runtime, file: Path, check: bool, as_json: bool) -> None:
    """Put past readings from a table (CSV, TSV: datastream, at, value) in place; they open no cases.

    Every fault is reported with its row; with one, nothing is taken (exit code 1).
    """
    now = datetime.now(UTC)
    with _progress(as_json or check) as tell:
        found = reading_files.look(runtime, file, now) if check else reading_files.load(runtime, file, now, tell)
    if as_json:
        click.echo(json.dumps(found.facts(), ensure_ascii=False, indent=2))
        sys.exit(1 if found.fault_count else 0)
    for fault in found.faults[:50]:
        console.print(f"row {fault.row}, {fault.column}: {fault.problem}")
    if found.fault_count:
        console.print(f"{found.fault_count:,} faults; nothing taken")
        sys.exit(1)
    since, until = (runtime.settings.moment(moment) for moment in (found.first, found.last))
    done = "could be put in place" if check else "put in place"
    console.print(f"{found.readings:,} readings of {len(found.datastreams):,} sensors, {since} to {until}, {done}")
    for why, count in found.left_out.items():
        if count:
            console.print(f"{count:,} of them are {why.replace('_', ' ')}: counted and not kept")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int], None]]:
    """A function that shows how many readings are in place."""
    if quiet:
        yield lambda done: None
        return
    with console.status("the file is looked at") as status:
        yield lambda done: status.update(f"{done:,} readings in place")


@telemetry.command("use")
@click.argument("code")
@click.option("--off", is_flag=True, help="Take it out of use: its readings are then unknown.")
@click.pass_obj
def use(runtime: Runtime, code: str, off: bool) -> None:
    """Take a sensor into use again, or out of it."""
    with runtime.transaction() as session:
        operations.use_datastream(session, code, active=not off)
    console.print(f"{code} is {'out of use' if off else 'in use'}")


@telemetry.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def status(runtime: Runtime, as_json: bool) -> None:
    """How sensors stand, what waits to be put in place, and who fell silent in the last day."""
    now = datetime.now(UTC)
    with runtime.transaction() as session:
        states, waits = queries.state_counts(session), inbox.waiting(session)
        silences = [dict(row._mapping) for row in queries.silences_since(session, now - timedelta(days=1))]
    if as_json:
        told = {"sensors": states, "waiting": waits._asdict(), "silences": silences}
        click.echo(json.dumps(told, ensure_ascii=False, default=str, indent=2))
        return
    console.print("sensors: " + ", ".join(f"{count} {state}" for state, count in states.items()))
    since = "" if waits.oldest is None else f", the oldest since {runtime.settings.moment(waits.oldest)}"
    console.print(f"waiting to be put in place: {waits.readings} readings in {waits.rows} rows{since}")
    if waits.refused:
        console.print(f"{waits.refused} rows could not be put in place: column error of city.reading_inbox says why")
    for one in silences:
        until = "still" if one["until"] is None else f"until {runtime.settings.moment(one['until'])}"
        console.print(f"silent: {one['code']} since {runtime.settings.moment(one['since'])}, {until}")
