"""Alarms, kept by administrators: the rules of thresholds, looked at before they change, and who is told."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from webgis import web
from webgis.errors import Conflict, NotFound, WebgisError
from webgis.exchange import work
from webgis.exchange.work_models import LongWork
from webgis.hazards import alarm_ladders, alarm_rules, watches
from webgis.hazards.alarm_models import WHO, ThresholdRule
from webgis.hazards.threshold_tables import bad_rule
from webgis.pages import admin_alarm_forms as forms
from webgis.pages import admin_work, alarm_shown, alarm_sources, shown, words
from webgis.pages import alarm_rule_words as said
from webgis.pages.admin import REFUSALS, Section, admin, given, page, put
from webgis.telemetry.quantities import PLACES, QUANTITIES, place_words, quantity_words

ACTION = "admin.alarms"
KINDS = ("thresholds",)
EMPTY_RUNGS = 2

put(Section("alarms", lazy_gettext("Alarms"), "bell-ringing", "admin.alarms", ACTION), after="departments")


@admin.get("/alarms")
@web.permits(ACTION)
def alarms():
    """Every rule with its levels, and how many sensors it watches."""
    with web.transaction() as session:
        rules = session.scalars(select(ThresholdRule).order_by(ThresholdRule.quantity, ThresholdRule.key)).all()
        return page(
            "alarms", "alarms", rules=rules, watched=watches.counts(session),
            own_ladders=alarm_ladders.with_own(session), works=work.recent(session, KINDS), **_shown(),
            kind_words=admin_work.KINDS, work_states=admin_work.STATES,
        )  # fmt: skip


def _shown() -> dict[str, Any]:
    locale = web.locale()
    return {
        "quantity_word": lambda key: quantity_words(key, locale),
        "place_word": lambda key: place_words(key, locale),
        "level_line": said.level_line,
        "source_of": alarm_sources.shown,
        "word_of": lambda one: one["name_en" if words.english() else "name_zh"] or one["name_zh"],
        "minutes": said.minutes,
    }


@admin.get("/alarms/rules/new")
@web.permits(ACTION)
def new_alarm_rule():
    """The empty form of a rule of the city's own."""
    return _rule_form(None, {"late": "10", "silence": "30"}, [])


@admin.get("/alarms/rules/<key>")
@web.permits(ACTION)
def alarm_rule(key: str):
    """A rule, to be changed."""
    with web.transaction() as session:
        return _rule_form(key, *forms.typed(alarm_rules.require_rule(session, key)))


def _in_words(row: dict[str, str]) -> dict[str, str]:
    """A row of a form with its source in the reader's language."""
    return row | {"source": alarm_sources.shown(row["source"])}


def _rule_form(key: str | None, fields: dict, levels: list, faults: dict | None = None, at: int | None = None) -> str:
    """`at`: the level at which the faults stand, if at one."""
    with web.transaction() as session:
        rule = alarm_rules.require_rule(session, key) if key else None
        return page(
            "alarm_rule", "alarms", rule=rule, given=fields, levels=[*map(_in_words, levels), {}],
            problems=faults or {}, at=at, measures=said.MEASURES, advices=said.ADVICE, sureness=said.SURENESS,
            classes=shown.class_groups(session),
            quantities=[(one, quantity_words(one, web.locale())) for one in QUANTITIES],
            places=[(one, place_words(one, web.locale())) for one in PLACES], **_shown(),
        )  # fmt: skip


@admin.post("/alarms/rules/new")
@web.permits(ACTION)
@admin_work.asked
def add_alarm_rule():
    """Have it looked at what a new rule would find."""
    return _look(None)


@admin.post("/alarms/rules/<key>")
@web.permits(ACTION)
@admin_work.asked
def change_alarm_rule(key: str):
    """Have it looked at what a changed rule would have found."""
    return _look(key)


