"""The board's table: every state can be reached and left, and only those may act who should."""

import itertools

import pytest

from webgis.emergency import board
from webgis.errors import Conflict, Forbidden, Invalid, NotFound


def test_every_state_is_reached_and_left():
    assert {step.source for step in board.STEPS} == set(board.STATES)
    assert {step.target for step in board.STEPS} | {"todo"} == set(board.STATES)


def test_an_action_is_the_same_ones_from_wherever_it_begins():
    for action in board.ACTIONS:
        assert len({(step.who, step.note, step.target) for step in board.STEPS if step.action == action}) == 1


@pytest.mark.parametrize(("state", "action"), list(itertools.product(board.STATES, board.ACTIONS)))
def test_what_is_offered_is_what_is_taken(state, action):
    for owner, lead in itertools.product((True, False), repeat=2):
        offered = {step.action: step.target for step in board.offered(state, owner=owner, lead=lead)}
        try:
            assert board.after(state, action, owner=owner, lead=lead, note="因为") == offered[action]
        except (Forbidden, Conflict):
            assert action not in offered


def test_what_is_taken_off_the_board_needs_a_reason():
    with pytest.raises(Invalid, match="say why"):
        board.after("todo", "drop", owner=False, lead=True, note=None)


def test_there_is_no_other_action():
    with pytest.raises(NotFound):
        board.after("todo", "forget", owner=True, lead=True, note=None)
