"""Observations as SensorThings writes them: what was sent read into readings, every fault named by its place.

Three forms are read: one observation, a list of observations, and the `dataArray` of the standard's extension (OGC
18-088), which is short. Nothing of a request is taken when one of its observations cannot be.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from webgis import api
from webgis.errors import Invalid

MOST = 10_000
"""Observations of one request."""

LARGEST = 2 * 1024 * 1024
"""Bytes of one request: 10,000 observations in the long form have some 1.5 MB."""

COMPONENTS = ("phenomenonTime", "result")
FIELDS = {"phenomenonTime", "resultTime", "result", "Datastream"}


class Sent(NamedTuple):
    """An observation as read: the datastream by id or code; no moment: that of its arrival; no value: none was told."""

    datastream: int | str
    at: datetime | None
    value: float | None


def bad(message: str, index: int | None = None, field: str = "body", got: Any = None, accepted: str = "") -> Invalid:
    """The refusal of what was sent, with the place (from 0) of the observation at fault."""
    at = "" if index is None else f"Observation {index}: "
    facts = {"field": field} | ({} if index is None else {"index": index})
    shown = str(got)[:100]
    if got is not None:
        facts["got"] = shown
    if accepted:
        facts["accepted"] = accepted
    return Invalid("telemetry.bad-observation", f"{at}{message}", **facts)


def read(body: bytes, datastream: int | None = None) -> list[Sent]:
    """The observations of a request's body; `datastream`: whose they are when they need not say it. One that says it
    all the same must say this one (`of_one`)."""
    try:
        given = api.json_value(body)
    except (ValueError, RecursionError) as error:
        raise bad(f"The body is not JSON that can be used: {error}") from None
    listed = given if isinstance(given, list) else [given]
    sent: list[Sent] = []
    for one in _each(listed, datastream):
        sent.append(one)
        if len(sent) > MOST:
            raise bad(f"More than {MOST} observations in one request", accepted=f"at most {MOST}")
    if not sent:
        raise bad("There is no observation", accepted="an observation, a list of them, or a dataArray")
    return sent


def of_one(sent: list[Sent], datastream: int, codes: Mapping[str, int]) -> None:
    """Refuse observations of another datastream than the address says. `codes`: the ids of those they name by code."""
    for index, one in enumerate(sent):
        named = one.datastream
        if (codes.get(named) if isinstance(named, str) else named) != datastream:
            accepted = "nothing, or the datastream of the address"
            raise bad("another datastream than that of the address", index, "Datastream", named, accepted)


def _each(listed: list[Any], datastream: int | None) -> Iterator[Sent]:
    index = 0
    for given in listed:
        if not isinstance(given, dict):
            raise bad("an object is expected", index, "body", given)
        if "dataArray" in given:
            for one in _array(given, index, datastream):
                yield one
                index += 1
        else:
            yield _one(given, index, datastream)
            index += 1


def _one(given: dict[str, Any], index: int, datastream: int | None) -> Sent:
    if odd := given.keys() - FIELDS:
        raise bad(f"no such field: {', '.join(sorted(odd))}", index, sorted(odd)[0], accepted=", ".join(sorted(FIELDS)))
    if "result" not in given:
        raise bad("result is missing", index, "result", accepted="a number, or null")
    return Sent(
        _datastream(given, index, datastream),
        _moment(given.get("phenomenonTime"), index),
        _number(given["result"], index),
    )


def _array(given: dict[str, Any], index: int, datastream: int | None) -> Iterator[Sent]:
    stream = _datastream(given, index, datastream)
    components, rows = given.get("components"), given["dataArray"]
    if not _are_components(components):
        raise bad("components cannot be used", index, "components", components, "phenomenonTime, result, resultTime")
    if not isinstance(rows, list):
        raise bad("dataArray is a list of lists", index, "dataArray", rows)
    value, moment = components.index("result"), _place(components, "phenomenonTime")
    for number, row in enumerate(rows, index):
        if not isinstance(row, list) or len(row) != len(components):
            raise bad("as many values as components are expected", number, "dataArray", row, ", ".join(components))
        yield Sent(stream, None if moment is None else _moment(row[moment], number), _number(row[value], number))


def _are_components(given: Any) -> bool:
    known = isinstance(given, list) and all(one in (*COMPONENTS, "resultTime") for one in given)
    return known and "result" in given and len(set(given)) == len(given)


def _place(components: list[str], name: str) -> int | None:
    return components.index(name) if name in components else None


def _datastream(given: dict[str, Any], index: int, datastream: int | None) -> int | str:
    told = given.get("Datastream")
    if told is None and datastream is not None:
        return datastream
    named = told.get("@iot.id") if isinstance(told, dict) else None
    if isinstance(named, str) and 0 < len(named) <= 40 and "\0" not in named:
        return named
    if isinstance(named, int) and not isinstance(named, bool) and 0 < named < 2**63:
        return named
    raise bad("Datastream is missing", index, "Datastream", told, '{"@iot.id": its id or code}')


def _moment(told: Any, index: int) -> datetime | None:
    """A moment with its offset; of an interval ("from/until") its end."""
    if told is None:
        return None
    try:
        moment = datetime.fromisoformat(told.rsplit("/", 1)[-1])
        if moment.tzinfo is None:
            raise ValueError("no offset")
        return moment.astimezone(UTC)
    except (ValueError, AttributeError, OverflowError):
        raise bad(
            "phenomenonTime is no moment", index, "phenomenonTime", told, "2026-11-22T08:00:00+08:00, with its offset"
        ) from None


def _number(told: Any, index: int) -> float | None:
    if told is None:
        return None
    if isinstance(told, (int, float)) and not isinstance(told, bool):
        try:
            number = float(told)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise bad("result is no number", index, "result", told, "a number, or null")
