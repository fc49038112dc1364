"""The catalogue over HTTP: classes by search, one class with the conditions on which it is filed."""

from typing import Literal

from apiflask import APIBlueprint
from flask import request
from pydantic import BaseModel, Field

from webgis import api, web
from webgis.catalog import queries, rules
from webgis.catalog.component_views import register
from webgis.catalog.models import CaseClass, FilingCondition
from webgis.catalog.standards import CJT_2007, CURRENT, GBT_2013, GBT_2026
from webgis.errors import NotFound

catalog = APIBlueprint("catalog", __name__, url_prefix="/api/v1/catalog", tag="Catalogue")
BLUEPRINTS = (catalog, register)

Kind = Literal["component", "matter"]


class ClassSearch(api.Given):
    """What to look for."""

    kind: Kind | None = None
    q: str | None = Field(None, max_length=100, description="part of the code, the Chinese or the English name")
    standard: Literal[GBT_2026, GBT_2013, CJT_2007] | None = Field(None, description="today's when left out")


class ClassCity(api.Given):
    """Whose filing standard to show."""

    city: str | None = Field(
        None,
        pattern=r"^\d{4,19}$",
        description="code of the city, or one that begins with it; the city of this installation when left out",
    )


class ClassFacts(BaseModel):
    """A class of component or matter."""

    model_config = {"serialize_by_alias": True}

    kind: Kind
    class_: str = Field(alias="class", description="code of the class")
    standard: str
    name_zh: str
    name_en: str | None
    major: str
    major_zh: str
    major_en: str
    extension: bool = Field(description="a city's own class")


class Limit(BaseModel):
    """How long the handling may take."""

    value: int
    unit: Literal["urgent_hour", "working_hour", "urgent_day", "working_day"]
    text_zh: str
    text_en: str


class Condition(BaseModel):
    """One condition on which a class is filed, and on which it is closed."""

    id: int
    text_zh: str
    text_en: str | None
    limit: Limit
    closing_zh: str
    closing_en: str | None
    department_kind: str | None


class ClassList(BaseModel):
    """Classes in the order of their codes."""

    classes: list[ClassFacts]


class ClassWithConditions(ClassFacts):
    """A class and its conditions in the filing standard in force."""

    conditions: list[Condition]


@catalog.get("/classes")
@catalog.output(ClassList)
@api.documented(query=ClassSearch)
@web.permits("catalog.see")
def classes():
    """Classes of components and matters, by kind and words."""
    wanted = api.checked(ClassSearch, request.args.to_dict())
    with web.transaction() as session:
        found = queries.classes(session, wanted.kind, wanted.standard or CURRENT, wanted.q)
    return {"classes": [_class_facts(one) for one in found]}


@catalog.get("/classes/<kind>/<code>")
@catalog.output(ClassWithConditions)
@api.documented(query=ClassCity)
@web.permits("catalog.see")
def one_class(kind: str, code: str):
    """One class with its filing conditions. 404 names the classes near it."""
    asked = api.checked(ClassCity, request.args.to_dict())
    with web.transaction() as session:
        city = asked.city or queries.city_of(session)
        found = queries.find_class(session, kind, code, CURRENT)
        if found is None:
            raise queries.unknown_class(session, kind, code, CURRENT, NotFound)
        conditions = queries.conditions_of(session, kind, code, city)
    return _class_facts(found) | {"conditions": [_condition_facts(one) for one in conditions]}


def _class_facts(one: CaseClass) -> dict:
    facts = {name: getattr(one, name) for name in ("kind", "standard", "name_zh", "name_en", "extension")}
    return facts | {"class": one.code, "major": one.major_code, "major_zh": one.major_zh, "major_en": one.major_en}


def _condition_facts(one: FilingCondition) -> dict:
    limit = {
        "value": one.limit_value,
        "unit": one.limit_unit,
        "text_zh": rules.limit_text(one.limit_value, one.limit_unit),
        "text_en": rules.limit_text(one.limit_value, one.limit_unit, "en"),
    }
    names = ("id", "text_zh", "text_en", "closing_zh", "closing_en", "department_kind")
    return {name: getattr(one, name) for name in names} | {"limit": limit}
