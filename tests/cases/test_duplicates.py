"""Duplicates on a real PostGIS: what is found, what is not, what the score is made of, and "me too"."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Barrier

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from bench import duplicates as measured
from tests import city
from tests.cases.life import Life
from webgis.accounts import queries as accounts
from webgis.cases import duplicates, intake, picture_hash
from webgis.errors import Conflict, NotFound

AT = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
LON, LAT = city.IN_WEST
METRE_LON, METRE_LAT = 1 / 95_830, 1 / 110_860
"""Degrees of one metre at the latitude of the small city."""

HEAP = "春熙路口人行道上有一堆暴露垃圾，无人清理"

_TOLD = text(
    """
    INSERT INTO city.case (number, kind, standard, class_code, description, geom, crs, cell_id, cell_code, source,
                           reporter_id, state, outcome, parent_id, relation, reported_at, changed_at, closed_at, head)
    SELECT :number, :kind, 'GB/T 47678.5-2026', :code, :description, place, 'cgcs2000', cell.id, cell.code, 'inspector',
           (SELECT id FROM city.person WHERE login = 'inspector1'), CAST(:state AS text), CAST(:outcome AS text),
           (SELECT id FROM city.case WHERE number = :parent),
           CASE WHEN CAST(:parent AS text) IS NOT NULL THEN :relation END, :at, :at,
           CASE WHEN CAST(:outcome AS text) IS NOT NULL THEN now() END, ''
    FROM ST_SetSRID(ST_Point(:lon, :lat), 4490) AS place, LATERAL fn.cell_at(place, :at) AS cell
    RETURNING id
    """
)


@pytest.fixture
def session(city_runtime):
    with city_runtime.transaction() as session:
        yield session


class Town:
    """Cases of the small city, numbered as they come."""

    def __init__(self, session):
        self.session, self.count = session, 0

    def told(
        self,
        *,
        east=0.0,
        north=0.0,
        minutes=0.0,
        code=city.REFUSE,
        kind="matter",
        description=HEAP,
        hashes=(),
        outcome=None,
        parent=None,
        relation="duplicate",
    ):
        """Tell a case so many metres and minutes before from the usual place and moment; its number."""
        self.count += 1
        number = f"51010420260701{self.count:05d}"
        case_id = self.session.execute(
            _TOLD,
            {
                "number": number,
                "kind": kind,
                "code": code,
                "description": description,
                "outcome": outcome,
                "state": outcome or "reported",
                "parent": parent,
                "relation": relation,
                "lon": LON + east * METRE_LON,
                "lat": LAT + north * METRE_LAT,
                "at": AT - timedelta(minutes=minutes),
            },
        ).scalar_one()
        for value in hashes:
            self._photo(case_id, value)
        return number

    def _photo(self, case_id, value):
        self.session.execute(
            text(
                "WITH e AS (INSERT INTO city.case_event (case_id, seq, at, action, to_state, role, given, hash)"
                " SELECT :case, count(*) + 1, now(), 'report', 'reported', 'system', '{}', '' FROM city.case_event"
                " WHERE case_id = :case RETURNING id)"
                " INSERT INTO city.photo (case_id, event_id, sha256, media_type, width, height, bytes, picture_hash)"
                " SELECT :case, id, 'x', 'image/jpeg', 1, 1, 1, :hash FROM e"
            ),
            {"case": case_id, "hash": value},
        )

    def found(self, *, code=city.REFUSE, kind="matter", description=HEAP, hashes=(), at=AT, limit=5):
        return duplicates.candidates(
            self.session, kind=kind, class_code=code, lon=LON, lat=LAT, at=at, description=description,
            photo_hashes=hashes, limit=limit,
        )  # fmt: skip

    def numbers(self, **asked):
        return [candidate.number for candidate in self.found(**asked)]


@pytest.fixture
def town(session):
    return Town(session)


def test_the_same_report_at_the_same_place_and_moment_scores_one(town):
    number = town.told()
    (found,) = town.found()
    assert (found.number, found.state, found.told_by) == (number, "reported", number)
    assert found.score == pytest.approx(1.0) and found.distance_m == pytest.approx(0, abs=0.01)
    assert (found.class_, found.text, found.photo, found.age_s) == (1.0, 1.0, 0.0, 0.0)


def test_distance_and_age_are_metres_and_seconds_and_lower_the_score(town):
    town.told(east=20, minutes=60)
    (found,) = town.found()
    assert found.distance_m == pytest.approx(20, abs=0.2) and found.age_s == pytest.approx(3600)
    assert 0.5 < found.score < 1.0


def test_nothing_outside_the_radius_or_the_window_is_found(town):
    town.told(north=51)
    town.told(minutes=24 * 60 + 1)
    near = town.told(north=49)
    late = town.told(minutes=24 * 60 - 1)
    assert sorted(town.numbers()) == sorted([near, late])


def test_a_report_that_came_late_finds_what_was_reported_after_its_moment(town):
    later = town.told(minutes=-30)
    assert town.numbers() == [later]


def test_cases_in_neighbouring_cells_are_found(town, session):
    around = [town.told(east=east, north=north) for east, north in ((45, 0), (-45, 0), (0, 45), (0, -45))]
    cells = set(session.scalars(text("SELECT cell_code FROM city.case")))
    assert len(cells) > 1
    assert sorted(town.numbers()) == sorted(around)


def test_another_class_is_no_candidate_but_a_kindred_one_is_and_scores_less(town):
    town.told(code="06028")
    kindred = town.told(code="06011")
    same = town.told()
    found = town.found()
    assert [candidate.number for candidate in found] == [same, kindred]
    assert found[1].class_ == pytest.approx(0.8)


@pytest.mark.parametrize(("told", "asked"), [("component", "matter"), ("matter", "component")])
def test_a_component_and_its_abnormality_are_one_thing(town, told, asked):
    number = town.told(kind=told, code="01037", description="路灯不亮")
    (found,) = town.found(kind=asked, code="01037", description="路灯不亮")
    assert found.number == number and found.class_ == 1.0


@pytest.mark.parametrize("outcome", ["closed", "rejected", "void"])
def test_a_case_that_has_ended_is_no_candidate(town, outcome):
    town.told(outcome=outcome)
    assert town.numbers() == []


def test_a_merged_report_stands_for_its_open_case_once(town):
    parent = town.told(east=40, minutes=600, description="垃圾堆了很久")
    child = town.told(outcome="merged", parent=parent)
    (found,) = town.found()
    assert (found.number, found.told_by) == (parent, child)
    assert found.score == pytest.approx(1.0)


def test_a_report_merged_into_a_case_that_has_ended_is_no_candidate(town):
    parent = town.told(outcome="closed")
    town.told(outcome="merged", parent=parent)
    assert town.numbers() == []


def test_a_task_stands_for_the_case_it_was_split_from(town):
    parent = town.told()
    town.told(parent=parent, relation="task")
    assert town.numbers() == [parent]


def test_words_of_the_same_thing_come_first(town):
    other = town.told(description="沿街商铺把装修废料丢在绿化带里")
    same = town.told(description="春熙路口人行道有一堆暴露垃圾没人清理")
    assert town.numbers()[0] == same
    assert other not in town.numbers()[:1]


def test_photos_that_are_alike_add_and_others_take_nothing_away(town):
    seen = 0x5A3C_96E1_0F78_2D4B
    words = {"description": "垃圾"}
    plain = town.told(east=30, minutes=600)
    alone = town.found(**words)
    alike = town.told(east=30, minutes=600, hashes=[seen ^ 0b11])
    unlike = town.told(east=30, minutes=600, hashes=[~seen])
    scores = {candidate.number: candidate for candidate in town.found(hashes=[seen], **words)}
    assert not alone and list(scores) == [alike]
    assert scores[alike].photo == pytest.approx(0.9)
    assert plain not in scores and unlike not in scores


def test_the_hash_of_an_even_picture_proves_nothing(town):
    town.told(hashes=[0])
    assert [candidate.photo for candidate in town.found(hashes=[0])] == [0.0]


def test_a_class_may_have_a_window_of_its_own_and_the_longest_prefix_counts(town, session):
    number = town.told(north=80, minutes=40 * 60)
    assert town.numbers() == []
    add = text("INSERT INTO city.duplicate_window VALUES ('matter', :prefix, :radius, :hours, 0.3, 'test')")
    session.execute(add, {"prefix": "06", "radius": 100, "hours": 72})
    assert town.numbers() == [number]
    session.execute(add, {"prefix": "06010", "radius": 10, "hours": 72})
    assert town.numbers() == []


def test_at_most_so_many_come_back_the_likeliest_first(town):
    for metres in (5, 1, 9, 3, 7):
        town.told(north=metres)
    found = town.found(limit=3)
    assert [round(candidate.distance_m) for candidate in found] == [1, 3, 5]


_ALL_COMPARED = text(
    """
    SELECT c.number, fn.duplicate_score(d.metres / w.radius_m, d.seconds / (w.hours * 3600), 1,
                                        fn.words_alike(c.description, :told), 0) AS score
    FROM city.case c, city.duplicate_window w, LATERAL (
        SELECT ST_Distance(c.geom::geography, ST_SetSRID(ST_Point(:lon, :lat), 4490)::geography) AS metres,
               abs(extract(epoch FROM c.reported_at - :at))::float8 AS seconds) d
    WHERE w.kind = 'matter' AND w.prefix = '' AND d.metres <= w.radius_m
    ORDER BY score DESC, c.id LIMIT 5
    """
)


@pytest.mark.parametrize("seed", range(6))
def test_the_likeliest_of_many_are_those_that_comparing_all_words_finds(town, session, seed):
    dice = random.Random(seed)
    words = ("暴露垃圾", "堆放", "春熙路口", "无人清理", "井盖", "积水", "路灯", "不亮", "风暴", "S-12")
    for _ in range(80):
        told = "".join(dice.sample(words, dice.randrange(1, 6)))
        town.told(
            east=dice.uniform(-35, 35), north=dice.uniform(-35, 35), minutes=dice.randrange(600), description=told
        )
    told = "".join(words[:4])
    found = town.found(description=told)
    wanted = session.execute(_ALL_COMPARED, {"told": told, "lon": LON, "lat": LAT, "at": AT}).all()
    assert [(one.number, one.score) for one in found] == [tuple(one) for one in wanted]


def test_a_cell_divided_since_the_report_hides_nothing(town, session):
    number = town.told()
    session.execute(text(
        "UPDATE city.cell SET valid = tstzrange(lower(valid), :at) WHERE code ="
        " (SELECT cell_code FROM city.case WHERE number = :number)"), {"at": AT, "number": number})  # fmt: skip
    assert town.numbers(at=AT + timedelta(hours=1)) == [number]


def test_what_the_answer_says_of_a_candidate_is_plain_json(town):
    town.told(east=10)
    (found,) = town.found()
    shown = found.as_facts()
    assert json.loads(json.dumps(shown)) == shown
    assert set(shown) == {
        "number", "state", "score", "distance_m", "age_s", "class", "text", "photo", "told_by",
    }  # fmt: skip


def test_another_inspector_joins_once_and_the_reporter_never(town, session):
    number = town.told()
    reporter = accounts.actor(session, "inspector1")
    other = accounts.actor(session, "inspector2")
    given = {"at": AT, "source": "inspector"}
    assert duplicates.join(session, other, number, **given).added
    assert not duplicates.join(session, other, number, **given).added
    assert not duplicates.join(session, reporter, number, **given).added


def test_contacts_join_once_each_by_their_key(town, session):
    number = town.told()
    operator = accounts.actor(session, "acceptor1")
    for key, added in ((b"one", True), (b"two", True), (b"one", False)):
        done = duplicates.join(
            session, operator, number, at=AT, source="hotline", contact_key=key, description="又来电"
        )
        assert done.added is added
    rows = duplicates.joined(session, done.case_id)
    assert [(row.login, bytes(row.contact_key), row.description) for row in rows] == [
        (None, b"one", "又来电"), (None, b"two", "又来电"),
    ]  # fmt: skip


def test_who_joins_a_merged_report_joins_the_case_that_holds_it(town, session):
    parent = town.told()
    child = town.told(outcome="merged", parent=parent)
    other = accounts.actor(session, "inspector2")
    assert duplicates.join(session, other, child, at=AT, source="inspector").number == parent


def test_nobody_joins_a_case_that_has_ended_or_does_not_exist(town, session):
    number = town.told(outcome="closed")
    other = accounts.actor(session, "inspector2")
    with pytest.raises(Conflict, match="has ended"):
        duplicates.join(session, other, number, at=AT, source="inspector")
    with pytest.raises(NotFound):
        duplicates.join(session, other, "5101042026070199999", at=AT, source="inspector")


def _scene(seed: int, size=(640, 480)) -> Image.Image:
    """A picture of some patches of light and shadow."""
    coarse = np.random.default_rng(seed).integers(20, 236, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def _saved(image: Image.Image, quality: int) -> Image.Image:
    """The picture after it was saved as JPEG."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def test_a_picture_smaller_and_poorer_has_nearly_the_same_hash():
    scene = _scene(1)
    whole = picture_hash.of(_saved(scene, 92))
    small = picture_hash.of(_saved(scene.resize((200, 150)), 40))
    dark = picture_hash.of(_saved(scene.point(lambda value: value * 0.7), 80))
    assert picture_hash.bits_apart(whole, small) <= 4 and picture_hash.bits_apart(whole, dark) <= 4


