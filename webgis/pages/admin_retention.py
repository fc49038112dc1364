"""How long things are kept, as administrators say: the days, the law or rule, what would go now, and to remove it."""

from datetime import UTC, datetime

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from webgis import jobs, web
from webgis.accounts import admin_log
from webgis.cases import retention, workflow
from webgis.errors import Invalid
from webgis.pages.admin import Section, admin, given, page, put
from webgis.pages.words import english

ACTION = "admin.retention"
MOST_LINES = 20
LONGEST_NUMBER = 9

put(Section("retention", lazy_gettext("Retention"), "archive", "admin.retention_list", ACTION), after="security")

KIND_WORDS = {
    "photos": (lazy_gettext("Photos"), lazy_gettext("days after the end of the case; the hash stays in its history")),
    "contacts": (lazy_gettext("Contacts of reporters"), lazy_gettext("days after the end of the case")),
    "tracks": (lazy_gettext("Tracks of inspectors"), lazy_gettext("days; hours by cell stay")),
    "drafts": (lazy_gettext("Drafts of routing rules"), lazy_gettext("days after the last change")),
    "exports": (lazy_gettext("Exported tables"), lazy_gettext("days")),
}
UNITS = {
    "photos": lazy_gettext("files"), "contacts": lazy_gettext("contacts"), "tracks": lazy_gettext("points"),
    "drafts": lazy_gettext("drafts"), "exports": lazy_gettext("tables"),
}  # fmt: skip


@admin.get("/retention")
@web.permits(ACTION)
def retention_list():
    """What is kept how long, and what would go now."""
    return _list()


def _list(kind: str = "", fields: dict | None = None, problems: dict | None = None) -> str:
    settings = web.runtime().settings
    with web.transaction() as session:
        due = retention.due(session, settings, datetime.now(UTC))
        lines = admin_log.listed(session, action="retention.remove", most=MOST_LINES).rows
        return page(
            "retention", "retention", rows=retention.kept(session, settings), due=due, words=KIND_WORDS, units=UNITS,
            sources={name: one.source_en if english() else one.source for name, one in retention.KINDS.items()},
            lines=[line for line, _name in lines], asked=kind, given=fields or {}, problems=problems or {},
        )  # fmt: skip


@admin.post("/retention/<kind>")
@web.permits(ACTION)
def keep_for(kind: str):
    """Keep a kind so many days from now on; empty: for good."""
    fields = given("days", "source")
    try:
        if fields["days"] and not (fields["days"].isdecimal() and len(fields["days"]) <= LONGEST_NUMBER):
            raise workflow.bad_field("days", fields["days"], "a whole number, or nothing")
        days = int(fields["days"]) if fields["days"] else None
        with web.transaction() as session:
            retention.change(session, web.runtime().settings, kind, days, fields["source"], by=web.actor())
    except Invalid as error:
        return _list(kind, fields, {error.facts["field"]: _said(error.facts["field"])}), 422
    flash(_("Kept."), "success")
    return redirect(url_for(".retention_list"), 303)


def _said(field: str) -> str:
    if field == "source":
        return _("Name the law or rule that says so.")
    return _("1 to 36500 days; empty: for good.")


@admin.post("/retention/remove")
@web.permits(ACTION)
def remove_now():
    """Have removed now what was kept long enough; a job does it."""
    if request.form.get("sure") != "yes":
        flash(_("Tick that you are sure. Nothing was removed."), "warning")
        return redirect(url_for(".retention_list"), 303)
    with web.transaction() as session:
        jobs.enqueue(session, "cases.remove_old", queue="slow")
        admin_log.record(session, web.actor(), "retention.ask", "all")
    flash(_("It is being removed. What went stands in the log."), "success")
    return redirect(url_for(".retention_list"), 303)
