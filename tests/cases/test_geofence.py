"""Was it done on the spot, and are the photos of then and there: the rules alone, and what the real steps keep."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image
from sqlalchemy import text

from tests import city
from tests.cases.life import Life
from webgis.accounts import operations as accounts
from webgis.cases import evidence, geofence, picture_hash, queries
from webgis.cases.geofence import Shot, judge, judge_photo
from webgis.errors import Forbidden, Invalid

AT = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
HERE = city.IN_WEST
METRE_LON, METRE_LAT = 1 / 95_830, 1 / 110_860
"""Degrees of one metre at the latitude of the small city."""


def _off(east: float = 0, north: float = 0) -> tuple[float, float]:
    return HERE[0] + east * METRE_LON, HERE[1] + north * METRE_LAT


@pytest.mark.parametrize(
    ("distance", "in_cell", "accuracy", "reported", "inside", "marks"),
    [
        (0, True, 5, 5, True, ()),
        (80, True, 5, 5, True, ("far_from_place",)),
        (29.9, False, 0, 0, True, ("outside_cell",)),
        (30.1, False, 0, 0, False, ("outside_cell", "far_from_place")),
        (45, False, 10, 6, True, ("outside_cell",)),
        (47, False, 10, 6, False, ("outside_cell", "far_from_place")),
        (20, False, None, None, True, ("accuracy_unknown", "outside_cell")),
        (129, False, 5000, 5000, True, ("accuracy_capped", "outside_cell")),
        (131, False, 5000, 5000, False, ("accuracy_capped", "outside_cell", "far_from_place")),
        (30.1, False, -50, 0, False, ("outside_cell", "far_from_place")),
        (None, None, 5, 5, False, ("no_position",)),
    ],
)
def test_on_the_spot_is_in_the_cell_or_within_tolerance_and_both_accuracies(
    distance, in_cell, accuracy, reported, inside, marks
):
    judged = judge(distance, in_cell, accuracy, reported, 30)
    assert (judged.inside, judged.marks) == (inside, marks)
    assert judged.facts()["inside"] is inside and judged.words().endswith(".")


def _marks(shot: Shot, *earlier: Shot) -> set[str]:
    facts = judge_photo(shot, HERE, AT, earlier, longest_hours=24, farthest_m=150)
    return set(facts["marks"])


@pytest.mark.parametrize(
    ("age", "mark"),
    [
        (timedelta(hours=23), None),
        (timedelta(hours=25), "taken_long_before"),
        (timedelta(minutes=-4), None),
        (timedelta(minutes=-6), "taken_in_future"),
        (None, "time_unknown"),
    ],
)
def test_the_time_of_a_photo_is_held_against_the_moment_it_is_given(age, mark):
    shot = Shot("a", None if age is None else AT - age, HERE)
    assert _marks(shot) == ({mark} if mark else set())


@pytest.mark.parametrize(
    ("place", "mark"), [(_off(north=149), None), (_off(north=152), "taken_elsewhere"), (None, "place_unknown")]
)
def test_the_place_of_a_photo_is_held_against_the_place_of_the_case(place, mark):
    assert _marks(Shot("a", AT, place)) == ({mark} if mark else set())


def test_a_picture_given_before_is_known_again_even_saved_anew_and_an_even_one_proves_nothing():
    seen = 0x5A3C_96E1_0F78_2D4B
    new = Shot("new", AT, HERE, seen)
    assert _marks(new, Shot("old", AT, HERE, seen ^ 0b11)) == {"used_before"}
    assert _marks(new, Shot("old", AT, HERE, seen ^ 0b111)) == set()
    assert _marks(Shot("same"), Shot("same")) >= {"used_before"}
    assert _marks(Shot("new", AT, HERE, 0), Shot("old", AT, HERE, 0)) == set()


def test_a_photo_makes_a_pair_with_the_one_before_that_was_taken_nearest():
    far, near = Shot("far", place=_off(north=90), id=1, before=True), Shot("near", place=_off(8), id=2, before=True)
    after = Shot("between", place=_off(1), id=3)
    facts = judge_photo(Shot("x", AT, HERE), HERE, AT, [far, near, after], longest_hours=24, farthest_m=150)
    assert facts["before"]["photo"] == 2 and facts["before"]["apart_m"] == pytest.approx(8, abs=0.1)


def test_a_pair_without_places_is_the_most_alike_and_one_too_far_apart_is_marked():
    one, two = (Shot(name, picture_hash=value, id=value, before=True) for name, value in (("one", 0xFF), ("two", 0xF)))
    facts = judge_photo(Shot("x", AT, HERE, 0xFE), HERE, AT, [two, one], longest_hours=24, farthest_m=150)
    assert facts["before"] == {"photo": 0xFF, "apart_m": None}
    assert _marks(Shot("x", AT, _off(north=100)), Shot("b", AT, _off(north=-60), before=True)) == {"other_place"}


def test_metres_apart_are_those_of_the_ellipsoid_within_half_a_percent(city_runtime):
    places = [(HERE, _off(50, 50)), (HERE, (116.4, 39.9)), ((104.0, 30.0), (104.0, 30.001))]
    with city_runtime.transaction() as session:
        for one, other in places:
            known = session.scalar(
                text("SELECT ST_Distance(ST_Point(:a, :b)::geography, ST_Point(:c, :d)::geography)"),
                dict(zip("abcd", (*one, *other), strict=True)),
            )
            assert geofence.metres_apart(one, other) == pytest.approx(known, rel=0.005)
    assert geofence.metres_apart(None, HERE) is None


def test_marks_are_all_named():
    said = judge(200, False, None, None, 30).marks + judge(200, False, 99, 0, 30).marks + judge(*[None] * 4, 30).marks
    assert set(said) == set(geofence.MARKS)


@pytest.fixture
def life(city_runtime):
    made = Life(city_runtime)
    yield made
    made.check()


def _photo(seed: int, taken: str | None = None, place: tuple[float, float] | None = None) -> bytes:
    """A JPEG of patches of light and shadow that knows when (city time) and where it was taken."""
    exif = Image.Exif()
    if taken:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    if place:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLongitudeRef] = "N", "E"
        gps[ExifTags.GPS.GPSLongitude], gps[ExifTags.GPS.GPSLatitude] = ((value, 0.0, 0.0) for value in place)
    coarse = np.random.default_rng(seed).integers(20, 236, (6, 8, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def _shows(life, *photos: bytes) -> None:
    life.photo = evidence.store(life.settings, photos)


def _judged(life, case) -> list[dict]:
    """What the last event keeps of its photos."""
    with life.runtime.transaction() as session:
        return queries.events(session, case.id)[-1].facts["photos"]


def test_a_step_keeps_what_its_photos_tell_and_pairs_them_with_those_before(life):
    _shows(life, _photo(1, "2026:11:02 08:55:00", _off(3)), _photo(2, "2026:11:02 08:55:00", _off(120)))
    number = life.handled()
    _shows(life, _photo(3, "2026:11:02 09:03:00", _off(-4)))
    done = life.do("sanitation1", number, "resolve", photos=True)
    (kept,) = _judged(life, done)
    with life.runtime.transaction() as session:
        first = queries.photos(session, [done.id])[done.id][0]
    assert kept["marks"] == [] and kept["sha256"] == life.photo[0].sha256
    assert kept["taken_at"] == "2026-11-02T01:03:00+00:00" and kept["age_s"] == 60
    assert kept["distance_m"] == pytest.approx(4, abs=0.1) and kept["place"] == pytest.approx(_off(-4), abs=1e-6)
    assert kept["before"] == {"photo": first.id, "apart_m": pytest.approx(7, abs=0.1)}


def test_a_report_keeps_what_its_photos_tell_of_its_time_and_place(life):
    _shows(life, _photo(1, "2026:11:02 08:55:00", _off(3)), _photo(2, "2026:10:02 08:55:00", _off(400)), _photo(3))
    good, bad, dumb = _judged(life, life.report())
    assert (good["marks"], good["age_s"], good["distance_m"]) == ([], 300, pytest.approx(3, abs=0.1))
    assert bad["marks"] == ["taken_long_before", "taken_elsewhere"]
    assert dumb["marks"] == ["time_unknown", "place_unknown"]


def test_a_photo_from_elsewhere_from_long_ago_or_given_before_is_marked_and_not_refused(life):
    _shows(life, _photo(1))
    number = life.handled()
    again = life.photo
    _shows(life, _photo(4, "2026:10:30 09:00:00", _off(north=400)))
    life.photo += again
    elsewhere, before = _judged(life, life.do("sanitation1", number, "resolve", photos=True))
    assert elsewhere["marks"] == ["taken_long_before", "taken_elsewhere"]
    assert before["marks"] == ["time_unknown", "place_unknown", "used_before"]


def test_how_old_and_how_far_a_photo_may_be_are_settings(city_runtime):
    settings = city_runtime.settings.model_copy(update={"photo_oldest_hours": 100, "photo_farthest_m": 500})
    (photo,) = evidence.store(settings, [_photo(4, "2026:10:30 09:00:00", _off(north=400))])
    (strict,) = evidence.judged(city_runtime.settings, [photo], HERE, AT)
    (loose,) = evidence.judged(settings, [photo], HERE, AT)
    assert strict["marks"] == ["taken_long_before", "taken_elsewhere"] and loose["marks"] == []


def test_the_photos_of_a_task_are_paired_with_those_of_the_case_it_was_split_from(life):
    number = life.filed()
    life.do("dispatcher1", number, "split", departments=["510104-sanitation", "510104-works"])
    task = life.family(number)[0].number
    life.do("sanitation1", task, "receive")
    _shows(life, _photo(5))
    (kept,) = _judged(life, life.do("sanitation1", task, "resolve", photos=True))
    with life.runtime.transaction() as session:
        case = queries.require_case(session, life.actor("engine"), number)
        (shown,) = queries.photos(session, [case.id])[case.id]
    assert kept["before"]["photo"] == shown.id


def _resolved(life) -> str:
    number = life.handled()
    life.do("sanitation1", number, "resolve", note="已清理")
    return number


def _stands(place: tuple[float, float], **more) -> dict:
    return {"lon": place[0], "lat": place[1], "crs": "cgcs2000", **more}


def test_who_verifies_near_the_place_but_outside_its_cell_needs_no_reason(life):
    with life.runtime.transaction() as session:
        border = session.scalar(
            text("SELECT ST_XMax((fn.cell_at(ST_SetSRID(ST_Point(:lon, :lat), 4490), :at)).geom)"),
            {"lon": HERE[0], "lat": HERE[1], "at": life.now},
        )
    place = border - 10 * METRE_LON, HERE[1]
    number = life.handled(place=place)
    life.do("sanitation1", number, "resolve", note="已清理")

    def verified(metres: float, **more):
        given = _stands((place[0] + metres * METRE_LON, place[1]), **more)
        return life.do("inspector2", number, "verify", result="pass", **given)

    with pytest.raises(Invalid) as refused:
        verified(32)
    assert (refused.value.code, refused.value.facts["field"]) == ("cases.away", "reason")
    done = verified(32, accuracy_m=5)
    with life.runtime.transaction() as session:
        kept = queries.events(session, done.id)[-1].facts["place"]
    assert kept["inside"] and kept["marks"] == ["outside_cell"]


def test_who_confirms_from_elsewhere_states_a_reason_like_who_verifies(life):
    number = life.report("public").number
    life.do("acceptor1", number, "request_confirmation", inspector="inspector1")
    far = _stands(_off(north=2000))
    with pytest.raises(Invalid) as refused:
        life.do("inspector1", number, "confirm", photos=True, result="found", **far)
    assert (refused.value.code, refused.value.facts["field"]) == ("cases.away", "reason")
    done = life.do("inspector1", number, "confirm", photos=True, result="found", reason="河对岸拍摄", **far)
    with life.runtime.transaction() as session:
        kept = queries.events(session, done.id)[-1].facts["place"]
    assert done.confirmation == "found" and "far_from_place" in kept["marks"]


def test_who_gives_no_position_states_a_reason_unless_the_city_only_marks_it(life):
    number = _resolved(life)
    with pytest.raises(Invalid, match="No position was given"):
        life.do("inspector2", number, "verify", there=False, result="pass")
    assert (
        life.do("inspector2", number, "verify", there=False, result="pass", reason="地下室无信号").state == "verified"
    )
    life.do("acceptor1", number, "return", reason="照片不清")
    life.settings = life.settings.model_copy(update={"verify_place": "marked"})
    assert life.do("inspector2", number, "verify", there=False, result="pass", note="已补拍").state == "verified"


def _becomes_inspector(life, login: str, department: str | None = None) -> None:
    with life.runtime.transaction() as session:
        session.execute(
            text("UPDATE city.person SET role = 'inspector', department_code = :department WHERE login = :login"),
            {"login": login, "department": department},
        )


def _refusal(life, login: str, number: str) -> str:
    with pytest.raises(Forbidden) as refused:
        life.do(login, number, "verify", result="pass", **_stands(HERE))
    return refused.value.code


def test_who_resolved_a_case_does_not_verify_it_even_as_an_inspector(life):
    number = _resolved(life)
    assert _refusal(life, "sanitation1", number) == "cases.not-your-role"
    _becomes_inspector(life, "sanitation1")
    assert _refusal(life, "sanitation1", number) == "cases.own-work"


def test_who_reported_a_case_does_not_verify_it(life):
    assert _refusal(life, "inspector1", _resolved(life)) == "cases.own-report"


def test_nobody_of_the_resolving_department_or_of_one_above_it_verifies(life):
    number = _resolved(life)
    with life.runtime.transaction() as session:
        accounts.add_department(session, "510104-bureau", "锦江区城管局", kind="sanitation", area=city.COUNTY)
        session.execute(
            text("UPDATE city.department SET parent_code = '510104-bureau' WHERE code = '510104-sanitation'")
        )
    for department in ("510104-sanitation", "510104-bureau"):
        _becomes_inspector(life, "inspector2", department)
        assert _refusal(life, "inspector2", number) == "cases.own-department"
    _becomes_inspector(life, "inspector2", "510104-works")
    assert life.do("inspector2", number, "verify", result="pass", **_stands(HERE)).state == "verified"


def test_a_picture_is_even_to_both_the_rules_and_the_database(city_runtime):
    values = [0, -1, 0b111, 0b1111, ~0b111, ~0b1111, 0x5A3C_96E1_0F78_2D4B]
    with city_runtime.transaction() as session:
        told = session.scalars(text("SELECT fn.tells(v) FROM unnest(CAST(:v AS bigint[])) AS v"), {"v": values}).all()
    assert told == [picture_hash.tells(value) for value in values]
