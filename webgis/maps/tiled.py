"""The layers of tiles: what each is called, holds and takes. A layer is one SQL function and one entry of `LAYERS`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from webgis.api import Given
from webgis.cases import workflow
from webgis.catalog import component_rules
from webgis.catalog.rules import KINDS
from webgis.maps.queries import LEVELS

MEASURES = ("reported", "open", "closed", "on_time")
"""Which cases count: all that were reported, those still open, those closed, those closed in time."""

CLASS = r"^[0-9]{4,5}$"


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise PydanticCustomError("day", "{expected} is expected", {"expected": "a day such as 2026-11-22"}) from None


Day = Annotated[date, BeforeValidator(_day)]


class Nothing(Given):
    """A layer that takes no parameters."""

    def params(self) -> dict[str, str]:
        """What the layer's SQL function is given."""
        given = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {name: str(value) for name, value in given.items()}


class CasesAsked(Nothing):
    """Which cases. `since` and `until`: days of the report in the city, both included."""

    state: str | None = Field(None, description="one or more states, separated by commas")
    kind: Literal[KINDS] | None = None
    class_: str | None = Field(None, alias="class", pattern=CLASS, description="a class code")
    department: str | None = Field(None, min_length=1, max_length=64, description="code of the department")
    since: Day | None = Field(None, description="reported on this day or later")
    until: Day | None = Field(None, description="reported on this day or before")
    measure: Literal[MEASURES] | None = Field(None, description="which of these cases count")

    @field_validator("state")
    @classmethod
    def _states(cls, value: str | None) -> str | None:
        return _some(value, workflow.STATES)

    @field_validator("until")
    @classmethod
    def _in_order(cls, value: date | None, given: ValidationInfo) -> date | None:
        since = given.data.get("since")
        if value and since and value < since:
            raise PydanticCustomError("days", "{expected} is expected", {"expected": f"{since}, as since, or later"})
        return value

    def params(self) -> dict[str, str]:
        """As given; where the states say the same as a measure, the measure, which stored counts know."""
        given = super().params()
        states = set(given.get("state", "").split(",")) - {""}
        if not states or given.get("measure", "reported") != "reported":
            return given
        if states <= set(workflow.OPEN):
            given["measure"] = "open"
        if states == set(workflow.OPEN):
            del given["state"]
        if states == {workflow.CLOSED}:
            given["measure"] = given.pop("state")
        return given


class CountsAsked(CasesAsked):
    """Which cases the polygons count. Without any of these they are drawn without counts."""

    def params(self) -> dict[str, str]:
        given = super().params()
        return {"measure": "reported"} | given if given.keys() - {"level"} else given


class AreasAsked(CountsAsked):
    """Cases to count, and which level of areas."""

    level: Literal[LEVELS] | None = Field(None, description="as the zoom is, when left out")


class ComponentsAsked(Nothing):
    """Which components."""

    class_: str | None = Field(None, alias="class", pattern=CLASS, description="a class code")
    state: str | None = Field(None, description="one or more states, separated by commas; without: all but removed")

    @field_validator("state")
    @classmethod
    def _states(cls, value: str | None) -> str | None:
        return _some(value, component_rules.STATES)


class WorksAsked(Nothing):
    """Construction zones on which day."""

    day: Day | None = Field(None, description="a day of the city; now when left out")


class HotspotsAsked(Nothing):
    """Which run of hot spots."""

    run: int | None = Field(None, ge=1, le=2**63 - 1, description="of hot spots; the newest of all cases without")
    days: Literal["30", "90"] | None = Field(None, description="up to yesterday, of the newest run; 30 without")


def _some(value: str | None, known: tuple[str, ...]) -> str | None:
    """Words of a list with commas, each once and in the order of `known`, so that equal questions are one tile."""
    if value is None:
        return None
    words = set(value.split(","))
    if not words <= set(known):
        expected = "one or more of " + ", ".join(known)
        raise PydanticCustomError("states", "{expected} is expected", {"expected": expected})
    return ",".join(word for word in known if word in words)


