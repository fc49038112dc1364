"""The command `webgis`. Exit codes: 0 done, 1 faults found, 2 refused (bad input), 3 a service is out of reach."""

import importlib
import json
import sys
from pathlib import Path

import click
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import OperationalError

import webgis
from webgis import backup, db, jobs, schedule, services, settings
from webgis.accounts import admin_log
from webgis.db import Runtime
from webgis.errors import Unavailable, WebgisError

COMMANDS = {
    "accounts": "webgis.accounts.commands",
    "alarms": "webgis.hazards.alarm_commands",
    "areas": "webgis.grid.commands",
    "grid": "webgis.grid.commands",
    "places": "webgis.grid.gazetteer_commands",
    "catalog": "webgis.catalog.commands",
    "components": "webgis.demo.component_commands",
    "audit": "webgis.cases.audit_commands",
    "contacts": "webgis.cases.channel_commands",
    "notices": "webgis.cases.channel_commands",
    "people": "webgis.exchange.people_commands",
    "retention": "webgis.cases.retention_commands",
    "clock": "webgis.cases.clock_commands",
    "cases": "webgis.exchange.case_commands",
    "emergency": "webgis.emergency.commands",
    "workflow": "webgis.cases.workflow_commands",
    "beats": "webgis.cases.beat_commands",
    "construction": "webgis.metro.construction_commands",
    "metro": "webgis.metro.commands",
    "routing": "webgis.cases.routing_commands",
    "hazards": "webgis.exchange.hazard_commands",
    "maps": "webgis.maps.commands",
    "basemap": "webgis.maps.basemap_commands",
    "rollup": "webgis.maps.rollup_commands",
    "live": "webgis.live.commands",
    "demo": "webgis.demo.commands",
    "replay": "webgis.cases.replay_commands",
    "telemetry": "webgis.telemetry_commands",
    "tls": "webgis.tls_commands",
    "serve": "webgis.serve",
}
"""Commands of the packages: each is imported only when it is called, so that `webgis --help` is quick."""

console = Console()


