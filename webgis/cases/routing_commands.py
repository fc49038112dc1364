"""The commands `webgis routing ...`: rules of who handles what, tried on past cases before they are in force."""

from datetime import UTC, datetime
from pathlib import Path

import click

from webgis.accounts import admin_log
from webgis.accounts.actor import ENGINE
from webgis.cases import routing_reading, routing_replay, routing_sets, zone_rules, zones
from webgis.cases.routing import workload as open_work
from webgis.cases.table_commands import (
    FILE,
    OPERATOR,
    OUT,
    SHOWN,
    console,
    faults_shown,
    json_option,
    print_json,
    print_table,
)
from webgis.catalog import sheets
from webgis.db import Runtime

VERSION = click.IntRange(1, 2**31 - 1)


@click.group()
def routing() -> None:
    """Who handles what: sets of rules, one of which is in force, and the open work."""


@routing.command("list")
@json_option
@click.pass_obj
def list_sets(runtime: Runtime, as_json: bool) -> None:
    """List the rule sets, newest first."""
    with runtime.transaction() as session:
        rows = [
            (made.version, made.name, made.state, count, made.based_on, made.activated_at, made.retired_at)
            for made, count in routing_sets.listed(session)
        ]
    heads = ("version", "name", "state", "rules", "based_on", "activated_at", "retired_at")
    if as_json:
        print_json([dict(zip(heads, row, strict=True)) for row in rows])
    else:
        empty = "There are no rules. Read some with: webgis routing import FILE --name NAME"
        print_table(heads, rows, empty, runtime.settings.zone)


@routing.command()
@click.argument("version", type=VERSION, required=False)
@json_option
@click.pass_obj
def show(runtime: Runtime, version: int | None, as_json: bool) -> None:
    """Show the rules of VERSION, or of the set in force."""
    with runtime.transaction() as session:
        version = version or getattr(routing_sets.active(session), "version", None)
        if version is None:
            raise click.UsageError("No rules are in force: name a VERSION (webgis routing list)")
        routing_sets.require_set(session, version)
        rules = [routing_sets.facts(rule) for rule in routing_sets.rules_of(session, version)]
    if as_json:
        print_json(rules)
        return
    shown = [dict(rule, polygon=rule["polygon"] and "yes") for rule in rules]
    heads = [name for name in routing_reading.HEADINGS if any(rule[name] is not None for rule in shown)]
    print_table(heads, [[rule[name] for name in heads] for rule in shown], "It has no rules.")


@routing.command("import")
@click.argument("file", type=FILE)
@click.option("--name", help="Name of the new draft; that of the file if left out.")
@click.option("--into", type=VERSION, help="Replace the rules of this draft instead.")
@click.option("--crs", default="wgs84", show_default=True, help="Of polygons: wgs84, gcj02, bd09, cgcs2000.")
@json_option
@click.pass_obj
@admin_log.recorded("routing.import")
def import_rules(runtime: Runtime, file: Path, name: str | None, into: int | None, crs: str, as_json: bool) -> None:
    """Read rules from a CSV, TSV or XLSX FILE into a draft. Nothing is kept when any row is at fault (exit code 2)."""
    with faults_shown(as_json), runtime.transaction() as session:
        given = {"into": into, "name": name or file.stem, "crs": crs}
        done = routing_sets.import_rules(session, OPERATOR, sheets.read(file), **given)
    if as_json:
        print_json(vars(done))
        return
    console.print(f"{done.rules} rules read into version {done.version}, a draft")
    console.print(f"Try it: webgis routing dry-run {done.version}; then: webgis routing activate {done.version}")


@routing.command()
@click.argument("version", type=VERSION)
@click.argument("file", type=OUT)
@click.option("--headings", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Of the table.")
@click.pass_obj
def export(runtime: Runtime, version: int, file: Path, headings: str) -> None:
    """Write the rules of VERSION to a CSV, TSV or XLSX FILE, which `import` reads back (--crs cgcs2000)."""
    with runtime.transaction() as session:
        rows = routing_sets.export_rows(session, version)
    count = sheets.write(file, routing_reading.EXPORT_HEADINGS[headings], rows)
    console.print(f"{count} rules written to {file}")


@routing.command("dry-run")
@click.argument("version", type=VERSION)
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="Cases of the last days.")
@click.option("--against", type=click.Choice(routing_replay.AGAINST), default="actual", show_default=True,
              help="Compare with where cases went, or with the rules in force.")  # fmt: skip
