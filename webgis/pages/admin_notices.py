"""Notices as administrators keep them: what was sent and what failed, where people are told, and what is said."""

import tomllib
from functools import lru_cache
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from webgis import web
from webgis.accounts import admin_log
from webgis.cases import messages, notice_addresses, notice_words, notices
from webgis.cases.channel_models import CHANNELS, LANGUAGES
from webgis.errors import NotFound, WebgisError
from webgis.pages import words
from webgis.pages.admin import REFUSALS, Section, admin, given, page, put

ACTION = "admin.notices"
ROWS = 100
DIGEST_MINUTES = range(0, 1441)

put(Section("notices", lazy_gettext("Notices"), "send", "admin.notices_sent", ACTION), after="departments")

EVENT_WORDS = {
    "received": lazy_gettext("report received"),
    "filed": lazy_gettext("report filed"),
    "rejected": lazy_gettext("report rejected"),
    "voided": lazy_gettext("case voided"),
    "merged": lazy_gettext("report merged"),
    "resolved": lazy_gettext("problem handled"),
    "closed": lazy_gettext("case closed"),
    "reopened": lazy_gettext("case taken up again"),
    "dispatched": lazy_gettext("case dispatched"),
    "assigned": lazy_gettext("case assigned"),
    "returned": lazy_gettext("work returned"),
    "decided": lazy_gettext("request decided"),
    "urged": lazy_gettext("case urged"),
    "due_soon": lazy_gettext("deadline near"),
    "overdue": lazy_gettext("deadline passed"),
    "confirmation": lazy_gettext("confirmation asked for"),
    "verification": lazy_gettext("verification asked for"),
    "alarm": lazy_gettext("alarm of a sensor"),
    "works": lazy_gettext("case of construction works"),
    "emergency_joined": lazy_gettext("a department takes part in an emergency"),
    "emergency_task": lazy_gettext("a department gets tasks of an emergency"),
    "emergency_task_off": lazy_gettext("a task of an emergency is taken off"),
    "emergency_changed": lazy_gettext("level, ground or lead of an emergency change"),
    "emergency_due_soon": lazy_gettext("deadline of an emergency task near"),
    "emergency_overdue": lazy_gettext("deadline of an emergency task passed"),
    "emergency_released": lazy_gettext("a department is released from an emergency"),
    "emergency_closed": lazy_gettext("an emergency has ended"),
}
AUDIENCE_WORDS = {
    "reporters": lazy_gettext("reporters"),
    "department": lazy_gettext("department"),
    "handler": lazy_gettext("handler"),
    "inspector": lazy_gettext("inspector"),
    "tasks": lazy_gettext("departments of its tasks"),
    "ladder": lazy_gettext("who must be told of an alarm"),
    "operator": lazy_gettext("metro company"),
    "emergency": lazy_gettext("who is told of emergencies"),
}
CHANNEL_WORDS = {"sms": lazy_gettext("short message"), "email": lazy_gettext("e-mail")}


@admin.get("/notices")
@web.permits(ACTION)
def notices_sent():
    """Messages of a state, newest first."""
    state = request.args.get("state", "")
    settings = web.runtime().settings
    with web.transaction() as session:
        return page(
            "notices", "notices", counts=messages.counts(session), state=state if state in messages.STATES else "",
            rows=[_row(one) for one in messages.listed(session, state=state, limit=ROWS)], states=messages.STATES,
            channel_words=CHANNEL_WORDS, part="sent",
            senders={"sms": settings.sms_sender, "email": "SMTP" if settings.smtp_url else "var/outbox/email.jsonl"},
        )  # fmt: skip


def _row(one: dict[str, Any]) -> dict[str, Any]:
    about = [told.split(" ", 1) for told in one["notices"] or ()]
    state = "sent" if one["sent_at"] else "failed" if one["failed_at"] else "waiting"
    return one | {"about": [_about(event, number) for event, number in about], "state": state}


