"""Replaying a real workload: every request of a file of another city becomes a case, taken through the real operations.

Arrival order, spacing and durations are those of the file, moved by whole weeks so that the last moment is past. Places
are moved into the grid by one affine map; requests without a place get a cell by their key. Steps are done in the order
of their moments, those of a county one after the other: counties may be replayed by several processes with the same
outcome. Each step is a transaction; what was done is read from the cases, so that a replay goes on where it stopped.

The file has the columns of the San Francisco 311 extract (`COLUMNS`); docs/replay.md.
"""

import csv
import hashlib
import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.accounts.actor import PUBLIC, Actor
from webgis.cases import changes, evidence, handling, intake, workflow
from webgis.cases.workflow import CONFIRMING, DISPATCHED, FILED, HANDLING, REPORTED, RESOLVED, VERIFIED
from webgis.catalog import queries as catalog
from webgis.db import Runtime
from webgis.errors import Conflict, Invalid

COLUMNS = (
    *("unique_key", "created_date", "closed_date", "category", "complaint_type", "status_notes", "source"),
    *("latitude", "longitude"),
)
MARK = "SF311/"
"""Before the request's key in the address of its case: a replayed case can be told, and found again."""

SOURCES = {"Phone": "hotline", "Web": "public"}
"""How a request came -> how the case comes; any other by an inspector, with a photo."""

REJECTED_WORDS = ("cancel", "invalid", "duplicate")
ASTRAY_WORDS = ("transfer",)
SHARES = {
    "request_confirmation": 0.002, "confirm": 0.006, "merge": 0.01, "file": 0.01, "dispatch": 0.02, "return": 0.03,
    "receive": 0.05, "resolve": 0.9, "verify": 0.97, "close": 1.0, "reject": 1.0,
}  # fmt: skip
"""Action -> share of the request's duration that has passed when it is done."""

UNKNOWN = timedelta(days=10)
"""Taken as the duration of a request that the file leaves open."""

OPEN_UNTIL = (REPORTED, FILED, DISPATCHED, HANDLING)
"""Where requests that the file leaves open stay, in turn by their keys."""


@dataclass(frozen=True)
class Request:
    """A row of the file: when it came, how long it took (None: still open), its class here, and its end."""

    key: str
    at: datetime
    took: timedelta | None
    kind: str
    class_code: str
    words: str
    source: str
    rejected: bool
    astray: bool
    place: tuple[float, float] | None

    @property
    def lot(self) -> int:
        """A number that depends on the key alone."""
        return int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:6])

    @property
    def until(self) -> str | None:
        """The state in which an open one stays."""
        return OPEN_UNTIL[self.lot % len(OPEN_UNTIL)] if self.took is None else None

    def moment(self, action: str) -> datetime:
        """When a step of it is done."""
        return self.at + (self.took or UNKNOWN) * SHARES[action]


