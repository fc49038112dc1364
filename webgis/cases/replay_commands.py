"""The command `webgis replay`."""

import json
import multiprocessing
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from webgis.cases import replay as replays
from webgis.cases.replay import Replay
from webgis.cases.table_commands import FILE
from webgis.db import Runtime
from webgis.settings import Settings

console = Console(highlight=False)


class Speed(click.ParamType):
    """ "max", or a number: so many times as fast as it was."""

    name = "max|N"

    def convert(self, value, param, context) -> float | None:
        if value in (None, "max"):
            return None
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail("max, or a number greater than 0", param, context)
        return speed


@click.command()
@click.argument("file", type=FILE)
@click.option("--speed", type=Speed(), default="max", show_default=True, help="Times as fast as it was, or max.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 32), help="Processes.")
@click.option("--json", "as_json", is_flag=True, help="The balance as one JSON object.")
@click.pass_obj
def replay(runtime: Runtime, file: Path, speed: float | None, workers: int, as_json: bool) -> int:
    """Replay a FILE of requests of another city in the demo city, and draw the balance (exit code 1 if it is out).

    Interrupted, it goes on where it stopped when it is called again.
    """
    requests = replays.read(file)
    with runtime.transaction() as session:
        moved, spots = replays.prepare(session, requests, datetime.now(UTC))
        told = replays.stories(session, requests, spots)
    runtime.dispose()
    start = time.monotonic()
    steps, whole = _run(runtime.settings, told, moved, workers, speed)
    with runtime.transaction() as session:
        counts = replays.balance(session, len(requests))
    if not whole:
        console.print(f"stopped after {steps:,} steps; the same command goes on from here")
        raise click.Abort
    taken = time.monotonic() - start
    _show(counts, as_json, f"{steps:,} steps in {taken:.0f} s, {workers} processes; moved by {moved.days // 7} weeks")
    return int(not all(count.holds for count in counts))


def _run(settings: Settings, told: list, moved, workers: int, speed: float | None) -> tuple[int, bool]:
    """Share the counties out among processes; the steps done, and whether nothing is left to do."""
    processes = multiprocessing.get_context("spawn")
    stop, done = processes.Event(), processes.Value("q", 0)
    parts = _parts(told, workers)
    running = [processes.Process(target=_tell, args=(settings, part, moved, speed, stop, done)) for part in parts]
    for process in running:
        process.start()
    try:
        with _progress() as bar:
            task = bar.add_task("steps", total=None)
            while any(process.is_alive() for process in running):
                running[0].join(timeout=0.5) if running[0].is_alive() else time.sleep(0.2)
                bar.update(task, completed=done.value)
    except KeyboardInterrupt:
        stop.set()
    for process in running:
        process.join()
    if failed := [process for process in running if process.exitcode]:
        raise click.ClickException(f"{len(failed)} of {len(running)} processes failed; the same command goes on")
    return done.value, not stop.is_set()


def _parts(told: list, workers: int) -> list[list]:
    """Counties in as many parts of about the same size."""
    counties: dict[str, list] = {}
    for story in told:
        counties.setdefault(story.spot.cell[:6], []).append(story)
    parts: list[list] = [[] for _ in range(min(workers, len(counties)))]
    for _county, group in sorted(counties.items(), key=lambda item: (-len(item[1]), item[0])):
        min(parts, key=len).extend(group)
    return parts


def _tell(settings: Settings, told: list, moved, speed: float | None, stop, done) -> None:
    """Tell these stories, in a process of its own; Ctrl-C is the parent's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def count() -> None:
        with done.get_lock():
            done.value += 1

    runtime = Runtime(settings)
    Replay(runtime, told, moved).run(count, stop.is_set, speed)
    runtime.dispose()


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _show(counts: list[replays.Count], as_json: bool, about: str) -> None:
    if as_json:
        rows = {count.stage: {"came": count.came, "went": count.went, "holds": count.holds} for count in counts}
        click.echo(json.dumps(rows))
        return
    table = Table("stage", "came", "went to", "adds up", caption=about, caption_justify="left")
    for count in counts:
        went = " + ".join(f"{value:,} {name}" for name, value in count.went.items() if value)
        table.add_row(count.stage, f"{count.came:,}", went or "-", "yes" if count.holds else "NO")
    console.print(table)
