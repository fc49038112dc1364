"""`webgis accounts`: people, departments, passwords and keys from the command line."""

import json

import click
from rich.console import Console
from rich.table import Table

from webgis.accounts import admin_log, first, logins, operations, permissions, queries, second_factor
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
            {
                "login": p.login,
                "name": p.name,
                "role": p.role,
                "department": p.department_code,
                "active": p.active,
                "area": p.area_code,
                "classes": p.class_codes,
            }  # fmt: skip
            for p in queries.people(session)
        ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    shown = ("login", "name", "role", "department", "area", "classes")
    table = Table(*shown, "active")
    for row in rows:
        table.add_row(*(row[name] or "" for name in shown), "yes" if row["active"] else "no")
    console.print(table if rows else "Nobody yet. Add someone with: webgis accounts add LOGIN --role ROLE")


_CHANGE = click.option(
    "--change/--keep", default=True, help="Whether another password is to be chosen at the first login (default: yes)."
)


_CLASSES = "Beginnings of the codes of classes that the person is limited to, such as 01,0601 or matter:06"


@accounts.command()
@click.argument("login")
@click.option("--name", help="Shown to others (default: the login).")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the person may do.")
@click.option("--department", help="Code of the department, for role department.")
@click.option("--area", help="Code of the area that the person is limited to; the whole city when left out.")
@click.option("--classes", help=f"{_CLASSES}; all when left out.")
@click.password_option(help="At least 8 characters; asked for when not given.")
@_CHANGE
@click.pass_obj
def add(
    runtime: Runtime,
    login: str,
    name: str | None,
    role: str,
    department: str | None,
    area: str | None,
    classes: str | None,
    password: str,
    change: bool,
) -> None:
    """Add a person who can log in."""
    about = {"department": department, "area": area, "classes": classes}
    with runtime.transaction() as session:
        operations.add_person(session, login, name or login, role, password, must_change=change, **about)
    console.print(f"{login} can log in as {role}")


@accounts.command()
@click.argument("login")
@click.option("--name", help="Shown to others.")
@click.option("--role", type=click.Choice(ROLES), help="What the person may do.")
@click.option("--department", help="Code of the department; empty: none.")
@click.option("--area", help="Code of the area that the person is limited to; empty: the whole city.")
@click.option("--classes", help=f"{_CLASSES}; empty: all.")
@click.pass_obj
def change(runtime: Runtime, login: str, **given: str | None) -> None:
    """Change what is given of a person; what is left out stays."""
    wanted = {name: value for name, value in given.items() if value is not None}
    with runtime.transaction() as session:
        facts = operations.person_facts(operations.change_person(session, login, wanted))
    console.print(", ".join(f"{name}: {value or '-'}" for name, value in facts.items()))


@accounts.command("first")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: login, name, password.")
@click.pass_obj
def first_administrator(runtime: Runtime, as_json: bool) -> None:
    """Add the first administrator; the password is printed once and must be changed at the first login."""
    with runtime.transaction() as session:
        made = first.administrator(session)
    tell_made([made], as_json)


@accounts.command()
@click.option("--area", required=True, help="Code of the area that the departments serve: a city or a county.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Of the people's names.")
@click.option("--json", "as_json", is_flag=True, help="JSON objects: login, name, password.")
@click.pass_obj
def usual(runtime: Runtime, area: str, lang: str, as_json: bool) -> None:
    """Add a department of every kind with someone in it, and a post of each other role. Passwords are printed once."""
    with runtime.transaction() as session:
        made = first.usual(session, area, lang)
    tell_made(made, as_json)


def tell_made(made: list[first.Made], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([vars(one) for one in made], ensure_ascii=False))
        return
    table = Table("login", "password for the first login", "name")
    for one in made:
        table.add_row(one.login, one.password, one.name)
    console.print(table if made else "Everybody is there already.")


