"""The commands `webgis people ...`: people and departments as tables, in and out."""

import sys
from pathlib import Path

import click

from webgis.accounts import admin_log, queries
from webgis.accounts.commands import tell_made
from webgis.cases.table_commands import FILE, OUT, check_option, console, language
from webgis.catalog import sheets
from webgis.catalog.sheets import Fault
from webgis.db import Runtime
from webgis.exchange import department_tables, people_tables


@click.group()
def people() -> None:
    """People and departments as tables."""


@people.command("import")
@click.argument("file", type=FILE)
@check_option
@click.option("--json", "as_json", is_flag=True, help="JSON objects of the accounts made: login, name, password.")
@click.pass_obj
def import_people(runtime: Runtime, file: Path, check: bool, as_json: bool) -> None:
    """Let people be as a table says (CSV, TSV, XLSX); passwords of new accounts are printed once. With a fault nothing
    is changed (exit code 1). `webgis people export` writes the columns."""
    with runtime.transaction() as session:
        plan = people_tables.read(session, sheets.read(file))
        _end_with_faults(plan.faults)
        counts = ", ".join(f"{plan.count(verb)} {word}" for verb, word in (("add", "new"), ("change", "changed")))
        made = [] if check else people_tables.take_over(session, plan)
    if check:
        console.print(f"Nothing was changed; it would be: {counts}")
        return
    if made or as_json:
        tell_made(made, as_json)
    if not as_json:
        console.print(counts)


@people.command("export")
@click.argument("file", type=OUT)
@click.pass_obj
def export_people(runtime: Runtime, file: Path) -> None:
    """Write everyone into a CSV, TSV or XLSX FILE that the import reads back. Passwords are not in it."""
    tongue = language(runtime.settings)
    with runtime.transaction() as session:
        rows = people_tables.export_rows(queries.people(session), tongue)
        admin_log.record(session, None, "people.export", "people", None, {"rows": len(rows)})
    console.print(f"{sheets.write(file, people_tables.EXPORT_HEADINGS[tongue], rows)} people in {file}")


@people.command("import-departments")
@click.argument("file", type=FILE)
@check_option
@click.pass_obj
def import_departments(runtime: Runtime, file: Path, check: bool) -> None:
    """Let departments be as a table says (CSV, TSV, XLSX: code, name, kind; area, parent). With a fault nothing is
    changed (exit code 1). `webgis people export-departments` writes the columns."""
    with runtime.transaction() as session:
        counts, faults = department_tables.take_over(session, sheets.read(file))
        if faults or check:
            session.rollback()
    _end_with_faults(faults)
    done = ", ".join(f"{count} {word}" for word, count in counts.items())
    console.print(f"Nothing was changed; it would be: {done}" if check else done)


@people.command("export-departments")
@click.argument("file", type=OUT)
@click.pass_obj
def export_departments(runtime: Runtime, file: Path) -> None:
    """Write all departments into a CSV, TSV or XLSX FILE that the import reads back."""
    with runtime.transaction() as session:
        rows = department_tables.export_rows(session)
    console.print(f"{sheets.write(file, department_tables.EXPORT_HEADINGS, rows)} departments in {file}")


def _end_with_faults(faults: list[Fault]) -> None:
    for fault in faults:
        where = f"row {fault.row}" if fault.row else "the table"
        console.print(f"{where}: {fault.column}: {fault.problem}", highlight=False, markup=False)
    if faults:
        sys.exit(1)
