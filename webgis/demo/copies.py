"""The rows of a block of cases: patterns with their gaps filled, histories chained. Python alone; no database.

Two hashes and one row for each event are formatted as bytes, which takes a fraction of what SQL takes for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import pack

import numpy as np

from webgis.demo import ground, patterns, templates
from webgis.demo.past import Past, Working
from webgis.demo.patterns import Patterns
from webgis.demo.templates import GAPS

BLOCK = 20_000
"""Cases whose rows are made at a time."""

NAMES = 300
"""Doors that an address counts."""

EVENT, PICTURE, HASH, DIGEST = (GAPS.index(gap) for gap in ("event", "picture", "hash", "digest"))


@dataclass
class Rows:
    """The rows of a block as COPY takes them: of `case`, `case_event` and `photo`."""

    cases: Sequence[bytes]
    events: Sequence[bytes]
    photos: Sequence[bytes]


def rows(past: Past, working: Working, first_case: int, first_event: int, block: int) -> Rows:
    """The rows of a block: histories chained, events in the order of their moments with ids to match."""
    part = slice(block * BLOCK, min((block + 1) * BLOCK, past.count))
    steps = past.steps[part]
    most = np.arange(templates.MOST_STEPS)
    minute = past.minutes[np.minimum((past.pattern[part] - steps + 1)[:, None] + most, len(past.minutes) - 1)]
    at = past.moment(part, minute)
    there = most < steps[:, None]
    ids = np.zeros(at.shape, dtype=np.int64)
    order = np.argsort(at[there], kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    ids[there] = rank
    made = Rows([], [b""] * len(order), [])
    fixed = _fixed(past, working, part, first_case, np.random.default_rng((past.seed, block)))
    base = first_event + int(past.events_before[part.start])
    moments = _bytes(at - templates.POSTGRES_EPOCH)
    stamps = np.datetime_as_string(at.astype("datetime64[us]")).astype("S26").tolist()
    ranks, event_ids, pictures = ids.tolist(), _bytes(ids + base), _bytes(_scattered(ids + base))
    roads, firsts = past.road[part].tolist(), (past.pattern[part] - steps + 1).tolist()
    for n, (values, count) in enumerate(zip(fixed, steps.tolist(), strict=True)):
        values += moments[n]
        values += stamps[n]
        _write(past.made, roads[n], firsts[n], count, values, ranks[n], event_ids[n], pictures[n], made)
    return made


def _fixed(past: Past, working: Working, part: slice, first_case: int, rng: np.random.Generator) -> list[list]:
    """For each case the values of the gaps up to "due"; those of its events are none yet."""
    cell, city = past.cell[part], past.ground
    lons, lats = (list(map(templates.degrees, values.tolist())) for values in ground.spread(rng, city, cell))
    ids = np.arange(part.start, part.stop) + first_case
    day = (past.reported[part] + past.zone_shift).astype("datetime64[us]").astype("datetime64[D]")
    heads = [
        past.made.counties[county] + str(one).replace("-", "")
        for county, one in zip(past.county[part].tolist(), day, strict=True)
    ]
    kinds = past.made.kinds
    said = [past.made.words[kind] for kind in (past.road[part] // len(patterns.ROADS) % kinds).tolist()]
    doors = [f"{name}{door}号" for name, door in zip(city.names[cell], (ids % NAMES + 1).tolist(), strict=True)]
    dues = [_bytes(moments - templates.POSTGRES_EPOCH) for moments in working.dues(past, part)]
    return [
        [case, b"", f"{head}{sequence:05d}".encode(), cell_id, code.encode(), lon.encode(), lat.encode(),
         pack("<dd", float(lon), float(lat)), templates.worded(f"{words}，{door}附近"), templates.worded(door),
         b"", b"", b"", deadline, due]
        for case, head, sequence, cell_id, code, lon, lat, words, door, deadline, due in zip(
            _bytes(ids), heads, past.sequence[part].tolist(), _bytes(city.ids[cell]), city.codes[cell].tolist(),
            lons, lats, said, doors, *dues, strict=True
        )
    ]  # fmt: skip


def _write(
    made: Patterns, road: int, first: int, count: int, values: list, ranks: list, ids: list, pictures: list, rows: Rows
) -> None:
    """Add the rows of one case after `count` steps of its road, each chained to the one before."""
    previous = b""
    for step, event in enumerate(made.events[road][:count]):
        said = made.cases[first + step].said
        values[EVENT], values[DIGEST] = ids[step], sha256(said.form % said.take(values)).digest()
        previous = values[HASH] = sha256(previous + event.said.form % event.said.take(values)).digest()
        rows.events[ranks[step]] = event.row.form % event.row.take(values)
        for photo in event.photos:
            values[PICTURE] = pictures[step]
            rows.photos.append(photo.form % photo.take(values))
    last = made.cases[first + count - 1].row
    rows.cases.append(last.form % last.take(values))


def _bytes(values: np.ndarray) -> list:
    """Whole numbers as PostgreSQL sends them."""
    return values.astype(">i8").view("V8").tolist()


def _scattered(values: np.ndarray) -> np.ndarray:
    """Numbers that look like anything, for pictures that are like none."""
    mixed = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed ^ (mixed >> np.uint64(29))).view(np.int64)