def test_pictures_of_other_things_are_many_bits_apart():
    hashes = [picture_hash.of(_scene(seed)) for seed in range(20)]
    apart = [picture_hash.bits_apart(one, other) for one in hashes for other in hashes if one != other]
    assert min(apart) > 10 and 28 < np.mean(apart) < 36


def test_a_hash_fits_a_bigint_and_the_database_counts_the_same_bits(session):
    one, other = -(2**63), 2**63 - 1
    counted = session.scalar(
        text("SELECT bit_count((CAST(:one AS bigint) # CAST(:other AS bigint))::bit(64))"), {"one": one, "other": other}
    )
    assert counted == picture_hash.bits_apart(one, other) == 64


REPORT = {"lon": LON, "lat": LAT, "crs": "cgcs2000", "kind": "matter", "class": city.REFUSE, "description": HEAP}
ASK = {"X_Acknowledge_Duplicate": "false"}


def _report(api, login="inspector1", headers=ASK, **changes):
    return api(login).post("/api/v1/cases", REPORT | changes, [city.photo()], **headers)


def test_a_report_that_may_be_a_duplicate_is_shown_the_candidates_and_filed_when_the_reporter_insists(api, city_app):
    first = _report(api).json["properties"]["number"]
    refused = _report(api, "inspector2", description="春熙路口有垃圾没人清理")
    assert (refused.status_code, refused.json["code"]) == (409, "cases.duplicate")
    (candidate,) = refused.json["candidates"]
    assert candidate["number"] == first and candidate["distance_m"] == 0 and 0.35 <= candidate["score"] <= 1
    insisted = _report(api, "inspector2", {"X_Acknowledge_Duplicate": "true"})
    assert insisted.status_code == 201
    number = insisted.json["properties"]["number"]
    told = api("acceptor1").get(f"/api/v1/cases/{number}/events").json["features"][0]["properties"]["facts"]
    assert [one["number"] for one in told["alike"]] == [first]


