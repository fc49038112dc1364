"""CAP messages of others: doubled ones do no harm, people decide, and one that follows another goes into its log."""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text

from tests import city
from tests.emergency.scene import Scene
from tests.emergency.test_cap import ALERT, AREA, INFO
from webgis.emergency import cap_inbox, cap_writing, queries
from webgis.errors import WebgisError

INSIDE = AREA | {
    "polygon": ["30.656,104.061 30.656,104.064 30.658,104.064 30.658,104.061 30.656,104.061"],
    "circle": [],
}
EASTERN = INSIDE | {"polygon": ["30.656,104.066 30.656,104.069 30.658,104.069 30.658,104.066 30.656,104.066"]}


def message(**changes) -> bytes:
    return cap_writing.write(ALERT | {"info": [INFO | {"area": [INSIDE]}]} | changes).encode()


@pytest.fixture
def scene(city_runtime):
    return Scene(city_runtime)


def send(scene, given, login="dispatcher1"):
    with scene.runtime.transaction() as session:
        return cap_inbox.receive(session, scene.settings, scene.actor(login), given, at=scene.now)


def accept(scene, proposal, login="dispatcher1", **given):
    with scene.runtime.transaction() as session:
        actor = scene.actor(login)
        return cap_inbox.accept(session, scene.settings, actor, proposal, at=scene.now, **given)


def refused(code, verb, *values, **given):
    with pytest.raises(WebgisError) as caught:
        verb(*values, **given)
    assert caught.value.code == code, caught.value
    return caught.value


def waiting(scene, login="dispatcher1"):
    with scene.runtime.transaction() as session:
        return [one.id for one in queries.proposals(session, scene.actor(login))]


def limit(scene, login, area):
    with scene.runtime.transaction() as session:
        session.execute(text("UPDATE city.person SET area_code = :area WHERE login = :login"), locals())


def test_one_message_that_comes_several_times_at_once_waits_once(scene):
    together = Barrier(4)

    def receive(given):
        with scene.runtime.transaction() as session:
            actor = scene.actor("dispatcher1")
            together.wait()
            done = cap_inbox.receive(session, scene.settings, actor, given, at=scene.now)
            return done.proposal.id, done.known

    with ThreadPoolExecutor(4) as threads:
        received = list(threads.map(receive, [message()] * 4))
    (proposal,) = waiting(scene)
    assert sorted(received) == [(proposal, False), *[(proposal, True)] * 3]


def test_a_message_becomes_what_it_suggests_when_somebody_says_so(scene):
    received = send(scene, message())
    assert received.proposal and waiting(scene) == [received.proposal.id]
    made = accept(scene, received.proposal.id)
    assert (made.kind, made.level, made.title) == ("waterlogging", 2, INFO["headline"])
    assert waiting(scene) == [] and made.cell_code.startswith(city.WEST)
    lon, lat = queries.place_of(made)
    assert 104.061 < lon < 104.064 and made.radius_m is None
    heard = scene.log(made.number)[-1]
    assert heard.action == "cap_in" and heard.facts["sender"] == ALERT["sender"]
    refused("emergency.decided", accept, scene, received.proposal.id)


def test_what_is_given_takes_the_place_of_what_is_suggested(scene):
    made = accept(scene, send(scene, message()).proposal.id, kind="fire", level=1, title="火灾")
    assert (made.kind, made.level, made.title) == ("fire", 1, "火灾")


def test_the_same_message_again_does_no_harm(scene):
    first, again = send(scene, message()), send(scene, message())
    assert again.known and again.proposal.id == first.proposal.id and len(waiting(scene)) == 1


def test_our_own_messages_that_come_back_are_known_as_ours_and_open_nothing(scene):
    number = scene.open()
    scene.change("dispatcher1", number, level=2)
    for task in scene.board(number):
        scene.step("dispatcher1", number, task, "finish")
    scene.close("dispatcher1", number)
    given_out = {one.msg_type: one.xml.encode() for one in scene.messages(number)}
    assert list(given_out) == ["Alert", "Update", "Cancel"]
    for given in given_out.values():
        back = send(scene, given)
        assert (back.proposal, back.known, back.ours) == (None, True, number)
    assert waiting(scene) == []


