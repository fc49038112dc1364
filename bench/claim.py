"""`python -m bench claim`: sixty-four at once want one case, round after round, and eight take cases out of a queue.

The peer is what Tasking Manager's lock does: a SELECT that finds the case free, then an UPDATE that does not ask again.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import click
from sqlalchemy import Engine, Row, text

from bench import report, scratch
from tests import city
from webgis import db
from webgis.accounts.actor import Actor
from webgis.cases import claims, workflow
from webgis.db import Runtime
from webgis.demo import filling
from webgis.errors import Conflict
from webgis.settings import Settings

CLAIMERS, QUEUE_CLAIMERS = 64, 8
CASES = 22_000
"""Open cases, of which nearly half wait for dispatchers."""

_PEOPLE = """
INSERT INTO city.person (login, name, role, password_hash, active)
SELECT 'claimer' || n, 'claimer' || n, 'dispatcher', '-', true FROM generate_series(1, {count}) AS n RETURNING id
"""
_UNCLAIMED = text(
    "SELECT c.id, c.number FROM city.open_case o JOIN city.case c ON c.id = o.case_id"
    " WHERE o.claimed_by IS NULL AND o.state = ANY(:states) ORDER BY c.id LIMIT :rounds"
)
_FREE = text("SELECT 1 FROM city.open_case WHERE case_id = :case AND claimed_by IS NULL")
_TAKE = text("UPDATE city.open_case SET claimed_by = :person, claimed_until = now() + '15 min' WHERE case_id = :case")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--rounds", default=100, show_default=True, help="Rounds of all claimers on one case.")
@click.option("--claims", "wanted", default=500, show_default=True, help="Claims of each who works from the queue.")
def claim(as_json: bool, rounds: int, wanted: int) -> None:
    """Let 64 claim one case at once: exactly one must win; and measure claims out of a queue of 10,000."""
    with scratch.database() as engine:
        db.upgrade(engine)
        runtime = scratch.runtime(engine)
        with runtime.transaction() as session:
            city.build(session)
        filling.fill(runtime, CASES, open_cases=CASES)
        with runtime.transaction() as session:
            ids = session.execute(text(_PEOPLE.format(count=CLAIMERS))).scalars().all()
        runtime.dispose()
        people = [Actor(id, f"claimer{n}", f"claimer{n}", "dispatcher") for n, id in enumerate(ids, start=1)]
        crowd = Crowd(runtime.settings, people)
        sys.exit(report.show("claim", _rows(crowd, rounds, wanted), as_json, scratch.versions(engine)))


class Crowd(Runtime):
    """A runtime with a connection for each of the people who claim."""

    def __init__(self, settings: Settings, people: list[Actor]) -> None:
        super().__init__(settings)
        object.__setattr__(self, "people", people)

    @cached_property
    def engine(self) -> Engine:
        return db.make_engine(self.settings, pool_size=CLAIMERS, max_overflow=0)


def _rows(crowd: Crowd, rounds: int, wanted: int) -> Iterator[report.Row]:
    start = time.perf_counter()
    ours = _won_by_one(crowd, rounds, _claims)
    took = time.perf_counter() - start
    what = f"rounds of {CLAIMERS} claimers on one case that exactly one won / all rounds ({took:.1f} s)"
    yield report.Row(what, ours, rounds, ours / rounds, 1.0, "rounds", "rounds")
    peer = _won_by_one(crowd, rounds, _unguarded)
    yield report.Row("the same / SELECT, then UPDATE", ours, peer, ours / max(peer, 1), None, "rounds")
    waiting = _waiting(crowd)
    ours, floor = _rate(crowd, wanted, _claim_next), _rate(crowd, wanted, _update)
    what = f"claim_next and release, {QUEUE_CLAIMERS} at once, {waiting:,} waiting / two UPDATEs by key"
    yield report.Row(what, ours, floor, ours / floor, None, "claims/s", "floor")


def _won_by_one(crowd: Crowd, rounds: int, take: Callable[[Crowd, Actor, Row], bool]) -> int:
    """In how many rounds exactly one won, each on another case."""
    with crowd.transaction() as session:
        cases = session.execute(_UNCLAIMED, {"rounds": rounds, "states": list(workflow.duties("dispatcher"))}).all()
    barrier = threading.Barrier(CLAIMERS)

    def run(person: Actor) -> list[bool]:
        won = []
        for case in cases:
            barrier.wait()
            won.append(take(crowd, person, case))
        return won

    with ThreadPoolExecutor(CLAIMERS) as pool:
        return sum(sum(winners) == 1 for winners in zip(*pool.map(run, crowd.people), strict=True))


def _claims(crowd: Crowd, person: Actor, case: Row) -> bool:
    try:
        with crowd.transaction() as session:
            claims.claim(session, crowd.settings, person, case.number)
    except Conflict:
        return False
    return True


def _unguarded(crowd: Crowd, person: Actor, case: Row) -> bool:
    with crowd.transaction() as session:
        if session.execute(_FREE, {"case": case.id}).one_or_none() is None:
            return False
        session.execute(_TAKE, {"case": case.id, "person": person.id})
    return True


def _waiting(crowd: Crowd) -> int:
    counted = text("SELECT count(*) FROM city.open_case WHERE state = ANY(:states)")
    with crowd.transaction() as session:
        return session.scalar(counted, {"states": list(workflow.duties("dispatcher"))})


def _rate(crowd: Crowd, wanted: int, act: Callable[[Crowd, Actor], None]) -> float:
    """Claims a second of `QUEUE_CLAIMERS` together."""

    def run(person: Actor) -> None:
        for _ in range(wanted):
            act(crowd, person)

    start = time.perf_counter()
    with ThreadPoolExecutor(QUEUE_CLAIMERS) as pool:
        list(pool.map(run, crowd.people[:QUEUE_CLAIMERS]))
    return QUEUE_CLAIMERS * wanted / (time.perf_counter() - start)


def _claim_next(crowd: Crowd, person: Actor) -> None:
    with crowd.transaction() as session:
        claimed = claims.claim_next(session, crowd.settings, person)
    with crowd.transaction() as session:
        claims.release(session, person, claimed.number)


def _update(crowd: Crowd, person: Actor) -> None:
    for until in ("now() + '15 min'", "NULL"):
        with crowd.transaction() as session:
            session.execute(
                text(f"UPDATE city.open_case SET claimed_until = {until} WHERE case_id = :case"),
                {"case": person.id},
            )
