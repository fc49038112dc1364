"""One tile: what was asked, what the one who asks may see of it, and which version of the data it shows."""

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from webgis import api, db
from webgis.accounts.actor import Actor
from webgis.cases import queries as cases
from webgis.db import Runtime
from webgis.errors import Invalid, NotFound
from webgis.maps import tile_cache
from webgis.maps.tiled import LAYERS, Layer

DEEPEST = 22
_VERSION = "SELECT fn.layer_version(%s, %s) AS version"


@dataclass(frozen=True)
class Address:
    """A tile of the web-mercator pyramid: zoom, column from the west, row from the north."""

    z: int
    x: int
    y: int


@dataclass(frozen=True)
class Question:
    """What is asked of a layer, with the rights of who asks in `params`, and the version that answers are of."""

    layer: Layer
    params: Mapping[str, Any]
    version: str

    @property
    def tag(self) -> str:
        """Another for another question or version."""
        return f"{self.version}-{self._digest()[:16]}"

    def key(self, database: str, address: Address) -> str:
        """Where a tile of this is kept, apart from those of other databases."""
        place = f"{address.z}/{address.x}/{address.y}"
        return f"webgis:tile:{hashlib.sha256(database.encode()).hexdigest()[:12]}:{place}:{self._digest()[:32]}"

    def _digest(self) -> str:
        told = [_functions(), self.layer.name, self.params]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@functools.cache
def _functions() -> str:
    """Another for other functions: what they made is not theirs."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in db.function_files())).hexdigest()


def require_layer(name: str) -> Layer:
    """The layer of this name, or `NotFound`."""
    if name not in LAYERS:
        accepted = list(LAYERS)
        raise NotFound(
            "maps.layer-unknown", f"There is no layer {name[:64]}", field="layer", got=name[:64], accepted=accepted
        )
    return LAYERS[name]


def read_address(z: str, x: str, y: str) -> Address:
    """The tile of these numbers, or `Invalid`: z from 0 to 22, x and y from 0 and less than 2^z."""
    zoom = _number("z", z, DEEPEST)
    return Address(zoom, _number("x", x, 2**zoom - 1), _number("y", y, 2**zoom - 1))


def _number(field: str, got: str, most: int) -> int:
    if not (got.isascii() and got.isdigit() and len(got) <= 9 and int(got) <= most):
        accepted = f"a whole number from 0 to {most}"
        raise Invalid("maps.bad-tile", f"{field}: {accepted}", field=field, got=got[:64], accepted=accepted)
    return int(got)


def read_question(runtime: Runtime, layer: Layer, given: Mapping[str, str], actor: Actor) -> Question:
    """What `given` asks of a layer, within what this person may see, and the version of now."""
    params: dict[str, Any] = api.checked(layer.asked, given).params()
    counts = layer.counts(params)
    if counts:
        departments, area, classes = cases.sight(actor)
        params |= {} if departments is None else {"_departments": sorted(departments)}
        params |= {} if area is None else {"_area": area}
        params |= {} if classes is None else {"_classes": classes}
    ((version,),) = runtime.ask(_VERSION, list(layer.sources), counts)
    return Question(layer, params, version)


def make(runtime: Runtime, redis: Redis, question: Question, address: Address) -> bytes:
    """The tile, gzipped: kept, or made now."""

    def drawn() -> bytes:
        statement = f"SELECT {question.layer.function}(%s, %s, %s, %s::jsonb) AS tile"
        ((tile,),) = runtime.ask(statement, address.z, address.x, address.y, json.dumps(question.params))
        return bytes(tile or b"")

    return tile_cache.kept(redis, question.key(runtime.settings.database, address), question.version, drawn)
