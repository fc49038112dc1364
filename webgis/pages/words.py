"""What things are called on the pages, in the reader's language. The one place that turns codes into sentences.

Words of states and lights are in `webgis.maps.signs`, which the maps use too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import g
from flask_babel import format_date, lazy_gettext, ngettext
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString

from webgis import web
from webgis.accounts.actor import DEPARTMENT_KIND_WORDS
from webgis.accounts.login_views import weak_password
from webgis.errors import Conflict
from webgis.grid import duty
from webgis.maps.signs import LIGHTS, STATES, Sign
from webgis.pages import alarm_rule_words, hazard_words

ROLES: dict[str, LazyString] = {
    "inspector": lazy_gettext("Inspector"),
    "acceptor": lazy_gettext("Acceptor"),
    "dispatcher": lazy_gettext("Dispatcher"),
    "department": lazy_gettext("Department"),
    "manager": lazy_gettext("Manager"),
    "administrator": lazy_gettext("Administrator"),
    "system": lazy_gettext("System"),
    "engine": lazy_gettext("By itself"),
    "public": lazy_gettext("The public"),
}

ROLE_TASKS: dict[str, LazyString] = {
    "inspector": lazy_gettext("reports what is wrong in the street, and looks whether it was put right"),
    "acceptor": lazy_gettext("files what was reported against the standard, and closes what is done"),
    "dispatcher": lazy_gettext("sends filed cases to the department that answers for them"),
    "department": lazy_gettext("does the work and reports it done"),
    "manager": lazy_gettext("sees how the city does: figures, maps, who is late"),
    "administrator": lazy_gettext("looks after people, areas, standards and rules"),
}
"""What a role does, in one line."""

KINDS: dict[str, LazyString] = {"component": lazy_gettext("Component"), "matter": lazy_gettext("Matter")}

LEVELS: dict[str, LazyString] = {
    "city": lazy_gettext("City"),
    "county": lazy_gettext("District"),
    "subdistrict": lazy_gettext("Subdistrict"),
    "community": lazy_gettext("Community"),
}
"""Levels of areas."""

SOURCES: dict[str, LazyString] = {
    "inspector": lazy_gettext("Inspector's round"),
    "hotline": lazy_gettext("Hotline"),
    "public": lazy_gettext("The public"),
    "leader": lazy_gettext("Leader's instruction"),
    "department": lazy_gettext("Handed over by a department"),
    "video": lazy_gettext("Video"),
    "sensor": lazy_gettext("Sensor"),
    "iot": lazy_gettext("Internet of things"),
}


REFUSALS: dict[str, LazyString] = {
    "lon": lazy_gettext("Set the place: tap the map, or use your position."),
    "class": lazy_gettext("Choose a class."),
    "description": lazy_gettext("Say in a few words what is wrong (at most 2,000 characters)."),
    "address": lazy_gettext("At most 256 characters."),
    "photos": lazy_gettext("At least one photo is needed."),
    "condition": lazy_gettext("Choose the filing condition."),
    "department": lazy_gettext("Choose a department."),
    "reason": lazy_gettext("Give the reason (at most 2,000 characters)."),
    "result": lazy_gettext("Choose one of the two."),
    "note": lazy_gettext("Say what was done or seen, or add a photo."),
    "departments": lazy_gettext("Choose at least two departments, each once (at most 20)."),
    "into": lazy_gettext("Give the 19-digit number of an open case that is no task."),
    "handler": lazy_gettext("Choose someone of the department."),
    "inspector": lazy_gettext("Choose an inspector who neither reported nor resolved it."),
    "until": lazy_gettext("Give a moment in the future, at most as far away as a suspension may last."),
    "phone": lazy_gettext("Give a telephone number, such as 13800001234 or 028-86540000."),
    "email": lazy_gettext("Give an e-mail address, such as name@example.com."),
    "name": lazy_gettext("At most 64 characters."),
    "call_number": lazy_gettext("Give the number of the call."),
    "satisfaction": lazy_gettext("Choose one of the three."),
}
"""What is said at a field that is empty or cannot be used, when its error has no sentence of its own."""

FIELD_OF = {"lat": "lon", "crs": "lon", "accuracy_m": "lon", "kind": "class", "subject": "class"}
"""Fields whose refusals stand at another field of the page."""


def english() -> bool:
    """Whether the reader reads English."""
    return web.locale() == "en"


def department_kind(kind: str) -> str:
    """What a kind of department is called."""
    return DEPARTMENT_KIND_WORDS[kind][english()]


def name_of(thing: Any) -> str:
    """The name of an area, department or class in the reader's language."""
    return (thing.name_en if english() else None) or thing.name_zh