def read(path: Path) -> list[Request]:
    """The requests of a file, in the order of their arrival. `Invalid` for a file without the columns, or for a line
    that cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise workflow.bad_field("file", str(path), f"a CSV with the columns {', '.join(missing)}")
            table = _classes()
            found = [_request(row, rows.line_num, table) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise workflow.bad_field("file", str(path), f"a CSV in UTF-8 ({error})") from None
    if not found or len({one.key for one in found}) != len(found):
        raise workflow.bad_field("file", str(path), "at least one request, each key once")
    return sorted(found, key=lambda one: (one.at, one.key))


def _classes() -> list[tuple[str, str, str, str]]:
    with files("webgis.cases").joinpath("data", "replay_classes.csv").open(encoding="utf-8", newline="") as file:
        return [tuple(row.values()) for row in csv.DictReader(file)]


def _request(row: dict[str, str], line: int, table: Sequence[tuple[str, str, str, str]]) -> Request:
    try:
        at = _moment(row["created_date"])
        closed = _moment(row["closed_date"]) if row["closed_date"] else None
        lat, lon = float(row["latitude"] or 0), float(row["longitude"] or 0)
    except (ValueError, TypeError) as error:
        raise workflow.bad_field("file", f"line {line}", f"moments and degrees that can be read ({error})") from None
    category, sort, notes = row["category"], row["complaint_type"], row["status_notes"].lower()
    kind, code = next(
        (kind, code)
        for of_category, of_type, kind, code in table
        if fnmatchcase(category, of_category) and fnmatchcase(sort, of_type)
    )
    return Request(
        row["unique_key"],
        at,
        closed and max(closed - at, timedelta(minutes=1)),
        kind,
        code,
        f"{category}: {sort}",
        SOURCES.get(row["source"], "inspector"),
        closed is not None and any(word in notes for word in REJECTED_WORDS),
        any(word in notes for word in ASTRAY_WORDS),
        (lon, lat) if lon and lat else None,
    )


def _moment(given: str) -> datetime:
    """A moment of the file; without an offset it is in UTC."""
    read = datetime.fromisoformat(given)
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Spot:
    """The cell in which a request is reported: its code, and a place in it in CGCS2000 degrees."""

    cell: str
    lon: float
    lat: float


def prepare(session: Session, requests: Sequence[Request], now: datetime) -> tuple[timedelta, dict[str, Spot]]:
    """By how much moments are moved, and the place of each request; the grid becomes as old as the first of them.

    `Invalid` in a city whose communities are not illustrative: real histories are not mixed with made-up ones.
    """
    real = session.scalar(text("SELECT count(*) FROM city.area WHERE level = 'community' AND NOT illustrative"))
    cells = session.execute(_CELLS).all()
    if real or not cells:
        raise workflow.bad_field("city", None, "a demo city (webgis demo load): its communities are illustrative")
    weeks = (now - max(one.moment("close") for one in requests)) // timedelta(weeks=1)
    moved = timedelta(weeks=weeks)
    session.execute(_AGE, {"since": requests[0].at + moved})
    spots = [Spot(*cell) for cell in cells]
    return moved, dict(zip((one.key for one in requests), _placed(requests, spots), strict=True))


_CELLS = text(
    "SELECT code, ST_X(p), ST_Y(p) FROM (SELECT code, ST_PointOnSurface(geom) AS p FROM city.cell"
    " WHERE upper_inf(valid)) AS c ORDER BY code"
)
_AGE = text(
    "UPDATE city.cell SET valid = tstzrange(:since, upper(valid))"
    " WHERE upper_inf(valid) AND lower(valid) > :since AND NOT EXISTS"
    " (SELECT FROM city.cell_lineage l WHERE l.to_cell = cell.id)"
)


def _placed(requests: Sequence[Request], spots: Sequence[Spot]) -> Iterator[Spot]:
    """The affine map takes the extent of the file's places to the extent of the cells; the nearest cell counts."""
    given = np.array([one.place for one in requests if one.place] or [(0.0, 0.0)])
    cells = np.array([(spot.lon, spot.lat) for spot in spots])
    (low, high), (west, east) = (np.percentile(given, (1, 99), axis=0), np.percentile(cells, (1, 99), axis=0))
    scale = (east - west) / np.maximum(high - low, 1e-9)
    for one in requests:
        if one.place is None:
            yield spots[one.lot % len(spots)]
        else:
            there = west + (np.array(one.place) - low) * scale
            yield spots[int(np.argmin(((cells - there) ** 2).sum(axis=1)))]


@dataclass
class Story:
    """A request on its way: its case's number and state once reported, what was done, and what it may repeat."""

    request: Request
    spot: Spot
    number: str | None = None
    state: str | None = None
    department: str | None = None
    done: list[str] = field(default_factory=list)
    repeats: str | None = None

    def next(self) -> str | None:
        """The action that comes next, or None when nothing does."""
        asked = self.request
        if self.state is None:
            return "report"
        if self.state == asked.until or self.state in workflow.OUTCOMES:
            return None
        if self.state == REPORTED:
            if self.repeats and "merge" not in self.done:
                return "merge"
            if asked.rejected:
                return "reject"
            unseen = asked.source == "public" and "confirm" not in self.done
            return "request_confirmation" if unseen else "file"
        if self.state == DISPATCHED and asked.astray and "return" not in self.done:
            return "return"
        return _ROAD[self.state]


_ROAD = {
    CONFIRMING: "confirm", FILED: "dispatch", DISPATCHED: "receive", HANDLING: "resolve", RESOLVED: "verify",
    VERIFIED: "close",
}  # fmt: skip
_DONE = text(
    """
    SELECT c.address, c.number, c.state, c.department_code,
           (SELECT array_agg(e.action ORDER BY e.seq) FROM city.case_event e WHERE e.case_id = c.id) AS done,
           (SELECT e.facts -> 'alike' FROM city.case_event e WHERE e.case_id = c.id AND e.seq = 1) AS alike
    FROM city.case c WHERE c.address LIKE :mark
    """
)


def stories(session: Session, requests: Sequence[Request], spots: dict[str, Spot]) -> list[Story]:
    """The requests with what was done of them before."""
    done = {row.address.removeprefix(MARK): row for row in session.execute(_DONE, {"mark": MARK + "%"})}
    made = []
    for request in requests:
        story = Story(request, spots[request.key])
        if row := done.get(request.key):
            story.number, story.state, story.department = row.number, row.state, row.department_code
            story.done, story.repeats = list(row.done), _repeats(row.number, row.alike)
        made.append(story)
    return made