def test_candidates_that_the_reporter_may_not_see_are_noted_but_not_shown(api, city_app):
    runtime = city_app.extensions["webgis"]

    def limited(area):
        with runtime.transaction() as session:
            session.execute(text("UPDATE city.person SET area_code = :area WHERE login = 'acceptor1'"), {"area": area})

    first = _report(api).json["properties"]["number"]
    limited(city.EAST)
    made = _report(api, "acceptor1")
    assert made.status_code == 201 and first not in made.text
    limited(city.WEST)
    asked = _report(api, "acceptor1")
    assert (asked.status_code, asked.json["code"]) == (409, "cases.duplicate") and first in asked.text
    events = f"/api/v1/cases/{made.json['properties']['number']}/events"
    assert first in api("manager1").get(events).text
    with runtime.transaction() as session:
        session.execute(text("UPDATE city.person SET area_code = :area WHERE login = 'manager1'"), {"area": city.EAST})
        session.execute(
            text("UPDATE city.case SET cell_code = :east WHERE number = :number"),
            {"east": f"{city.EAST}001", "number": made.json["properties"]["number"]},
        )
    seen = api("manager1").get(events)
    assert seen.status_code == 200 and first not in seen.text


def test_another_class_and_another_place_are_taken_in_without_a_question(api):
    assert _report(api).status_code == 201
    assert _report(api, **{"class": "06028", "description": "喇叭叫卖"}).status_code == 201
    assert _report(api, lat=LAT + 80 * METRE_LAT).status_code == 201