def problem(code: str, message: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """The field of the page where a refusal stands, and what is said there; "form" when the page has no such field."""
    name = facts.get("field", "")
    field = FIELD_OF.get(name, name)
    return field if field in REFUSALS else "form", sentence(code, message, facts)


def sentence(code: str, message: str, facts: Mapping[str, Any]) -> str:
    """What is said of a refusal: its own sentence, or that of its field; the English message to who reads English."""
    if code in SENTENCES:
        return SENTENCES[code](facts)
    name = facts.get("field", "")
    at_field = REFUSALS.get(FIELD_OF.get(name, name))
    return str(at_field) if at_field else message if english() else _("What was sent cannot be used. Check it.")


def outside(metres: float | None) -> str:
    """That a place lies outside the grid, and how far the nearest cell is."""
    if metres is None:
        return _("This place is outside the grid.")
    distance = f"{metres:,.0f} m" if metres < 1000 else f"{metres / 1000:,.1f} km"
    return _("This place is outside the grid; the nearest cell is %(distance)s away.", distance=distance)


def faster(state: str) -> str:
    """What is said to someone whose page was older than the case."""
    return _(
        "Someone was faster: the case is now “%(state)s”. Nothing was changed by you; this is how it stands.",
        state=STATES[state].word,
    )


def conflict(error: Conflict) -> str:
    """What is said when something is no longer possible: its own sentence, or that someone was faster."""
    if error.code in SENTENCES or error.facts.get("state") not in STATES:
        return sentence(error.code, error.message, error.facts)
    return faster(error.facts["state"])


def _photo_limits(_facts: Mapping[str, Any]) -> str:
    limits = web.runtime().settings
    return _(
        "A photo cannot be used. Accepted: at most %(count)s photos, each JPEG, PNG or WebP up to %(mb)s MB.",
        count=limits.max_photos,
        mb=limits.max_photo_mb,
    )


def _plain(text: LazyString) -> Callable[[Mapping[str, Any]], str]:
    return lambda _facts: str(text)


REQUEST_NOT_OPEN: dict[str, LazyString] = {
    "extension": lazy_gettext(
        "An extension is asked for before the deadline, while the department has the case, and only so often."
    ),
    "suspension": lazy_gettext(
        "A suspension is asked for before the deadline, while the case is being handled, and only so often."
    ),
    "appeal": lazy_gettext("An appeal is for a closed case that was late, and is made once."),
}
"""Kind of request -> when it may be made."""

SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "accounts.department-unknown": _plain(
        lazy_gettext("This department does not exist any more. Choose another."),
    ),
    "accounts.not-first": _plain(lazy_gettext("There is an administrator already.")),
    "accounts.not-your-area": _plain(lazy_gettext("This goes beyond the area that you are limited to.")),
    "accounts.not-your-classes": _plain(lazy_gettext("This goes beyond the classes that you are limited to.")),
    "accounts.oneself": _plain(lazy_gettext("Nobody does this to their own account.")),
    "accounts.same-password": _plain(lazy_gettext("Choose another one than before.")),
    "accounts.second-factor-on": _plain(lazy_gettext("There is a second factor already.")),
    "accounts.service-unknown": _plain(lazy_gettext("There is no account here for you. Ask the administrator.")),
    "accounts.weak-password": lambda facts: weak_password(facts.get("why", "common"), facts.get("shortest", 8)),
    "accounts.wrong-code": _plain(lazy_gettext("The code is wrong, too old or was used already.")),
    "accounts.wrong-login": _plain(lazy_gettext("The login or the password is wrong")),
    "accounts.wrong-password": _plain(lazy_gettext("That is not your password.")),
    "cases.action-unknown": _plain(lazy_gettext("There is no such step.")),
    "cases.anchors-differ": _plain(
        lazy_gettext("The anchors are not those that were published. Tell the administrator."),
    ),
    "cases.away": _plain(lazy_gettext("You are not on the spot. Go there, or give a reason below.")),
    "cases.bad-anchors": _plain(lazy_gettext("This is no file of anchors.")),
    "cases.bad-beats": _plain(
        lazy_gettext("The table of beats has faults; each is named with its row. Nothing was changed.")
    ),
    "cases.alarm-stands": _plain(
        lazy_gettext("The alarm that opened this case stands. It ends when it is reset, or dismissed with a reason.")
    ),
    "cases.bad-photo": _photo_limits,
    "cases.bad-rule": _plain(lazy_gettext("This rule cannot be used. Check its fields.")),
    "cases.bad-rules": _plain(
        lazy_gettext("The table of rules has faults; each is named with its row. Nothing was changed.")
    ),
    "cases.claimed": _plain(lazy_gettext("Someone else works on this case just now. Take another one.")),
    "cases.clock-order": _plain(lazy_gettext("The clock of this case rests, or runs already. Nothing was changed.")),
    "cases.condition-unknown": _plain(lazy_gettext("This condition is no longer offered. Choose another.")),
    "cases.confirm-first": _plain(lazy_gettext("An inspector must have found it before it is filed.")),
    "cases.day-not-over": _plain(lazy_gettext("This day has not ended yet.")),
    "cases.duplicate": _plain(
        lazy_gettext("This seems to be reported already. Join one of these cases, or report it all the same."),
    ),
    "cases.ended": _plain(lazy_gettext("This case has ended. Report it as a new one.")),
    "cases.field-unknown": _plain(lazy_gettext("Something was given that this step does not take.")),
    "cases.key-reused": _plain(
        lazy_gettext("This form has been sent already, with other content. Send it again to report one more case."),
    ),
    "cases.link-unknown": _plain(lazy_gettext("This link leads to no case. Check that it was copied whole.")),
    "cases.message-sent": _plain(lazy_gettext("This message was sent already.")),
    "cases.no-active-rules": _plain(lazy_gettext("No rules are in force yet.")),
    "cases.no-queue": _plain(lazy_gettext("No queue waits for your role.")),
    "cases.not-ended": _plain(lazy_gettext("The case has not ended yet.")),
    "cases.not-your-department": _plain(lazy_gettext("This case is with another department.")),
    "cases.objected-before": _plain(lazy_gettext("You have objected once already.")),
    "cases.objection-late": _plain(lazy_gettext("It is too late to object. If something is wrong, report it anew.")),
    "cases.other-inspector": _plain(lazy_gettext("This was given to another inspector.")),
    "cases.outside-grid": lambda facts: outside(facts.get("distance_m")),
    "cases.own-department": _plain(lazy_gettext("Nobody verifies the work of a department they belong to.")),
    "cases.own-report": _plain(lazy_gettext("Nobody verifies what they reported themselves.")),
    "cases.own-request": _plain(lazy_gettext("Nobody reviews a request of their own, or for a case that they handle.")),
    "cases.own-work": _plain(lazy_gettext("Waiting for someone other than who resolved it.")),
    "cases.parent-ended": _plain(lazy_gettext("That case has ended. Open it again first, or choose another.")),
    "cases.parent-moved": _plain(lazy_gettext("The case that this task belongs to has gone on already.")),
    "cases.photo-lost": _plain(lazy_gettext("The file of this photo is lost. Tell the administrator.")),
    "cases.photos-not-kept": _plain(
        lazy_gettext("The photos cannot be kept just now. Nothing was changed; tell the administrator."),
    ),
    "cases.rated-before": _plain(lazy_gettext("You have told us already what you think. Thank you.")),
    "cases.recompute-unknown": _plain(lazy_gettext("There is no such report of moved deadlines.")),
    "cases.request-decided": _plain(lazy_gettext("This request has been answered already.")),
    "cases.request-not-open": lambda facts: str(REQUEST_NOT_OPEN[facts.get("kind", "appeal")]),
    "cases.request-unknown": _plain(lazy_gettext("There is no such request.")),
    "cases.returned-unchanged": _plain(
        lazy_gettext("It came back from there. Choose something else, or correct the case first."),
    ),
    "cases.rule-exists": _plain(lazy_gettext("There is a rule with this number already.")),
    "cases.rule-set-active": _plain(lazy_gettext("This version is in force already.")),
    "cases.rule-set-empty": _plain(lazy_gettext("This version has no rules to put in force.")),
    "cases.rule-set-full": _plain(lazy_gettext("A set of rules holds no more.")),
    "cases.rule-set-not-draft": _plain(lazy_gettext("Only a draft is changed. Make one from this version first.")),
    "cases.rule-set-unknown": _plain(lazy_gettext("There is no such version of the rules.")),
    "cases.rule-unknown": _plain(lazy_gettext("There is no such rule.")),
    "cases.shift-unknown": _plain(lazy_gettext("This shift is not known here. Check in again.")),
    "cases.still-writing": _plain(
        lazy_gettext("Someone still writes what belongs to that day. Try again in a minute."),
    ),
    "catalog.bad-component-field": _plain(lazy_gettext("A field of this component cannot be used. Check it.")),
    "catalog.bad-header": _plain(
        lazy_gettext("The first row of the table lacks a column, has one twice, or one that means nothing."),
    ),
    "catalog.class-unknown": _plain(lazy_gettext("This class does not exist any more. Choose another.")),
    "catalog.component-outside-grid": _plain(lazy_gettext("This component stands in no cell of the grid.")),
    "catalog.component-unknown": _plain(
        lazy_gettext("There is no such component in the register. Check its code, or choose one on the map."),
    ),
    "catalog.fault-unknown": _plain(lazy_gettext("There is no such kind of fault to accept.")),
    "catalog.file-faults": _plain(
        lazy_gettext("Rows of the table cannot be used; each is named. Nothing was changed."),
    ),
    "catalog.file-unreadable": _plain(
        lazy_gettext("This table cannot be read. Give an XLSX or CSV file with a first row of headings."),
    ),
    "catalog.no-components": _plain(lazy_gettext("There are no such components to export.")),
    "catalog.standard-unknown": _plain(lazy_gettext("There is no such list of classes.")),
    "catalog.survey-no-place": _plain(
        lazy_gettext("The table has no columns for the place: longitude and latitude, or WKT."),
    ),
    "catalog.too-many-components": _plain(
        lazy_gettext("These are too many components for a table. Narrow the choice, or write a GeoPackage."),
    ),
    "emergency.bad-cap": lambda facts: _(
        "This is no CAP 1.2 message that can be used: %(field)s. Accepted: %(accepted)s",
        field=facts.get("field", ""),
        accepted=facts.get("accepted", ""),
    ),
    "emergency.bad-field": _plain(lazy_gettext("A field of the emergency is missing or cannot be used.")),
    "emergency.bad-row": _plain(
        lazy_gettext("Rows of the table cannot be used; each is named. Nothing was changed."),
    ),
    "emergency.closed": _plain(lazy_gettext("This emergency is closed; nothing is changed in it any more.")),
    "emergency.decided": _plain(lazy_gettext("Somebody has decided on this message already.")),
    "emergency.department-unknown": _plain(lazy_gettext("This department does not exist any more. Choose another.")),
    "emergency.listeners-changed": _plain(
        lazy_gettext("Somebody else changed who is told meanwhile. Open it anew to see how it stands.")
    ),
    "emergency.needed": _plain(
        lazy_gettext("This department leads, or has a task to do. Give these to another first.")
    ),
    "emergency.nothing-to-cancel": _plain(
        lazy_gettext("This message calls off something that is no open emergency here. Decline it.")
    ),
    "emergency.plan-changed": _plain(
        lazy_gettext("Somebody else changed this plan meanwhile. Open it anew to see how it stands.")
    ),
    "emergency.resource-changed": _plain(
        lazy_gettext("Somebody else changed this resource meanwhile. Open it anew to see how it stands.")
    ),
    "emergency.resource-exists": _plain(lazy_gettext("There is a resource of this code already.")),
    "emergency.resource-taken": lambda facts: _(
        "This resource is with emergency %(number)s already. Take its task off the board there first.",
        number=facts.get("number", ""),
    ),
    "emergency.task-moved": _plain(lazy_gettext("Somebody was faster: the task stands otherwise by now.")),
    "emergency.tasks-open": lambda facts: _(
        "%(n)s tasks are still to be done. Finish them or take them off the board first.", n=facts.get("count", 0)
    ),
    "evaluation.bad-field": _plain(
        lazy_gettext(
            "This span or filter cannot be used; the last 30 days are shown. Give days that follow each other."
        ),
    ),
    "exchange.bad-zip": _plain(lazy_gettext("Give a ZIP that holds one Shapefile with its .shx, .dbf and .prj.")),
    "exchange.calendar-same": _plain(lazy_gettext("The calendar says that already; nothing would change.")),
    "exchange.not-ready": _plain(lazy_gettext("Something is still missing: boundaries, grid, people or the standard.")),
    "exchange.work-not-ready": _plain(
        lazy_gettext("This was taken over already, or cannot be taken over as it stands."),
    ),
    "exchange.work-outdated": _plain(
        lazy_gettext("Something was changed since this was looked at. Nothing was taken over: look again."),
    ),
    "geo.bad-box": _plain(lazy_gettext("These are not degrees of longitude and latitude.")),
    "geo.bad-ring": _plain(lazy_gettext("These are not degrees of longitude and latitude.")),
    "geo.no-projection": _plain(
        lazy_gettext("This lies in no zone in which metres are measured: China is expected, longitude first."),
    ),
    "geo.not-a-number": _plain(
        lazy_gettext("Give the coordinates as numbers of degrees, for example 104.0665 and 30.6574."),
    ),
    "exchange.hazard-faults": _plain(lazy_gettext("The file cannot be taken over. Mend the rows that are listed.")),
    "exchange.hazard-place": _plain(lazy_gettext("The place of a row is two numbers, or a WKT.")),
    "exchange.too-many-rows": _plain(lazy_gettext("The file holds more rows than are taken at once.")),
    "geo.out-of-range": _plain(lazy_gettext("These are not degrees of longitude and latitude.")),
    "geo.swapped": _plain(
        lazy_gettext("Longitude and latitude look swapped. Longitude comes first, about 73 to 135."),
    ),
    "grid.area-unknown": _plain(lazy_gettext("There is no such area.")),
    "grid.bad-system": lambda facts: _(
        "Metres of EPSG:%(got)s do not hold where these areas lie; expected: %(accepted)s. Who runs webgis changes the"
        " setting projected_srid.",
        got=facts.get("got"),
        accepted=facts.get("accepted"),
    ),
    "grid.beat-unknown": _plain(lazy_gettext("There is no such beat.")),
    "grid.codes-exhausted": _plain(
        lazy_gettext(
            "A community has too few numbers left for its cells. Take larger ones, or allow numbers used long ago."
        ),
    ),
    "grid.fault-unknown": _plain(lazy_gettext("There is no such kind of fault to accept.")),
    "grid.field-unknown": _plain(
        lazy_gettext("The file lacks a field with the code or the name, or calls it something that is not known."),
    ),
    "grid.file-crs-unknown": _plain(
        lazy_gettext("There is no such coordinate system. Give wgs84, cgcs2000, gcj02, bd09 or EPSG:n."),
    ),
    "grid.file-encoding": _plain(lazy_gettext("The texts of the file cannot be read in any encoding that is known.")),
    "grid.file-no-crs": _plain(
        lazy_gettext("The file does not say its coordinate system. Name it in the form and send the file again."),
    ),
    "grid.file-no-geometry": _plain(lazy_gettext("The file holds no geometry.")),
    "grid.file-unreadable": _plain(
        lazy_gettext("This file cannot be read. Give a GeoJSON, GeoPackage or zipped Shapefile."),
    ),
    "grid.no-communities": _plain(lazy_gettext("The area has no communities to divide. Import them first.")),
    "grid.outside-projection": _plain(
        lazy_gettext("The area lies too far from the zone in which its metres are measured."),
    ),
    "grid.same-moment": _plain(lazy_gettext("There was a change a moment ago. Try again.")),
    "hazards.alarm-over": _plain(lazy_gettext("This alarm stands no more. Nothing was changed.")),
    "hazards.alarm-unknown": _plain(lazy_gettext("There is no such alarm among those you may see.")),
    "hazards.bad-cas": _plain(lazy_gettext("This is no CAS number: its last digit checks the others.")),
    "hazards.bad-field": hazard_words.bad_field,
    "hazards.bad-people": _plain(lazy_gettext("Give the people nearby as a whole number.")),
    "hazards.bad-quantity": _plain(lazy_gettext("A quantity is a number of tonnes from 0.")),
    "hazards.bad-ladder": alarm_rule_words.fault,
    "hazards.bad-threshold": alarm_rule_words.fault,
    "hazards.bad-unit": _plain(lazy_gettext("Quantities are in tonnes.")),
    "hazards.cas-unknown": _plain(lazy_gettext("GB 18218 does not name this substance. Give its classes.")),
    "hazards.circle-unknown": _plain(
        lazy_gettext("Nothing that is held here has this published distance. Choose another on the impact sheet.")
    ),
    "hazards.class-missing": _plain(lazy_gettext("Give the classes of this substance, as its safety data sheet says.")),
    "hazards.class-unknown": _plain(lazy_gettext("There is no such class in GB 18218.")),
    "hazards.implausible-quantity": _plain(
        lazy_gettext("That is very much. Were kilograms meant? Give tonnes, or confirm the quantity."),
    ),
    "hazards.ladder-changed": _plain(
        lazy_gettext("Somebody else changed this ladder meanwhile. Open it anew to see how it stands.")
    ),
    "hazards.people-needed": _plain(
        lazy_gettext("The population within 500 m is not known here. Count the people and enter them.")
    ),
    "hazards.row-needed": _plain(lazy_gettext("This substance is listed by strength or form. Choose which it is.")),
    "hazards.row-unknown": _plain(lazy_gettext("This row of the list is not there, or is another substance.")),
    "hazards.source-exists": _plain(lazy_gettext("There is a hazard source with this code already.")),
    "hazards.source-stale": _plain(
        lazy_gettext("Somebody has changed this hazard source meanwhile. Look at it as it is now.")
    ),
    "hazards.persons-of-others": _plain(
        lazy_gettext("This hazard source is for another department: its persons in charge are shown to that one.")
    ),
    "hazards.source-unknown": _plain(lazy_gettext("There is no such hazard source.")),
    "hazards.watch-unfit": _plain(lazy_gettext("This rule is of another unit than the sensor.")),
    "hazards.window-too-long": _plain(
        lazy_gettext(
            "The rule looks back over too many readings: give shorter windows, or have the sensor tell less often."
        )
    ),
    "maps.run-unknown": _plain(lazy_gettext("There is no such run of hot spots, or it is no longer kept.")),
    "metro.action-unknown": _plain(lazy_gettext("This cannot be done with a permit.")),
    "metro.bad-distance": _plain(
        lazy_gettext("This distance cannot be used. Give metres, the kind of zone and the rule that says so."),
    ),
    "metro.bad-field": _plain(lazy_gettext("This cannot be so. Mend what is marked.")),
    "metro.bad-outline": _plain(
        lazy_gettext("This outline cannot be used: it is empty, crosses itself, or is no centre line."),
    ),
    "metro.patrol-away": _plain(
        lazy_gettext("A patrol is done on the spot. Go to the zone, or say in the note why you note it from elsewhere.")
    ),
    "metro.bad-patrol": _plain(lazy_gettext("This patrol cannot be noted: look at its time and note.")),
    "metro.bad-route": _plain(lazy_gettext("Emergency routes are lines, each with a code and a name.")),
    "metro.bad-zone": _plain(lazy_gettext("A construction zone cannot be so. Mend what is marked.")),
    "metro.days-over": _plain(lazy_gettext("The days of this work are over: return the application for other days.")),
    "metro.excluded": _plain(lazy_gettext("The special protection zone excludes work for this purpose.")),
    "metro.field-missing": _plain(lazy_gettext("Something is missing. Fill in what is marked.")),
    "metro.file-unknown": _plain(lazy_gettext("There is no such plan file.")),
    "metro.files-away": _plain(lazy_gettext("The plan file cannot be kept now. Tell the administrator.")),
    "metro.finding-settled": _plain(lazy_gettext("Somebody has settled this already.")),
    "metro.finding-unknown": _plain(lazy_gettext("There is no such finding.")),
    "metro.kind-unknown": _plain(lazy_gettext("There is no distance for this kind of structure.")),
    "metro.line-unknown": _plain(lazy_gettext("There is no such line.")),
    "metro.not-metres": _plain(
        lazy_gettext("Zones are measured in metres. Choose a projected system such as EPSG:4544."),
    ),
    "metro.not-now": _plain(lazy_gettext("This is not possible any more. Look at the permit as it stands.")),
    "metro.not-your-permit": _plain(lazy_gettext("This step is not yours.")),
    "metro.nothing": _plain(lazy_gettext("There is nothing to export yet.")),
    "metro.patrol-key-used": _plain(
        lazy_gettext("This patrol was not noted: its key is that of a patrol of another zone. Note it again.")
    ),
    "metro.permit-unknown": _plain(lazy_gettext("There is no such permit, or none that is for you.")),
    "metro.structure-ended": _plain(lazy_gettext("This structure has ended already, or is not there yet.")),
    "metro.structure-unknown": _plain(lazy_gettext("There is no such structure.")),
    "metro.too-many-features": _plain(lazy_gettext("The file holds more rows than are taken at once.")),
    "metro.zone-stale": _plain(
        lazy_gettext("Somebody has changed this construction zone meanwhile. Look at it as it is now.")
    ),
    "metro.zone-unknown": _plain(lazy_gettext("There is no such construction zone.")),
    "telemetry.bad-field": _plain(lazy_gettext("This cannot be used here. Check it.")),
    "telemetry.outside-grid": lambda facts: outside(facts.get("distance_m")),
    "telemetry.quantity-fixed": _plain(
        lazy_gettext("This sensor has told something already. Another quantity or unit is another sensor.")
    ),
    "telemetry.unknown": _plain(lazy_gettext("There is no such sensor, or it is out of use.")),
    "web.bad-address": _plain(lazy_gettext("This address cannot be used. Check it.")),
    "web.too-many-requests": lambda facts: _(
        "Too much came from your connection just now. Wait %(time)s, then try again; nothing was changed.",
        time=span_words(timedelta(seconds=facts.get("retry_after_s", 0) + 59)),
    ),
}
"""Code -> what is said of a refusal that says more than that a field is empty."""


