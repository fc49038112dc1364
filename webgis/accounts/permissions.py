"""The one table of rights: which roles may do an action, and how far that reaches. Pure: no request, no database.

A view that is not open to all names its action (`web.permits`); whoever changes something asks again with `require`,
so that no other road leads round it. What may be done with a case as it stands is the workflow's to say
(`webgis.cases.workflow`): for cases this table holds only who may come to the door. It is drawn in docs/accounts.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from webgis.accounts.actor import ROLES, Actor
from webgis.errors import Forbidden

Scope = Literal["all", "city", "area", "case", "own"]
SCOPES: dict[str, str] = {
    "all": "everyone of these roles alike: it is no one's in particular",
    "city": "the whole city: refused to whoever is limited to an area or to classes",
    "area": "as far as the area reaches that one is limited to; beyond it is refused or left out",
    "case": "cases of one's area and classes, for department staff those of their department and the ones below it; "
    "others do not exist: 404, and absent from lists, counts, tiles and search",
    "own": "one's own alone",
}

PEOPLE = ("inspector", "acceptor", "dispatcher", "department", "manager", "administrator")
CENTRE = ("acceptor", "dispatcher")
ABOVE = ("manager", "administrator")
ADMINISTRATOR = ("administrator",)


@dataclass(frozen=True)
class Permission:
    """A row: the roles that may do an action, how far it reaches, what it is, whether it `changes` anything, and
    whether API `keys` may do it for their owner."""

    action: str
    roles: tuple[str, ...]
    scope: Scope
    words: str
    changes: bool = False
    keys: bool = True


def _changes(action: str, roles: tuple[str, ...], scope: Scope, words: str, keys: bool = True) -> Permission:
    return Permission(action, roles, scope, words, True, keys)


TABLE = (
    Permission("site.use", ROLES, "all", "start page, documentation of the API"),
    _changes("account.own", ROLES, "own", "password, second factor, logins, keys, language", keys=False),
    Permission("notices.see", ROLES, "own", "where one is told"),
    _changes("notices.set", ROLES, "own", "set where one is told"),

    Permission("grid.see", ROLES, "all", "areas, cells, places and their addresses"),
    Permission("catalog.see", ROLES, "all", "classes and filing conditions"),
    Permission("departments.see", ROLES, "all", "departments"),
    Permission("components.see", ROLES, "all", "the register of components"),
    _changes("components.change", ADMINISTRATOR, "city", "register and change components"),
    Permission("sensors.see", ROLES, "all", "stations, sensors and their readings"),
    _changes("sensors.change", ADMINISTRATOR, "city", "register and change stations and sensors"),
    _changes("telemetry.send", ("system",), "all", "send readings of sensors"),
    Permission("calendar.see", ROLES, "all", "working days and shifts"),
    _changes("calendar.change", ADMINISTRATOR, "city", "change working days and shifts"),
    Permission("calendar.moves", (*CENTRE, *ABOVE), "case", "deadlines that moved with the calendar"),
    Permission("beats.see", ("inspector", *CENTRE, *ABOVE), "area", "beats, who is on duty, what is left out"),
    _changes("beats.change", ABOVE, "area", "lay out and end beats"),
    Permission("routing.see", ("dispatcher", *ABOVE), "all", "routing rules and what they would choose"),
    Permission("routing.try", ("dispatcher", *ABOVE), "case", "past cases replayed through routing rules"),
    _changes("routing.change", ABOVE, "city", "change routing rules and put them in force"),

    Permission("cases.see", PEOPLE, "case", "cases: list, page, history, clock, photos, requests, contacts masked"),
    _changes("cases.report", ("inspector", *CENTRE, "system"), "all", "report, or join an open case that one may see"),
    _changes("cases.act", PEOPLE, "case", "the steps that the workflow's table gives to one's role"),
    _changes("cases.claim", ("inspector", *CENTRE, "department"), "case", "take a case out of one's queue"),
    Permission("requests.see", ("department", "dispatcher"), "case", "requests that wait for oneself"),
    _changes("requests.ask", ("department",), "case", "ask for an extension or a suspension, appeal, take it back"),
    _changes("requests.review", ("department",), "case", "review a handler's request"),
    _changes("requests.decide", ("dispatcher",), "case", "decide a request"),
    _changes("requests.answer", ("department", "dispatcher"), "case", "the form by which requests are answered"),
    _changes("contacts.look", CENTRE, "case", "see a reporter's contact whole, which is written down"),
    _changes("hotline.take", ("acceptor",), "all", "take in calls"),
    Permission("hotline.callers", ("acceptor",), "case", "earlier cases of a caller"),
    _changes("machines.report", ("system",), "all", "report by a machine"),
    Permission("workload.see", (*CENTRE, "department", *ABOVE), "case", "open work by department and person"),

    Permission("alarms.see", PEOPLE, "case", "alarms of sensors: list and history, waterlogging"),
    _changes("alarms.acknowledge", (*CENTRE, "department", "manager"), "case", "acknowledge an alarm"),
    _changes("alarms.dismiss", ("dispatcher", "manager"), "case", "say of an alarm, with a reason, that it is none"),

    Permission("maps.see", ROLES, "case", "maps, tiles, search and selections"),
    Permission("heat.see", PEOPLE, "case", "counts, rates and hot spots"),
    _changes("maps.draw", PEOPLE, "own", "have a map drawn as a file"),

    Permission("emergency.see", PEOPLE, "case", "emergencies; staff those in which their department takes part"),
    _changes("emergency.open", ("dispatcher", "manager"), "area", "open an emergency, decide on CAP messages"),
    _changes("emergency.act", ("dispatcher", "department", "manager"), "case", "tasks, notes, cases of an emergency"),
    _changes("emergency.lead", ("dispatcher", "department", "manager"), "case", "lead one; staff where theirs leads"),
    _changes("emergency.receive", ("dispatcher", "manager", "system"), "all", "send in a CAP message"),

    Permission("hazards.see", PEOPLE, "area", "hazard sources, their grades, what lies around them"),
    _changes("hazards.persons", (*CENTRE, "department", *ABOVE), "area",
             "see who is in charge of one whole, which is written down: department staff of those for theirs"),
    _changes("hazards.change", ADMINISTRATOR, "city", "add, change and import hazard sources"),

    Permission("construction.see", PEOPLE, "all", "construction zones, their phases and patrols"),
    _changes("construction.change", ("dispatcher", *ABOVE), "city", "record, change and withdraw construction zones"),
    _changes("construction.patrol", ("inspector",), "all", "note that one looked at a construction zone"),
    Permission("construction.study", ("dispatcher", *ABOVE), "city", "what works did; score card of contractors"),
    Permission("traffic.see", ROLES, "all", "roads closed, narrowed and diverted by works"),
    Permission("metro.see", PEOPLE, "all", "lines, structures and protection zones of the metro"),
    Permission("permits.see", PEOPLE, "area", "permits for work in protection zones: department staff their own"),
    _changes("permits.apply", ("dispatcher", "department", "manager"), "area", "apply for such a permit"),
    _changes("permits.act", ("dispatcher", "department", "manager"), "area", "decide on, withdraw, end such a permit"),
    Permission("permits.find", ("dispatcher", *ABOVE), "area", "work found in protection zones without a permit"),
    _changes("permits.settle", ("dispatcher", "manager"), "area", "settle what was found"),

    _changes("inspect.use", ("inspector",), "case", "the inspector's door, and what phones send from it"),
    _changes("shifts.work", ("inspector",), "own", "check in and out, send the track of one's shift"),
    Permission("shifts.see", ("inspector", "dispatcher", *ABOVE), "area", "shifts and tracks: inspectors their own"),
    Permission("desk.use", CENTRE, "case", "the door of acceptors and dispatchers"),
    Permission("department.use", ("department",), "case", "the department's door"),
    Permission("watch.use", ("dispatcher", *ABOVE), "case", "the manager's door: figures and their lists"),
    _changes("watch.export", ("dispatcher", *ABOVE), "own", "have figures and their cases written as a table"),
    Permission("live.listen", PEOPLE, "case", "changes of cases as they happen"),

    Permission("admin.use", ADMINISTRATOR, "all", "the administrator's door", keys=False),
    _changes("admin.people", ADMINISTRATOR, "city", "people: add, change, deactivate, import, export", keys=False),
    _changes("admin.departments", ADMINISTRATOR, "city", "departments: add, change, move", keys=False),
    _changes("admin.start", ADMINISTRATOR, "city", "set up a city: boundaries, grid, people, standard", keys=False),
    _changes("admin.areas", ADMINISTRATOR, "city", "areas and grid: import, divide, check", keys=False),
    _changes("admin.standards", ADMINISTRATOR, "city", "filing standards: import, put in force", keys=False),
    _changes("admin.calendar", ADMINISTRATOR, "city", "working days and shifts, with what would move", keys=False),
    _changes("admin.routing", ADMINISTRATOR, "city", "routing rules: write, try, put in force", keys=False),
    _changes("admin.sessions", ADMINISTRATOR, "city", "logins of everyone, and to end them", keys=False),
    _changes("admin.keys", ADMINISTRATOR, "city", "API keys of everyone, and to revoke them", keys=False),
    _changes("admin.beats", ADMINISTRATOR, "city", "beats: drawn, changed, ended", keys=False),
    _changes("admin.notices", ADMINISTRATOR, "city", "addresses of notices, what was sent, to send again", keys=False),
    _changes("admin.retention", ADMINISTRATOR, "city", "how long things are kept, and to remove them", keys=False),
    _changes("admin.alarms", ADMINISTRATOR, "city", "rules of alarms, who is told of them", keys=False),
    _changes("admin.emergency", ADMINISTRATOR, "city", "plans and resources of emergencies", keys=False),
    _changes("admin.metro", ADMINISTRATOR, "city", "metro: structures, distances, operators", keys=False),
    Permission("admin.security", ADMINISTRATOR, "city", "settings of security", keys=False),
    Permission("admin.log", ADMINISTRATOR, "city", "the log of administrative acts", keys=False),
)  # fmt: skip

BY_ACTION = {one.action: one for one in TABLE}


@dataclass(frozen=True)
class KeyLimits:
    """What an API key may do of what its owner may: everything, what changes nothing, or some actions."""

    read_only: bool = False
    actions: Collection[str] | None = None


def may(actor: Actor, action: str) -> bool:
    """Whether this person's role may do the action, and reaches as far as it needs."""
    return hindrance(actor, action) is None


