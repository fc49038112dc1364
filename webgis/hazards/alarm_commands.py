"""The commands `webgis alarms ...`: rules of thresholds, what is watched by which, the alarms that stand."""

import json
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select, text

from webgis.accounts import admin_log
from webgis.accounts.actor import ENGINE
from webgis.cases.table_commands import FILE, console, json_option, print_json, print_table
from webgis.db import Runtime
from webgis.errors import Invalid
from webgis.hazards import alarm_queries, alarm_rules, alarm_wire, alarm_words, watches
from webgis.hazards.alarm_models import ThresholdRule

_WATCHES = text(
    "SELECT d.code, s.name_zh, w.rule_key, w.department_code, w.active FROM city.watch w"
    " JOIN city.datastream d ON d.id = w.datastream_id JOIN city.station s ON s.id = d.station_id ORDER BY 1, 3"
)

MOST_NAMED = 20
"""Codes that are named of those that share a reason."""


@click.group()
def alarms() -> None:
    """Alarms of sensors: their rules, what is watched, what stands."""


@alarms.command("load-rules")
@click.pass_obj
def load_rules(runtime: Runtime) -> None:
    """Put the rules and ladders that webgis ships into the tables; what the city has changed is left."""
    with runtime.transaction() as session:
        made, changed = alarm_rules.load_shipped(session)
        if made or changed:
            admin_log.record(session, None, "hazards.load-rules", "shipped", None, {"made": made, "changed": changed})
    console.print(f"{len(made)} rules made, {len(changed)} brought up to date")


@alarms.command("rules")
@json_option
@click.pass_obj
def list_rules(runtime: Runtime, as_json: bool) -> None:
    """List the rules with their levels."""
    with runtime.transaction() as session:
        rows = [alarm_wire.rule(row) for row in session.scalars(select(ThresholdRule).order_by(ThresholdRule.key))]
    if as_json:
        print_json(rows)
        return
    shown = [(row["key"], row["name_zh"], row["unit"], _levels(row), row["class"], row["shipped"]) for row in rows]
    heads = ("rule", "name", "unit", "levels", "class", "shipped")
    print_table(heads, shown, "There are no rules. Load some with: webgis alarms load-rules", runtime.settings.zone)


def _levels(row: Any) -> str:
    return ", ".join(f"{one['name']} {alarm_words.bound(one, row['unit'])[1]}" for one in row["levels"])


@alarms.command("set-rule")
@click.argument("key")
@click.argument("file", type=FILE)
@click.pass_obj
def set_rule(runtime: Runtime, key: str, file: Path) -> None:
    """Make or change the rule KEY as the JSON object of FILE says: one of those that `webgis alarms rules --json`
    prints, or only the fields that change; levels are given as a whole. It counts from the next reading on."""
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Invalid("hazards.bad-threshold", f"{file} is no JSON: {error}", field="file") from None
    if not isinstance(given, dict):
        raise Invalid("hazards.bad-threshold", f"{file} holds no JSON object", field="file")
    for name in ("key", "version", "shipped", "bounds"):
        given.pop(name, None)
    if "class" in given:
        given["kind"], _colon, given["class_code"] = str(given.pop("class")).partition(":")
    with runtime.transaction() as session:
        changed = alarm_rules.set_rule(session, None, key, given, runtime.settings.zone)
    console.print("changed" if changed else "nothing to change")


@alarms.command()
@click.argument("datastream", required=False)
@click.option("--all", "every", is_flag=True, help="Every sensor that was never watched, each by its usual rule.")
@click.option("--rule", help="Another rule than that of its quantity and kind of place.")
@click.option("--department", help="Code of who is sent; else the station's, else whom the routing rules choose.")
@click.pass_obj
def watch(runtime: Runtime, datastream: str | None, every: bool, rule: str | None, department: str | None) -> None:
    """Have a DATASTREAM (its code), or --all, watched from the next reading on."""
    if every == bool(datastream) or every and (rule or department):
        raise click.UsageError("Give a DATASTREAM, or --all without --rule and --department")
    with runtime.transaction() as session:
        if every:
            _tell_all(watches.watch_all(session, None))
            return
        made = watches.watch(session, None, datastream, rule, department)
        console.print(f"{datastream} is watched by {made.rule_key}")


def _tell_all(done: watches.AllWatched) -> None:
    count = sum(map(len, done.watched.values()))
    console.print(f"{count} more are watched{':' if count else ''}")
    for rule, codes in sorted(done.watched.items()):
        console.print(f"  {len(codes)} by {rule}")
    for why, codes in sorted(done.without.items()):
        console.print(f"{len(codes)} not, {why}: {', '.join(codes[:MOST_NAMED])}{' ...' * (len(codes) > MOST_NAMED)}")


@alarms.command()
@click.argument("datastream")
@click.argument("rule")
@click.pass_obj
def unwatch(runtime: Runtime, datastream: str, rule: str) -> None:
    """Watch a DATASTREAM by a RULE no more."""
    with runtime.transaction() as session:
        watches.unwatch(session, None, datastream, rule)
    console.print(f"{datastream} is no longer watched by {rule}")


@alarms.command("watches")
@json_option
@click.pass_obj
def list_watches(runtime: Runtime, as_json: bool) -> None:
    """List what is watched by which rule."""
    heads = ("datastream", "name", "rule", "department", "active")
    with runtime.transaction() as session:
        rows = [tuple(row) for row in session.execute(_WATCHES)]
    if as_json:
        print_json([dict(zip(heads, row, strict=True)) for row in rows])
    else:
        empty = "Nothing is watched. Begin with: webgis alarms watch DATASTREAM"
        print_table(heads, rows, empty, runtime.settings.zone)


@alarms.command("list")
@json_option
@click.pass_obj
def list_alarms(runtime: Runtime, as_json: bool) -> None:
    """List the alarms that stand or that nobody has acknowledged, these first."""
    with runtime.transaction() as session:
        rows = [alarm_wire.feature(row)["properties"] for row in alarm_queries.at_hand(session, ENGINE)]
    if as_json:
        print_json(rows)
        return
    heads = ("id", "state", "name_zh", "rule", "level_zh", "peak_en", "raised_at", "case", "waiting")
    print_table(heads, [tuple(row[name] for name in heads) for row in rows], "No alarm stands.", runtime.settings.zone)
