"""What the views of the API share: given fields checked against a model, and the OpenAPI document made from the same.

No subject of the city is known here. `web.py` holds what pages and API have in common.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from flask import Response, current_app, jsonify, request
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from werkzeug.datastructures import MultiDict

from webgis import texts
from webgis.errors import Invalid

LONGEST_SHOWN = 200
"""Characters of a refused value that are shown again."""


class Given(BaseModel):
    """Fields as given; names that do not exist are refused, so that a slip of the pen is not lost in silence."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: Any, told: ValidationInfo) -> Any:
        """A text is one that can be kept, and a truth value is no number: fields of type bool take one, and those of
        yes or no, which forms and queries have, take it as these words."""
        if not _storable(value):
            raise ValueError("a text without NUL characters is expected")
        expected = cls.model_fields[told.field_name].annotation
        if isinstance(value, bool) and expected is not bool:
            words = _words(expected)
            if {*words} == {"yes", "no"}:
                return "yes" if value else "no"
            raise ValueError(f"true and false are not expected here{', but ' * bool(words)}{' or '.join(words)}")
        return value


def _words(expected: Any) -> list[str]:
    """The words that a type takes, also where it takes none."""
    return [word for one in get_args(expected) for word in ([one] if isinstance(one, str) else _words(one))]