def hindrance(actor: Actor, action: str) -> Forbidden | None:
    """Why this person may not do the action, or None."""
    one = BY_ACTION[action]
    if actor.role not in one.roles:
        message = f"'{action}' is for {' or '.join(one.roles)}, not for {actor.role}"
        return Forbidden("accounts.not-your-role", message, role=actor.role, action=action, accepted=list(one.roles))
    if one.scope == "city" and actor.area is not None:
        return _beyond(actor.area)
    if one.scope == "city" and actor.classes:
        return _not_of(actor.classes)
    return None


def require(actor: Actor, action: str) -> None:
    """Refuse who may not do the action (`Forbidden`)."""
    if (found := hindrance(actor, action)) is not None:
        raise found


def require_key(limits: KeyLimits, action: str) -> None:
    """Refuse what an API key may not do for its owner (`Forbidden`)."""
    one = BY_ACTION[action]
    if not one.keys:
        raise Forbidden("accounts.not-by-key", "This is done by people who are logged in, not with API keys")
    if limits.read_only and one.changes:
        raise Forbidden("accounts.key-limited", f"This key only reads, and '{action}' changes something", action=action)
    if limits.actions is not None and action not in limits.actions:
        message = f"This key is not for '{action}'"
        raise Forbidden("accounts.key-limited", message, action=action, accepted=sorted(limits.actions))