@dataclass(frozen=True)
class ErrorWords:
    """Title, text and icon of an error page."""

    title: str
    text: str
    icon: str


ERRORS: dict[int, tuple[LazyString, LazyString | None, str]] = {
    400: (lazy_gettext("The form has expired"), lazy_gettext("Load the page again and send it once more."), "refresh"),
    401: (lazy_gettext("Please log in"), lazy_gettext("This page is for those who are logged in."), "lock"),
    403: (lazy_gettext("Not for you"), lazy_gettext("Your role does not open this page or this step."), "hand-stop"),
    404: (
        lazy_gettext("Not found"),
        lazy_gettext("There is no such page, or no such case among those you may see. Check the number."),
        "map-pin-off",
    ),
    405: (lazy_gettext("Not found"), lazy_gettext("This address does not take what was sent."), "map-pin-off"),
    409: (
        lazy_gettext("Someone was faster"),
        lazy_gettext("It has changed in the meantime. Load the page again to see how it stands."),
        "history",
    ),
    413: (lazy_gettext("Too large"), lazy_gettext("Send fewer or smaller photos."), "photo-off"),
    422: (lazy_gettext("That cannot be used"), None, "alert-circle"),
    429: (lazy_gettext("Too many at once"), None, "hourglass"),
    503: (
        lazy_gettext("Back in a moment"),
        lazy_gettext("A service does not answer just now. Nothing was changed; try again soon."),
        "clock",
    ),
}
"""Status -> title, text (None: that of the refusal) and icon of an error page."""


