"""What every act of an emergency shares: taking hold of it, its log, its departments, its CAP messages."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.accounts.models import Department
from webgis.emergency import cap_writing, queries, telling_rules
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.emergency.models import CapMessage, Emergency, EmergencyParty
from webgis.errors import Conflict, Forbidden, Invalid
from webgis.grid import queries as grid
from webgis.settings import Settings

_LINE = text("SELECT fn.add_emergency_event(:id, :at, :action, :person, :role, :department, CAST(:facts AS jsonb))")


def taken(session: Session, actor: Actor, number: str, *, lead: bool = False) -> Emergency:
    """An open emergency, locked, in which this person may act, or which they may `lead`."""
    permissions.require(actor, "emergency.act")
    found = queries.require(session, actor, number, lock=True)
    if found.state != "open":
        raise Conflict("emergency.closed", f"{number} is closed; nothing is changed in it any more", number=number)
    if lead and not queries.rights(actor, found).lead:
        message = "This is for dispatchers, managers and the department that leads the emergency"
        raise Forbidden("emergency.not-leading", message, number=number, lead=found.lead_code)
    return found


def note(
    session: Session, emergency: Emergency, actor: Actor, action: str, facts: Mapping[str, Any], at: datetime
) -> int:
    """Write a line of the log, and the job that tells people of it; its number."""
    session.flush()
    line = {
        "id": emergency.id,
        "at": at,
        "action": action,
        "person": actor.id,
        "role": actor.role,
        "department": actor.department,
        "facts": json.dumps(dict(facts), ensure_ascii=False),
    }
    seq = session.scalar(_LINE, line)
    if action in telling_rules.OF_ACTION:
        jobs.enqueue(session, "emergency.notify", emergency=emergency.id, seq=seq)
    session.expire(emergency, ["version", "head"])
    return seq


def join(session: Session, emergency: Emergency, codes: Iterable[str], at: datetime) -> list[str]:
    """Have departments take part; those that did not already. `Invalid` for a code that there is not."""
    joined = []
    for code in sorted(set(codes)):
        if session.get(Department, code) is None:
            message = f"There is no department {code[:64]}"
            raise Invalid("emergency.department-unknown", message, field="departments", got=code[:64])
        party = session.get(EmergencyParty, (emergency.id, code))
        if party is None:
            session.add(EmergencyParty(emergency_id=emergency.id, department_code=code, joined_at=at))
        elif party.left_at is not None:
            party.left_at = None
        else:
            continue
        joined.append(code)
    session.flush()
    return joined


def tell(session: Session, settings: Settings, emergency: Emergency, kind: str, words: str, at: datetime) -> CapMessage:
    """Give out a CAP message about an emergency as it stands: `kind` Alert, Update or Cancel."""
    earlier = queries.messages(session, emergency)
    seq = len(earlier) + 1
    message = {
        "identifier": f"{emergency.number}-{seq}",
        "sender": sender(settings),
        "sent": cap_writing.moment(at.astimezone(settings.zone)),
        "status": "Exercise" if emergency.exercise else "Actual",
        "msgType": kind,
        "scope": "Restricted",
        "restriction": "Agencies that take part in the emergency",
        "note": f"Exercise: {emergency.title}" if emergency.exercise else None,
        "references": " ".join(f"{one.sender},{one.identifier},{one.sent}" for one in earlier) or None,
        "info": [_info(session, emergency, language, kind, words) for language in ("zh-CN", "en-US")],
    }
    made = CapMessage(
        emergency_id=emergency.id,
        seq=seq,
        identifier=message["identifier"],
        sender=message["sender"],
        sent=message["sent"],
        msg_type=kind,
        xml=cap_writing.write(message),
    )
    session.add(made)
    session.flush()
    return made


def sender(settings: Settings) -> str:
    """Who we are in CAP: the host that people use, or the city's code."""
    host = urlsplit(settings.public_url).hostname if settings.public_url else None
    return host or f"webgis-{settings.city_code}"


def _info(session: Session, emergency: Emergency, language: str, kind: str, words: str) -> dict[str, Any]:
    zh = language == "zh-CN"
    what, level = KINDS[emergency.kind], LEVELS[emergency.level]
    chain = grid.area_chain(session, emergency.cell_code)
    names = [one.name_zh if zh else one.name_en or one.name_zh for one in chain]
    return {
        "language": language,
        "category": [what.category],
        "event": what.zh if zh else what.en,
        "responseType": ["AllClear"] if kind == "Cancel" else ["Avoid", "Monitor"],
        "urgency": "Past" if kind == "Cancel" else "Immediate",
        "severity": level.severity,
        "certainty": "Observed",
        "headline": emergency.title,
        "description": words or None,
        "parameter": [{"valueName": "level", "value": level.sign}],
        "area": [
            {
                "areaDesc": emergency.address or " ".join(names) or emergency.cell_code,
                "polygon": cap_writing.polygons(queries.area_of(emergency)),
            }
        ],
    }


def next_number(session: Session, settings: Settings, at: datetime) -> str:
    """The number of the next emergency: E, the day in the city, three digits of the day."""
    day = f"E{at.astimezone(settings.zone):%Y%m%d}"
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('webgis emergency numbers', 0))"))
    last = session.scalar(select(func.max(Emergency.number)).where(Emergency.number.startswith(day)))
    return f"{day}{int(last[len(day) :]) + 1 if last else 1:03d}"