def test_who_takes_our_identifier_without_our_name_or_moment_waits_as_any_other(scene):
    (ours,) = scene.messages(scene.open())
    names = {"sender": ours.sender, "identifier": ours.identifier, "sent": ours.sent}
    others = [names | {"sender": "other.example"}, names | {"sent": "2026-01-01T00:00:00+08:00"}]
    assert [send(scene, message(**one)).ours for one in others] == [None, None] and len(waiting(scene)) == 2


def test_an_update_of_one_that_became_an_emergency_is_written_into_its_log(scene):
    made = accept(scene, send(scene, message()).proposal.id)
    names = f"{ALERT['sender']},{ALERT['identifier']},{ALERT['sent']}"
    update = message(identifier="E-2", msgType="Update", references=names)
    assert accept(scene, send(scene, update).proposal.id).number == made.number
    assert [line.facts["type"] for line in scene.log(made.number) if line.action == "cap_in"] == ["Alert", "Update"]


@pytest.mark.parametrize("change", [{"status": "Test"}, {"status": "Draft"}, {"status": "System"}])
def test_tests_and_drafts_wait_for_nobody(scene, change):
    assert send(scene, message(**change)).proposal is None and waiting(scene) == []


def test_a_message_without_ground_needs_a_place(scene):
    proposal = send(scene, message(info=[INFO | {"area": []}])).proposal.id
    assert refused("emergency.bad-field", accept, scene, proposal).facts["field"] == "lon"
    made = accept(scene, proposal, lon=city.IN_EAST[0], lat=city.IN_EAST[1], crs="cgcs2000")
    assert made.cell_code.startswith(city.EAST) and made.radius_m == 300


def test_circles_are_ground_too(scene):
    area = AREA | {"polygon": [], "circle": ["30.6571,104.0622 0.2"]}
    made = accept(scene, send(scene, message(info=[INFO | {"area": [area]}])).proposal.id)
    (ring,) = queries.area_of(made).geoms
    assert ring.bounds == pytest.approx(
        (104.0622 - 0.00209, 30.6571 - 0.0018, 104.0622 + 0.00209, 30.6571 + 0.0018), abs=1e-4
    )


def test_only_those_may_decide_who_may_open(scene):
    proposal = send(scene, message()).proposal.id
    refused("accounts.not-your-role", accept, scene, proposal, "emergency1")
    refused("accounts.not-your-role", send, scene, message(), "drainage1")
    refused("emergency.proposal-unknown", accept, scene, proposal + 1)


def test_what_lies_outside_the_city_is_not_opened(scene):
    area = AREA | {"polygon": ["31,105 31,105.1 31.1,105.1 31,105"], "circle": []}
    proposal = send(scene, message(info=[INFO | {"area": [area]}])).proposal.id
    refused("grid.outside", accept, scene, proposal)
    assert waiting(scene) == [proposal]


def test_who_is_limited_to_an_area_decides_on_what_lies_in_it_alone(scene):
    limit(scene, "dispatcher2", city.EAST)
    places = {"west": [INSIDE], "east": [EASTERN], "nowhere": []}
    sent = {name: send(scene, message(identifier=name, info=[INFO | {"area": area}])) for name, area in places.items()}
    west, east, nowhere = (one.proposal.id for one in sent.values())
    assert waiting(scene, "dispatcher2") == [east] and waiting(scene) == [nowhere, east, west]
    for one in (west, nowhere):
        refused("emergency.proposal-unknown", accept, scene, one, "dispatcher2")
        with scene.runtime.transaction() as session:
            actor = scene.actor("dispatcher2")
            refused("emergency.proposal-unknown", cap_inbox.decline, session, actor, one, at=scene.now)
    assert accept(scene, east, "dispatcher2").cell_code.startswith(city.EAST)


def about(name: str, kind: str, **changes) -> bytes:
    """A message about the one that `message()` gives."""
    names = f"{ALERT['sender']},{ALERT['identifier']},{ALERT['sent']}"
    return message(identifier=name, msgType=kind, references=f"other,1,{ALERT['sent']}\n {names}", **changes)


