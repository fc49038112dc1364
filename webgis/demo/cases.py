"""Living the stories: each is reported and handled through the operations, by posts of the demo, at its moments."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw
from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.cases import evidence, handling, intake
from webgis.cases.models import Case
from webgis.catalog import queries as catalog
from webgis.db import Runtime
from webgis.demo import people, stories
from webgis.demo.places import CENTRES
from webgis.demo.stories import Doing, Story

SUSPENDED = timedelta(days=14)
CENTRE_KM = 6.0
"""Cases thin out with this distance from the city's centre."""

_CELLS = text(
    "SELECT code, ST_X(p) AS lon, ST_Y(p) AS lat FROM (SELECT code, ST_PointOnSurface(geom) AS p FROM city.cell"
    " WHERE upper_inf(valid) AND left(code, 6) = ANY(:counties) ORDER BY code) AS inside"
)

_OPEN = text(
    "SELECT c.number, ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat, c.kind, c.class_code, c.description"
    " FROM city.open_case o JOIN city.case c ON c.id = o.case_id"
    " WHERE left(o.cell_code, 6) = :county AND c.parent_id IS NULL ORDER BY c.id LIMIT 1"
)

NOTES = {
    "reject": "现场核对，不属于城市管理范围",
    "return": "不属于本单位职责，请改派",
    "resolve": "已处置完毕，现场已恢复",
    "void": "测试上报，作废",
    "suspend": "需等待材料到货，暂缓处置",
    "fail": "现场仍有残留，请继续处置",
    "pass": "现场核查，已处置",
}


def stored(session: Session, counties: Sequence[str]) -> int:
    """How many cases these counties have, without the tasks of those that were split."""
    of_county = func.left(Case.cell_code, 6).in_(counties)
    whole = Case.relation.is_distinct_from("task")
    return session.scalar(select(func.count()).select_from(Case).where(of_county, whole))


def live(
    runtime: Runtime,
    counties: Sequence[str],
    count: int,
    seed: int,
    now: datetime,
    progress: Callable[[int], None] = lambda _done: None,
) -> int:
    """Make the cases that are not there yet, one transaction each; returns how many were made."""
    with runtime.transaction() as session:
        cells = session.execute(_CELLS, {"counties": list(counties)}).all()
        done = stored(session, counties)
    planned = stories.plan(count, _weights(cells, counties[0][:4]), now, seed)
    for number, story in enumerate(planned[done:], start=done):
        with runtime.transaction() as session:
            _Telling(session, runtime, cells[story.cell], number).tell(story)
        progress(number + 1)
    return max(count - done, 0)


def _weights(cells: Sequence[Row], city: str) -> np.ndarray:
    """(n,) likelihood of a case in each cell: highest in the middle."""
    places = np.array([(cell.lon, cell.lat) for cell in cells])
    middle = np.array(CENTRES.get(city, places.mean(axis=0)))
    km = np.hypot(*((places - middle) * (96.0, 111.0)).T)
    return np.exp(-km / CENTRE_KM)


