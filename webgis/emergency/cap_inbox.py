"""CAP messages of others: taken in when they keep the rules, and made an emergency by whoever says so.

A message opens nothing by itself. An Update or Cancel of one that became an emergency is a note in that one's log.
One of our own that comes back is nothing to decide on.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.emergency import acting, cap_model, cap_reading, ground, operations, queries, rules
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.emergency.models import CapMessage, CapProposal, Emergency
from webgis.errors import Conflict, NotFound
from webgis.settings import Settings

FOR_PEOPLE = ("Actual", "Exercise")
NEWS = ("Alert", "Update", "Cancel")
"""Statuses and types that somebody has to decide on; the others are taken note of by the answer alone."""

NEXT_CHANGE = func.nextval("city.emergency_event_id_seq")
USUAL_LEVEL = 4
METRES = 1000
CORNERS_OF_CIRCLE, MOST_TO_JOIN = 65, 400


@dataclass(frozen=True)
class Received:
    """What became of a message: its proposal (None: nothing to decide), and whether it was known already. `ours`: the
    number of the emergency that gave it out, when a hub sends us back our own."""

    told: dict[str, Any]
    proposal: CapProposal | None
    known: bool = False
    ours: str | None = None


def receive(session: Session, settings: Settings, actor: Actor, given: bytes, *, at: datetime) -> Received:
    """Take in a CAP message. `Invalid` for what breaks the rules; the same one again does no harm."""
    permissions.require(actor, "emergency.receive")
    told = cap_reading.read(given)
    if told["status"] not in FOR_PEOPLE or told["msgType"] not in NEWS:
        return Received(told, None)
    name = {"sender": told["sender"], "identifier": told["identifier"], "sent": told["sent"]}
    given_out = select(Emergency.number).join(CapMessage, CapMessage.emergency_id == Emergency.id)
    if (ours := session.scalar(given_out.filter_by(**name))) is not None:
        return Received(told, None, True, ours)
    stands = select(CapProposal).filter_by(**name)
    if (known := session.scalar(stands)) is not None:
        return Received(told, known, True)
    area = _area(session, told)
    added = insert(CapProposal).values(
        **name,
        told=told,
        xml=given.decode(),
        area=None if area is None else ground.stored(area),
        state="waiting",
        received_at=at,
        received_by=actor.id,
        change=NEXT_CHANGE,
    )
    made = session.scalar(added.on_conflict_do_nothing().returning(CapProposal.id))  # senders repeat, also at once
    return Received(told, session.scalars(stands).one(), made is None)


def _area(session: Session, told: dict[str, Any]) -> shapely.MultiPolygon | None:
    """The ground of a message: its polygons and circles together; other languages tell the same ground."""
    areas = [area for info in told["info"][:1] for area in info["area"]]
    rings = [cap_model.pairs(ring) for area in areas for ring in area["polygon"]]
    circles = [circle for area in areas for circle in area["circle"]]
    corners = sum(map(len, rings)) + CORNERS_OF_CIRCLE * len(circles)
    if corners > ground.MOST_CORNERS:
        accepted = f"at most {ground.MOST_CORNERS:,} corners, {CORNERS_OF_CIRCLE} for a circle"
        raise cap_reading.refused("alert/info/area", f"{corners:,} corners", accepted)
    shapes = [shapely.Polygon([(lon, lat) for lat, lon in ring]) for ring in rings]
    for circle in circles:
        centre, _space, kilometres = circle.partition(" ")
        ((lat, lon),) = cap_model.pairs(centre)
        metres = min(max(float(kilometres) * METRES, rules.LEAST_RADIUS_M), rules.LARGEST_RADIUS_M)
        shapes += ground.around(session, lon, lat, metres).geoms
    return _together(shapes)


def _together(shapes: list[shapely.Polygon]) -> shapely.MultiPolygon | None:
    """Shapes as one. The hull stands for a ring that crosses itself and for too many corners that overlap: it says
    more, never less, while to repair or join what strangers sent could cost minutes."""
    hulls = [shape if shape.is_valid else shape.convex_hull for shape in shapes]
    whole = shapely.MultiPolygon([shape for shape in hulls if shape.geom_type == "Polygon"])
    if whole.is_empty:
        return None
    if whole.is_valid:
        return whole
    few = shapely.get_num_coordinates(whole) <= MOST_TO_JOIN
    joined = shapely.union_all(whole.geoms) if few else whole.convex_hull
    return ground.multi(joined if shapely.get_num_coordinates(joined) <= ground.MOST_CORNERS else joined.convex_hull)


def suggested(proposal: CapProposal) -> dict[str, Any]:
    """What an emergency from this message would be: kind by its category, level by its severity, title, place."""
    info = next(iter(proposal.told["info"]), {})
    category = next(iter(info.get("category", [])), "Other")
    kinds = [kind for kind, one in KINDS.items() if one.category == category]
    level = next((n for n, one in LEVELS.items() if one.severity == info.get("severity")), USUAL_LEVEL)
    title = (info.get("headline") or info.get("event") or proposal.identifier)[: rules.LONGEST_TITLE]
    return {"kind": kinds[0] if kinds else "other", "level": level, "title": title}


def accept(
    session: Session, settings: Settings, actor: Actor, proposal_id: int, *, at: datetime, **given: Any
) -> Emergency:
    """Make a message an emergency; `given` (fields of `operations.Opening`) says what is to be other than suggested. An
    Update or Cancel of a message that is one already is written into its log, by who may act where that is. `Conflict`
    for a Cancel of nothing that is open."""
    proposal = _waiting(session, actor, proposal_id)
    emergency = _referenced(session, proposal)
    if emergency is None and proposal.told["msgType"] == "Cancel":
        message = "It cancels a message that is no open emergency; there is nothing to open"
        raise Conflict("emergency.nothing-to-cancel", message, proposal=proposal_id)
    if emergency is None:
        opening = operations.Opening(**_place(proposal, given) | suggested(proposal) | _exercise(proposal) | given)
        emergency = operations.open_(session, settings, actor, opening, at=at)
    permissions.require_area(actor, [emergency.cell_code])
    info = next(iter(proposal.told["info"]), {})
    said = {name: info.get(name) for name in ("headline", "description", "instruction") if info.get(name)}
    heard = {"sender": proposal.sender, "identifier": proposal.identifier, "type": proposal.told["msgType"]}
    acting.note(session, emergency, actor, "cap_in", heard | said, at)
    _decide(proposal, "accepted", actor, at)
    proposal.emergency_id = emergency.id
    session.flush()
    return emergency


def _exercise(proposal: CapProposal) -> dict[str, bool]:
    return {"exercise": proposal.told["status"] == "Exercise"}


def _place(proposal: CapProposal, given: dict[str, Any]) -> dict[str, Any]:
    """Place and ground of a message: a point inside its widest part. Who names a place has the ground around that."""
    if "lon" in given and "lat" in given:
        return {}
    if proposal.area is None:
        raise rules.bad_field("lon", None, "a place: the message names no ground")
    shape = to_shape(proposal.area)
    point = shapely.point_on_surface(shape)
    outline = shapely.geometry.mapping(shape)
    return {"lon": point.x, "lat": point.y, "crs": "cgcs2000", "area": outline}


def decline(session: Session, actor: Actor, proposal_id: int, *, at: datetime) -> CapProposal:
    """Say that nothing is to be done about a message."""
    proposal = _waiting(session, actor, proposal_id)
    _decide(proposal, "declined", actor, at)
    session.flush()
    return proposal


def _waiting(session: Session, actor: Actor, proposal_id: int) -> CapProposal:
    permissions.require(actor, "emergency.open")
    wanted = select(CapProposal).where(CapProposal.id == proposal_id, queries.decides(actor))
    wanted = wanted.with_for_update(of=CapProposal).execution_options(populate_existing=True)
    proposal = session.scalar(wanted)
    if proposal is None:
        raise NotFound("emergency.proposal-unknown", f"There is no message {proposal_id}", proposal=proposal_id)
    if proposal.state != "waiting":
        message = f"This message was {proposal.state} already"
        raise Conflict("emergency.decided", message, proposal=proposal_id, decision=proposal.state)
    return proposal


def _decide(proposal: CapProposal, state: str, actor: Actor, at: datetime) -> None:
    proposal.state, proposal.decided_at, proposal.decided_by = state, at, actor.id
    proposal.change = NEXT_CHANGE


def _referenced(session: Session, proposal: CapProposal) -> Emergency | None:
    """The open emergency that a message before this one became."""
    for reference in (proposal.told.get("references") or "").split():
        sender, identifier, sent = reference.split(",")
        wanted = select(Emergency).join(CapProposal, CapProposal.emergency_id == Emergency.id)
        wanted = wanted.where(Emergency.state == "open").with_for_update(of=Emergency)
        found = session.scalar(
            wanted.where(CapProposal.sender == sender, CapProposal.identifier == identifier, CapProposal.sent == sent)
        )
        if found is not None:
            return found
    return None