@pytest.mark.parametrize("told", [{"info": []}, {"info": [INFO | {"area": [EASTERN]}]}], ids=["bare", "elsewhere"])
def test_a_cancel_is_for_the_area_of_what_it_cancels_whatever_ground_it_names(scene, told):
    limit(scene, "dispatcher2", city.WEST)
    limit(scene, "manager1", "510104999")
    first = send(scene, message()).proposal.id
    cancel = send(scene, about("E-2", "Cancel", **told)).proposal.id
    assert waiting(scene, "dispatcher2") == [cancel, first] and waiting(scene, "manager1") == []
    refused("emergency.nothing-to-cancel", accept, scene, cancel, "dispatcher2")
    made = accept(scene, first, "dispatcher2")
    assert accept(scene, cancel, "dispatcher2").number == made.number
    assert scene.log(made.number)[-1].facts["type"] == "Cancel" and made.state == "open"


def test_a_message_without_ground_about_one_without_ground_is_for_where_that_became_an_emergency(scene):
    limit(scene, "dispatcher2", city.EAST)
    first = send(scene, message(info=[INFO | {"area": []}])).proposal.id
    update = send(scene, about("E-2", "Update", info=[])).proposal.id
    assert waiting(scene, "dispatcher2") == []
    accept(scene, first, lon=city.IN_EAST[0], lat=city.IN_EAST[1], crs="cgcs2000")
    assert waiting(scene, "dispatcher2") == [update]


def test_an_update_from_ones_own_area_opens_no_door_to_an_emergency_elsewhere(scene):
    limit(scene, "dispatcher2", city.EAST)
    made = accept(scene, send(scene, message()).proposal.id)
    names = f"{ALERT['sender']},{ALERT['identifier']},{ALERT['sent']}"
    update = message(identifier="E-2", msgType="Update", references=names, info=[INFO | {"area": [EASTERN]}])
    proposal, lines = send(scene, update).proposal.id, len(scene.log(made.number))
    refused("accounts.not-your-area", accept, scene, proposal, "dispatcher2")
    assert len(scene.log(made.number)) == lines and waiting(scene) == [proposal]


def ring(corners):
    return " ".join(f"{lat:.9f},{lon:.9f}" for lon, lat in [*corners, corners[0]])


def test_a_ring_that_crosses_itself_is_taken_as_its_hull_at_once(scene):
    chance = random.Random(7)
    corners = [(chance.uniform(104.061, 104.064), chance.uniform(30.656, 30.658)) for _corner in range(2000)]
    area = INSIDE | {"polygon": [ring(corners)]}
    made = accept(scene, send(scene, message(info=[INFO | {"area": [area]}])).proposal.id)
    assert 10 < len(queries.area_of(made).geoms[0].exterior.coords) < 200


def comb(teeth, turned):
    """A comb of thin teeth; two of them, one turned, cross each other at every tooth."""
    corners = [(0.0, 0.0)]
    for tooth in range(teeth):
        left = tooth / teeth
        corners += [(left, 1), (left + 0.3 / teeth, 1), (left + 0.3 / teeth, 0.01), (left + 1 / teeth, 0.01)]
    corners += [(1.0, 0.0)]
    return ring([(104.061 + (y if turned else x) * 0.003, 30.656 + (x if turned else y) * 0.002) for x, y in corners])


def test_rings_that_cross_each_other_many_times_are_taken_as_their_hull(scene):
    area = AREA | {"circle": [], "polygon": [comb(600, False), comb(600, True)]}
    made = accept(scene, send(scene, message(info=[INFO | {"area": [area]}])).proposal.id)
    assert len(queries.area_of(made).geoms[0].exterior.coords) < 20


@pytest.mark.parametrize(
    "area", [{"polygon": [ring([(104 + n / 10_000, 30 + n % 2) for n in range(5001)])]}, {"circle": ["30,104 1"] * 100}]
)
def test_a_ground_of_too_many_corners_is_refused(scene, area):
    given = message(info=[INFO | {"area": [AREA | {"polygon": [], "circle": []} | area]}])
    assert refused("emergency.bad-cap", send, scene, given).facts["accepted"].startswith("at most")
    assert waiting(scene) == []


def test_a_ground_that_is_too_large_waits_for_a_place(scene):
    area = AREA | {"circle": [], "polygon": ["29,103 29,105 32,105 32,103 29,103"]}
    proposal = send(scene, message(info=[INFO | {"area": [area]}])).proposal.id
    assert refused("grid.outside", accept, scene, proposal)
    lon, lat = city.IN_EAST
    assert accept(scene, proposal, lon=lon, lat=lat, crs="cgcs2000").cell_code.startswith(city.EAST)
