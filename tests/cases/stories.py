"""Cases of the small city at chosen moments of the past, made by the real operations."""

from datetime import datetime
from zoneinfo import ZoneInfo

from tests import city
from webgis.accounts import queries as accounts
from webgis.cases import handling, intake, queries
from webgis.catalog import queries as catalog

ZONE = ZoneInfo("Asia/Shanghai")


def at(moment: str) -> datetime:
    """A moment of the city's time."""
    return datetime.fromisoformat(moment).replace(tzinfo=ZONE)


COVER = ("component", "01001")
"""A manhole cover: its class has conditions with limits of 2 urgent hours, 4 working hours, 2 and 5 working days."""


def reported(session, settings, moment: str, described: str = "井盖破损") -> str:
    """A report taken by the hotline; its number."""
    given = intake.Report(*city.IN_WEST, *COVER, described, acknowledged=True)
    actor = accounts.actor(session, "acceptor1")
    return intake.report(session, settings, actor, given, at=at(moment)).number


def act(session, settings, login: str, number: str, action: str, moment: str, **given) -> None:
    """A step done at a moment."""
    handling.act(session, settings, accounts.actor(session, login), number, action, given, at=at(moment))


def filed(session, settings, moment: str, place: int = 1) -> str:
    """A case filed at that moment, on condition number `place` (0 to 3) of its class."""
    number = reported(session, settings, moment)
    chosen = catalog.conditions_of(session, *COVER, city.CITY)[place]
    act(session, settings, "acceptor1", number, "file", moment, condition=chosen.id)
    return number


def dispatched(session, settings, moment: str, place: int = 1, department: str = "510104-works") -> str:
    """The same, dispatched at once: its clock runs from that moment."""
    number = filed(session, settings, moment, place)
    act(session, settings, "dispatcher1", number, "dispatch", moment, department=department)
    return number


def resolved(session, settings, moment: str, until: str, place: int = 1, department: str = "510104-works") -> str:
    """The same, reported back by the department at the moment `until`."""
    number = dispatched(session, settings, moment, place, department)
    login = {"510104-works": "works1", "510104-sanitation": "sanitation1"}[department]
    act(session, settings, login, number, "receive", moment)
    act(session, settings, login, number, "resolve", until, note="已修复")
    return number


def case(session, number: str):
    """The case as it stands."""
    return queries.require_case(session, accounts.actor(session, "manager1"), number)
