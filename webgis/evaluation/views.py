"""The API of figures: how the city does in a span, beside the span before."""

from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import jsonify, request

from webgis import api, web
from webgis.evaluation import overview, wire, works_views
from webgis.evaluation.wire import FiguresAsked

figures_api = APIBlueprint("figures", __name__, url_prefix="/api/v1/figures", tag="Figures")
BLUEPRINTS = (figures_api, *works_views.BLUEPRINTS)


@figures_api.get("")
@figures_api.doc(
    summary="Figures",
    description="What was reported, filed, closed (on time) and reopened in a span, beside the span before; what is "
    "open and overdue now; trend, and rankings of areas, departments, classes and sources.",
)
@api.documented(query=FiguresAsked)
@web.permits("watch.use")
def told():
    """The whole picture of a question."""
    asked = api.checked(FiguresAsked, api.once(request.args))
    with web.transaction() as session:
        _question, found = overview.picture(session, web.actor(), asked, datetime.now(UTC), web.runtime().settings.zone)
        return jsonify(wire.told(found))
