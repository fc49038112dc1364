"""What the inspector's phone sends, at once or hours later: `POST /inspect/send/<kind>`, each taken exactly once.

A form with the field `meta` (JSON, as the API takes it, with the `key` of the phone's making) and `photos`. The header
`X-Person` says whose it is: what one person left on a phone is never sent in the name of another. A refusal comes with
its words in both languages, since it is read later; nothing is stored of what is refused.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from flask import jsonify, request
from flask_babel import force_locale
from flask_babel import gettext as _
from pydantic import AwareDatetime, BaseModel, Field, field_validator

from webgis import api, geo, refusals, web
from webgis.cases import (
    duplicates,
    evidence,
    handling,
    intake,
    queries,
    shift_views,
    shifts,
    wire,
    workflow,
)
from webgis.cases.evidence import Evidence
from webgis.errors import Conflict, Invalid, NotFound, WebgisError
from webgis.maps.signs import STATES
from webgis.pages import inspect_queries, words
from webgis.pages.inspect import LOCALES, inspect


class ShotGiven(BaseModel):
    """When and where a photo was taken, as its EXIF told before it was made small, or the phone itself."""

    model_config = {"extra": "forbid"}

    taken_at: datetime | None = Field(None, description="without an offset in the city's time zone")
    lon: float | None = Field(None, ge=-180, le=180)
    lat: float | None = Field(None, ge=-90, le=90)

    @field_validator("taken_at", mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        """A camera's mistake, such as 31 February, is no time; it is no reason to refuse a report either."""
        try:
            return datetime.fromisoformat(given) if isinstance(given, str) else given
        except ValueError:
            return None


class Sent(api.Given):
    """What everything that is sent has: the key of the phone's making."""

    key: str = Field(min_length=8, max_length=64)


class ReportSent(wire.ReportGiven, Sent):
    """A report."""

    shots: list[ShotGiven] = Field(default_factory=list, max_length=50)
    seen_at: AwareDatetime | None = None
    acknowledged: Literal["yes"] | None = None


class JoinSent(wire.JoinGiven, Sent):
    """That an open case is what one was about to report."""

    number: str = Field(pattern=r"^\d{19}$")
    shots: list[ShotGiven] = Field(default_factory=list, max_length=50)
    seen_at: AwareDatetime | None = None


class StepSent(wire.ActionGiven, Sent):
    """The answer to a task."""

    number: str = Field(pattern=r"^\d{19}$")
    action: Literal[inspect_queries.ACTIONS]
    shots: list[ShotGiven] = Field(default_factory=list, max_length=50)


class TurnSent(Sent):
    """A check-in or check-out: the shift's own key, and when."""

    shift: str = Field(min_length=8, max_length=64)
    at: AwareDatetime


class TrackSent(Sent):
    """A stretch of a shift's track."""

    shift: str = Field(min_length=8, max_length=64)
    points: list[shift_views.PointGiven] = Field(min_length=1, max_length=shifts.MOST_POINTS)


@inspect.post("/send/<kind>")
@web.permits("inspect.use")
def send(kind: str):
    """Take one thing that waited on a phone; sent again with its key it is the same thing."""
    if kind not in KINDS:
        raise NotFound("pages.kind-unknown", f"Phones send no {kind}", got=kind, accepted=list(KINDS))
    try:
        _require_person()
        return KINDS[kind]()
    except WebgisError as error:
        return _told(error)


def _require_person() -> None:
    given, own = request.headers.get("X-Person", ""), str(web.actor().id)
    if given != own:
        raise Conflict(
            "pages.other-person",
            "This was made by another person on this phone. It goes out when they log in",
            got=given[: api.LONGEST_SHOWN],
            accepted=own,
        )


# What is sent


def _report():
    """A report."""
    given, stored, prints = _given(ReportSent)
    actor, settings, now = web.actor(), web.runtime().settings, datetime.now(UTC)
    workflow.require_role(actor.role, workflow.REPORT)
    asked = given.model_dump(mode="json", exclude={"acknowledged"}) | {"photos": prints}
    told = given.report(acknowledged=given.acknowledged == "yes", seen_at=given.seen_at)
    with web.transaction() as session:

        def take():
            return intake.report(session, settings, actor, told, stored, at=now)

        case, made = intake.once(session, actor, f"phone-{given.key}", asked, take)
    return jsonify(number=case.number), 201 if made else 200


def _join():
    """Another reporter of an open case; what they saw is a note of it."""
    given, stored, prints = _given(JoinSent)
    actor, settings, now = web.actor(), web.runtime().settings, datetime.now(UTC)
    workflow.require_role(actor.role, workflow.REPORT)
    about = {"source": intake.USUAL_SOURCE[actor.role], "description": given.description}
    asked = given.model_dump(mode="json") | {"photos": prints}
    with web.transaction() as session:

        def take():
            queries.require_case(session, actor, given.number)
            place = handling.place_of(given.model_dump())
            joined = duplicates.join(session, actor, given.number, at=now, place=place, **about)
            note = {"note": given.description} if given.description else {}
            return handling.act(session, settings, actor, joined.number, "note", note, stored, at=now)

        case, _made = intake.once(session, actor, f"phone-{given.key}", asked, take)
    return jsonify(number=case.number)