def error_words(status: int, code: str, message: str, facts: Mapping[str, Any]) -> ErrorWords:
    """What an error page says; of an unexpected error the number to ask by."""
    if status not in ERRORS:
        asked = _("Nothing was changed. When you ask for help, say this number: %(id)s", id=g.get("request_id", ""))
        return ErrorWords(_("Something went wrong"), asked, "alert-triangle")
    title, text, icon = ERRORS[status]
    if text is None or code in SENTENCES:
        return ErrorWords(str(title), sentence(code, message, facts), icon)
    return ErrorWords(str(title), str(text), icon)


@dataclass(frozen=True)
class Lamp:
    """A deadline as it is shown: colour, icon and word, and the time left in words."""

    colour: str
    icon: str
    word: str
    left: str
    title: str


def lamp(light: str | None, deadline: datetime | None, now: datetime, stopped: bool) -> Lamp | None:
    """The light of a case. `stopped`: the department has resolved it, so no time is left or over any more."""
    if light is None or deadline is None:
        return None
    sign: Sign = LIGHTS[light]
    left = "" if stopped else time_left(deadline - now)
    title = _("Deadline %(time)s", time=long_time(deadline))
    return Lamp(sign.colour, sign.icon, str(sign.word), left, title)


def paused(until: datetime | None) -> Lamp:
    """In place of a light while the clock stands still: until when, or that a decision is waited for."""
    left = _("until %(time)s", time=short_time(until)) if until else _("while a request waits")
    return Lamp("grey", "player-pause", _("Clock stands still"), left, "")


