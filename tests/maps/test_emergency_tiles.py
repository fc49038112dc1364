"""The layer of emergencies: open ones, as far as one may see them."""

from tests import city
from tests.emergency.scene import Scene

TILE = "/tiles/emergency/14/12928/6724.mvt"
"""A tile in which the ground of both lies."""


def test_open_emergencies_are_drawn_for_those_who_see_them(city_runtime, api):
    scene = Scene(city_runtime)
    first = scene.open(planned=False, title="积水")
    east = scene.open(planned=False, title="火情", place=city.IN_EAST, kind="fire")

    def drawn(login):
        tile = api(login).get(TILE).data
        return {number for number in (first, east) if number.encode() in tile}

    assert drawn("manager1") == drawn("inspector1") == {first, east}
    assert drawn("drainage1") == set()
    scene.invite("dispatcher1", first, ["510104-drainage"])
    assert drawn("drainage1") == {first}
    scene.close("dispatcher1", east)
    assert drawn("manager1") == {first}
