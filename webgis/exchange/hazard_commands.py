"""`webgis hazards`: hazard sources from the command line."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from webgis.accounts import admin_log
from webgis.cases.table_commands import (
    FILE,
    OPERATOR,
    check_option,
    console,
    errors,
    json_option,
    print_json,
    print_table,
)
from webgis.db import Runtime
from webgis.errors import Invalid
from webgis.exchange import hazard_files
from webgis.hazards import grading, persons, source_queries, sources
from webgis.hazards.source_queries import Filters

SHOWN = 30


@click.group()
def hazards() -> None:
    """Hazard sources: from files, their grades, kinds of a city's own."""


@hazards.command("import")
@click.argument("file", type=FILE)
@click.option("--crs", help="wgs84, gcj02, bd09, cgcs2000 or EPSG:n; tables need it, other files may state it.")
@check_option
@json_option
@click.pass_obj
@admin_log.recorded("hazards.import")
def import_sources(runtime: Runtime, file: Path, crs: str | None, check: bool, as_json: bool) -> None:
    """Take hazard sources over from FILE (CSV, XLSX, GeoJSON, GeoPackage). With a fault nothing is; exit code 1."""
    try:
        with runtime.transaction() as session:
            done = hazard_files.take(session, None, file, crs=crs, at=datetime.now(UTC))
            if check:
                session.rollback()
    except Invalid as error:
        if error.code != "exchange.hazard-faults":
            raise
        faults = error.facts["faults"]
        if as_json:
            print_json({"faults": faults})
        for fault in () if as_json else faults[:SHOWN]:
            errors.print(f"row {fault['row']}: {fault['problem']}", markup=False, highlight=False)
        sys.exit(1)
    if as_json:
        print_json(vars(done))
        return
    would = "would be " if check else ""
    console.print(
        f"{len(done.added)} {would}added, {len(done.changed)} {would}changed, {done.unchanged} as they were,"
        f" {done.grades} new grades",
        highlight=False,
    )
    if done.ignored:
        console.print(f"columns that are not read: {', '.join(done.ignored)}", markup=False, highlight=False)


@hazards.command("list")
@click.option("--closed", is_flag=True, help="Closed ones too.")
@json_option
@click.pass_obj
def list_sources(runtime: Runtime, closed: bool, as_json: bool) -> None:
    """List the sources, the gravest first."""
    names = ("code", "kind", "name_zh", "level", "major", "live", "area_code", "holder")
    with runtime.transaction() as session:
        rows = source_queries.listed(session, OPERATOR, Filters(closed=closed))
        facts = [{name: getattr(row, name) for name in names} for row in rows]
    if as_json:
        print_json(facts)
    else:
        print_table(names, [list(row.values()) for row in facts], "There are no hazard sources.")


@hazards.command()
@click.pass_obj
@admin_log.recorded("hazards.regrade")
def regrade(runtime: Runtime) -> None:
    """Grade every source anew whose population, outline or tables have changed; exit code 1 when one cannot be."""
    with runtime.transaction() as session:
        done = grading.regrade_all(session, at=datetime.now(UTC))
    console.print(f"{done.sources} sources, {done.grades} new grades", highlight=False)
    for code, refusal in done.refused.items():
        errors.print(f"{code}: {refusal}", markup=False, highlight=False)
    if done.refused:
        sys.exit(1)


@hazards.command("kind")
@click.argument("code")
@click.argument("name_zh")
@click.argument("name_en", required=False)
@click.pass_obj
def add_kind(runtime: Runtime, code: str, name_zh: str, name_en: str | None) -> None:
    """Let the city have a kind of source of its own, or call one of its own otherwise."""
    with runtime.transaction() as session:
        sources.add_kind(session, None, code, name_zh, name_en)
    console.print(f"{code} is a kind of hazard source")


@hazards.command()
@click.pass_obj
@admin_log.recorded("hazards.reseal")
def reseal(runtime: Runtime) -> None:
    """Seal the persons in charge anew with the newest key, as `webgis contacts reseal` does with contacts."""
    total = 0
    while True:
        with runtime.transaction() as session:
            done = persons.reseal(session, runtime.settings)
        total += done
        if not done:
            break
    console.print(f"{total} persons in charge sealed anew")
