"""What may be done with a task of an emergency: one table, values in, the next state or a refusal out. Pure.

The department whose task it is does the work (`owner`); whoever leads the emergency may do that too, and alone may
take a task off the board, put it back, or have it done again.
"""

from typing import NamedTuple

from webgis.emergency.rules import bad_field
from webgis.errors import Conflict, Forbidden, NotFound

STATES = ("todo", "doing", "done", "dropped")
STANDING = ("todo", "doing")
"""What keeps an emergency from being closed."""


class Step(NamedTuple):
    """A row: what is done with a task, from where to where, by whom, and whether a note must say why."""

    action: str
    source: str
    target: str
    who: str
    note: bool = False


STEPS = (
    Step("start", "todo", "doing", "owner"),
    Step("finish", "todo", "done", "owner"),
    Step("finish", "doing", "done", "owner"),
    Step("put_back", "doing", "todo", "owner"),
    Step("redo", "done", "doing", "lead", note=True),
    Step("drop", "todo", "dropped", "lead", note=True),
    Step("drop", "doing", "dropped", "lead", note=True),
    Step("restore", "dropped", "todo", "lead"),
)
ACTIONS = tuple(dict.fromkeys(step.action for step in STEPS))


def after(state: str, action: str, *, owner: bool, lead: bool, note: str | None) -> str:
    """The state of a task after an action. `NotFound` for no such action, `Forbidden` for who may not, `Conflict` when
    the task has moved on, `Invalid` when a note is missing."""
    if action not in ACTIONS:
        raise NotFound("emergency.action-unknown", f"There is no action '{action[:40]}'", accepted=list(ACTIONS))
    rows = [step for step in STEPS if step.action == action]
    if not lead and not (owner and rows[0].who == "owner"):
        needed = "the department whose task it is" if rows[0].who == "owner" else "those who lead the emergency"
        raise Forbidden("emergency.not-yours", f"'{action}' is for {needed}", action=action)
    found = next((step for step in rows if step.source == state), None)
    if found is None:
        accepted = [step.source for step in rows]
        message = f"The task is {state}; '{action}' is for one that is {' or '.join(accepted)}"
        raise Conflict("emergency.task-moved", message, task_state=state, accepted=accepted)
    if found.note and not note:
        raise bad_field("note", note, "say why")
    return found.target


def offered(state: str, *, owner: bool, lead: bool) -> list[Step]:
    """What this person may do with a task in this state."""
    return [step for step in STEPS if step.source == state and (lead or (owner and step.who == "owner"))]
