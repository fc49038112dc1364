"""The pages of emergencies: list, the page of one with board and log, its report."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import render_template, request
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.emergency import board, cap_inbox, queries, report
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.emergency.models import Emergency
from webgis.pages import emergency_shown as shown
from webgis.pages import emergency_words as said
from webgis.pages import shown as case_shown
from webgis.pages import words
from webgis.pages.blueprint import pages

MOST_CLOSED = 50


@pages.get("/emergency")
@web.permits("emergency.see")
def emergency_list():
    """Open emergencies, those that have ended, CAP messages that wait."""
    return listing()


def listing(fault: str = "") -> str:
    """The list; `fault`: why a CAP message was refused."""
    actor, now = web.actor(), datetime.now(UTC)
    may_open, before = permissions.may(actor, "emergency.open"), _before()
    with web.transaction() as session:
        closed = queries.listed(session, actor, "closed", before=before, most=MOST_CLOSED + 1)
        return render_template(
            "emergency/list.html",
            open=_rows(session, queries.listed(session, actor, "open", most=queries.MOST_ROWS), now),
            closed=_rows(session, closed[:MOST_CLOSED], now),
            older=closed[MOST_CLOSED - 1].id if len(closed) > MOST_CLOSED else None,
            before=before,
            waiting=[_waiting(one) for one in queries.proposals(session, actor)] if may_open else [],
            may_open=may_open,
            kinds=[(code, said.kind(code)) for code in KINDS],
            levels=[(number, said.level(number)) for number in sorted(LEVELS, reverse=True)],
            fault=fault,
        )


def _before() -> int | None:
    """The id before which the page of ended ones begins."""
    given = request.args.get("before", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None


def _rows(session: Session, emergencies: Sequence[Emergency], now: datetime) -> list[dict[str, Any]]:
    progress = queries.progress(session, emergencies, now)
    return [shown.head(one) | progress[one.id]._asdict() for one in emergencies]


def _waiting(proposal) -> dict[str, Any]:
    told, info = cap_inbox.suggested(proposal), next(iter(proposal.told["info"]), {})
    return {
        "id": proposal.id,
        "sender": proposal.sender,
        "title": told["title"],
        "kind": said.kind(told["kind"]),
        "kind_code": told["kind"],
        "level_number": told["level"],
        "opens": proposal.told["msgType"] == "Alert",
        "level": said.level(told["level"]),
        "colour": LEVELS[told["level"]].colour,
        "type": said.MESSAGES[proposal.told["msgType"]],
        "text": info.get("description", ""),
        "areas": ", ".join(area["areaDesc"] for area in info.get("area", [])),
        "exercise": proposal.told["status"] == "Exercise",
        "received_at": proposal.received_at,
        "placed": proposal.area is not None,
    }


@pages.get("/emergency/<number>")
@web.permits("emergency.see")
def emergency(number: str):
    """One emergency: map, board, what is near, log."""
    return page(number)


def page(number: str, tried: str = "", problems: dict[str, str] | None = None) -> str:
    """The page of one; `tried` names the form that was refused, with its `problems`."""
    actor, settings, now = web.actor(), web.runtime().settings, datetime.now(UTC)
    with web.transaction() as session:
        found = queries.require(session, actor, number)
        names, may = shown.names(session), queries.rights(actor, found)
        cards, is_open = shown.cards(session, actor, found, now), found.state == "open"
        return render_template(
            "emergency/page.html",
            one=shown.head(found),
            place=shown.place(session, found),
            columns=shown.columns(cards),
            parties=queries.parties(session, found),
            reached=queries.reached(session, found),
            lead=found.lead_code,
            busy={card.owner for card in cards if card.state in board.STANDING},
            near=shown.near(session, actor, found, now),
            log=[said.said(row, names) for row in reversed(queries.log(session, actor, found))],
            altered=queries.altered(session, found),
            messages=[(one, said.MESSAGES[one.msg_type]) for one in queries.messages(session, found)],
            cases=case_shown.list_rows(session, settings, actor, queries.linked(session, actor, found), now),
            leads=may.lead and is_open,
            acts=may.act and is_open,
            standing=sum(card.state in board.STANDING for card in cards),
            levels=[(n, said.level(n)) for n in sorted(LEVELS, reverse=True)],
            departments=accounts.departments(session),
            radii=said.radii(),
            action_words=said.TASK_ACTIONS,
            tried=tried,
            given=request.form,
            problems=problems or {},
        )


@pages.get("/emergency/<number>/report")
@web.permits("emergency.see")
def emergency_report(number: str):
    """The report that its log makes, to be read and printed."""
    with web.transaction() as session:
        found = queries.require(session, web.actor(), number)
        lines, names = queries.log(session, web.actor(), found), shown.names(session)
        return render_template(
            "emergency/report.html",
            one=shown.head(found),
            place=shown.place(session, found),
            told=report.made(lines),
            log=[said.said(row, names) for row in lines],
            altered=queries.altered(session, found),
            names=names,
            level_word=said.level,
            states=said.TASK_STATES,
            task_words=said.task_words,
            span=words.span_words,
            now=datetime.now(UTC),
        )