def _storable(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_storable(one) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return all(map(_storable, value))
    return not isinstance(value, str) or texts.storable(value)


Model = TypeVar("Model", bound=Given)


def checked(model: type[Model], given: Mapping[str, Any]) -> Model:
    """The given fields as `model`, or `Invalid` that names the first field at fault and lists all (`errors`)."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        faults = [_fault(model, fault) for fault in error.errors(include_url=False)]
        first = faults[0]
        raise Invalid("api.bad-input", f"{first['field']}: {first['message']}", **first, errors=faults) from None


def _fault(model: type[Given], fault: Mapping[str, Any]) -> dict[str, Any]:
    name = str(fault["loc"][0])[:LONGEST_SHOWN] if fault["loc"] else "body"
    accepted = fault.get("ctx", {}).get("expected") or fault.get("ctx", {}).get("pattern")
    if fault["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in model.model_fields.items()]
        return {"field": name, "message": "no such field", "accepted": known}
    kept = {"field": name, "message": fault["msg"]}
    if isinstance(fault["input"], (str, int, float)):
        kept["got"] = _shown(fault["input"])
    return kept | ({"accepted": accepted} if accepted else {})


def _shown(value: str | float) -> str | float:
    return value if len(text := str(value)) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def once(given: MultiDict) -> dict[str, str]:
    """The fields of a query or form, each of which may be there once: of two, one would be lost in silence."""
    for name, values in given.lists():
        if len(values) > 1:
            message = f"{name[:LONGEST_SHOWN]} is given {len(values)} times; give it once"
            raise Invalid("api.bad-input", message, field=name[:LONGEST_SHOWN], accepted="one value")
    return given.to_dict()


LARGEST_JSON = 1024 * 1024
"""Bytes of a JSON body; texts are short, and photos do not come in JSON."""


def fields(largest: int = LARGEST_JSON) -> dict[str, Any]:
    """The given fields of this request: of a JSON object of at most so many bytes, or of a form."""
    if request.mimetype in ("multipart/form-data", "application/x-www-form-urlencoded"):
        return form_fields(request.form)
    request.max_content_length = largest
    return json_fields(request.get_data())


def form_fields(form: MultiDict) -> dict[str, str]:
    """The fields of a form. An empty one counts as not given; one that is not UTF-8 is refused, for its words are
    lost: they have been read as U+FFFD."""
    given = {name: value for name, value in once(form).items() if value != "" and name != "csrf_token"}
    for name, value in given.items():
        if "\N{REPLACEMENT CHARACTER}" in value:
            raise Invalid("api.bad-input", f"{name}: the text is not UTF-8", field=name, accepted="text in UTF-8")
    return given


def photos(files: MultiDict) -> list[bytes]:
    """The photos of a form; a file field that a browser left empty (without a file name) is none."""
    for name in files:
        if name != "photos":
            raise Invalid("api.bad-input", f"{name}: files go into the field photos", field=name, accepted="photos")
    given = [(file.filename, file.read()) for file in files.getlist("photos")]
    return [data for name, data in given if name or data]


def json_fields(body: bytes) -> dict[str, Any]:
    """The fields of a JSON object; an empty body has none."""
    try:
        given = json_value(body) if body else {}
    except (ValueError, RecursionError) as error:
        raise Invalid("api.bad-input", f"The body is not JSON that can be used: {error}", field="body") from None
    if not isinstance(given, dict):
        raise Invalid("api.bad-input", "The body: give a JSON object or multipart/form-data", field="body")
    return given


def json_value(body: bytes) -> Any:
    """What a body in JSON says. `ValueError` or `RecursionError` also for what could not be stored or sent back: a name
    given twice, NaN, infinity, half of a surrogate pair, a depth that nobody means."""
    given = json.loads(body, object_pairs_hook=_once_in_object)
    json.dumps(given, allow_nan=False, ensure_ascii=False).encode()
    return given


def _once_in_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) < len(pairs):
        raise ValueError("a name is given more than once")
    return given


def geojson(value: dict[str, Any], status: int = 200) -> Response:
    """An answer in GeoJSON (RFC 7946)."""
    response = jsonify(value)
    response.status_code = status
    response.content_type = "application/geo+json"
    return response


def documented(
    *,
    query: type[Given] | None = None,
    body: type[Given] | None = None,
    photos: bool = False,
    parameters: Sequence[dict[str, Any]] = (),
) -> Callable:
    """Describe a view in the OpenAPI document: its query and body as models, whether it takes photos.

    The view reads the request itself, since a body may be JSON or a form; this is its description only.
    """

    def mark(view: Callable) -> Callable:
        view.documented = {"query": query, "body": body, "photos": photos, "parameters": list(parameters)}
        return view

    return mark


def complete_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with what `documented` told of each view, the API key, and the form of a refusal."""
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    key = {"type": "http", "scheme": "bearer", "description": "webgis accounts key LOGIN"}
    spec["components"]["securitySchemes"] = {"key": key}
    spec["security"] = [{"key": []}]
    for rule in current_app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in rule.methods & {"GET", "POST"}:
            operation = spec.get("paths", {}).get(path, {}).get(method.lower())
            if operation is not None:
                _complete(operation, current_app.view_functions[rule.endpoint], schemas)
    return spec


def _complete(operation: dict[str, Any], view: Callable, schemas: dict[str, Any]) -> None:
    told = getattr(view, "documented", {"query": None, "body": None, "photos": False, "parameters": []})
    operation.setdefault("parameters", []).extend(told["parameters"])
    if told["query"]:
        schema = told["query"].model_json_schema()
        operation["parameters"] += [
            {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": about}
            for name, about in schema["properties"].items()
        ]
    if told["body"]:
        schemas[told["body"].__name__] = schema = told["body"].model_json_schema()
        form = {**schema, "properties": {**schema["properties"], "photos": _PHOTOS}} if told["photos"] else schema
        reference = {"$ref": f"#/components/schemas/{told['body'].__name__}"}
        operation["requestBody"] = {
            "content": {"application/json": {"schema": reference}, "multipart/form-data": {"schema": form}}
        }
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    operation.setdefault("responses", {})["default"] = {"description": "A refusal (RFC 9457)", "content": problem}


_PHOTOS = {"type": "array", "items": {"type": "string", "format": "binary"}, "description": "JPEG, PNG or WebP"}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string", "description": "what is wrong and what would be accepted"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable, such as grid.outside"},
        "field": {"type": "string"},
        "accepted": {},
        "request_id": {"type": "string"},
    },
}
