"""Claims, and other acts at once: with real connections, one effect each."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests import city
from tests.cases.life import Life
from webgis import db
from webgis.accounts import operations as accounts
from webgis.cases import claims, handling
from webgis.db import Runtime
from webgis.errors import Conflict, Forbidden, Invalid, WebgisError

WIDE = 64


@pytest.fixture
def life(city_runtime):
    made = Life(city_runtime)
    yield made
    made.check()


def _claim(life, login, number=None, states=()):
    actor = life.actor(login)
    with life.runtime.transaction() as session:
        if number:
            return claims.claim(session, life.settings, actor, number)
        return claims.claim_next(session, life.settings, actor, states)


def test_a_claimed_case_is_kept_for_who_claimed_it(life):
    number = life.filed()
    _claim(life, "dispatcher1", number)
    for refused in (lambda: _claim(life, "dispatcher2", number),
                    lambda: life.do("dispatcher2", number, "dispatch", department="510104-works")):  # fmt: skip
        with pytest.raises(Conflict) as error:
            refused()
        assert error.value.code == "cases.claimed"
    assert life.do("manager1", number, "urge").state == "filed"
    assert life.do("dispatcher1", number, "dispatch", department="510104-works").state == "dispatched"


def test_a_claim_that_has_run_out_is_nothing(life):
    number = life.filed()
    _claim(life, "dispatcher1", number)
    with life.runtime.engine.begin() as connection:
        connection.execute(text("UPDATE city.open_case SET claimed_until = now() - interval '1 second'"))
    assert _claim(life, "dispatcher2", number).number == number


def test_the_next_case_is_the_one_due_first_that_nobody_holds(life):
    first, second = life.report().number, life.report().number
    assert _claim(life, "acceptor1").number == first
    assert _claim(life, "acceptor1").number == first
    assert _claim(life, "dispatcher1") is None
    life.do("acceptor1", first, "reject", reason="x")
    assert _claim(life, "acceptor1").number == second
    with life.runtime.transaction() as session:
        claims.release(session, life.actor("acceptor1"), second)
    with pytest.raises(Forbidden):
        _claim(life, "manager1")
    with pytest.raises(Invalid):
        _claim(life, "acceptor1", states=["filed"])


def test_a_case_given_to_another_inspector_is_in_nobody_elses_queue(life):
    number = life.report("public").number
    life.do("acceptor1", number, "request_confirmation", inspector="inspector2")
    assert _claim(life, "inspector1") is None
    assert _claim(life, "inspector2").number == number


def _at_once(doings):
    """Run all at the same moment; the results, or the refusals."""
    barrier = threading.Barrier(len(doings))

    def run(doing):
        barrier.wait()
        try:
            return doing()
        except WebgisError as refusal:
            return refusal

    with ThreadPoolExecutor(len(doings)) as pool:
        return list(pool.map(run, doings))


@pytest.fixture
def wide(life):
    """64 dispatchers, each with a connection of its own."""
    with life.runtime.transaction() as session:
        for number in range(WIDE):
            accounts.add_person(session, f"wide{number}", f"wide{number} 岗", "dispatcher", city.PASSWORD)
    actors = [life.actor(f"wide{number}") for number in range(WIDE)]
    runtime = Runtime(life.settings)
    runtime.__dict__["engine"] = db.make_engine(life.settings, pool_size=WIDE)
    with ThreadPoolExecutor(WIDE) as pool:
        list(pool.map(lambda _: runtime.engine.connect().close(), range(WIDE)))
    yield runtime, actors
    runtime.engine.dispose()


@pytest.mark.parametrize("given", [True, False], ids=["the same case", "the next case"])
def test_of_64_who_claim_one_case_exactly_one_gets_it(life, wide, given):
    runtime, actors = wide
    number = life.filed()

    def claimer(actor):
        def claim():
            with runtime.transaction() as session:
                if given:
                    return claims.claim(session, life.settings, actor, number)
                return claims.claim_next(session, life.settings, actor)

        return claim

    results = _at_once([claimer(actor) for actor in actors])
    winners = [one for one in results if isinstance(one, claims.Claim)]
    assert len(winners) == 1
    assert all(one is None or getattr(one, "code", "") == "cases.claimed" for one in results if one not in winners)


def test_64_who_claim_from_a_queue_get_64_cases(life, wide):
    runtime, actors = wide
    numbers = {life.filed() for _ in range(WIDE)}

    def claimer(actor):
        def claim():
            with runtime.transaction() as session:
                return claims.claim_next(session, life.settings, actor)

        return claim

    results = _at_once([claimer(actor) for actor in actors])
    assert {one.number for one in results if one} == {one.number for one in results} == numbers


def _doing(life, login, number, action, **given):
    actor = life.actor(login)

    def act():
        with life.runtime.transaction() as session:
            return handling.act(session, life.settings, actor, number, action, given, at=life.now)

    return act


def test_of_two_dispatchers_one_sends_the_case(life):
    number = life.filed()
    results = _at_once(
        [
            _doing(life, "dispatcher1", number, "dispatch", department="510104-works"),
            _doing(life, "dispatcher2", number, "dispatch", department="510104-sanitation"),
        ]
    )
    assert sorted(isinstance(one, Conflict) for one in results) == [False, True]


def test_a_merge_and_a_rejection_of_one_case_at_once_have_one_effect(life):
    for _ in range(5):
        parent, double = life.filed(), life.report().number
        results = _at_once(
            [
                _doing(life, "acceptor1", double, "merge", into=parent),
                _doing(life, "acceptor1", double, "reject", reason="x"),
                _doing(life, "dispatcher1", parent, "merge", into=double),
            ]
        )
        assert sum(not isinstance(one, WebgisError) for one in results) >= 1
        life.check()


def test_a_rejection_and_a_merge_into_the_case_at_once_leave_nothing_merged_into_no_case(life):
    for _ in range(5):
        older, parent = life.report().number, life.report().number
        results = _at_once(
            [
                _doing(life, "acceptor1", older, "merge", into=parent),
                _doing(life, "acceptor1", parent, "reject", reason="x"),
                _doing(life, "acceptor1", parent, "merge", into=older),
            ]
        )
        assert sum(not isinstance(one, WebgisError) for one in results) >= 1
        life.check()


def test_two_cases_merged_into_each_other_at_once_make_one_parent(life):
    for _ in range(5):
        one, other = life.filed(), life.filed()
        results = _at_once(
            [
                _doing(life, "dispatcher1", one, "merge", into=other),
                _doing(life, "dispatcher2", other, "merge", into=one),
            ]
        )
        assert sorted(isinstance(result, WebgisError) for result in results) == [False, True]
        assert sorted([life.case(one).state, life.case(other).state]) == ["filed", "merged"]


def test_a_merge_into_a_case_that_resolves_at_once_keeps_both(life):
    for _ in range(5):
        parent, double = life.handled(), life.report().number
        results = _at_once(
            [
                _doing(life, "acceptor1", double, "merge", into=parent),
                _doing(life, "sanitation1", parent, "resolve", note="已清理"),
            ]
        )
        assert not any(isinstance(one, WebgisError) for one in results)
        assert (life.case(parent).state, life.case(double).state) == ("resolved", "merged")


def test_the_last_two_tasks_resolved_at_once_resolve_their_case(life):
    for _ in range(5):
        number = life.filed()
        life.do("dispatcher1", number, "split", departments=["510104-sanitation", "510104-works"])
        first, second = (task.number for task in life.family(number))
        life.do("sanitation1", first, "receive")
        life.do("works1", second, "receive")
        _at_once(
            [
                _doing(life, "sanitation1", first, "resolve", note="已清理"),
                _doing(life, "works1", second, "resolve", note="已修复"),
            ]
        )
        assert life.case(number).state == "resolved"


def test_closing_by_order_and_resolving_a_task_at_once_do_not_lock_each_other_out(life):
    for _ in range(5):
        number = life.filed()
        life.do("dispatcher1", number, "split", departments=["510104-sanitation", "510104-works"])
        task = life.family(number)[0].number
        life.do("sanitation1", task, "receive")
        _at_once(
            [
                _doing(life, "manager1", number, "force_close", reason="领导批示"),
                _doing(life, "sanitation1", task, "resolve", note="已清理"),
            ]
        )
        assert life.case(number).state == life.case(task).state == "closed"


def test_claims_go_over_the_wire(api):
    given = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "kind": "matter", "class": city.REFUSE}
    number = api("acceptor1").post("/api/v1/cases", given | {"description": "暴露垃圾"}).json["properties"]["number"]
    claimed = api("acceptor1").post("/api/v1/cases/claim")
    assert claimed.json["properties"]["number"] == number and claimed.json["properties"]["claimed_until"]
    assert api("dispatcher1").post("/api/v1/cases/claim").status_code == 204
    path = f"/api/v1/cases/{number}/claim"
    assert api("dispatcher1").post(path).status_code == 403
    assert api("acceptor1").client.delete(path, headers=api("acceptor1").headers).status_code == 204
    assert api("acceptor1").post(path).status_code == 200
