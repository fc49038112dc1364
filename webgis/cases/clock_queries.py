"""Questions about the clock of a case and about the calendar, as facts for the API and the command line."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.cases import calendar, clock, queries
from webgis.cases.calendar import Change, Import
from webgis.cases.calendar_file import Day
from webgis.cases.working_time import Period, shifts_text
from webgis.settings import Settings

_CASE = text("SELECT * FROM city.case WHERE number = :number")


def any_case(session: Session, number: str) -> Row:
    """The case of this number, for the command line: nobody asks there but who runs the city. Else `NotFound`."""
    row = session.execute(_CASE, {"number": number}).one_or_none()
    if row is None:
        raise queries.unknown(number)
    return row


def clock_of(session: Session, settings: Settings, case: Row) -> dict[str, Any]:
    """The clock of a case: status, entries, limits used up, deadline with its derivation in both languages, light."""
    now, ledger = datetime.now(UTC), list(case.ledger)
    city = calendar.of_city(session, settings)
    stopped = clock.stopped_at(ledger)
    due = clock.due(ledger, city)
    spent = clock.account(ledger, now)

    def told(moment: datetime | None) -> str | None:
        return None if moment is None else settings.moment(moment)

    return {
        "number": case.number,
        "status": clock.status(ledger),
        "deadline": told(due),
        "due": told(case.due_at),
        "stopped": told(stopped),
        "light": clock.light(datetime.fromisoformat(ledger[0]["at"]), due, stopped or now) if due else None,
        "ran_s": spent.ran.total_seconds(),
        "paused_s": spent.paused.total_seconds(),
        "stopped_s": spent.stopped.total_seconds(),
        "ledger": [{**one, "at": told(datetime.fromisoformat(one["at"]))} for one in ledger],
        "explanation_zh": clock.explain(ledger, city, "zh"),
        "explanation_en": clock.explain(ledger, city, "en"),
        "calendar_version": city.version,
    }


def day_facts(one: Day) -> dict[str, Any]:
    """A day as it goes out."""
    return asdict(one) | {"day": one.day.isoformat()}


def period_facts(one: Period) -> dict[str, Any]:
    """A period with shifts of its own as it goes out."""
    until = one.until.isoformat() if one.until else None
    return {"since": one.since.isoformat(), "until": until, "shifts": shifts_text(one.shifts)}


def change_facts(change: Change) -> dict[str, Any]:
    """What a change of the calendar did, as it goes out."""
    return {"written": change.written, "turned": [day.isoformat() for day in change.turned], "version": change.version}


def import_facts(done: Import) -> dict[str, Any]:
    """What a file did, as it goes out."""
    turned = [{"day": day.isoformat(), "working": working} for day, working in done.turned.items()]
    return change_facts(done.change) | {"rows": done.rows, "turned": turned, "ignored_columns": list(done.ignored)}