class _Telling:
    """One case being made: its session, its cell, and who does what in it."""

    def __init__(self, session: Session, runtime: Runtime, cell: Row, number: int) -> None:
        self.session, self.settings, self.cell, self.number = session, runtime.settings, cell, number
        self.inspector = self._actor(f"inspector{number % 4 + 1}")
        self.verifier = self._actor(f"inspector{(number + 1) % 4 + 1}")
        self.acceptor = self._actor(f"acceptor{number % 2 + 1}")
        self.dispatcher = self._actor(f"dispatcher{number % 2 + 1}")

    def _actor(self, login: str) -> Actor:
        return accounts.actor(self.session, login)

    def tell(self, story: Story) -> None:
        """Report the case and do its steps."""
        reporter = self.acceptor if story.hotline else self.inspector
        photos = [] if story.hotline else self._photos("before", story)
        self.parent = self._parent() if story.ending == "merged" else None
        told = self.parent or story
        place = self.parent or self.cell
        report = intake.Report(
            place.lon,
            place.lat,
            told.kind,
            told.class_code,
            told.description,
            crs="cgcs2000",
            accuracy_m=8.0,
            acknowledged=True,
        )
        number = intake.report(self.session, self.settings, reporter, report, photos, at=story.at).number
        conditions = catalog.conditions_of(self.session, story.kind, story.class_code, self.cell.code)
        condition = conditions[self.number % len(conditions)]
        department = people.responsible(self.cell.code[:6], condition.department_kind or "other")
        for doing in story.doings:
            self._do(number, doing, story, condition.id, department)

    def _parent(self) -> Row:
        """The open case that is told of once more: the oldest of the county that stands for itself."""
        return self.session.execute(_OPEN, {"county": self.cell.code[:6]}).one()

    def _do(self, number: str, doing: Doing, story: Story, condition: int, department: str) -> None:
        astray = people.responsible(self.cell.code[:6], "other")
        if astray == department:
            astray = people.responsible(self.cell.code[:6], "sanitation")
        place = {"lon": self.cell.lon, "lat": self.cell.lat, "crs": "cgcs2000"}
        sent = {"inspector": self.verifier.login}
        result = "pass" if doing.well else "fail"
        actor, given = {
            "request_confirmation": (self.acceptor, sent),
            "file": (self.acceptor, {"condition": condition}),
            "reject": (self.acceptor, {"reason": NOTES["reject"]}),
            "void": (self.acceptor, {"reason": NOTES["void"]}),
            "merge": (self.acceptor, {"into": self.parent.number if self.parent else None}),
            "split": (self.dispatcher, {"departments": [department, astray]}),
            "suspend": (self.dispatcher, {"reason": NOTES["suspend"], "until": doing.at + SUSPENDED}),
            "request_verification": (self.acceptor, sent),
            "dispatch": (self.dispatcher, {"department": department if doing.well else astray}),
            "return": (astray, {"reason": NOTES["return"]}),
            "receive": (department, {}),
            "resolve": (department, {"note": NOTES["resolve"]}),
            "verify": (self.verifier, {"result": result, "note": NOTES[result]} | place),
            "close": (self.acceptor, {}),
        }[doing.action]
        who = self._actor(actor) if isinstance(actor, str) else actor
        photos = self._photos("after", story) if doing.action == "resolve" else []
        handling.act(self.session, self.settings, who, number, doing.action, given, photos, at=doing.at)

    def _photos(self, moment: str, story: Story) -> list[evidence.Evidence]:
        return evidence.store(self.settings, [picture(f"DEMO {story.class_code} {moment}", self.number)])


def picture(words: str, number: int) -> bytes:
    """A drawn street scene that cannot be taken for a photo: it says "DEMO". JPEG, 960 x 720."""
    hue = number * 37 % 90
    image = Image.new("RGB", (960, 720), (188, 206, 222))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 430, 960, 720), fill=(122, 124, 128))
    draw.rectangle((0, 400, 960, 440), fill=(168, 166, 160))
    for at in range(3):
        left = (at * 330 + number * 53) % 900 - 60
        draw.rectangle((left, 150 + at * 40, left + 240, 402), fill=(150 + hue // 2, 128 + at * 14, 108 + hue))
    for at in range(-1, 6):
        draw.polygon([(at * 190, 580), (at * 190 + 110, 580), (at * 190 + 90, 600), (at * 190 - 20, 600)], fill="white")
    middle = 200 + number * 71 % 560
    draw.ellipse((middle - 46, 470, middle + 46, 520), fill=(70, 60 + hue, 50), outline=(40, 40, 40), width=4)
    draw.rectangle((0, 656, 960, 720), fill=(20, 24, 30))
    draw.text((24, 668), f"{words} #{number}", fill="white", font_size=36)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