@dataclass(frozen=True)
class Layer:
    """One layer. `sources`: whose changes are changes of it (`fn.layer_changed`); `cases`: always, or when counts are
    asked ("counts"), or never (None); `fields`: what its features tell, by name."""

    name: str
    words: str
    function: str
    asked: type[Nothing]
    sources: tuple[str, ...]
    fields: Mapping[str, str]
    cases: Literal["always", "counts"] | None = None
    minzoom: int = 0
    maxzoom: int = 18

    def counts(self, params: Mapping[str, Any]) -> bool:
        """Whether this question is about cases, of which not everyone sees all."""
        return self.cases == "always" or (self.cases == "counts" and "measure" in params)


_COUNT = {"count": "cases that were asked for"}
LAYERS = {
    layer.name: layer
    for layer in (
        Layer(
            "areas",
            "Counties, subdistricts or communities, with counts of cases when a measure is asked",
            "fn.areas_tile",
            AreasAsked,
            ("areas",),
            {
                "code": "code of the area",
                "level": "county, subdistrict or community",
                "name_zh": "name",
                "name_en": "name in English",
                "area_m2": "square metres; with counts",
                "population": "people; with counts, where known",
            }
            | _COUNT,
            cases="counts",
            maxzoom=16,
        ),
        Layer(
            "cells",
            "Unit grid cells valid now, with counts of cases when a measure is asked",
            "fn.cells_tile",
            CountsAsked,
            ("cells", "areas"),
            {
                "code": "code of the cell, or of the community where cells are too many",
                "level": "cell or community",
                "area_m2": "square metres; with counts",
            }
            | _COUNT,
            cases="counts",
            minzoom=13,
        ),
        Layer(
            "cases",
            "Cases: counts in bins, then in cells, then one by one where they are few",
            "fn.cases_tile",
            CasesAsked,
            ("cells",),
            {
                "count": "cases here",
                "open": "of them open; of counts",
                "closed": "of them closed; of counts",
                "on_time": "of them closed in time; of counts",
                "cell": "code of the cell; of counts in cells",
                "number": "number of the one case",
                "state": "its state",
                "kind": "component or matter",
                "class": "its class code",
                "dispatched": "since when its clock runs, seconds since 1970",
                "deadline": "until when, seconds since 1970",
                "paused": "true while its clock rests",
            },
            cases="always",
        ),
        Layer(
            "components",
            "Components: counts in squares, then one by one where they are few",
            "fn.components_tile",
            ComponentsAsked,
            ("components",),
            {
                "count": "components here; 0 for the part of one that is counted in the next tile",
                "not_intact": "of them damaged, lost or abandoned; of counts",
                "code": "code of the one component",
                "class": "its class code",
                "name": "its name",
                "state": "its state",
            },
        ),
        Layer(
            "beats",
            "Beats of today",
            "fn.beats_tile",
            Nothing,
            ("beats",),
            {
                "code": "code of the beat",
                "name_zh": "name",
                "name_en": "name in English",
                "area": "code of the smallest area that holds it",
                "count": "beats here, where there are too many to draw",
            },
        ),
        Layer(
            "metro",
            "Protection zones of the metro where they hold (from zoom 13), its lines, its stations (from zoom 11)",
            "fn.metro_tile",
            Nothing,
            ("metro",),
            {
                "part": "zone, line, place (a structure known by a point) or outline",
                "kind": "of the zone: special, control or planned; else of the structure",
                "code": "code of the structure; of lines from zoom 13 on",
                "name_zh": "name of the structure, of lines before zoom 13 of the line",
                "name_en": "name in English",
                "line": "code of the line, or of several with commas",
                "colour": "of the line",
                "metres": "how wide the zone is",
                "approximate": "whether it is known by a point or a straight line only",
            },
        ),
        Layer(
            "hazards",
            "Hazard sources: the place of each, from zoom 13 with its outline",
            "fn.hazards_tile",
            Nothing,
            ("hazards", "alarms", "sensors"),
            {
                "code": "code of the source",
                "kind": "its kind",
                "name_zh": "its name",
                "name_en": "its name in English",
                "level": "1 to 4; 0: no major hazard source",
                "live": "alarm, silent, ok or none, by what its sensors tell",
                "illustrative": "true: made up for the demo",
            },
            cases="always",
        ),
        Layer(
            "emergency",
            "Open emergencies: the ground of each, and its place",
            "fn.emergency_tile",
            Nothing,
            ("emergency",),
            {
                "number": "number of the emergency",
                "kind": "its kind",
                "level": "its level, 1 to 4",
                "title": "what has happened",
                "exercise": "true: an exercise",
            },
            cases="always",
        ),
        Layer(
            "construction",
            "Construction zones on a day: their ground by phase, from zoom 15 with the roads they close or narrow",
            "fn.construction_tile",
            WorksAsked,
            ("construction",),
            {
                "part": "zone, closure, narrowed or diversion",
                "code": "code of the zone",
                "name_zh": "its name",
                "name_en": "its name in English",
                "contractor": "who builds",
                "phase": "hoarding, utilities, excavation, structure, backfill, restored, or empty; of zones",
                "road": "the road on which they are",
                "width_left_m": "metres that are left of it",
                "first_day": "from this day",
                "last_day": "until this day",
                "words": "what is said of a line",
                "illustrative": "made up for the demo",
                "turn": "1 for lines, which are drawn over zones",
            },
        ),
        Layer(
            "alarms",
            "Alarms of sensors that stand",
            "fn.alarms_tile",
            Nothing,
            ("alarms",),
            {
                "alarm": "its number",
                "rank": "1 or more, the gravest highest",
                "level": "the gravest level it has reached",
                "code": "code of the station",
                "name_zh": "its name",
                "name_en": "its name in English",
                "rule_zh": "what is watched",
                "rule_en": "what is watched, in English",
                "number": "number of its case",
                "raised": "since when, seconds since 1970",
                "waiting": "true while somebody has still to acknowledge it",
            },
            cases="always",
        ),
        Layer(
            "sensors",
            "Stations and how their sensors stand",
            "fn.sensors_tile",
            Nothing,
            ("sensors", "alarms"),
            {
                "code": "code of the station",
                "name_zh": "its name",
                "name_en": "its name in English",
                "place": "underpass, road, well, ...",
                "state": "alarm, silent, ok or new: the worst of its sensors",
                "sensors": "how many it has",
                "sensor": "code of the one that stands worst",
                "illustrative": "true: made up for the demo",
            },
            cases="always",
        ),
        Layer(
            "waterlogging",
            "Where water gathers on roads, and whether to close them",
            "fn.waterlogging_tile",
            Nothing,
            ("alarms",),
            {
                "code": "code of the datastream",
                "name_zh": "name of the place",
                "name_en": "its name in English",
                "place": "underpass, road, ...",
                "road": "closed or slowed as an alarm advises, else open",
                "number": "number of the case",
            },
            cases="always",
        ),
        Layer(
            "hotspots",
            "Hot and cold spots of a run: counts in squares, then the cells",
            "fn.hotspots_tile",
            HotspotsAsked,
            ("hotspots",),
            {
                "code": "code of the cell",
                "reported": "its cases",
                "z": "Gi* of the cell",
                "q": "share of false alarms among cells as sure",
                "called": "90, 95 or 99 per cent sure; below zero when cold; 0 when neither",
                "word": "new, intensifying, persisting, fading, sporadic or past, of a run with windows",
                "hot": "hot cells here; of squares",
                "cold": "cold cells here; of squares",
                "hottest": "the highest called here; of squares",
                "coldest": "the lowest called here; of squares",
            },
            cases="always",
        ),
    )
}
"""Every layer by its name."""
