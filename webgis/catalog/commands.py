"""The commands `webgis catalog ...`."""

import json
from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.catalog import differences, filing, operations, queries, rules, sheets
from webgis.catalog.filing import EXPORT_HEADINGS
from webgis.catalog.models import FilingStandard
from webgis.catalog.standards import CURRENT, MINOR_DIGITS
from webgis.db import Runtime
from webgis.errors import Invalid

console = Console()
errors = Console(stderr=True)
_SHOWN_FAULTS = 20

_FOUND = {
    "same": "by their code",
    "rule": "by the general rule",
    "renamed": "by the general rule, under a new name",
    "moved": "moved to another major class",
    "local": "a city's own before, a national class now",
    "extension": "the city's own, kept in the extension range",
    "kept": f"gone in {CURRENT}, kept in the extension range",
}
"""How the class of a condition was found, in words."""

city_option = click.option("--city", help="Division code of the city; default: that of the areas, else the setting.")


@click.group()
def catalog() -> None:
    """Classes of components and matters, and the filing standards of a city."""


@catalog.command()
@city_option
@click.pass_obj
@admin_log.recorded("catalog.load")
def load(runtime: Runtime, city: str | None) -> None:
    """Load the shipped classes and the default filing standard (running it again changes nothing)."""
    with runtime.transaction() as session:
        count = operations.load_standard_classes(session)
        standard = operations.load_default_filing_standard(session, city or queries.city_of(session))
        in_force = "in force" if standard.active else "not in force"
    console.print(f"{count} classes of {len(MINOR_DIGITS)} standards")
    console.print(
        f"filing standard {standard.code} version {standard.version} of city {standard.city_code}, {in_force}"
    )


@catalog.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--code", required=True, help="Short name of the filing standard; one that exists gets a new version.")
@click.option("--name", required=True, help="Its name in Chinese.")
@click.option("--name-en", help="Its name in English.")
@click.option(
    "--standard", default=CURRENT, type=click.Choice(list(MINOR_DIGITS)), show_default=True, help="Of the codes."
)
@click.option("--source", help="Where it comes from: document, date.")
@click.option("--activate", is_flag=True, help="Put it in force at once.")
@click.option("--check", is_flag=True, help="Only say what would change against the one in force.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@city_option
@click.pass_obj
@admin_log.recorded("catalog.import")
def import_(
    runtime: Runtime, file: Path, code: str, name: str, name_en, standard, source, activate, check, as_json, city
) -> None:
    """Load a filing standard from a CSV, TSV or XLSX FILE. Nothing is loaded when any row is at fault (exit code 2)."""
    try:
        with runtime.transaction() as session:
            done = operations.import_filing_standard(
                session,
                file,
                city_code=city or queries.city_of(session),
                code=code,
                name_zh=name,
                name_en=name_en,
                standard=standard,
                source=source,
                activate=activate and not check,
            )
            changed = _changed(session, done.filing_standard) if check else None
            if check:
                session.rollback()
    except Invalid as error:
        _show_faults(error, as_json)
        raise
    if changed is not None:
        click.echo(json.dumps(changed) if as_json else f"Nothing was changed. Conditions: {_in_words(changed)}")
    elif as_json:
        click.echo(json.dumps(_import_facts(done), ensure_ascii=False))
    else:
        _show_import(done)


def _changed(session: Session, made: FilingStandard) -> dict[str, int]:
    """How many conditions would be added, changed and removed against the standard in force."""
    before = queries.in_force(session, made.city_code)
    old, new = (
        [one for one, _class in queries.conditions_in(session, which)] if which else [] for which in (before, made)
    )
    counts = Counter(change.how for change in differences.compare(old, new))
    return {how: counts[how] for how in ("added", "changed", "removed")}


def _in_words(changed: dict[str, int]) -> str:
    return ", ".join(f"{count} {how}" for how, count in changed.items())


def _show_faults(error: Invalid, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"code": error.code, "message": error.message} | error.facts, ensure_ascii=False))
    elif faults := error.facts.get("faults"):
        table = Table("row", "column", "problem")
        for fault in faults[:_SHOWN_FAULTS]:
            table.add_row(str(fault["row"]), fault["column"], fault["problem"])
        errors.print(table)
        if error.facts["count"] > _SHOWN_FAULTS:
            errors.print(f"and {error.facts['count'] - _SHOWN_FAULTS} more (--json lists up to 200)")