def _repeats(number: str, alike: Sequence[dict] | None) -> str | None:
    """The case that a report repeats, if it is of the same county: other counties are replayed apart."""
    return next((one["number"] for one in alike or () if one["number"][:6] == number[:6]), None)


class Replay:
    """Stories of whole counties, told in the order of their moments."""

    def __init__(self, runtime: Runtime, told: Sequence[Story], moved: timedelta) -> None:
        self.runtime, self.settings, self.moved = runtime, runtime.settings, moved
        self.photo = evidence.store(self.settings, [_picture()])
        self.actors: dict[str, Actor] = {}
        self.waiting: list[tuple[datetime, int, str, Story]] = []
        for place, story in enumerate(told):
            self._await(place, story, story.request.at)
        with runtime.transaction() as session:
            self.people = {role: session.scalars(_PEOPLE, {"role": role}).all() for role in _ROLES}
        short = [role for role, logins in self.people.items() if len(logins) < _ROLES[role]]
        if short:
            raise workflow.bad_field("city", None, f"more people of the roles {', '.join(short)}")

    def _await(self, place: int, story: Story, earliest: datetime) -> None:
        action = story.next()
        if action is not None:
            at = earliest if action == "report" else max(earliest, story.request.moment(action))
            heapq.heappush(self.waiting, (at, place, action, story))

    def run(self, progress: Callable[[], None], stopped: Callable[[], bool], speed: float | None = None) -> None:
        """Do all steps, or those until it is told to stop. `speed`: so many times as fast as it was; None: at once."""
        begun, first = time.monotonic(), self.waiting[0][0] if self.waiting else None
        while self.waiting and not stopped():
            at, place, action, story = heapq.heappop(self.waiting)
            if speed is not None:
                time.sleep(max(0.0, (at - first).total_seconds() / speed - (time.monotonic() - begun)))
            with self.runtime.transaction() as session:
                self._do(session, story, action, at + self.moved)
            progress()
            self._await(place, story, at)

    def _do(self, session: Session, story: Story, action: str, at: datetime) -> None:
        if action == "report":
            line = self._report(session, story, at)
        else:
            story.done.append(action)
            line = self._act(session, story, action, at)
        if line is not None:
            story.state, story.department = line.state, line.department_code

    def _report(self, session: Session, story: Story, at: datetime):
        asked, spot = story.request, story.spot
        given = intake.Report(
            *(spot.lon, spot.lat, asked.kind, asked.class_code, asked.words),
            crs="cgcs2000",
            address=MARK + asked.key,
            acknowledged=True,
        )
        photos = self.photo if asked.source == "inspector" else ()
        who = {"hotline": "acceptor", "public": "public", "inspector": "inspector"}[asked.source]
        line = intake.report(session, self.settings, self._actor(session, story, who), given, photos, at=at)
        story.number = line.number
        story.done.append(workflow.REPORT)
        story.repeats = _repeats(line.number, session.scalar(_ALIKE, {"id": line.id}))
        return line

    def _act(self, session: Session, story: Story, action: str, at: datetime):
        """Do a step. A merge that has come too late, its case being ended or merged itself, is left out."""
        who, given, photos = self._given(session, story, action)
        try:
            with session.begin_nested():
                return handling.act(
                    session, self.settings, self._actor(session, story, who), story.number, action, given, photos, at=at
                )
        except (Conflict, Invalid):
            if action != "merge":
                raise
            return None

    def _given(self, session: Session, story: Story, action: str) -> tuple[str, dict, Sequence]:
        """Who does a step, what they give, and their photos."""
        here = {"lon": story.spot.lon, "lat": story.spot.lat, "crs": "cgcs2000"}
        note = {"note": "现场核查，已处置"}
        if action == "file":
            asked = story.request
            offered = catalog.offered(session, asked.kind, asked.class_code, story.spot.cell)
            return "acceptor", {"condition": offered[asked.lot % len(offered)].id}, ()
        if action == "dispatch":
            astray = story.request.astray and "return" not in story.done
            other = session.scalar(_ASTRAY, {"number": story.number}) if astray else changes.AUTO
            return "dispatcher", {"department": other}, ()
        return {
            "request_confirmation": ("acceptor", {"inspector": self.people["inspector"][0]}, ()),
            "confirm": ("inspector", {"result": "not_found" if story.request.rejected else "found"} | here, self.photo),
            "merge": ("acceptor", {"into": story.repeats}, ()),
            "reject": ("acceptor", {"reason": "经核对不予立案"}, ()),
            "return": ("department", {"reason": "不属于本单位职责，请改派"}, ()),
            "receive": ("department", {}, ()),
            "resolve": ("department", {"note": "已处置完毕"}, ()),
            "verify": ("verifier", {"result": "pass"} | note | here, ()),
            "close": ("acceptor", {}, ()),
        }[action]

    def _actor(self, session: Session, story: Story, who: str) -> Actor:
        if who == "public":
            return PUBLIC
        if who == "department":
            login = session.scalar(_OF_DEPARTMENT, {"code": story.department})
        else:
            login = self.people["inspector"][1] if who == "verifier" else self.people[who][0]
        if login not in self.actors:
            self.actors[login] = accounts.actor(session, login)
        return self.actors[login]