def time_left(left: timedelta) -> str:
    """“1 h 20 min left”, or how long it is over."""
    over = left < timedelta()
    span = span_words(abs(left))
    return _("%(time)s over", time=span) if over else _("%(time)s left", time=span)


def span_words(span: timedelta) -> str:
    """A span in its two largest units: days and hours, hours and minutes, or minutes."""
    minutes = int(span.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        words = [ngettext("%(num)s day", "%(num)s days", days), hours and _("%(n)s h", n=hours)]
    elif hours:
        words = [_("%(n)s h", n=hours), rest and _("%(n)s min", n=rest)]
    else:
        words = [_("%(n)s min", n=rest)]
    return " ".join(word for word in words if word)


def local(moment: datetime) -> datetime:
    """A moment in the city's time."""
    return moment.astimezone(web.runtime().settings.zone)


def short_time(moment: datetime) -> str:
    """Month, day, hour and minute; the year too when it is not this one."""
    here = local(moment)
    same_year = here.year == local(datetime.now(here.tzinfo)).year
    return here.strftime("%m-%d %H:%M" if same_year else "%Y-%m-%d %H:%M")


def long_time(moment: datetime) -> str:
    """Date, hour and minute."""
    return local(moment).strftime("%Y-%m-%d %H:%M")


def weekdays(written: str) -> str:
    """Weekdays such as "Mon-Fri" or "Sat,Sun" in the reader's language."""
    for number, name in enumerate(duty.DAYS, 1):
        written = written.replace(name, format_date(date(2024, 1, number), "EEE"))  # a January that began on a Monday
    return written
