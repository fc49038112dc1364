"""The commands `webgis beats ...`: which cells make a beat, who is on duty there, and what the beats leave out."""

from datetime import UTC, datetime
from pathlib import Path

import click

from webgis import geo
from webgis.accounts import admin_log
from webgis.cases import beat_tables, queries
from webgis.cases.table_commands import (
    FILE,
    OPERATOR,
    OUT,
    SHOWN,
    console,
    faults_shown,
    json_option,
    language,
    print_json,
    print_table,
)
from webgis.catalog import sheets
from webgis.db import Runtime
from webgis.grid import beats as grid_beats
from webgis.grid import duty
from webgis.grid.beats import Laid

area_option = click.option("--area", help="Only within the area of this code.")
at_option = click.option("--at", help="A moment, ISO 8601, in the city's time zone; now if left out.")


@click.group()
def beats() -> None:
    """Beats (责任网格): cells that inspectors patrol, and when."""


def _moment(runtime: Runtime, given: str | None) -> datetime:
    return datetime.now(UTC) if given is None else queries.moment("at", given, runtime.settings.zone)


@beats.command("list")
@area_option
@at_option
@json_option
@click.pass_obj
def list_beats(runtime: Runtime, area: str | None, at: str | None, as_json: bool) -> None:
    """List the beats with their shifts."""
    with runtime.transaction() as session:
        rows = grid_beats.listed(session, _moment(runtime, at), area)
    if as_json:
        print_json([{name: value for name, value in row._mapping.items() if name != "geometry"} for row in rows])
        return
    table = [(row.code, row.name_zh, row.area_zh, row.cells, _shifts(row.shifts)) for row in rows]
    print_table(("beat", "name", "area", "cells", "shifts"), table, "There are no beats: webgis beats import FILE")


def _shifts(shifts: list[dict]) -> str:
    return "; ".join(
        f"{duty.days_text(one['days'])} {one['from'][:5]}-{one['until'][:5]} {one['login']}" for one in shifts
    )


@beats.command("import")
@click.argument("file", type=FILE)
@json_option
@click.pass_obj
@admin_log.recorded("beats.import")
def import_beats(runtime: Runtime, file: Path, as_json: bool) -> None:
    """Lay out the beats of a CSV, TSV or XLSX FILE, a row for each shift; beats that it does not name stay.

    Nothing is changed when any row is at fault (exit code 2).
    """
    with faults_shown(as_json), runtime.transaction() as session:
        done = beat_tables.import_beats(session, OPERATOR, sheets.read(file), at=datetime.now(UTC))
    if as_json:
        print_json(vars(done))
    else:
        _show(done)


def _show(done: Laid) -> None:
    console.print(f"{len(done.added)} beats added, {len(done.changed)} changed, {len(done.unchanged)} as they were")


@beats.command()
@click.argument("file", type=OUT)
@area_option
@click.option("--headings", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Of the table.")
@click.pass_obj
def export(runtime: Runtime, file: Path, area: str | None, headings: str) -> None:
    """Write the beats to a CSV, TSV or XLSX FILE, which `import` reads back."""
    with runtime.transaction() as session:
        rows = beat_tables.export_rows(session, datetime.now(UTC), area)
    count = sheets.write(file, beat_tables.EXPORT_HEADINGS[headings], rows)
    console.print(f"{count} rows written to {file}")


@beats.command()
@click.argument("beat")
@click.argument("login")
@click.option("--hours", required=True, help=f"Such as {duty.HOURS_ACCEPTED}.")
@click.option("--days", default="", help=f"Such as {duty.DAYS_ACCEPTED}; every day if left out.")
@click.pass_obj
@admin_log.recorded("beats.assign")
def assign(runtime: Runtime, beat: str, login: str, hours: str, days: str) -> None:
    """Give the inspector LOGIN a shift in BEAT, besides those that there are."""
    with faults_shown(False), runtime.transaction() as session:
        _show(beat_tables.assign(session, OPERATOR, beat, login, days, hours, at=datetime.now(UTC)))


@beats.command()
@click.argument("beat")
@click.argument("login")
@click.pass_obj
@admin_log.recorded("beats.release")
def release(runtime: Runtime, beat: str, login: str) -> None:
    """Take the inspector LOGIN out of all shifts of BEAT."""
    with runtime.transaction() as session:
        _show(beat_tables.release(session, OPERATOR, beat, login, at=datetime.now(UTC)))


@beats.command()
@click.argument("beat")
@click.pass_obj
@admin_log.recorded("beats.close")
def close(runtime: Runtime, beat: str) -> None:
    """End BEAT; what it was stays readable."""
    with runtime.transaction() as session:
        beat_tables.close(session, OPERATOR, beat, at=datetime.now(UTC))
    console.print(f"beat {beat} has ended")


@beats.command("on-duty")
@area_option
@at_option
@json_option
@click.pass_obj
def on_duty(runtime: Runtime, area: str | None, at: str | None, as_json: bool) -> None:
    """Show who is on duty in which beat."""
    with runtime.transaction() as session:
        rows = grid_beats.on_duty(session, _moment(runtime, at), area)
    if as_json:
        print_json([dict(row._mapping) for row in rows])
        return
    table = [
        (row.beat_code, row.beat_zh, row.login, row.name, f"{row.from_time:%H:%M}-{row.until_time:%H:%M}", row.open)
        for row in rows
    ]
    print_table(("beat", "name", "login", "who", "hours", "to look at"), table, "Nobody is on duty.")


@beats.command()
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("--crs", default="wgs84", show_default=True, help="wgs84, gcj02, bd09 or cgcs2000.")
@at_option
@click.pass_obj
def inspector(runtime: Runtime, lon: float, lat: float, crs: str, at: str | None) -> None:
    """Say who would be sent to the place LON LAT, and why."""
    place, moment = geo.to_cgcs2000(lon, lat, crs), _moment(runtime, at)
    with runtime.transaction() as session:
        cell = queries.require_cell(session, *place, moment)
        found = grid_beats.inspector_for(session, *place, cell.code, moment)
        login = grid_beats.login_of(session, found)
    why = found.why[f"text_{language(runtime.settings)}"]
    sentence = f"cell {cell.code}: {login or 'nobody'} ({why})"
    console.print(sentence, soft_wrap=True, markup=False)


@beats.command()
@area_option
@json_option
@click.pass_obj
def coverage(runtime: Runtime, area: str | None, as_json: bool) -> None:
    """Say which cells are in no beat, in several, or gone, and where nobody is on duty for some hours of the week."""
    with runtime.transaction() as session:
        found = grid_beats.coverage(session, area)
    if as_json:
        print_json(vars(found) | {"left_out": [dict(row._mapping) for row in found.left_out]})
        return
    left_out = sum(row.cells for row in found.left_out)
    console.print(f"{left_out:,} cells in no beat, in {len(found.left_out)} communities")
    for row in found.left_out[:SHOWN]:
        console.print(f"  {row.community_code}: {row.cells} ({', '.join(row.codes[:3])} ...)")
    console.print(f"{len(found.twice):,} cells in several beats, {len(found.gone):,} no longer valid")
    for cell, codes in [*found.twice.items(), *found.gone.items()][:SHOWN]:
        console.print(f"  {cell}: {', '.join(codes)}")
    console.print(f"{len(found.unmanned):,} beats with nobody on duty for some hours of the week")
    for code, hours in list(found.unmanned.items())[:SHOWN]:
        console.print(f"  {code}: {hours:g} h")
