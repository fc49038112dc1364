"""The commands `webgis audit ...`."""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from webgis.cases import anchors
from webgis.cases import audit as audits
from webgis.db import Runtime
from webgis.errors import Invalid

console = Console(highlight=False, soft_wrap=True)
_SHOWN = 200

day_type = click.DateTime(["%Y-%m-%d"])


@click.group()
def audit() -> None:
    """Whether the history of the cases is the one that was written."""


@audit.command("anchor")
@click.option("--day", type=day_type, help="Anchor up to the end of this day; yesterday when left out.")
@click.pass_obj
def make_anchor(runtime: Runtime, day: datetime | None) -> None:
    """Anchor what was recorded, publish it to var/audit, and print the anchors that are new there."""
    with runtime.transaction() as session:
        anchors.make(session, runtime.settings, datetime.now(UTC), day.date() if day else None)
    with runtime.transaction() as session:
        fresh = anchors.publish(session, runtime.settings)
    for one in fresh:
        click.echo(one.as_line())
    if not fresh:
        console.print("nothing new: the anchors are made and published")


@audit.command()
@click.option("--since", type=day_type, help="Only cases with events of this day or later, and its anchors.")
@click.option(
    "--anchors",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Published anchors, best from another machine; var/audit/anchors.jsonl when left out.",
)
@click.option("--files", is_flag=True, help="Read the photos' files too: is their content still what was given?")
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the findings."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def verify(runtime: Runtime, since: datetime | None, file: Path | None, files: bool, lang: str, as_json: bool) -> int:
    """Find any row of the history that was altered, removed or inserted (exit code 1 when there is one)."""
    told, day = _file(runtime, file), since.date() if since else None
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as shown:
        bar = shown.add_task("", total=None)

        def progress(so_far: int, of: int) -> None:
            shown.update(bar, completed=so_far, total=of)

        done = audits.verify(runtime.engine, runtime.settings, day, told, files=files, progress=progress)
    if as_json:
        click.echo(json.dumps(_facts(done), ensure_ascii=False, default=str))
    else:
        _show(done, lang)
    return int(bool(done.findings))


def _file(runtime: Runtime, given: Path | None) -> Path | None:
    if given is not None and not given.is_file():
        raise Invalid("cases.bad-anchors", f"{given} is no file of anchors: there is no such file", field="anchors")
    usual = anchors.folder(runtime.settings) / anchors.FILE
    return given or (usual if usual.is_file() else None)


def _facts(done: audits.Verified) -> dict:
    return {
        "cases": done.cases,
        "events": done.events,
        "anchors": done.anchors,
        "unpublished": [str(day) for day in done.unpublished],
        "findings": [finding.as_facts() for finding in done.findings],
    }


def _show(done: audits.Verified, lang: str) -> None:
    for finding in done.findings[:_SHOWN]:
        click.echo(finding.words(lang))
    more = len(done.findings) - _SHOWN
    if lang == "zh":
        looked = f"已核对 {done.cases} 个案件的 {done.events} 条办理记录、{done.anchors} 个锚定"
        found = f"发现 {len(done.findings)} 处" if done.findings else "未发现改动"
        rest, late = f"另有 {more} 处（--json 列出全部）", f"尚未写入锚定文件：{_days(done.unpublished)}"
    else:
        looked = f"{done.events} events of {done.cases} cases and {done.anchors} anchors verified"
        found = f"{len(done.findings)} found" if done.findings else "nothing was altered, removed or inserted"
        rest, late = f"and {more} more (--json lists all)", f"not published to a file: {_days(done.unpublished)}"
    if more > 0:
        click.echo(rest)
    if done.unpublished:
        click.echo(late)
    click.echo(f"{looked}: {found}" if lang == "en" else f"{looked}：{found}")


def _days(days: tuple[date, ...]) -> str:
    if not days:
        return ""
    return f"{days[0]} .. {days[-1]} ({len(days)})" if len(days) > 1 else str(days[0])