def test_a_refused_duplicate_leaves_the_idempotency_key_free(api):
    _report(api)
    key = {"Idempotency_Key": "one and the same"}
    assert _report(api, "inspector2", ASK | key).status_code == 409
    made = _report(api, "inspector2", key | {"X_Acknowledge_Duplicate": "true"})
    again = _report(api, "inspector2", key | {"X_Acknowledge_Duplicate": "true"})
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json["properties"]["number"] == again.json["properties"]["number"]


def test_an_inspector_says_me_too_once_with_words_and_place(api, city_app):
    number = _report(api).json["properties"]["number"]
    path = f"/api/v1/cases/{number}/reporters"
    given = {"description": "还在，又多了两袋", "lon": LON, "lat": LAT, "crs": "cgcs2000"}
    added, again = api("inspector2").post(path, given), api("inspector2").post(path, given)
    assert (added.status_code, added.json) == (201, {"number": number, "added": True})
    assert (again.status_code, again.json) == (200, {"number": number, "added": False})
    assert api("inspector1").post(path).json["added"] is False
    assert api("sanitation1").post(path).status_code == 403
    with city_app.extensions["webgis"].transaction() as session:
        case_id = session.scalar(text("SELECT id FROM city.case WHERE number = :number"), {"number": number})
        (row,) = duplicates.joined(session, case_id)
    assert (row.login, row.source, row.description) == ("inspector2", "inspector", "还在，又多了两袋")