_ROLES = {"inspector": 2, "acceptor": 1, "dispatcher": 1, "department": 1}
_PEOPLE = text("SELECT login FROM city.person WHERE role = :role AND active AND area_code IS NULL ORDER BY id")
_OF_DEPARTMENT = text(
    "SELECT login FROM city.person WHERE role = 'department' AND active AND department_code = :code ORDER BY id LIMIT 1"
)
_ASTRAY = text(
    """
    SELECT p.department_code FROM city.person p JOIN city.department d ON d.code = p.department_code
    WHERE p.role = 'department' AND p.active AND d.kind IS DISTINCT FROM (
        SELECT f.department_kind FROM city.case c JOIN city.filing_condition f ON f.id = c.condition_id
        WHERE c.number = :number)
    ORDER BY p.id LIMIT 1
    """
)
_ALIKE = text("SELECT facts -> 'alike' FROM city.case_event WHERE case_id = :id AND seq = 1")


def _picture() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), (120, 130, 140)).save(buffer, "JPEG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Count:
    """One line of the balance: what came into a stage (told by the history), and where it went (told by the cases and
    the queues)."""

    stage: str
    came: int
    went: dict[str, int]

    @property
    def holds(self) -> bool:
        return self.came == sum(self.went.values())


_BALANCE = text(
    """
    WITH replayed AS (
        SELECT c.id, c.state, c.outcome, o.state AS queue,
               (SELECT array_agg(DISTINCT e.action) FROM city.case_event e WHERE e.case_id = c.id) AS done
        FROM city.case c LEFT JOIN city.open_case o ON o.case_id = c.id WHERE c.address LIKE :mark
    )
    SELECT count(*) FILTER (WHERE 'report' = ANY(done)) AS reported,
           count(*) FILTER (WHERE 'file' = ANY(done)) AS filed,
           count(*) FILTER (WHERE 'dispatch' = ANY(done)) AS dispatched,
           count(*) FILTER (WHERE 'receive' = ANY(done)) AS received,
           count(*) FILTER (WHERE 'resolve' = ANY(done)) AS resolved,
           count(*) FILTER (WHERE 'verify' = ANY(done)) AS verified,
           count(*) FILTER (WHERE outcome = 'closed') AS closed,
           count(*) FILTER (WHERE outcome = 'rejected') AS rejected,
           count(*) FILTER (WHERE outcome = 'merged') AS merged,
           count(*) FILTER (WHERE outcome = 'void') AS void,
           count(*) FILTER (WHERE queue IN ('reported', 'confirming')) AS to_file,
           count(*) FILTER (WHERE queue = 'filed' AND NOT 'dispatch' = ANY(done)) AS to_dispatch,
           count(*) FILTER (WHERE queue = 'filed' AND 'dispatch' = ANY(done)) AS to_dispatch_again,
           count(*) FILTER (WHERE queue = 'dispatched') AS to_receive,
           count(*) FILTER (WHERE queue = 'handling') AS to_resolve,
           count(*) FILTER (WHERE queue = 'resolved') AS to_verify,
           count(*) FILTER (WHERE queue = 'verified') AS to_close
    FROM replayed
    """
)


def balance(session: Session, requests: int) -> list[Count]:
    """The counts of a replay of so many requests, stage by stage."""
    n = session.execute(_BALANCE, {"mark": MARK + "%"}).one()
    return [
        Count("requests", requests, {"reported": n.reported}),
        Count(
            "reported",
            n.reported,
            {"filed": n.filed, "rejected": n.rejected, "merged": n.merged, "void": n.void, "waiting": n.to_file},
        ),
        Count("filed", n.filed, {"dispatched": n.dispatched, "waiting": n.to_dispatch}),
        Count(
            "dispatched",
            n.dispatched,
            {"received": n.received, "returned, waiting": n.to_dispatch_again, "waiting": n.to_receive},
        ),
        Count("received", n.received, {"resolved": n.resolved, "waiting": n.to_resolve}),
        Count("resolved", n.resolved, {"verified": n.verified, "waiting": n.to_verify}),
        Count("verified", n.verified, {"closed": n.closed, "waiting": n.to_close}),
    ]
