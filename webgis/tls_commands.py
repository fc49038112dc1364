"""`webgis tls`: certificates by which phones reach this installation over HTTPS."""

import json
import socket
from datetime import UTC, datetime

import click
from rich.console import Console

from webgis import tls as certificates
from webgis.db import Runtime
from webgis.errors import NotFound

console = Console(highlight=False)


@click.group()
def tls() -> None:
    """HTTPS for phones, by a private authority of this installation."""


@tls.command()
@click.argument("names", nargs=-1)
@click.option("--new-authority", is_flag=True, help="Make another authority; every phone has to install it again.")
@click.pass_obj
def init(runtime: Runtime, names: tuple[str, ...], new_authority: bool) -> None:
    """Make a certificate for NAMES: host names and addresses by which phones reach this machine.

    Without any: this machine's name and addresses.
    """
    made = certificates.init(runtime.settings, names or own_names(), datetime.now(UTC), anew=new_authority)
    console.print(f"{made.server}: for {', '.join(certificates.names(runtime.settings))}")
    console.print(f"authority, SHA-256 {certificates.fingerprint(certificates.authority(runtime.settings))}")
    console.print("Start again with bin/serve; phones install the authority from /inspect/install")


def own_names() -> list[str]:
    """The name of this machine and the addresses that lead out of it, with those by which it reaches itself."""
    found = {"localhost": None, "127.0.0.1": None, socket.gethostname(): None}
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as asked:
                asked.connect((far, 9))  # sends nothing: it only asks which of our addresses would be used
                found[asked.getsockname()[0]] = None
        except OSError:
            continue
    return list(found)


@tls.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(runtime: Runtime, as_json: bool) -> None:
    """Tell what the certificates are for and until when."""
    if not certificates.present(runtime.settings):
        raise NotFound("tls.none", "There are no certificates yet. Make them with: webgis tls init")
    server, authority = certificates.server(runtime.settings), certificates.authority(runtime.settings)
    told = {
        "names": certificates.names(runtime.settings),
        "until": server.not_valid_after_utc.date().isoformat(),
        "authority_until": authority.not_valid_after_utc.date().isoformat(),
        "authority_sha256": certificates.fingerprint(authority),
    }
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    for name, value in told.items():
        console.print(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
