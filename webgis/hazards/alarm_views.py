"""The API of alarms: lists, one with its history, to acknowledge and to dismiss; the rules; roads advised to close."""

from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import jsonify, request
from sqlalchemy import select

from webgis import api, web
from webgis.hazards import alarm_queries, alarm_telling, alarm_wire, waterlogging_queries
from webgis.hazards.alarm_models import ThresholdRule

alarms = APIBlueprint("alarms", __name__, url_prefix="/api/v1/alarms", tag="Alarms")


@alarms.get("")
@alarms.doc(summary="Alarms of sensors", description="That you may see, newest first, as GeoJSON.")
@api.documented(query=alarm_wire.ListAsked)
@web.permits("alarms.see")
def listed():
    """Alarms as Features at their stations; `next` is the cursor of the page after."""
    asked = api.checked(alarm_wire.ListAsked, api.once(request.args))
    with web.transaction() as session:
        page = alarm_queries.listed(session, web.actor(), **asked.model_dump())
        features = [alarm_wire.feature(row) for row in page.rows]
    return api.geojson({"type": "FeatureCollection", "features": features, "next": page.next})


@alarms.get("/<int:alarm_id>")
@alarms.doc(summary="An alarm", description="With its history and who was told of it.")
@web.permits("alarms.see")
def one(alarm_id: int):
    """An alarm whole."""
    with web.transaction() as session:
        told = alarm_wire.feature(alarm_queries.require(session, web.actor(), alarm_id))
        told["properties"] |= {
            "history": [alarm_wire.event(row) for row in alarm_queries.events(session, alarm_id)],
            "notices": [alarm_wire.notice(row) for row in alarm_queries.notices(session, alarm_id)],
        }
    return api.geojson(told)


@alarms.post("/<int:alarm_id>/acknowledge")
@alarms.doc(summary="Acknowledge an alarm", description="Nobody further up is told of the levels it has reached.")
@web.permits("alarms.acknowledge")
def acknowledge(alarm_id: int):
    """The alarm as it is then; once more does nothing."""
    with web.transaction() as session:
        told = alarm_wire.feature(alarm_telling.acknowledge(session, web.actor(), alarm_id, at=datetime.now(UTC)))
    return api.geojson(told)


@alarms.post("/<int:alarm_id>/dismiss")
@alarms.doc(summary="Say that an alarm is none", description="With a reason; its case may end then.")
@api.documented(body=alarm_wire.DismissGiven)
@web.permits("alarms.dismiss")
def dismiss(alarm_id: int):
    """The alarm as it is then; 409 when it stands no more."""
    given = api.checked(alarm_wire.DismissGiven, api.fields())
    with web.transaction() as session:
        row = alarm_telling.dismiss(session, web.actor(), alarm_id, given.reason, at=datetime.now(UTC))
        told = alarm_wire.feature(row)
    return api.geojson(told)


@alarms.get("/rules")
@alarms.doc(summary="Rules of thresholds", description="Levels with their source, and the class of the case.")
@web.permits("alarms.see")
def rules():
    """Every rule as the city has it."""
    with web.transaction() as session:
        found = session.scalars(select(ThresholdRule).order_by(ThresholdRule.key))
        return jsonify([alarm_wire.rule(row) for row in found])


@alarms.get("/closures")
@alarms.doc(summary="Roads that sensors advise to close or to pass slowly", description="As long as the alarm stands.")
@web.permits("alarms.see")
def closures():
    """Points with what is advised, as GeoJSON."""
    with web.transaction() as session:
        features = waterlogging_queries.closures(session, web.actor())
    return api.geojson({"type": "FeatureCollection", "features": features})
