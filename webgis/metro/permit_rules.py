"""Permits for work in protection zones: what work there is, what each zone allows, and the steps of a permit. Pure.

The lists follow the pattern of national and city rules (standards: regulated work in the control zone; what alone is
allowed in the special zone), marked M: a city's own regulation goes before them.
"""

from dataclasses import dataclass
from typing import Any

from webgis.errors import Conflict, Forbidden, Invalid

LONGEST_TEXT, LONGEST_NAME = 2000, 200

WORKS = (
    "building", "demolition", "excavation", "drilling", "piling", "blasting", "jacking", "grouting", "anchors", "pipes",
    "dewatering", "earthworks", "load", "dredging", "hoisting", "hot_work", "other",
)  # fmt: skip
"""Kinds of work that need the operator's agreement in a control zone."""

PURPOSES = ("metro", "municipal", "landscape", "sanitation", "defence", "rebuilding", "other")
"""What the work is for."""

IN_SPECIAL = frozenset(PURPOSES) - {"other"}
"""Purposes for which alone work is allowed in a special zone (rebuilding: with approval)."""

STATES = ("applied", "returned", "granted", "refused", "withdrawn", "revoked", "finished", "expired")
ENDED = ("refused", "withdrawn", "revoked", "finished", "expired")
APPLICANT, OPERATOR, ENGINE = "applicant", "operator", "engine"


@dataclass(frozen=True)
class Step:
    """A row: what is done, from and to which state, by whom, and what must be given."""

    action: str
    from_: tuple[str, ...]
    to: str
    who: str
    needs: tuple[str, ...] = ()


STEPS = (
    Step("grant", ("applied",), "granted", OPERATOR, ("conditions",)),
    Step("return", ("applied",), "returned", OPERATOR, ("note",)),
    Step("refuse", ("applied",), "refused", OPERATOR, ("note",)),
    Step("revoke", ("granted",), "revoked", OPERATOR, ("note",)),
    Step("resubmit", ("returned",), "applied", APPLICANT),
    Step("withdraw", ("applied", "returned"), "withdrawn", APPLICANT),
    Step("finish", ("granted",), "finished", APPLICANT),
    Step("expire", ("granted",), "expired", ENGINE),
)
BY_ACTION = {step.action: step for step in STEPS}


def offered(state: str, parts: frozenset[str]) -> tuple[Step, ...]:
    """The steps open to someone who is these `parts` (applicant, operator, engine) of a permit in this state."""
    return tuple(step for step in STEPS if state in step.from_ and step.who in parts)


def step(action: str, state: str, parts: frozenset[str], given: frozenset[str]) -> Step:
    """The step of this name, or why it cannot be: `Invalid` "metro.action-unknown" or "metro.field-missing",
    `Forbidden` "metro.not-your-permit", `Conflict` "metro.not-now"."""
    one = BY_ACTION.get(action)
    if one is None:
        accepted = [each.action for each in STEPS if each.who != ENGINE]
        raise Invalid(
            "metro.action-unknown",
            f"There is no action {action!r}; accepted: {', '.join(accepted)}",
            field="action",
            got=action,
            accepted=accepted,
        )
    if one.who not in parts:
        raise Forbidden("metro.not-your-permit", f"'{action}' is for the {one.who}", action=action, accepted=[one.who])
    if state not in one.from_:
        raise Conflict(
            "metro.not-now", f"'{action}' is not possible: the permit is {state}", state=state, accepted=list(one.from_)
        )
    for field in one.needs:
        if field not in given:
            raise Invalid(
                "metro.field-missing",
                f"'{action}' needs {field}",
                field=field,
                got=None,
                accepted="one sentence or more",
            )
    return one


def allowed(zone_kind: str, purpose: str) -> str:
    """What a zone says to work for this purpose: "agreement" (the operator must agree) or "excluded"."""
    return "excluded" if zone_kind == "special" and purpose not in IN_SPECIAL else "agreement"


def bad_field(field: str, got: Any, accepted: Any) -> Invalid:
    """The refusal of a field of an application or act."""
    return Invalid("metro.bad-field", f"{field}: {accepted}, not {got}", field=field, got=got, accepted=accepted)
