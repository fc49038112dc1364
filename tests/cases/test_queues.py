"""Queues: what waits in which, how many there are, who sees them, and their orders."""

from functools import partial

import pytest

from tests import city
from tests.cases.life import Life
from webgis import db
from webgis.cases import queues, workflow
from webgis.errors import Invalid


@pytest.fixture
def life(city_runtime) -> Life:
    return Life(city_runtime)


def page(life: Life, login: str, queue: str, **about) -> tuple[list[str], str | None]:
    with life.runtime.transaction() as session:
        found = queues.page(session, life.actor(login), queues.QUEUES[queue], now=life.now, **about)
    return [row.number for row in found.rows], found.next


def counts(life: Life, login: str) -> dict[str, queues.Count]:
    with life.runtime.transaction() as session:
        return queues.counts(partial(db.call, session), life.actor(login), life.now)


def test_every_open_state_waits_in_a_queue():
    assert {state for queue in queues.QUEUES.values() for state in queue.states} == set(workflow.OPEN)


def test_a_case_moves_from_queue_to_queue(life):
    number = life.report().number
    assert page(life, "acceptor1", "accept")[0] == [number]
    life.do("acceptor1", number, "file", condition=life.condition(number))
    assert page(life, "acceptor1", "accept")[0] == [] and page(life, "dispatcher1", "dispatch")[0] == [number]
    life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
    assert page(life, "sanitation1", "receive")[0] == [number] and page(life, "works1", "receive")[0] == []


def test_what_a_person_handles_stands_in_their_own_queue(life):
    mine, others = life.handled(), life.handled(place=city.IN_EAST)
    life.do("sanitation1", mine, "assign", handler="sanitation1")
    assert page(life, "sanitation1", "mine")[0] == [mine]
    assert sorted(page(life, "sanitation1", "handle")[0]) == sorted([mine, others])


def test_counts_tell_what_waits_and_what_is_late_as_far_as_one_may_see(life):
    life.handled()
    life.report()
    assert counts(life, "acceptor1")["handling"] == queues.Count(1, 0)
    assert counts(life, "works1")["handling"] == queues.Count(0, 0)
    life.passes(days=30)
    by_state = counts(life, "acceptor1")
    assert by_state["handling"] == by_state["reported"] == queues.Count(1, 1)
    assert queues.count_of(queues.QUEUES["late"], by_state) == queues.Count(2, 2)
    assert len(page(life, "acceptor1", "late")[0]) == 2


def test_rows_come_by_what_is_due_by_what_is_newest_and_by_what_is_near(life):
    first = life.report().number
    life.passes(minutes=5)
    second = life.report(place=city.IN_EAST).number
    assert page(life, "acceptor1", "accept", order="due")[0] == [first, second]
    assert page(life, "acceptor1", "accept", order="new")[0] == [second, first]
    assert page(life, "acceptor1", "accept", order="near", place=city.IN_EAST)[0] == [second, first]
    assert page(life, "acceptor1", "accept", order="near", place=city.IN_WEST)[0] == [first, second]


@pytest.mark.parametrize("order", ["due", "new"])
def test_pages_of_a_queue_hold_every_case_once(life, order):
    numbers = []
    for _ in range(5):
        numbers.append(life.report().number)
        life.passes(seconds=30)
    found, cursor = [], None
    for _ in range(3):
        rows, cursor = page(life, "acceptor1", "accept", order=order, limit=2, cursor=cursor)
        found += rows
    assert cursor is None and found == (numbers if order == "due" else numbers[::-1])


def test_a_cursor_that_is_none_is_refused(life):
    with pytest.raises(Invalid):
        page(life, "acceptor1", "accept", cursor="yesterday")


def test_a_case_is_found_by_the_end_of_its_number_among_those_one_may_see(life):
    number = life.filed()
    with life.runtime.transaction() as session:
        assert [row.number for row in queues.ending_with(session, life.actor("acceptor1"), number[-4:])] == [number]
        assert queues.ending_with(session, life.actor("works1"), number[-4:]) == []
