"""The API of the channels that need an account: hotline, machines, reporters' contacts, where one is told."""

from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import Response, request, url_for

from webgis import api, web
from webgis.cases import channel_wire as wire
from webgis.cases import channels, contacts, evidence, intake, notice_addresses
from webgis.cases import wire as case_wire
from webgis.cases.public_views import public_cases

hotline = APIBlueprint("hotline", __name__, url_prefix="/api/v1/hotline", tag="Hotline")
machines = APIBlueprint("machines", __name__, url_prefix="/api/v1/system", tag="Machines")
reporters = APIBlueprint("reporters", __name__, url_prefix="/api/v1/cases", tag="Cases")
own_notices = APIBlueprint("own_notices", __name__, url_prefix="/api/v1/notices", tag="Notices")
BLUEPRINTS = (hotline, machines, reporters, own_notices, public_cases)


@hotline.post("/cases")
@hotline.doc(
    summary="Take in a call",
    description="JSON, or multipart/form-data with `photos`.",
)
@api.documented(body=wire.CallGiven, photos=True, parameters=case_wire.HEADERS)
@web.permits("hotline.take")
def take_call():
    """Take in what a caller reports; for those who answer the hotline."""
    settings, actor = web.runtime().settings, web.actor()
    given = api.checked(wire.CallGiven, api.fields())
    who, now = given.caller(), datetime.now(UTC)
    key = request.headers.get("Idempotency-Key")
    stored = evidence.store(settings, api.photos(request.files))
    told = given.report(source="hotline", acknowledged=case_wire.acknowledged())
    asked = {"call": given.model_dump(mode="json"), "photos": [photo.sha256 for photo in stored]}
    with web.transaction() as session:

        def take():
            return channels.take_call(session, settings, actor, told, stored, who, given.call_number, at=now)

        case, made = intake.once(session, actor, key, asked, take)
        feature = case_wire.feature(session, settings, actor, case)
    return _made(feature, case.number, 201 if made else 200)


@hotline.post("/callers")
@hotline.doc(
    summary="Earlier cases of a caller", description="By telephone number, which is kept in no address or log."
)
@api.documented(body=wire.PhoneGiven)
@web.permits("hotline.callers")
def callers():
    """The cases that were reported from a number, newest first."""
    actor = web.actor()
    given = api.checked(wire.PhoneGiven, api.fields())
    with web.transaction() as session:
        found = channels.calls_of(session, web.runtime().settings, actor, given.phone)
    return {"cases": wire.earlier(found)}


@machines.post("/cases")
@machines.doc(
    summary="Report by a machine",
    description="For accounts of the role system. The same `external_id` again gives the same case (200).",
)
@api.documented(body=wire.SignalGiven, photos=True)
@web.permits("machines.report")
def take_signal():
    """Take in what a sensor, a camera or another machine reports."""
    settings, actor = web.runtime().settings, web.actor()
    given = api.checked(wire.SignalGiven, api.fields())
    stored = evidence.store(settings, api.photos(request.files))
    told = given.report(acknowledged=True)
    with web.transaction() as session:
        case, made = channels.take_signal(
            session, settings, actor, told, stored, given.external_id, given.confidence, at=datetime.now(UTC)
        )
        feature = case_wire.feature(session, settings, actor, case)
    return _made(feature, case.number, 201 if made else 200)


@reporters.get("/<number>/contacts")
@reporters.doc(summary="Who reported a case", description="Masked: 138****1234. For everyone who may see the case.")
@web.permits("cases.see")
def masked(number: str):
    """The reporters' contacts, masked."""
    with web.transaction() as session:
        found = contacts.masked(session, web.runtime().settings, web.actor(), number)
    return {"contacts": [wire.contact(one) for one in found]}


@reporters.post("/<number>/contacts/look")
@reporters.doc(
    summary="See who reported a case", description="Whole, for acceptors and dispatchers. Each look is written down."
)
@api.documented(body=wire.LookGiven)
@web.permits("contacts.look")
def look(number: str):
    """The reporters' contacts, whole; that one looked is kept for good."""
    api.checked(wire.LookGiven, api.fields())
    with web.transaction() as session:
        found = contacts.look(session, web.runtime().settings, web.actor(), number)
    return {"contacts": [wire.contact(one) for one in found]}


@own_notices.get("/addresses")
@own_notices.doc(summary="Where you are told", description="Your own addresses, one a channel.")
@web.permits("notices.see")
def addresses():
    """One's own addresses."""
    with web.transaction() as session:
        return {"addresses": notice_addresses.addresses(session, web.runtime().settings, web.actor().login)}


@own_notices.post("/addresses")
@own_notices.doc(summary="Set where you are told", description="One address a channel; a new one replaces the old.")
@api.documented(body=wire.AddressGiven)
@web.permits("notices.set")
def set_address():
    """Set one's own address of a channel."""
    settings, login = web.runtime().settings, web.actor().login
    given = api.checked(wire.AddressGiven, api.fields())
    with web.transaction() as session:
        notice_addresses.set_address(
            session,
            settings,
            login,
            given.channel,
            given.address,
            language=given.language,
            digest_minutes=given.digest_minutes,
        )
        return {"addresses": notice_addresses.addresses(session, settings, login)}


@own_notices.post("/addresses/drop")
@own_notices.doc(summary="Be told no more", description="Erases your address of a channel.")
@api.documented(body=wire.ChannelGiven)
@web.permits("notices.set")
def drop_address():
    """Erase one's own address of a channel."""
    settings, login = web.runtime().settings, web.actor().login
    given = api.checked(wire.ChannelGiven, api.fields())
    with web.transaction() as session:
        notice_addresses.drop_address(session, login, given.channel)
        return {"addresses": notice_addresses.addresses(session, settings, login)}


def _made(feature: dict, number: str, status: int) -> Response:
    response = api.geojson(feature, status)
    response.headers["Location"] = url_for("cases.one", number=number)
    return response