def _about(event: str, number: str) -> tuple[Any, str, str]:
    """What a notice tells, of which number, and the page of that."""
    endpoint = "pages.emergency" if event.startswith("emergency_") else "pages.case"
    return EVENT_WORDS.get(event, event), number, url_for(endpoint, number=number)


@admin.post("/notices/<message>/again")
@web.permits(ACTION)
def notice_again(message: str):
    """Have a message sent that was refused."""
    try:
        with web.transaction() as session:
            messages.send_again(session, message)
            admin_log.record(session, web.actor(), "notices.again", message)
    except NotFound:
        raise
    except WebgisError as error:
        flash(words.sentence(error.code, error.message, error.facts), "warning")
    else:
        flash(_("It goes out again."), "success")
    return redirect(url_for(".notices_sent", state="failed"), 303)


@admin.get("/notices/addresses")
@web.permits(ACTION)
def notice_addresses_list():
    """Where people with accounts are told."""
    return _addresses({})


def _addresses(fields: dict[str, str], problem: str = "") -> str:
    with web.transaction() as session:
        return page(
            "notice_addresses", "notices", rows=notice_addresses.listed(session, web.runtime().settings), given=fields,
            problem=problem, channels=CHANNELS, languages=LANGUAGES, channel_words=CHANNEL_WORDS, part="addresses",
        )  # fmt: skip


@admin.post("/notices/addresses")
@web.permits(ACTION)
def set_notice_address():
    """Set where somebody is told."""
    fields = given("login", "channel", "address", "language", "digest")
    digest = int(fields["digest"]) if fields["digest"].isdecimal() and len(fields["digest"]) <= 4 else None
    if (
        fields["channel"] not in CHANNELS
        or fields["language"] not in LANGUAGES
        or (fields["digest"] and digest not in DIGEST_MINUTES)
    ):
        return _addresses(fields, _("This cannot be used. Check it.")), 422
    try:
        with web.transaction() as session:
            about = {"language": fields["language"], "digest_minutes": digest}
            notice_addresses.set_address(
                session, web.runtime().settings, fields["login"], fields["channel"], fields["address"], **about
            )
            told = {"channel": fields["channel"]} | about
            admin_log.record(session, web.actor(), "notices.address", fields["login"], None, told)
    except (*REFUSALS, NotFound) as error:
        return _addresses(fields, _problem(error)), 422
    flash(_("Kept."), "success")
    return redirect(url_for(".notice_addresses_list"), 303)


def _problem(error: WebgisError) -> str:
    if isinstance(error, NotFound):
        return _("There is no active account of this name.")
    return _("This is no address that a message can reach: a mobile number, or an e-mail address.")


@admin.post("/notices/addresses/drop")
@web.permits(ACTION)
def drop_notice_address():
    """Erase where somebody is told."""
    fields = given("login", "channel")
    with web.transaction() as session:
        if notice_addresses.drop_address(session, fields["login"], fields["channel"]):
            told = {"channel": fields["channel"]}
            admin_log.record(session, web.actor(), "notices.address", fields["login"], told)
    flash(_("Erased."), "success")
    return redirect(url_for(".notice_addresses_list"), 303)


@admin.get("/notices/words")
@web.permits(ACTION)
def notice_texts():
    """What is said of each event, in both languages, and to whom."""
    events = [
        {
            "name": event,
            "word": EVENT_WORDS[event],
            "audience": [AUDIENCE_WORDS[one] for one in audience],
            "at_once": event in notices.AT_ONCE,
            "texts": {language: _written(language)[event] for language in LANGUAGES},
        }
        for event, audience in notices.AUDIENCE.items()
    ]
    minutes = web.runtime().settings.digest_minutes
    return page("notice_texts", "notices", events=events, minutes=minutes, part="words")


@lru_cache
def _written(language: str) -> dict[str, dict[str, str]]:
    """The templates as they are written."""
    return tomllib.loads((notice_words.TEMPLATES / f"notices_{language}.toml").read_text(encoding="utf-8"))