@accounts.command()
@click.argument("login")
@click.password_option(help="At least 8 characters; asked for when not given.")
@_CHANGE
@click.pass_obj
def password(runtime: Runtime, login: str, password: str, change: bool) -> None:
    """Give a person a new password, unlock the login and end all logins that there are."""
    with runtime.transaction() as session:
        operations.set_password(session, login, password, must_change=change)
    console.print(f"new password set for {login}")


@accounts.command()
@click.argument("login")
@click.pass_obj
def unlock(runtime: Runtime, login: str) -> None:
    """Let someone try again whose login is locked after too many failures."""
    with runtime.transaction() as session:
        found = logins.unlock(session, login)
    console.print(f"{login} is not locked any more" if found else f"{login} was not locked")


@accounts.command()
@click.argument("login")
@click.pass_obj
def deactivate(runtime: Runtime, login: str) -> None:
    """Let LOGIN in no more: all logins and keys end."""
    with runtime.transaction() as session:
        operations.set_active(session, login, False)
    console.print(f"{login} cannot log in any more")


@accounts.command()
@click.argument("login")
@click.pass_obj
def activate(runtime: Runtime, login: str) -> None:
    """Let LOGIN in again."""
    with runtime.transaction() as session:
        operations.set_active(session, login, True)
    console.print(f"{login} can log in")


@accounts.command("second-factor-off")
@click.argument("login")
@click.pass_obj
def second_factor_off(runtime: Runtime, login: str) -> None:
    """Take the second factor of LOGIN off, for someone who has lost phone and recovery codes."""
    with runtime.transaction() as session:
        second_factor.take_off(session, logins.require_person(session, login), None)
    console.print(f"{login} has no second factor any more")


@accounts.command("end-sessions")
@click.argument("login")
@click.pass_obj
def end_sessions(runtime: Runtime, login: str) -> None:
    """End every login of LOGIN."""
    with runtime.transaction() as session:
        person = logins.require_person(session, login)
        count = logins.end_all(session, person.id)
        admin_log.record(session, None, "sessions.end", person.login, None, {"sessions": count})
    console.print(f"{count} ended")


@accounts.command()
@click.option("--most", type=click.IntRange(1, admin_log.MOST_LINES), default=50, help="How many lines.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.pass_obj
def log(runtime: Runtime, most: int, as_json: bool) -> None:
    """The log of administrative acts, newest first."""
    with runtime.transaction() as session:
        lines = [line for line, _name in admin_log.listed(session, most=most).rows]
    names = ("at", "who", "action", "subject", "before", "after")
    told = [{name: getattr(line, name) for name in names} | {"at": line.at.isoformat()} for line in lines]
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for line in told:
        changes = " ".join(json.dumps(line[name], ensure_ascii=False) for name in ("before", "after") if line[name])
        click.echo(f"{line['at']}  {line['who']}  {line['action']}  {line['subject']}  {changes}".rstrip())


@accounts.command()
def rights() -> None:
    """The table of rights as Markdown, as it stands in docs/accounts.md."""
    click.echo(permissions.drawn(), nl=False)


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
@click.option("--read-only", is_flag=True, help="The key changes nothing.")
@click.option("--action", "actions", multiple=True, help="Only this action of the table of rights; several times.")
@click.option("--days", type=int, help="The key ends after so many days (default: never).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: login, key.")
@click.pass_obj
def key(
    runtime: Runtime,
    login: str,
    label: str | None,
    read_only: bool,
    actions: tuple[str, ...],
    days: int | None,
    as_json: bool,
) -> None:
    """Make an API key that speaks for LOGIN. It is printed once and cannot be shown again."""
    with runtime.transaction() as session:
        made = operations.make_key(session, login, label, read_only=read_only, actions=actions or None, days=days)
    click.echo(json.dumps({"login": login, "key": made}) if as_json else made)


@accounts.command("revoke-keys")
@click.argument("login")
@click.pass_obj
def revoke_keys(runtime: Runtime, login: str) -> None:
    """Revoke every API key of LOGIN."""
    with runtime.transaction() as session:
        count = operations.revoke_keys(session, login)
    console.print(f"{count} revoked")
