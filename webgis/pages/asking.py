"""What departments ask for a case (extension, suspension, appeal): how it stands, and the list of what waits.

It is asked on the page of the case (`casework.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import flash, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.accounts.models import Person
from webgis.cases import queries, requests, wire
from webgis.cases.models import Case, CaseRequest
from webgis.errors import Conflict, Invalid, NotFound
from webgis.pages import forms, shown, step_words, words
from webgis.pages.blueprint import go, pages
from webgis.settings import Settings

TURNS = {"review": requests.review, "decide": requests.decide}
Kinds = dict[str, step_words.RequestWords]


@dataclass(frozen=True)
class Asked:
    """A request as it is shown. `turn` is what the reader is to do with it (review, decide), or None."""

    id: int
    words: step_words.RequestWords
    state: str
    state_word: str
    reason: str
    until: datetime | None
    asked_at: datetime
    asked_by: str
    notes: list[str]
    turn: str | None
    may_withdraw: bool


def _shown(session: Session, actor: Actor, asked: Sequence[CaseRequest]) -> list[Asked]:
    people = select(Person.id, Person.name).where(Person.id.in_({one.asked_by for one in asked}))
    names = dict(session.execute(people).all()) if asked else {}
    handling = select(Case.id, Case.handler_id).where(Case.id.in_({one.case_id for one in asked}))
    handlers = dict(session.execute(handling).all()) if asked else {}
    return [
        Asked(
            id=one.id,
            words=step_words.REQUESTS[one.kind],
            state=one.state,
            state_word=str(step_words.REQUEST_STATES[one.state]),
            reason=one.reason,
            until=one.until_at,
            asked_at=one.asked_at,
            asked_by=names[one.asked_by],
            notes=[note for note in (one.review_note, one.decision_note) if note],
            turn=_turn(actor, one, handlers[one.case_id]),
            may_withdraw=one.state in requests.WAITING and _of_department(actor, one),
        )
        for one in asked
    ]


def _of_department(actor: Actor, one: CaseRequest) -> bool:
    return actor.role == "department" and one.department_code in actor.departments


def _turn(actor: Actor, one: CaseRequest, handler: int | None) -> str | None:
    if one.state == "asked" and _of_department(actor, one) and requests.may_review(actor, one, handler):
        return "review"
    return "decide" if one.state == "reviewed" and permissions.may(actor, "requests.decide") else None


def of_case(session: Session, actor: Actor, row: Row) -> list[Asked]:
    """The requests of a case, newest first."""
    return _shown(session, actor, requests.of_case(session, row.id)[::-1])


def kinds(session: Session, settings: Settings, actor: Actor, row: Row, now: datetime) -> Kinds:
    """What the reader may ask for this case now, by kind."""
    return {kind: step_words.REQUESTS[kind] for kind in requests.askable(session, settings, actor, row, at=now)}


@pages.get("/requests")
@web.permits("requests.see")
def request_list():
    """The requests that wait for the reader: a department's to review, a dispatcher's to decide."""
    return _list_page()


def _list_page(refused: int | None = None, problems: dict[str, str] | None = None) -> str:
    actor, settings, now = web.actor(), web.runtime().settings, datetime.now(UTC)
    with web.transaction() as session:
        waiting = requests.waiting(session, actor)
        rows = queries.lines(session, [one.case_id for one in waiting])
        cases = shown.list_rows(session, settings, actor, rows, now)
        asked = _shown(session, actor, waiting)
        return render_template(
            "requests.html",
            waiting=list(zip(asked, cases, strict=True)),
            refused=refused,
            given=request.form,
            problems=problems or {},
        )


@pages.post("/requests/<int:request_id>/<turn>")
@web.permits("requests.answer")
def answer(request_id: int, turn: str):
    """Review or decide a request, or take it back; back to where it was answered."""
    try:
        number = _answer(request_id, turn)
    except Invalid as error:
        return _list_page(request_id, forms.problems(error)), 422
    except Conflict as error:
        flash(words.conflict(error), "warning")
        return go(url_for("pages.request_list"))
    flash(_("Done."), "success")
    on_case = request.form.get("back") == "case"
    return go(url_for("pages.case", number=number) if on_case else url_for("pages.request_list"))


def _answer(request_id: int, turn: str) -> str:
    """Do a turn of a request; the number of its case."""
    settings, actor, now = web.runtime().settings, web.actor(), datetime.now(UTC)
    with web.transaction() as session:
        if turn == "withdraw":
            done = requests.withdraw(session, settings, actor, request_id, at=now)
        elif turn in TURNS:
            given = api.checked(wire.DecisionGiven, forms.filled(request.form, "decision", "note"))
            grant = given.decision == "grant"
            done = TURNS[turn](session, settings, actor, request_id, grant, given.note, at=now)
        else:
            raise NotFound("web.not-found", "There is no such turn of a request")
        return queries.lines(session, [done.case_id])[0].number
