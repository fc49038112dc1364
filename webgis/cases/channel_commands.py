"""The commands `webgis contacts ...` and `webgis notices ...`."""

import json

import click

from webgis.accounts import admin_log
from webgis.cases import contacts as contact_data
from webgis.cases import keyring, messages
from webgis.db import Runtime


@click.group()
def contacts() -> None:
    """Reporters' contact data and the keys that seal it."""


@contacts.command("new-key")
def new_key() -> None:
    """Print a key to put before the others: in the setting contact_key, or as the first line of var/contact_key."""
    click.echo(keyring.new_key())


@contacts.command()
@click.pass_obj
@admin_log.recorded("contacts.reseal")
def reseal(runtime: Runtime) -> None:
    """Seal with the newest key what an older one sealed; the older one is not needed afterwards."""
    total = 0
    while done := _reseal_some(runtime):
        total += done
    click.echo(f"{total} rows sealed anew with the key {keyring.of(runtime.settings).name}")


def _reseal_some(runtime: Runtime) -> int:
    with runtime.transaction() as session:
        return contact_data.reseal(session, runtime.settings)


@contacts.command()
@click.argument("number")
@click.pass_obj
def looks(runtime: Runtime, number: str) -> None:
    """Print who looked at the whole contact data of the case NUMBER, oldest first."""
    with runtime.transaction() as session:
        for look in contact_data.looks(session, number):
            click.echo(f"{look.at:%Y-%m-%d %H:%M:%S %z}  {look.login}  {look.role}  contact {look.contact_id}")


@click.group()
def notices() -> None:
    """Messages to reporters, departments and inspectors."""


@notices.command("list")
@click.option("--unsent", is_flag=True, help="Only those that are not sent.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@click.pass_obj
def list_messages(runtime: Runtime, unsent: bool, limit: int) -> None:
    """Print messages, newest first, one JSON object a line. No address is shown."""
    with runtime.transaction() as session:
        for one in messages.listed(session, unsent=unsent, limit=limit):
            click.echo(json.dumps(one, ensure_ascii=False, default=str))
