"""The end of the history: every event once, whoever commits late; and who is told what of it."""

import pytest
from sqlalchemy import text

from tests import city
from tests.cases.life import Life
from tests.emergency.scene import Scene
from tests.emergency.test_cap_inbox import message
from webgis.accounts.actor import Actor
from webgis.cases import claims, handling
from webgis.emergency import cap_inbox
from webgis.live import changes
from webgis.live.changes import HISTORIES, Feed


@pytest.fixture
def life(city_runtime) -> Life:
    return Life(city_runtime)


def heard(feed: Feed, life: Life) -> list[tuple[str, str]]:
    return [(row.number, row.action) for row in feed.read(life.runtime.ask)]


def test_a_feed_begins_at_the_end_and_gives_every_event_once(life):
    life.report()
    feed = Feed(HISTORIES["case"])
    assert heard(feed, life) == [] == heard(feed, life)
    number = life.filed()
    assert heard(feed, life) == [(number, "report"), (number, "file")]
    assert heard(feed, life) == []


def test_an_event_that_commits_after_later_ones_is_given_too(life):
    feed, late = Feed(HISTORIES["case"]), life.report().number
    heard(feed, life)
    with life.runtime.transaction() as session:
        actor, condition = life.actor("acceptor1"), life.condition(late)
        handling.act(session, life.settings, actor, late, "file", {"condition": condition}, at=life.now)
        soon = life.report(place=city.IN_EAST).number
        assert heard(feed, life) == [(soon, "report")]
    assert heard(feed, life) == [(late, "file")]
    assert heard(feed, life) == [] and feed.missing == {}


def test_an_event_that_is_rolled_back_is_waited_for_and_then_forgotten(life, monkeypatch):
    feed = Feed(HISTORIES["case"])
    heard(feed, life)
    with life.runtime.engine.connect() as connection:
        connection.execute(text("SELECT nextval(pg_get_serial_sequence('city.case_event', 'id'))"))
    number = life.report().number
    assert heard(feed, life) == [(number, "report")] and len(feed.missing) == 1
    monkeypatch.setattr(changes, "PATIENCE_S", 0.0)
    assert heard(feed, life) == [] and feed.missing == {}


def told(life: Life, *actors: Actor) -> list[dict | None]:
    """What these people are told of the last event."""
    row = life.runtime.ask("SELECT * FROM fn.case_changes(0, '{}', 1000)")[-1]
    return [changes.told(row, actor) for actor in actors]


def test_one_is_told_of_cases_that_one_may_see_and_of_no_others(life):
    number = life.handled()
    centre, own, other = life.actor("dispatcher1"), life.actor("sanitation1"), life.actor("works1")
    elsewhere = Actor(9, "elsewhere", "elsewhere", "dispatcher", area=city.EAST)
    refuse, lamps = (Actor(9, "one", "one", "dispatcher", classes=(one,)) for one in ("matter:06", "component:01"))
    seen = told(life, centre, own, refuse, other, elsewhere, lamps)
    assert seen[0] == seen[1] == seen[2] and seen[0]["number"] == number and seen[0]["state"] == "handling"
    assert seen[3:] == [None, None, None]


def test_a_department_that_returns_a_case_is_told_that_it_is_gone_and_no_more(life):
    number = life.handled()
    life.do("sanitation1", number, "return", reason="不属于我单位")
    assert told(life, life.actor("sanitation1"), life.actor("works1")) == [{"number": number, "gone": True}, None]


def test_who_is_limited_to_the_old_class_of_a_case_is_told_that_it_is_gone(life):
    number = life.report().number
    life.do("acceptor1", number, "reclassify", kind="matter", class_="02001")
    before, after = (Actor(9, "one", "one", "dispatcher", classes=(one,)) for one in ("matter:06", "matter:02"))
    seen = told(life, before, after)
    assert seen[0] == {"number": number, "gone": True} and seen[1]["number"] == number


def test_who_asks_in_turns_is_told_what_committed_late(life):
    first = life.report().number
    newest, mark = changes.mark(life.runtime.ask)
    assert changes.Cursor.read(str(newest)) == newest and changes.Cursor.read("7") is None
    assert changes.mark(life.runtime.ask) == (newest, mark)
    second = life.report(place=city.IN_EAST).number
    rows, more = HISTORIES["case"].after(life.runtime.ask, newest.ids[0])
    assert not more and {first, second} == {row.number for row in rows}
    assert changes.mark(life.runtime.ask)[1] != mark


def test_who_asks_in_turns_is_told_of_claims(life):
    number = life.report().number
    newest, mark = changes.mark(life.runtime.ask)
    with life.runtime.transaction() as session:
        claims.claim(session, life.settings, life.actor("acceptor1"), number)
    assert changes.mark(life.runtime.ask)[1] != mark
    rows, more = HISTORIES["claim"].after(life.runtime.ask, newest.ids[1])
    elsewhere = Actor(9, "elsewhere", "elsewhere", "dispatcher", area=city.EAST)
    seen = [changes.claim_told(rows[-1], actor) for actor in (life.actor("dispatcher1"), elsewhere)]
    assert not more and seen[0]["by"]["name"] == "acceptor1 岗" and seen[1] is None


def test_one_is_told_of_emergencies_that_one_sees_and_of_messages_that_one_decides_on(city_runtime):
    scene = Scene(city_runtime)
    feed = Feed(HISTORIES["emergency"])
    feed.read(scene.runtime.ask)
    people = [scene.actor(login) for login in ("dispatcher1", "acceptor1", "drainage1", "works1")]
    people.append(Actor(9, "elsewhere", "elsewhere", "dispatcher", area=city.EAST))

    def told() -> list[list]:
        rows = feed.read(scene.runtime.ask)
        seen = [[changes.emergency_told(row, actor) for row in rows] for actor in people]
        return [[one and one.get("action", one.get("state", one.get("gone"))) for one in mine] for mine in seen]

    number = scene.open(planned=False, departments=["510104-drainage"])
    assert told() == [["open"], ["open"], ["open"], [None], [None]]
    scene.dismiss("dispatcher1", number, "510104-drainage")
    assert told() == [["dismiss"], ["dismiss"], [True], [None], [None]]
    with scene.runtime.transaction() as session:
        received = cap_inbox.receive(session, scene.settings, people[0], message(), at=scene.now)
    assert told() == [["waiting"], [None], [None], [None], [None]]
    with scene.runtime.transaction() as session:
        cap_inbox.decline(session, people[0], received.proposal.id, at=scene.now)
    assert told() == [["declined"], [None], [None], [None], [None]] and feed.missing == {}