@json_option
@click.pass_obj
def dry_run(runtime: Runtime, version: int, days: int, against: str, as_json: bool) -> None:
    """Say which past cases would go elsewhere by the rules of VERSION. Nothing is changed."""
    with runtime.transaction() as session:
        done = routing_replay.of_days(session, version, days, against=against)
    if as_json:
        print_json(done.facts())
        return
    console.print(f"version {version}, cases of the last {days} days, compared with {against}")
    console.print(
        f"{done.replayed} filed cases: {done.same} stay, {done.elsewhere} would go elsewhere,"
        f" {done.unset} had no department yet"
    )
    heads = ("cases", "from", "to", "why")
    rows = [(one["cases"], one["from"], one["to"], one["why_en"]) for one in done.groups[:SHOWN]]
    print_table(heads, rows, "No case would go elsewhere.")
    if len(done.groups) > SHOWN:
        console.print(f"and {len(done.groups) - SHOWN} more (--json lists all)")


@routing.command()
@click.argument("version", type=VERSION)
@click.pass_obj
@admin_log.recorded("routing.activate")
def activate(runtime: Runtime, version: int) -> None:
    """Put the rules of VERSION in force and retire those before them."""
    with faults_shown(False), runtime.transaction() as session:
        made = routing_sets.activate(session, OPERATOR, version, at=datetime.now(UTC))
        name = made.name
    console.print(f"version {version} ({name}) is in force", markup=False)


@routing.command()
@click.argument("version", type=VERSION)
@click.pass_obj
@admin_log.recorded("routing.drop")
def drop(runtime: Runtime, version: int) -> None:
    """Throw the draft VERSION away."""
    with runtime.transaction() as session:
        routing_sets.drop_draft(session, OPERATOR, version)
    console.print(f"draft {version} is gone")


@routing.command()
@click.argument("department")
@click.argument("credit_code", required=False)
@click.pass_obj
def body(runtime: Runtime, department: str, credit_code: str | None) -> None:
    """Say which legal body DEPARTMENT is: the CREDIT_CODE by which the register names owners and maintainers.

    Without CREDIT_CODE the department is none any more.
    """
    with runtime.transaction() as session:
        routing_sets.set_body(session, OPERATOR, department, credit_code)
    console.print(f"{department}: {credit_code or 'no legal body'}")


@routing.command()
@json_option
@click.pass_obj
def workload(runtime: Runtime, as_json: bool) -> None:
    """Show the open work by department and by person, and who is on duty."""
    with runtime.transaction() as session:
        found = open_work(session, ENGINE, at=datetime.now(UTC))
    if as_json:
        print_json({name: [dict(row._mapping) for row in rows] for name, rows in vars(found).items()})
        return
    heads = ("department", "name", "open", "overdue", "due in a day")
    rows = [(row.code, row.name_zh, row.open, row.overdue, row.due_in_day) for row in found.departments]
    print_table(heads, rows, "No department has a case in hand.")
    heads = ("login", "name", "role", "open", "overdue", "due in a day", "on duty in")
    rows = [
        (row.login, row.name, row.role, row.open, row.overdue, row.due_in_day, _beats(row.beats))
        for row in found.people
    ]
    print_table(heads, rows, "Nobody has a case in hand or is on duty.")


def _beats(codes: list[str]) -> str:
    more = f" and {len(codes) - 3} more" if len(codes) > 3 else ""
    return ", ".join(codes[:3]) + more


@routing.command("zones")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, which --set reads.")
@click.option("--set", "file", type=FILE, help="A table (CSV, TSV, XLSX) to use instead, with the columns of --csv.")
@click.pass_obj
def zone_table(runtime: Runtime, as_csv: bool, file: Path | None) -> None:
    """What construction zones do to cases by class, protection zone and phase; or --set another table."""
    with runtime.transaction() as session:
        if file is not None:
            console.print(f"{zone_rules.replace(session, sheets.read(file))} rules")
        told, rows = zone_rules.written(session), zones.rules(session)
    if as_csv:
        click.echo(told, nl=False)
        return
    heads = ("kind", "class", "protection", "phase", "contractor", "severity", "limit", "unit")
    names = ("kind", "class_code", "protection", "phase", "to_contractor", "severity", "limit_value", "limit_unit")
    print_table(heads, [[getattr(one, name) for name in names] for one in rows], "There are none.")