@pytest.mark.parametrize("turn", range(3))
def test_of_two_reports_of_one_thing_at_one_moment_the_second_is_told_of_the_first(city_runtime, turn):
    life, together = Life(city_runtime), Barrier(2)
    places = {"inspector1": (LON, LAT), "inspector2": (LON + 25 * METRE_LON, LAT + turn * 10 * METRE_LAT)}

    def report(login):
        actor = life.actor(login)
        given = intake.Report(*places[login], "matter", city.REFUSE, HEAP, crs="cgcs2000")
        together.wait()
        try:
            with city_runtime.transaction() as session:
                return intake.report(session, life.settings, actor, given, life.photo, at=AT).number
        except Conflict as refused:
            return refused

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(report, places))
    (number,), (refused,) = ([one for one in results if isinstance(one, kind)] for kind in (str, Conflict))
    assert refused.code == "cases.duplicate" and refused.facts["candidates"][0]["number"] == number


def test_the_labelled_pairs_are_of_known_classes_and_of_both_labels(session):
    known = set(session.execute(text("SELECT kind, code FROM city.class")).all())
    labelled = measured.pairs()
    assert len(labelled) >= 300 and len(set(labelled)) == len(labelled)
    assert {report[:2] for pair in labelled for report in (pair.first, pair.second)} <= {tuple(row) for row in known}
    assert 0.3 < sum(pair.same for pair in labelled) / len(labelled) < 0.7


def test_on_the_labelled_pairs_the_search_is_better_than_distance_and_time_alone(session):
    found = {pair: measured.scored(session, pair) for pair in measured.pairs()}
    ours = measured.quality(list(found), lambda pair: found[pair] > 0)
    near = measured.quality(list(found), lambda pair: pair.metres <= 50 and pair.minutes <= 24 * 60)
    assert ours.precision > near.precision + 0.1 and ours.recall > 0.75 and ours.f1 > near.f1
