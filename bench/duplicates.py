"""`python -m bench duplicates`: of labelled pairs of reports, which does the search for duplicates find?

`duplicate_pairs.csv` holds pairs of reports of one scene, written for this: what inspectors, citizens and hotline
operators say of the same thing (`same` 1), or of another thing nearby (0). Its structure is that of a real 311
workload: which kinds of trouble there are (flooding and sewers first, then graffiti, broken things, refuse, noise), how
far apart in space and time reports of one class within 50 m and 24 h lie (four of ten at the same place; half of them
within three hours), and where they come from. Columns: scene, same, metres and minutes apart, bits in which the hashes
of their photos differ (empty: not both have one), and kind, class and text of both.

Each pair is asked of the real function: the first report is an open case, the second looks for duplicates. Beside it:
what distance and time alone say (50 m, 24 h), as is usual elsewhere, and the same with the class. Weights and threshold
were chosen on the scenes with odd numbers; the even ones were held out.
"""

import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench import report, scratch
from tests import city
from webgis import db
from webgis.cases import duplicates as searched
from webgis.db import Runtime

PAIRS = Path(__file__).with_name("duplicate_pairs.csv")
RADIUS_M, MINUTES = 50, 24 * 60
AT = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
LON, LAT = city.IN_WEST
METRE = 1 / 95_830
"""Degrees of longitude of a metre at the latitude of the small city."""

SEEN = 0x5A3C_96E1_0F78_2D4B
"""A picture's hash; that of the other photo has so many of its bits turned."""


@dataclass(frozen=True)
class Pair:
    """Two reports of a scene, and whether they tell of the same thing."""

    scene: int
    same: bool
    metres: float
    minutes: float
    bits: int | None
    first: tuple[str, str, str]
    second: tuple[str, str, str]
    """Kind, class and text of each."""


def pairs() -> list[Pair]:
    """The labelled pairs."""
    with PAIRS.open(encoding="utf-8", newline="") as file:
        return [_pair(row) for row in csv.DictReader(file)]


def _pair(row: dict[str, str]) -> Pair:
    first, second = (row["kind"], row["class"], row["text"]), (row["other_kind"], row["other_class"], row["other_text"])
    bits = int(row["bits"]) if row["bits"] else None
    numbers = int(row["scene"]), row["same"] == "1", float(row["metres"]), float(row["minutes"])
    return Pair(*numbers, bits, first, second)


_CASE = text(
    """
    WITH told AS (
        INSERT INTO city.case (number, kind, standard, class_code, description, geom, crs, cell_id, cell_code, source,
                               state, reported_at, changed_at, head)
        SELECT '5101042026070100001', :kind, 'GB/T 47678.5-2026', :code, :description, place, 'cgcs2000', l.id, l.code,
               'public', 'reported', :at, :at, ''
        FROM ST_SetSRID(ST_Point(:lon, :lat), 4490) AS place, LATERAL fn.cell_at(place, :at) AS l
        RETURNING id
    ), event AS (
        INSERT INTO city.case_event (case_id, seq, at, action, to_state, role, given, hash)
        SELECT id, 1, :at, 'report', 'reported', 'public', '{}', '' FROM told RETURNING id, case_id
    )
    INSERT INTO city.photo (case_id, event_id, sha256, media_type, width, height, bytes, picture_hash)
    SELECT case_id, id, '', 'image/jpeg', 1, 1, 1, :hash FROM event WHERE CAST(:hash AS bigint) IS NOT NULL
    """
)


def scored(session: Session, pair: Pair) -> float:
    """The score with which the second report finds the first, 0 when it does not; nothing stays in the database."""
    kind, code, description = pair.first
    first = {"kind": kind, "code": code, "description": description, "at": AT, "lon": LON, "lat": LAT}
    kind, code, description = pair.second
    with session.begin_nested() as kept:
        session.execute(_CASE, first | {"hash": None if pair.bits is None else SEEN})
        found = searched.candidates(
            session,
            kind=kind,
            class_code=code,
            lon=LON + pair.metres * METRE,
            lat=LAT,
            at=AT + timedelta(minutes=pair.minutes),
            description=description,
            photo_hashes=[] if pair.bits is None else [SEEN ^ ((1 << pair.bits) - 1)],
        )
        kept.rollback()
    return found[0].score if found else 0.0


Rule = Callable[[Pair], bool]


def _near(pair: Pair) -> bool:
    return pair.metres <= RADIUS_M and pair.minutes <= MINUTES


def _near_and_same_class(pair: Pair) -> bool:
    return _near(pair) and pair.first[1] == pair.second[1]


@dataclass(frozen=True)
class Quality:
    """Of those called duplicates, how many are (precision); of the duplicates, how many are called so (recall); and
    their harmonic mean."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def quality(labelled: list[Pair], says: Rule) -> Quality:
    """How well a rule tells the labelled pairs apart."""
    called = [pair for pair in labelled if says(pair)]
    right, same = sum(pair.same for pair in called), sum(pair.same for pair in labelled)
    return Quality(right / max(len(called), 1), right / max(same, 1))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--scores", is_flag=True, help="Print every pair with its score instead, the wrong ones marked.")
def duplicates(as_json: bool, scores: bool) -> None:
    """Precision and recall of the search for duplicates on labelled pairs, beside distance and time alone."""
    labelled = pairs()
    with scratch.database() as engine:
        found = _search(scratch.runtime(engine), labelled)
        if scores:
            _print(found)
            return
        sys.exit(report.show("duplicates", _rows(found), as_json, scratch.versions(engine)))


def _search(runtime: Runtime, labelled: list[Pair]) -> dict[Pair, float]:
    db.upgrade(runtime.engine)
    with runtime.transaction() as session:
        city.build(session)
        found = {pair: scored(session, pair) for pair in labelled}
    runtime.dispose()
    return found


def _rows(found: dict[Pair, float]) -> Iterator[report.Row]:
    held_out = [pair for pair in found if pair.scene % 2 == 0]
    for which, labelled in (("all", list(found)), ("held out", held_out)):
        ours = quality(labelled, lambda pair: found[pair] > 0)
        for beside, rule in (("50 m and 24 h", _near), ("50 m, 24 h and the class", _near_and_same_class)):
            theirs = quality(labelled, rule)
            for name in ("precision", "recall", "f1"):
                one, other = getattr(ours, name), getattr(theirs, name)
                what = f"{name} on {len(labelled)} pairs ({which}), beside {beside}"
                yield report.Row(what, one, other, one / other, 1.0 if name == "f1" else None, "")


def _print(found: dict[Pair, float]) -> None:
    for pair, score in sorted(found.items(), key=lambda one: one[1]):
        wrong = "!" if pair.same != (score > 0) else " "
        same = "same " if pair.same else "other"
        place = f"{pair.metres:3.0f} m {pair.minutes:4.0f} min {'-' if pair.bits is None else pair.bits:>2} bits"
        (_, code, one), (_, other_code, other) = pair.first, pair.second
        click.echo(f"{wrong} {score:.2f} {same} {pair.scene:2} {place} {code} {one} / {other_code} {other}")