def sees_every_case(actor: Actor) -> bool:
    """Whether no case is out of this person's sight."""
    return actor.area is None and not actor.classes and actor.role not in ("department", "system")


def require_area(actor: Actor, places: Sequence[str]) -> None:
    """Refuse who is limited to an area that does not hold all these places (codes of areas or cells)."""
    if actor.area is not None and not all(place.startswith(actor.area) for place in places):
        raise _beyond(actor.area)


def require_class(actor: Actor, kind: str, code: str) -> None:
    """Refuse who is limited to classes of which this is none."""
    if not of_classes(actor.classes, kind, code):
        raise _not_of(actor.classes)


def of_classes(classes: Sequence[str], kind: str, code: str) -> bool:
    """Whether a class is one of those that somebody is limited to (none: all)."""
    return not classes or f"{kind}:{code}".startswith(tuple(classes))


def _not_of(classes: Sequence[str]) -> Forbidden:
    message = f"This goes beyond the classes {', '.join(classes)}, to which you are limited"
    return Forbidden("accounts.not-your-classes", message, classes=list(classes))


def _beyond(area: str) -> Forbidden:
    message = f"This goes beyond the area {area}, to which you are limited"
    return Forbidden("accounts.not-your-area", message, area=area)


HEADINGS = ("action", *ROLES, "reach", "keys", "what it is")


def drawn() -> str:
    """The table as Markdown, as it stands in docs/accounts.md."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *map(_row, TABLE)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _row(one: Permission) -> tuple[str, ...]:
    keys = "no" if not one.keys else "writing" if one.changes else "yes"
    return (f"`{one.action}`", *("x" if role in one.roles else "" for role in ROLES), one.scope, keys, one.words)
