"""`webgis demo`: load a demo city, list its accounts."""

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from webgis.db import Runtime
from webgis.demo import loading, people, places

console = Console()


@click.group()
def demo() -> None:
    """A demo city with cases in all states."""


@demo.command()
@click.option("--county", "counties", multiple=True, help="6-digit code; may be repeated. Default: central Chengdu.")
@click.option("--cases", "count", default=loading.CASES, show_default=True, help="Cases of the last 30 days.")
@click.option("--seed", default=loading.SEED, show_default=True, help="Another seed gives another city.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
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