def _step():
    """The answer to a task."""
    given, stored, prints = _given(StepSent)
    actor, settings, now = web.actor(), web.runtime().settings, datetime.now(UTC)
    asked = given.model_dump(mode="json") | {"photos": prints}
    fields = {name: value for name, value in given.fields().items() if name in wire.ActionGiven.model_fields}
    with web.transaction() as session:

        def take():
            return handling.act(session, settings, actor, given.number, given.action, fields, stored, at=now)

        case, _made = intake.once(session, actor, f"phone-{given.key}", asked, take)
    return jsonify(number=case.number)


def _turn(do: Callable):
    given = api.checked(TurnSent, meta())
    with web.transaction() as session:
        return jsonify(shift_views.told(do(session, web.actor(), given.shift, given.at, at=datetime.now(UTC))))


def _track():
    """A stretch of the track."""
    given = api.checked(TrackSent, meta())
    points = [shifts.point(one.at, one.lon, one.lat, "wgs84", one.accuracy_m) for one in given.points]
    with web.transaction() as session:
        return jsonify(added=shifts.add_track(session, web.actor(), given.shift, points, at=datetime.now(UTC)))


KINDS: dict[str, Callable] = {
    "report": _report,
    "join": _join,
    "step": _step,
    "check_in": lambda: _turn(shifts.check_in),
    "check_out": lambda: _turn(shifts.check_out),
    "track": _track,
}


# Reading and answering


def meta() -> dict[str, Any]:
    """What was sent, without its photos."""
    return api.json_fields(request.form.get("meta", "").encode())


def _given(model: type[Sent]) -> tuple[Any, list[Evidence], list[str]]:
    """What was sent, its photos as they are stored, and what these were as they came: a photo that comes again is the
    same, however it is encoded here."""
    given = api.checked(model, meta())
    content = api.photos(request.files)
    stored = evidence.store(web.runtime().settings, content)
    prints = [hashlib.sha256(one).hexdigest() for one in content]
    return given, _with_shots(stored, given.shots), prints


def _with_shots(stored: Sequence[Evidence], shots: Sequence[ShotGiven]) -> list[Evidence]:
    """Photos with what the phone tells of them where they do not tell it themselves."""
    if not shots:
        return list(stored)
    if len(shots) != len(stored):
        raise workflow.bad_field("shots", len(shots), f"one for each photo: {len(stored)}")
    return [_with_shot(one, shot) for one, shot in zip(stored, shots, strict=True)]


def _with_shot(one: Evidence, shot: ShotGiven) -> Evidence:
    zone = web.runtime().settings.zone
    told = shot.taken_at and queries.moment("taken_at", shot.taken_at, zone)
    place = None if None in (shot.lon, shot.lat) else geo.to_cgcs2000(shot.lon, shot.lat, "wgs84")
    return replace(one, taken_at=one.taken_at or told, place=one.place or place)


def _told(error: WebgisError):
    """A refusal as the phone keeps it: words in both languages, by field too, and likely duplicates to look at."""
    status = refusals.status_of(error)
    facts = error.facts
    answer = {"code": error.code, "title": error.message, "said": _both(lambda lang: _sentence(error, facts, lang))}
    if isinstance(error, Invalid):
        faults = facts.get("errors") or [facts]
        answer["fields"] = {
            words.FIELD_OF.get(name, name): _both(lambda lang, fault=fault: _sentence(error, fault, lang))
            for fault in reversed(faults)
            if (name := fault.get("field"))
        }
    if "candidates" in facts:
        with web.transaction() as session:
            answer["candidates"] = inspect_queries.candidates(session, web.actor(), facts["candidates"])
    return jsonify(answer), status


def _both(say: Callable[[str], str]) -> dict[str, str]:
    told = {}
    for lang, locale in LOCALES.items():
        with force_locale(locale):
            told[lang] = say(lang)
    return told


def _sentence(error: WebgisError, facts: dict[str, Any], lang: str) -> str:
    """What is said of a refusal; someone was faster where a case has gone on meanwhile."""
    if error.code in words.SENTENCES:
        return words.SENTENCES[error.code](facts)
    if isinstance(error, Conflict) and facts.get("state") in STATES:
        return words.faster(facts["state"])
    name = facts.get("field", "")
    at_field = words.REFUSALS.get(words.FIELD_OF.get(name, name))
    if at_field:
        return str(at_field)
    return error.message if lang == "en" else _("What was sent cannot be used. Check it.")
