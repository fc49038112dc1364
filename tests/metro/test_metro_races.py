"""Several at once: nobody's change is lost, nothing is done twice, and zones follow one another without overlap."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import shapely
from sqlalchemy import text

from tests.metro.conftest import NOW, OPENED, STATION, square, wanted
from webgis.errors import Conflict
from webgis.metro import permit_files, permit_queries, permits, structures, zoning
from webgis.metro.distances import shipped
from webgis.metro.structure_files import Read, StructureGiven


def together(*doings) -> list:
    """What each gives, or the conflict that it met; all begin at the same moment."""
    barrier = Barrier(len(doings))

    def run(doing):
        barrier.wait()
        try:
            return doing()
        except Conflict as refused:
            return refused.code

    with ThreadPoolExecutor(len(doings)) as pool:
        return list(pool.map(run, doings))


def history(metro, number) -> list[str]:
    with metro.runtime.transaction() as session:
        permit = permits.require(session, metro.actor("manager1"), number)
        return [row.action for row in permit_queries.events(session, permit.id)]


def test_of_two_decisions_at_once_one_is_done_and_the_other_hears_that_it_is_too_late(metro):
    number = metro.apply()
    found = together(
        lambda: metro.act("metro1", number, "grant", conditions="监测"),
        lambda: metro.act("manager1", number, "refuse", note="不同意"),
        lambda: metro.act("builder1", number, "withdraw"),
    )
    assert sorted(one == "metro.not-now" for one in found) == [False, True, True]
    assert len(history(metro, number)) == 2


def test_one_plan_added_to_two_permits_at_once_is_kept_for_both(metro):
    numbers = [metro.apply() for _each in range(4)]

    def add(number):
        actor = metro.actor("builder1")
        with metro.runtime.transaction() as session:
            return permit_files.add(session, actor, number, "平面图.pdf", b"%PDF-1.4 " + bytes(1 << 20), NOW)

    assert len(set(together(*(lambda number=number: add(number) for number in numbers)))) == 4
    for number in numbers:
        assert history(metro, number) == ["apply", "plan"]


def test_a_returned_application_is_handed_in_again_once(metro):
    number = metro.apply()
    metro.act("metro1", number, "return", note="范围过大")

    def again(east):
        actor = metro.actor("builder1")
        with metro.runtime.transaction() as session:
            return permits.apply_again(session, actor, number, wanted(east), NOW).state

    assert sorted(together(lambda: again(31), lambda: again(32))) == ["applied", "metro.not-now"]
    assert history(metro, number) == ["apply", "return", "amend", "resubmit"]


def test_applications_at_once_get_numbers_of_their_own(metro):
    numbers = together(*[metro.apply] * 4)
    assert sorted(numbers) == [f"MP2026{place:05d}" for place in (1, 2, 3, 4)]


def given(code: str, east: float) -> StructureGiven:
    return StructureGiven(1, code, "entrance", code, None, None, square(east, 0), surveyed=True)


OVERLAPPING = """
SELECT count(*) FROM city.metro_zone a JOIN city.metro_zone b
    ON a.structure_code = b.structure_code AND a.kind = b.kind AND a.id < b.id AND a.valid && b.valid
"""


def test_files_and_tables_at_once_take_their_turns(metro, asked):
    own = [row for row in shipped() if row.structure_kind != "tram_line"]
    wider = [*own[1:], type(own[0])("underground_station", "control", 60.0, "条例第九条")]

    def put(*made, at):
        def run():
            with metro.runtime.transaction() as session:
                return structures.take_in(session, Read("cgcs2000", 2, (), made), source="gates", at=at).zones.counts()

        return run

    def table():
        with metro.runtime.transaction() as session:
            return zoning.set_distances(session, wider, NOW).counts()

    one, two = given("a", 100), given("b", 200)
    other = [given("b", 210), given("a", 110)]
    found = together(put(one, two, at=NOW + timedelta(seconds=1)), put(*other, at=NOW), table)
    assert sum(counts["opened"] for counts in found) == 4 + 4 + 1 and asked(OVERLAPPING) == 0
    assert asked("SELECT metres FROM city.metro_zone WHERE kind = 'control' AND structure_code = 'west'"
                 " AND upper_inf(valid)") == 60  # fmt: skip


def test_a_change_that_comes_after_a_later_one_begins_where_that_did(session):
    then = datetime.fromisoformat("2021-03-01T00:00:00+00:00")
    lon, lat = STATION
    for place, at in ((lon, then), (lon + 0.001, then + timedelta(hours=2)), (lon, then + timedelta(hours=1))):
        made = StructureGiven(1, "west", "entrance", "西口", None, None, shapely.Point(place, lat), surveyed=True)
        structures.take_in(session, Read("cgcs2000", 1, (), [made]), source="t", at=at, since=OPENED)
    assert session.scalar(text(OVERLAPPING)) == 0
    spans = session.execute(text("SELECT lower(valid), upper(valid) FROM city.metro_zone WHERE kind = 'control'"
                                 " ORDER BY 1")).all()  # fmt: skip
    assert spans == [(OPENED, then + timedelta(hours=2)), (then + timedelta(hours=2), None)]