def _look(key: str | None):
    fields, rows = given(*forms.PLAIN, "key", "quantity", "place"), forms.levels()
    name, zone = key or fields["key"], web.runtime().settings.zone
    try:
        with web.transaction() as session:
            rule = forms.rule_given(name, fields, rows) | ({} if key else forms.new_rule_given(fields))
            row, before, after = alarm_rules.as_changed(session, name, rule, zone)
            if (row is None) == (key is not None):
                raise bad_rule(name, "key", "one that no rule has yet, or that of a rule that is changed")
            if before == after:
                flash(_("The rule stands like this already: there is nothing to change."), "info")
                return redirect(url_for(".alarm_rule", key=key), 303)
            return admin_work.begin(session, "thresholds", {"key": name, "rule": rule})
    except REFUSALS as error:
        return _rule_form(key, fields, rows, _problems(error), forms.place_of(error)), 422


def _problems(error: WebgisError) -> dict[str, str]:
    field = {"late_s": "late", "silence_s": "silence", "class": "subject"}.get(error.facts.get("field"))
    return {field or error.facts.get("field", "form"): words.sentence(error.code, error.message, error.facts)}


@admin.get("/alarms/ladder")
@web.permits(ACTION)
def alarm_ladder():
    """Who is told of alarms: of all rules, or of one with a ladder of its own."""
    rule = request.args.get("rule", "")[:64].replace("\0", "")
    with web.transaction() as session:
        own = alarm_ladders.ladder(session, rule)
        rungs = own or alarm_ladders.ladder(session)
    rows = [{name: str(value) for name, value in one._asdict().items()} for one in rungs]
    return _ladder_form(rule, rows, alarm_ladders.mark(own))


def _ladder_form(
    rule: str, rows: list[dict[str, str]], seen: str, faults: dict | None = None, at: int | None = None
) -> str:
    with web.transaction() as session:
        found = alarm_rules.require_rule(session, rule) if rule else None
        rules = session.scalars(select(ThresholdRule).order_by(ThresholdRule.key)).all()
        return page(
            "alarm_ladder", "alarms", rule=found, rows=[*map(_in_words, rows), *[{}] * EMPTY_RUNGS], seen=seen,
            problems=faults or {}, at=at, who=[(one, alarm_shown.WHO[one]) for one in WHO], rules=rules,
            own=alarm_ladders.with_own(session),
        )  # fmt: skip


@admin.post("/alarms/ladder")
@web.permits(ACTION)
def change_alarm_ladder():
    """Replace a ladder; that of one rule may be emptied, and is that of all rules then."""
    rule, seen = given("rule")["rule"][:64], given("seen")["seen"]
    rows = [row for row in forms.columns(forms.RUNG) if row["rank"] or row["minutes"] or row["source"]]
    rows = [] if rule and "drop" in request.form else rows
    try:
        with web.transaction() as session:
            alarm_ladders.set_ladder(session, web.actor(), rule, forms.rungs(rows), seen)
    except NotFound:
        raise
    except REFUSALS as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _ladder_form(rule, rows, seen, _problems(error), forms.place_of(error)), status
    flash(_("Kept."), "success")
    return redirect(url_for(".alarms"), 303)


def _facts(_session: Session, found: LongWork) -> dict[str, Any]:
    """What a change of a rule changes, in words."""
    before, after = found.told.get("before", {}), found.told.get("after", {})
    plain = [name for name in said.FIELDS if name in after and before.get(name) != after[name]]
    levels = [one.get("levels", ()) for one in (before, after)]
    rows = [tuple(one[place] if place < len(one) else None for one in levels) for place in range(max(map(len, levels)))]
    return {
        "fields": [(said.FIELDS[name], *(_value(name, one.get(name)) for one in (before, after))) for name in plain],
        "levels": rows,
        **_shown(),
    }


def _value(name: str, value: Any) -> str:
    if value is None:
        return "–"
    return f"{said.minutes(value)} min" if name.endswith("_s") else f"{value:g}" if isinstance(value, float) else value


admin_work.offer(admin_work.Offered("alarms", ACTION, KINDS, _facts, dict))
