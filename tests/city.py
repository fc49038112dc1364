"""A small city for tests: two communities of some cells, departments of two kinds, one or two people of each role."""

from datetime import UTC, date, datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import numpy as np
from geoalchemy2.shape import from_shape
from PIL import Image
from shapely import MultiPolygon, box
from sqlalchemy import func, update
from sqlalchemy.orm import Session

from webgis.accounts import operations as accounts
from webgis.catalog import operations as catalog
from webgis.geo import SRID
from webgis.grid import division
from webgis.grid.models import Area, Cell

CITY, COUNTY, SUBDISTRICT = "5101", "510104", "510104017"
WEST, EAST = "510104017001", "510104017002"
"""Two communities side by side; their common border is the meridian 104.065."""

SQUARES = {WEST: box(104.060, 30.655, 104.065, 30.660), EAST: box(104.065, 30.655, 104.070, 30.660)}
IN_WEST = (104.0622, 30.6571)
IN_EAST = (104.0671, 30.6573)
OUTSIDE = (104.0800, 30.6573)
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
"""The cells are valid from here on, so that tests may report in the past."""

PASSWORD = "correct horse"
PEOPLE = (
    ("inspector1", "inspector", None),
    ("inspector2", "inspector", None),
    ("acceptor1", "acceptor", None),
    ("dispatcher1", "dispatcher", None),
    ("dispatcher2", "dispatcher", None),
    ("sanitation1", "department", "510104-sanitation"),
    ("works1", "department", "510104-works"),
    ("manager1", "manager", None),
    ("administrator1", "administrator", None),
)
REFUSE = "06010"
"""The class 暴露垃圾 (exposed refuse), a matter."""


def today() -> date:
    """The day that it is in the city. Asked for by a test when it runs: the day may end after tests are collected."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def build(session: Session) -> None:
    """Make the city. The caller commits."""
    whole = box(104.060, 30.655, 104.070, 30.660)
    for code, level, parent, name, shape in (
        (CITY, "city", None, "成都市", whole),
        (COUNTY, "county", CITY, "锦江区", whole),
        (SUBDISTRICT, "subdistrict", COUNTY, "春熙路街道", whole),
        (WEST, "community", SUBDISTRICT, "西社区", SQUARES[WEST]),
        (EAST, "community", SUBDISTRICT, "东社区", SQUARES[EAST]),
    ):
        session.add(_area(code, level, parent, name, shape))
        session.flush()
    for code, square in SQUARES.items():
        _divide(session, code, square)
    catalog.load_standard_classes(session)
    catalog.load_default_filing_standard(session, CITY)
    accounts.add_department(
        session, "510104-sanitation", "锦江区环卫所", "Jinjiang Sanitation", kind="sanitation", area=COUNTY
    )
    accounts.add_department(
        session, "510104-works", "锦江区市政所", "Jinjiang Works", kind="municipal_works", area=COUNTY
    )
    for login, role, department in PEOPLE:
        accounts.add_person(session, login, f"{login} 岗", role, PASSWORD, department=department)


def add_community(session: Session, code: str, square) -> None:
    """One more community in the subdistrict, with its cells; its square may lie outside of the others."""
    session.add(_area(code, "community", SUBDISTRICT, code, square))
    session.flush()
    _divide(session, code, square)


def measure_elsewhere(session: Session, srid: int = 4554) -> None:
    """From now on the county names the strip of 135 E: a metre of the ground is some 1.12 of its metres there."""
    session.execute(update(Area).where(Area.code == COUNTY).values(projected_srid=srid))


def _area(code: str, level: str, parent: str | None, name: str, shape) -> Area:
    geom = from_shape(MultiPolygon([shape]), srid=SRID)
    return Area(code=code, level=level, parent_code=parent, name_zh=name, geom=geom, area_m2=1.0)


def _divide(session: Session, community: str, square) -> None:
    made = division.divide(square, srid=4544)
    for seq, geom, area in zip(made.seq, made.geoms, made.area_m2, strict=True):
        session.add(
            Cell(
                code=f"{community}{seq:03d}",
                community_code=community,
                geom=from_shape(geom, srid=SRID),
                area_m2=float(area),
                nominal_m=made.size_m,
                valid=func.tstzrange(SINCE, None),
                origin="divided",
            )
        )
    session.flush()


def photo(width: int = 64, height: int = 48, *, colour: int = 120, exif: Image.Exif | None = None) -> bytes:
    """A small JPEG, different for each `colour`."""
    pixels = np.full((height, width, 3), colour, dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **({"exif": exif} if exif else {}))
    return buffer.getvalue()