def _import_facts(done: operations.Import) -> dict:
    standard = done.filing_standard
    return {
        "city": standard.city_code,
        "code": standard.code,
        "version": standard.version,
        "made": done.made,
        "active": standard.active,
        "conditions": done.conditions,
        "classes": done.classes,
        "extension_classes": done.extensions,
        "found": dict(done.counts),
        "ignored_columns": list(done.ignored),
    }


def _show_import(done: operations.Import) -> None:
    standard = done.filing_standard
    made = "made" if done.made else "says the same already"
    in_force = "in force" if standard.active else "not in force"
    console.print(f"{standard.code} version {standard.version} of city {standard.city_code}: {made}, {in_force}")
    console.print(f"{done.conditions} conditions of {done.classes} classes, {done.extensions} of them the city's own")
    table = Table("conditions", "whose class was found")
    for change, count in Counter(done.counts).most_common():
        table.add_row(str(count), _FOUND[change])
    console.print(table)
    if done.ignored:
        console.print(f"columns not read: {', '.join(done.ignored)}")


@catalog.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--code", help="Which filing standard; the one in force when left out.")
@click.option("--version", type=int, help="Which version; the newest when left out.")
@click.option(
    "--headings",
    type=click.Choice(list(EXPORT_HEADINGS)),
    default="en",
    show_default=True,
    help="Language of the first row.",
)
@city_option
@click.pass_obj
def export(
    runtime: Runtime, file: Path, code: str | None, version: int | None, headings: str, city: str | None
) -> None:
    """Write a filing standard to a CSV, TSV or XLSX FILE, which `import` reads back."""
    with runtime.transaction() as session:
        standard = queries.require_filing_standard(session, city or queries.city_of(session), code, version)
        rows = [filing.export_row(condition, found) for condition, found in queries.conditions_in(session, standard)]
    count = sheets.write(file, EXPORT_HEADINGS[headings], rows)
    console.print(f"{count} conditions of {standard.code} version {standard.version} written to {file}")


@catalog.command("standards")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_obj
def list_standards(runtime: Runtime, as_json: bool) -> None:
    """List the filing standards of every city with their versions."""
    with runtime.transaction() as session:
        found = queries.filing_standards(session)
    if as_json:
        facts = [
            {
                "city": s.city_code,
                "code": s.code,
                "version": s.version,
                "name": s.name_zh,
                "active": s.active,
                "conditions": n,
            }
            for s, n in found
        ]
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    table = Table("city", "code", "version", "name", "conditions", "in force")
    for one, count in found:
        table.add_row(one.city_code, one.code, str(one.version), one.name_zh, str(count), "yes" if one.active else "")
    console.print(table)


@catalog.command()
@click.argument("code")
@click.option("--version", type=int, help="Which version; the newest when left out.")
@city_option
@click.pass_obj
@admin_log.recorded("catalog.activate")
def activate(runtime: Runtime, code: str, version: int | None, city: str | None) -> None:
    """Put the filing standard CODE in force in its city."""
    with runtime.transaction() as session:
        standard = queries.require_filing_standard(session, city or queries.city_of(session), code, version)
        operations.activate_filing_standard(session, standard)
    console.print(f"{standard.code} version {standard.version} is in force in city {standard.city_code}")


@catalog.command("classes")
@click.argument("words", required=False)
@click.option("--kind", type=click.Choice(rules.KINDS), help="Only of this kind.")
@click.option(
    "--standard", default=CURRENT, type=click.Choice(list(MINOR_DIGITS)), show_default=True, help="Which class list."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_obj
def list_classes(runtime: Runtime, words: str | None, kind: str | None, standard: str, as_json: bool) -> None:
    """List classes whose code, Chinese or English name holds WORDS."""
    with runtime.transaction() as session:
        found = queries.classes(session, kind, standard, words)
    if as_json:
        facts = [{"kind": c.kind, "class": c.code, "name_zh": c.name_zh, "name_en": c.name_en} for c in found]
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    table = Table("kind", "class", "Chinese", "English", "major")
    for one in found:
        table.add_row(one.kind, one.code, one.name_zh, one.name_en, f"{one.major_zh} {one.major_en}")
    console.print(table)
