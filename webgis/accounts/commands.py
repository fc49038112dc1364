"""`webgis accounts`: people, departments, passwords and keys from the command line."""

import json

import click
from rich.console import Console
from rich.table import Table

from webgis.accounts import operations, queries
from webgis.accounts.actor import DEPARTMENT_KINDS, ROLES
from webgis.db import Runtime

console = Console()


@click.group()
def accounts() -> None:
    """People, departments, passwords and API keys."""


@accounts.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_obj
def list_people(runtime: Runtime, as_json: bool) -> None:
    """List everyone who can log in."""
    with runtime.transaction() as session:
        rows = [
            {"login": p.login, "name": p.name, "role": p.role, "department": p.department_code, "active": p.active}
            for p in queries.people(session)
        ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("login", "name", "role", "department", "active")
    for row in rows:
        table.add_row(row["login"], row["name"], row["role"], row["department"] or "", "yes" if row["active"] else "no")
    console.print(table if rows else "Nobody yet. Add someone with: webgis accounts add LOGIN --role ROLE")


@accounts.command()
@click.argument("login")
@click.option("--name", help="Shown to others (default: the login).")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the person may do.")
@click.option("--department", help="Code of the department, for role department.")
@click.password_option(help="At least 8 characters; asked for when not given.")
@click.pass_obj
def add(runtime: Runtime, login: str, name: str | None, role: str, department: str | None, password: str) -> None:
    """Add a person who can log in."""
    with runtime.transaction() as session:
        operations.add_person(session, login, name or login, role, password, department=department)
    console.print(f"{login} can log in as {role}")


@accounts.command()
@click.argument("login")
@click.password_option(help="At least 8 characters; asked for when not given.")
@click.pass_obj
def password(runtime: Runtime, login: str, password: str) -> None:
    """Give a person a new password and end all their logins."""
    with runtime.transaction() as session:
        operations.set_password(session, login, password)
    console.print(f"new password set for {login}")


@accounts.command("add-department")
@click.argument("code")
@click.argument("name_zh")
@click.option("--name-en", help="Its name in English.")
@click.option("--kind", type=click.Choice(DEPARTMENT_KINDS), required=True, help="What filing conditions name.")
@click.option("--area", help="Code of the area it serves; everywhere when left out.")
@click.option("--parent", help="Code of the department above.")
@click.pass_obj
def add_department(
    runtime: Runtime, code: str, name_zh: str, name_en: str | None, kind: str, area: str | None, parent: str | None
) -> None:
    """Add a department that resolves cases."""
    with runtime.transaction() as session:
        operations.add_department(session, code, name_zh, name_en, kind=kind, area=area, parent=parent)
    console.print(f"department {code} added")


@accounts.command()
@click.argument("login")
@click.option("--label", help="What the key is for.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: login, key.")
@click.pass_obj
def key(runtime: Runtime, login: str, label: str | None, as_json: bool) -> None:
    """Make an API key that speaks for LOGIN. It is printed once and cannot be shown again."""
    with runtime.transaction() as session:
        made = operations.make_key(session, login, label)
    click.echo(json.dumps({"login": login, "key": made}) if as_json else made)


@accounts.command("revoke-keys")
@click.argument("login")
@click.pass_obj
def revoke_keys(runtime: Runtime, login: str) -> None:
    """Revoke every API key of LOGIN."""
    with runtime.transaction() as session:
        count = operations.revoke_keys(session, login)
    console.print(f"{count} revoked")