class LazyGroup(click.Group):
    """A group that imports a package's commands when they are needed."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*super().list_commands(context), *COMMANDS])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        module = COMMANDS.get(name)
        if module is None:
            return super().get_command(context, name)
        return getattr(importlib.import_module(module), name)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(webgis.__version__, prog_name="webgis")
@click.pass_context
def group(context: click.Context) -> None:
    """webgis: grid-based digital city management (数字化城市管理)."""
    if context.obj is None:
        context.obj = Runtime(with_private_servers(settings.load()))


def with_private_servers(loaded: settings.Settings) -> settings.Settings:
    """Settings that name no server get the private ones of a bin/serve that runs in the same checkout."""
    running = services.running(loaded.var_dir) or {}
    names = [name for name in ("database_url", "redis_url") if getattr(loaded, name) is None and running.get(name)]
    return loaded.model_copy(update={name: SecretStr(running[name]) for name in names})


@group.command("settings")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show_settings(as_json: bool) -> None:
    """Print every setting, its value and where it comes from. Secrets are hidden."""
    loaded, sources = settings.load_with_sources()
    values = settings.shown(loaded)
    if as_json:
        rows = {name: {"value": _plain(values[name]), "source": sources[name]} for name in values}
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("setting", "value", "source", "what it is")
    for name, value in values.items():
        about = settings.Settings.model_fields[name].description or ""
        table.add_row(name, "" if value is None else str(value), sources[name], about)
    console.print(table)


def _plain(value):
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)


@group.group("db")
def database() -> None:
    """The database: its schema, the whole of it as a file."""


@database.command()
@click.pass_obj
def upgrade(runtime: Runtime) -> None:
    """Bring tables to the newest revision and make all functions anew."""
    db.check(runtime.engine)
    applied = db.upgrade(runtime.engine)
    console.print("applied: " + (", ".join(applied) or "nothing, already at the newest revision"))


@database.command()
@click.pass_obj
def check(runtime: Runtime) -> None:
    """Say whether the database and Redis can serve (exit code 3 when not)."""
    db.check(runtime.engine)
    jobs.check(runtime.settings)
    console.print("database and Redis are ready")
    for warning in db.warnings(runtime.engine, runtime.settings):
        console.print(warning, style="yellow", highlight=False)


@database.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def dump(runtime: Runtime, file: Path) -> None:
    """Write the whole database into FILE, while the city works; photos and keys are files (docs/operate.md)."""
    console.print(f"{file}: {backup.write(runtime.settings, runtime.engine, file):,} bytes", highlight=False)


@database.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Also a database that has a city in it, which is removed.")
@click.pass_obj
def load(runtime: Runtime, file: Path, replace: bool) -> None:
    """Make the database what FILE of `webgis db dump` holds, whole or not at all, and bring it up to date."""
    applied = backup.load(runtime.settings, runtime.engine, file, replace=replace)
    console.print("loaded; applied: " + (", ".join(applied) or "nothing, already at the newest revision"))
    console.print("Start bin/serve anew now: what runs still knows the tables that were there")


@group.group("jobs")
def job_commands() -> None:
    """Work for later: what waits, and what has failed for good."""


@job_commands.command("list")
@click.option("--dead", is_flag=True, help="Only the dead-letter list.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_obj
def list_jobs(runtime: Runtime, dead: bool, as_json: bool) -> None:
    """List jobs that wait or are dead, oldest first (at most 1,000)."""
    with runtime.transaction() as session:
        rows = jobs.listed(session, dead_only=dead)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, default=str, indent=2))
        return
    table = Table("id", "queue", "task", "values", "tries", "due", "state", "error")
    for row in rows:
        state = "dead" if row["dead_at"] else ("retrying" if row["error"] else "waiting")
        due = row["due_at"].astimezone(runtime.settings.zone).strftime("%m-%d %H:%M:%S")
        values = json.dumps(row["args"], ensure_ascii=False)
        table.add_row(
            str(row["id"]), row["queue"], row["task"], values, str(row["attempts"]), due, state, row["error"] or ""
        )
    console.print(table if rows else "No job waits and none is dead.")


@job_commands.command("retry")
@click.argument("ids", nargs=-1, type=click.IntRange(1, 2**63 - 1))
@click.option("--all", "every", is_flag=True, help="Every dead job.")
@click.pass_obj
@admin_log.recorded("jobs.retry")
def retry_jobs(runtime: Runtime, ids: tuple[int, ...], every: bool) -> None:
    """Make dead jobs due again: those with these IDS, or --all."""
    if bool(ids) == every:
        raise click.UsageError("Give the ids of dead jobs (see: webgis jobs list --dead), or --all")
    with runtime.transaction() as session:
        count = jobs.retry(session, None if every else ids)
    jobs.hand_over_session(jobs.connect(runtime.settings), session)
    console.print(f"{count} made due again")


@group.command("scheduler")
@click.pass_obj
def scheduler(runtime: Runtime) -> None:
    """Run the timetable (started by bin/serve; one a city)."""
    schedule.run(runtime)


def main() -> None:
    """Entry point: errors of ours become one line and an exit code, never a traceback."""
    try:
        code = group(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except Unavailable as error:
        _fail(error.message, 3)
    except WebgisError as error:
        _fail(error.message, 2)
    except OperationalError as error:
        _fail(f"The database does not answer: {str(error.orig).strip()}", 3)
    except UnicodeEncodeError:
        _fail("A file's name or another argument is not UTF-8; rename the file, or set the terminal to UTF-8", 2)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), 2)


def _fail(message: str, code: int) -> None:
    click.secho("error ", fg="red", bold=True, err=True, nl=False)
    click.echo(message, err=True)
    sys.exit(code)
