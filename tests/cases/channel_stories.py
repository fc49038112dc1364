"""Reports through the channels, for their tests: a caller, a stranger, a machine."""

from datetime import timedelta

from sqlalchemy import text

from tests import city
from tests.cases.life import Life
from webgis import jobs
from webgis.cases import channels, contacts, following, intake
from webgis.db import Runtime
from webgis.worker import import_tasks

PLACE = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "crs": "cgcs2000"}
MATTER = PLACE | {"kind": "matter", "class": city.REFUSE, "description": "路口暴露垃圾"}
CALLER = contacts.caller("张晓明", "13800001234", "zhang@example.com")
REPORT = intake.Report(
    *city.IN_WEST, "matter", city.REFUSE, "路口暴露垃圾", crs="cgcs2000", source="public", acknowledged=True
)


def taken(life: Life, who: contacts.Caller = CALLER, **given) -> channels.Receipt:
    """A report of someone without an account."""
    with life.runtime.transaction() as session:
        return channels.take_public(session, life.settings, REPORT, [], who, at=life.now, **given)


def filed(life: Life, number: str) -> None:
    """A public report is looked at on the spot, and filed."""
    life.do("acceptor1", number, "request_confirmation")
    life.do("inspector1", number, "confirm", photos=True, result="found", lon=city.IN_WEST[0], lat=city.IN_WEST[1])
    life.do("acceptor1", number, "file", condition=life.condition(number))


def ended(life: Life, number: str) -> None:
    """A public report goes the whole road to its end."""
    filed(life, number)
    life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
    life.do("sanitation1", number, "receive")
    life.do("sanitation1", number, "resolve", note="已清理，联系李师傅")
    life.do("inspector2", number, "verify", result="pass", lon=city.IN_WEST[0], lat=city.IN_WEST[1])
    life.do("acceptor1", number, "close")


def followed(life: Life, secret: str) -> following.Followed:
    """What the link shows now."""
    with life.runtime.transaction() as session:
        return following.follow(session, life.settings, secret, at=life.now)


def later(runtime: Runtime, **span: float) -> None:
    """Notices of what has happened are kept; then that time passes, and what is due then is bundled and sent."""
    import_tasks()
    for passed in (timedelta(seconds=2), timedelta(**span)):
        with runtime.transaction() as session:
            session.execute(text("DELETE FROM city.outbox WHERE task = 'maps.draw_cases'"))
            for table in ("outbox", "notice"):
                session.execute(text(f"UPDATE city.{table} SET due_at = due_at - :span"), {"span": passed})
        while jobs.drain(runtime, "quick") + jobs.drain(runtime, "slow"):
            pass
