"""Acts from the web and from the command line stand in the log; a new command says whether it changes anything."""

import click
import pytest
from click.testing import CliRunner

from tests import city
from webgis import cli
from webgis.accounts import admin_log
from webgis.pages.admin_security import ACTS

READING = {
    *(
        "list",
        "show",
        "export",
        "check",
        "log",
        "rights",
        "looks",
        "report",
        "near",
        "coverage",
        "inspector",
        "on-duty",
    ),
    *(
        "classes",
        "standards",
        "backtest",
        "explain",
        "moves",
        "surveys",
        "locate",
        "search",
        "dry-run",
        "body",
        "workload",
    ),
    *("addresses", "draw", "settings", "verify"),
    *("rules", "watches", "plans", "missed", "zones", "status", "export-departments"),
}
"""Commands that only read, by their last word."""

ELSEWHERE = {
    *(f"accounts {verb}" for verb in ("activate", "add", "add-department", "change", "deactivate", "end-sessions")),
    *("accounts key", "notices set", "notices drop", "retention set", "retention remove"),
    *(f"alarms {verb}" for verb in ("load-rules", "set-rule", "unwatch", "watch")),
    *("people import", "people import-departments"),
    *("hazards kind", "telemetry use", "emergency import-plans", "emergency import-resources"),
    *(f"accounts {verb}" for verb in ("first", "password", "revoke-keys", "second-factor-off", "unlock", "usual")),
}
"""Commands whose verbs write the log themselves."""

OF_THE_MACHINE = {
    *("audit anchor", "basemap add", "basemap remove", "contacts new-key", "db upgrade", "demo accounts", "live"),
    *("db dump", "db load"),
    *("replay", "scheduler", "serve", "tls init"),
    *("demo day", "emergency receive-cap", "metro find-unpermitted", "telemetry mqtt", "telemetry run"),
}
"""Commands that change files or run things, and nothing that administrators keep in the database."""


def commands(command=cli.group, path=()):
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))
    else:
        yield " ".join(path), command


def test_a_command_that_changes_something_is_recorded():
    unmarked = {
        path
        for path, command in commands()
        if not hasattr(command.callback, "recorded") and path.split()[-1] not in READING
    }
    assert unmarked == ELSEWHERE | OF_THE_MACHINE


def test_what_is_recorded_has_words():
    assert {command.callback.recorded for _path, command in commands() if hasattr(command.callback, "recorded")} <= set(
        ACTS
    )


@pytest.fixture
def lines(city_runtime):
    def read() -> list[tuple]:
        with city_runtime.transaction() as session:
            rows = admin_log.listed(session).rows
        return [(line.action, line.subject, line.person_id is not None, line.after) for line, _name in rows]

    return read


def test_a_command_writes_who_did_what_with_what_was_given(city_runtime, lines):
    command = ["clock", "calendar", "set", "2026-12-24", "off", "--name", "市民日"]
    done = CliRunner().invoke(cli.group, command, obj=city_runtime)
    assert done.exit_code == 0, done.output
    action, subject, by_person, after = lines()[0]
    assert (action, subject, by_person) == ("calendar.set", city.CITY, False) and "市民日" in str(after)


def test_acts_from_the_web_are_recorded_with_who_did_them(api, lines):
    administrator = api("administrator1")
    days = {"days": [{"day": "2026-12-24", "working": False}]}
    answer = administrator.client.put("/api/v1/calendar/days", json=days, headers=administrator.headers)
    assert answer.status_code == 200
    version = administrator.post("/api/v1/routing/sets", {"name": "冬季规则"}).json["version"]
    assert [line[:3] for line in lines()[:2]] == [
        ("routing.draft", f"rules {version}", True),
        ("calendar.days", city.CITY, True),
    ]
