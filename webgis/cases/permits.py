"""Who may do what is no step of a case: change the calendar, rules and beats, answer requests, see contacts."""

from collections.abc import Sequence

from webgis.accounts.actor import Actor
from webgis.errors import Forbidden


def require_role(actor: Actor, roles: Sequence[str]) -> None:
    """Refuse who has none of these roles."""
    if actor.role not in roles:
        message = f"This is for {' or '.join(roles)}, not for {actor.role}"
        raise Forbidden("cases.not-your-role", message, role=actor.role, accepted=list(roles))


def require_area(actor: Actor, places: Sequence[str] = ("",)) -> None:
    """Refuse who is limited to an area that does not hold all these places (codes of areas or cells; "": the city)."""
    if actor.area is not None and not all(place.startswith(actor.area) for place in places):
        message = f"This goes beyond the area {actor.area}, to which you are limited"
        raise Forbidden("cases.not-your-area", message, area=actor.area)
