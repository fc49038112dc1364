"""`webgis demo`: load a demo city, let it grow, list its accounts."""

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from webgis.accounts import admin_log
from webgis.db import Runtime
from webgis.demo import grow as growing
from webgis.demo import loading, people, places, sensing, sensor_day

console = Console()

STAGES = {
    "components": "components of the register",
    "patterns": "cases driven through the real steps, to be copied",
    "cases": "cases copied with their histories",
    "queues": "queues of open cases",
    "statistics": "statistics of the tables",
    "counts": "sums for maps and figures",
}
"""What `demo grow` says of what it does just now."""


@click.group()
def demo() -> None:
    """A demo city with cases in all states."""


@demo.command()
@click.option("--county", "counties", multiple=True, help="6-digit code; may be repeated. Default: central Chengdu.")
@click.option("--cases", "count", default=loading.CASES, show_default=True, help="Cases of the last 30 days.")
@click.option("--seed", default=loading.SEED, show_default=True, help="Another seed gives another city.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
@admin_log.recorded("demo.load")
def load(runtime: Runtime, counties: tuple[str, ...], count: int, seed: int, as_json: bool) -> None:
    """Load real counties with made-up communities, cells, posts, components, beats and cases. May run again."""
    done = loading.load(runtime, counties or places.CENTRAL_DISTRICTS, count=count, seed=seed, quiet=as_json)
    if as_json:
        click.echo(json.dumps(asdict(done), ensure_ascii=False))
        return
    if not (done.areas or done.cells or done.accounts or done.components or done.cases):
        console.print("The demo is loaded already; nothing was changed.")
        return
    console.print(
        f"{done.areas:,} areas, {done.cells:,} cells, {done.accounts} accounts, {done.components:,} components"
        f" and {done.cases} cases added"
        f" in {done.seconds:.0f} s. Accounts: webgis demo accounts"
    )


@demo.command()
@click.option(
    "--cases", type=click.IntRange(1, 20_000_000), default=growing.CASES, show_default=True, help="Cases to add."
)
@click.option("--cells", type=click.IntRange(1), default=growing.CELLS, show_default=True, help="At least so many.")
@click.option(
    "--components",
    type=click.IntRange(0, 2_000_000),
    default=growing.COMPONENTS,
    show_default=True,
    help="Components there are to be in all.",
)
@click.option("--seed", default=growing.SEED, show_default=True, help="Another seed gives another past.")
@click.option("--beside-cases", is_flag=True, help="Also where there are cases already; theirs and these look alike.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
@admin_log.recorded("demo.grow")
def grow(
    runtime: Runtime, cases: int, cells: int, components: int, seed: int, beside_cases: bool, as_json: bool
) -> None:
    """Make a city of millions of cases to measure with: arrivals, classes, hot spots and durations as in a real one.

    Needs a superuser of the database, which nobody else uses meanwhile. Stopped, it leaves no part of the cases behind.
    """
    bar, lines = _bar(as_json), dict[str, int]()

    def progress(what: str, done: int, total: int) -> None:
        bar.start()
        line = lines[what] if what in lines else lines.setdefault(what, bar.add_task(STAGES.get(what, what)))
        bar.update(line, completed=done, total=total)

    try:
        made = growing.grow(
            runtime, cases=cases, cells=cells, components_=components, seed=seed, classes=growing.CLASSES,
            beside=beside_cases, quiet=as_json, progress=progress,
        )  # fmt: skip
    finally:
        bar.stop()
    if as_json:
        click.echo(json.dumps(asdict(made)))
        return
    console.print(
        f"{made.cases:,} cases ({made.open:,} open) with {made.events:,} events made in {made.seconds:.0f} s."
        f" The city has {made.cells:,} cells in {made.counties} counties and {made.components:,} components",
        highlight=False,
    )


def _bar(quiet: bool) -> Progress:
    columns = (TextColumn("{task.description:<50}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), disable=quiet)


@demo.command()
@click.option("--speed", type=click.FloatRange(1, 3600), default=60.0, show_default=True, help="So many times as fast.")
@click.option("--live", is_flag=True, help="Each minute when it has come, until stopped, as bin/serve does by itself.")
@click.option("--seed", default=loading.SEED, show_default=True, help="Another seed gives another day.")
@click.pass_obj
def day(runtime: Runtime, speed: float, live: bool, seed: int) -> None:
    """Play a day of the demo's thirty sensors: gas in a well, a cloudburst with two flooded underpasses, a dead sensor.

    At 60 it takes 24 minutes, the first four of them with everything that happens. Look at /alarms, /waterlogging and
    the maps meanwhile. What the sensors told of the last 24 hours is replaced; alarms and cases stay. The writer of
    readings must run (bin/serve starts it).
    """
    if live:
        for _told in sensing.keep_telling(runtime, seed):
            pass
    columns = (TextColumn("{task.fields[clock]} {task.description:<34}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        line = bar.add_task("", total=sensor_day.MINUTES, clock="00:00")

        def tick(minute: int, told: int) -> None:
            clock = f"{minute // 60:02}:{minute % 60:02}"
            bar.update(line, completed=minute + 1, clock=clock, description=sensing.happening(minute))

        told = sensing.play(runtime, speed, seed, tick)
    console.print(f"{told:,} readings told. What became of them: webgis alarms list", highlight=False)


@demo.command("accounts")
@click.option("--json", "as_json", is_flag=True, help="A JSON array: login, name, role, department, password.")
@click.pass_obj
def list_accounts(runtime: Runtime, as_json: bool) -> None:
    """List the demo's accounts with their passwords."""
    found = people.required_accounts(runtime)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    table = Table("login", "password", "role", "name")
    for account in found:
        table.add_row(account["login"], account["password"], account["role"], account["name"])
    console.print(table)
