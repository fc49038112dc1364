"""The commands `webgis contacts ...` and `webgis notices ...`."""

import json

import click

from webgis.accounts import admin_log
from webgis.cases import contacts as contact_data
from webgis.cases import keyring, messages, notice_addresses
from webgis.cases.channel_models import CHANNELS, LANGUAGES
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


@notices.command()
@click.argument("message")
@click.pass_obj
@admin_log.recorded("notices.again")
def again(runtime: Runtime, message: str) -> None:
    """Have the MESSAGE of this id sent that was refused, or waits too long."""
    with runtime.transaction() as session:
        messages.send_again(session, message)
    click.echo("It goes out again.")


@notices.command()
@click.pass_obj
def addresses(runtime: Runtime) -> None:
    """Print where people with accounts are told, one JSON object a line. Addresses are masked."""
    with runtime.transaction() as session:
        for one in notice_addresses.listed(session, runtime.settings):
            click.echo(json.dumps(one, ensure_ascii=False))


@notices.command("set")
@click.argument("login")
@click.argument("channel", type=click.Choice(CHANNELS))
@click.argument("address")
@click.option("--language", type=click.Choice(LANGUAGES), default="zh", help="In which they are told (default: zh).")
@click.option("--digest", type=click.IntRange(0, 1440), help="Minutes of gathering (default: the city's).")
@click.pass_obj
def set_address(runtime: Runtime, login: str, channel: str, address: str, language: str, digest: int | None) -> None:
    """Tell LOGIN by CHANNEL at ADDRESS."""
    with runtime.transaction() as session:
        notice_addresses.set_address(
            session, runtime.settings, login, channel, address, language=language, digest_minutes=digest
        )
        admin_log.record(session, None, "notices.address", login, None, {"channel": channel, "language": language})
    click.echo(f"{login} is told by {channel}")


@notices.command()
@click.argument("login")
@click.argument("channel", type=click.Choice(CHANNELS))
@click.pass_obj
def drop(runtime: Runtime, login: str, channel: str) -> None:
    """Erase the address of LOGIN by which they are told by CHANNEL."""
    with runtime.transaction() as session:
        dropped = notice_addresses.drop_address(session, login, channel)
        if dropped:
            admin_log.record(session, None, "notices.address", login, {"channel": channel})
    click.echo("erased" if dropped else "there was none")
