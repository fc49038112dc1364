"""Telling people what happened to a case: which events, whom, in which words, once, and not in floods.

A step calls `tell`, which writes one job, and only when there is someone to tell. The job finds the recipients and
keeps a notice for each; notices that come together become one message (`digest_minutes`); a message is composed when it
is sent, so no address and no text lies about, and it has an id that stays the same at every try. The words are in
`notice_words.py`, the ways out in `senders.py`.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db, jobs
from webgis.accounts import queries as accounts
from webgis.cases import contact_rules, contacts, senders
from webgis.cases import notice_words as words
from webgis.cases.workflow import bad_field
from webgis.errors import NotFound
from webgis.settings import Settings

AUDIENCE: dict[str, tuple[str, ...]] = {
    "received": ("reporters",),
    "filed": ("reporters",),
    "rejected": ("reporters",),
    "voided": ("reporters",),
    "merged": ("reporters",),
    "resolved": ("reporters",),
    "closed": ("reporters",),
    "reopened": ("reporters",),
    "dispatched": ("department",),
    "assigned": ("handler",),
    "returned": ("department", "handler"),
    "urged": ("department", "handler"),
    "due_soon": ("department", "handler"),
    "overdue": ("department", "handler"),
    "confirmation": ("inspector",),
    "verification": ("inspector",),
}
"""Event -> who is told of it."""

AT_ONCE = ("received", "urged")
"""Events that wait for no digest; whatever waits for the same recipient goes with them."""

OF_ACTION = {
    "file": "filed",
    "reject": "rejected",
    "void": "voided",
    "merge": "merged",
    "resolve": "resolved",
    "close": "closed",
    "force_close": "closed",
    "reopen": "reopened",
    "dispatch": "dispatched",
    "split": "dispatched",
    "assign": "assigned",
    "redo": "returned",
    "urge": "urged",
    "request_confirmation": "confirmation",
    "request_verification": "verification",
}
"""Step of the workflow -> the event that is told."""

FACTS = ("reason", "into")
"""What a step may say that is told with it."""

_TELL = "SELECT fn.tell(%s, %s, %s, %s) AS told"


def tell(session: Session, case_id: int, event: str, **facts: Any) -> None:
    """Have everyone concerned told of an event, or of an action of the workflow, after the caller's commit.

    One statement, one row if there is anyone to tell, and nothing for events that nobody is told of. `facts` are small
    JSON values; `reason` and `into` (a case's number) are shown, `note` stands for a missing reason.
    """
    name = _event(event, facts)
    if name is None:
        return
    shown = {key: facts[key] for key in FACTS if facts.get(key)}
    if name == "urged" and facts.get("note"):
        shown.setdefault("reason", facts["note"])
    values = (case_id, name, json.dumps(shown, ensure_ascii=False), list(AUDIENCE[name]))
    if db.call(session, _TELL, *values)[0].told:
        jobs.note(session, {"quick"})


def _event(name: str, facts: Mapping[str, Any]) -> str | None:
    if name == "verify":
        return "returned" if facts.get("result") == "fail" else None
    return OF_ACTION.get(name, name if name in AUDIENCE else None)


# From an event to messages

_KEEP = text(
    """
    INSERT INTO city.notice (key, case_id, event, facts, contact_id, address_id, due_at)
    SELECT CAST(:key AS uuid), l.of_case, :event, CAST(:facts AS jsonb), l.contact_id, l.address_id,
           now() + make_interval(mins => CASE WHEN :at_once THEN 0 ELSE coalesce(a.digest_minutes, :digest) END)
    FROM fn.listeners(:case, :audience) l LEFT JOIN city.notice_address a ON a.id = l.address_id
    ON CONFLICT DO NOTHING
    RETURNING contact_id, address_id, extract(epoch FROM due_at - now())::float8 AS wait
    """
)


def keep(session: Session, settings: Settings, case: int, event: str, facts: Mapping[str, Any], key: str) -> int:
    """Keep a notice for everyone who is to be told, and have each one's message made when its time has come."""
    values = {
        "case": case,
        "event": event,
        "facts": json.dumps(facts, ensure_ascii=False),
        "key": key,
        "audience": list(AUDIENCE[event]),
        "at_once": event in AT_ONCE,
        "digest": settings.digest_minutes,
    }
    kept = session.execute(_KEEP, values).all()
    for row in kept:
        jobs.enqueue(session, "cases.bundle_notices", delay=row.wait, contact=row.contact_id, address=row.address_id)
    return len(kept)


_WAITING = """
    SELECT id, due_at <= now() AS due FROM city.notice
    WHERE {column} = :recipient AND message_id IS NULL ORDER BY id FOR UPDATE
"""
_WAITING_FOR = {
    "contact": text(_WAITING.format(column="contact_id")),
    "address": text(_WAITING.format(column="address_id")),
}
_MESSAGE = text(
    """
    INSERT INTO city.message (id, contact_id, address_id, channel)
    SELECT CAST(:id AS uuid), CAST(:contact AS bigint), CAST(:address AS integer),
           coalesce((SELECT channel FROM city.contact WHERE id = :contact AND channel <> 'none'),
                    (SELECT channel FROM city.notice_address WHERE id = :address), 'email')
    """
)


def bundle(session: Session, contact: int | None, address: int | None) -> str | None:
    """Make one message of all that waits for a recipient, once the first of it is due; the message's id."""
    kind, recipient = ("contact", contact) if contact is not None else ("address", address)
    waiting = session.execute(_WAITING_FOR[kind], {"recipient": recipient}).all()
    if not any(row.due for row in waiting):
        return None
    made = str(uuid.uuid4())
    session.execute(_MESSAGE, {"id": made, "contact": contact, "address": address})
    session.execute(
        text("UPDATE city.notice SET message_id = CAST(:id AS uuid) WHERE id = ANY(:notices)"),
        {"id": made, "notices": [row.id for row in waiting]},
    )
    jobs.enqueue(session, "cases.send_message", queue="slow", message=made)
    return made


_LOCK = text("SELECT * FROM city.message WHERE id = CAST(:id AS uuid) FOR UPDATE")
_SENT = text("UPDATE city.message SET sent_at = clock_timestamp(), error = NULL WHERE id = CAST(:id AS uuid)")
_FAILED = text("UPDATE city.message SET failed_at = clock_timestamp(), error = :error WHERE id = CAST(:id AS uuid)")


def send(session: Session, settings: Settings, message: str) -> bool:
    """Send a message unless that was done; whether it went now. What can be tried again is raised.

    A process that dies between the sending and the commit sends again, with the same id: once at least, twice at worst.
    """
    row = session.execute(_LOCK, {"id": message}).one()
    if row.sent_at is not None or row.failed_at is not None:
        return False
    outgoing = compose(session, settings, row)
    if outgoing is None:
        session.execute(_FAILED, {"id": message, "error": "the recipient's address has been erased"})
        return False
    try:
        senders.of(settings, row.channel).send(outgoing)
    except senders.Refused as error:
        session.execute(_FAILED, {"id": message, "error": str(error)[:500]})
        return False
    session.execute(_SENT, {"id": message})
    return True


# Words


_NOTICES = text(
    """
    SELECT n.event, n.facts, n.contact_id, c.id AS case_id, c.number, c.deadline_at, k.name_zh AS class_zh,
           k.name_en AS class_en, d.name_zh AS department_zh, d.name_en AS department_en,
           coalesce(c.address, a.name_zh) AS place
    FROM city.notice n
    JOIN city."case" c ON c.id = n.case_id
    JOIN city.class k ON k.standard = c.standard AND k.kind = c.kind AND k.code = c.class_code
    LEFT JOIN city.department d ON d.code = c.department_code
    LEFT JOIN city.area a ON a.code = left(c.cell_code, 12)
    WHERE n.message_id = :message ORDER BY n.id
    """
)
_RECIPIENT = text(
    """
    SELECT o.channel, o.language, o.phone, o.email, NULL::bytea AS address FROM city.contact o WHERE o.id = :contact
    UNION ALL
    SELECT a.channel, a.language, NULL, NULL, a.address FROM city.notice_address a WHERE a.id = :address
    """
)


def compose(session: Session, settings: Settings, message: Row) -> senders.Outgoing | None:
    """The message as it is sent now; None when the recipient's address is gone."""
    who = session.execute(_RECIPIENT, {"contact": message.contact_id, "address": message.address_id}).one()
    sealed = who.address or (who.phone if message.channel == "sms" else who.email)
    if sealed is None:
        return None
    rows = session.execute(_NOTICES, {"message": message.id}).all()
    city = _city(session, settings, who.language)
    said = [
        words.say(row.event, who.language, values_of(row, who.language, settings, city, _link(session, settings, row)))
        for row in rows
    ]
    to = contacts.keyring(settings).open(sealed)
    if message.channel == "email":
        subject, body = words.letter(said, who.language, city)
    else:
        subject, body = None, words.short(said, who.language)
    return senders.Outgoing(str(message.id), message.channel, to, subject, body, who.language)


def values_of(row: Any, language: str, settings: Settings, city: str, link: str | None) -> dict[str, Any]:
    """What templates know: number, class_name, department, place, deadline (local), reason, into, link, city,
    objection_days."""
    english = language == "en"
    due = row.deadline_at and row.deadline_at.astimezone(settings.zone)
    return {
        "number": row.number,
        "class_name": (row.class_en if english else None) or row.class_zh,
        "department": (row.department_en if english else None) or row.department_zh or "",
        "place": row.place or "",
        "deadline": due.strftime("%Y-%m-%d %H:%M") if due else "",
        "reason": row.facts.get("reason", ""),
        "into": row.facts.get("into", ""),
        "link": link,
        "city": city,
        "objection_days": settings.objection_days,
    }


def _city(session: Session, settings: Settings, language: str) -> str:
    named = session.execute(
        text("SELECT name_zh, name_en FROM city.area WHERE code = :code"), {"code": settings.city_code}
    ).one_or_none()
    if named is None:
        return "webgis"
    return (named.name_en if language == "en" else None) or named.name_zh


_FOLLOW = text(
    "SELECT case_id, contact_id, secret_hash FROM city.follow"
    " WHERE case_id = :case_id AND contact_id = :contact_id ORDER BY id LIMIT 1"
)


def _link(session: Session, settings: Settings, row: Row) -> str | None:
    """Where the recipient sees the case: a reporter by the secret link, a person by the case's page."""
    if settings.public_url is None:
        return None
    base = settings.public_url.rstrip("/")
    if row.contact_id is None:
        return f"{base}/cases/{row.number}"
    link = session.execute(_FOLLOW, {"case_id": row.case_id, "contact_id": row.contact_id}).one_or_none()
    secret = link and contacts.link_of(settings, link)
    return f"{base}/follow/{secret}" if secret else None


# Addresses of people with accounts


def set_address(
    session: Session,
    settings: Settings,
    login: str,
    channel: str,
    address: str,
    *,
    language: str = "zh",
    digest_minutes: int | None = None,
) -> None:
    """Where a person wants to be told by `channel`. `NotFound` for an unknown login, `Invalid` for a bad address."""
    person = accounts.actor(session, login)
    read = contact_rules.phone(address) if channel == "sms" else contact_rules.email(address)
    if read is None or (channel == "sms" and not contact_rules.mobile(read)):
        raise bad_field("address", None, "a mobile number" if channel == "sms" else "an e-mail address")
    ring = contacts.keyring(settings)
    session.execute(
        _SET,
        {
            "person": person.id,
            "channel": channel,
            "key": ring.name,
            "address": ring.seal(read),
            "language": language,
            "digest": digest_minutes,
        },
    )


_SET = text(
    "INSERT INTO city.notice_address (person_id, channel, sealed_with, address, language, digest_minutes)"
    " VALUES (:person, :channel, :key, :address, :language, :digest)"
    " ON CONFLICT (person_id, channel) DO UPDATE SET sealed_with = excluded.sealed_with, address = excluded.address,"
    " language = excluded.language, digest_minutes = excluded.digest_minutes"
)


def drop_address(session: Session, login: str, channel: str) -> bool:
    """Erase a person's address of a channel; whether there was one."""
    person = accounts.actor(session, login)
    dropped = text(
        "UPDATE city.notice_address SET address = NULL"
        " WHERE person_id = :person AND channel = :channel AND address IS NOT NULL"
    )
    return session.execute(dropped, {"person": person.id, "channel": channel}).rowcount == 1


def addresses(session: Session, settings: Settings, login: str) -> list[dict[str, Any]]:
    """A person's own addresses: channel, address, language, digest_minutes."""
    person = accounts.actor(session, login)
    rows = session.execute(
        text(
            "SELECT channel, address, language, digest_minutes FROM city.notice_address"
            " WHERE person_id = :person AND address IS NOT NULL ORDER BY channel"
        ),
        {"person": person.id},
    )
    ring = contacts.keyring(settings)
    return [dict(row._mapping) | {"address": ring.open(row.address)} for row in rows]


# Looking after messages

_LISTED = text(
    """
    SELECT m.id, m.channel, m.created_at, m.sent_at, m.failed_at, coalesce(m.error, o.error) AS error,
           coalesce(o.attempts, 0) AS attempts, p.login,
           CASE WHEN m.sent_at IS NOT NULL THEN 'sent' WHEN m.failed_at IS NOT NULL THEN 'failed'
                WHEN o.dead_at IS NOT NULL THEN 'dead' WHEN o.attempts > 0 THEN 'retrying' ELSE 'waiting' END AS state,
           (SELECT array_agg(n.event || ' ' || c.number ORDER BY n.id) FROM city.notice n
            JOIN city."case" c ON c.id = n.case_id WHERE n.message_id = m.id) AS notices
    FROM city.message m
    LEFT JOIN city.notice_address a ON a.id = m.address_id
    LEFT JOIN city.person p ON p.id = a.person_id
    LEFT JOIN city.outbox o ON o.task = 'cases.send_message' AND o.args->>'message' = m.id::text
    WHERE m.sent_at IS NULL OR NOT :unsent
    ORDER BY m.created_at DESC, m.id LIMIT :limit
    """
)


def listed(session: Session, *, unsent: bool = False, limit: int = 100) -> list[dict[str, Any]]:
    """Messages, newest first: id, channel, login (None: a reporter), state, attempts, error, notices, moments."""
    return [dict(row._mapping) for row in session.execute(_LISTED, {"unsent": unsent, "limit": limit})]


def retry(session: Session, ids: Sequence[str] | None = None) -> int:
    """Have messages sent that failed for good or whose job is dead: those, or all; returns how many."""
    failed = session.scalars(
        text(
            "UPDATE city.message m SET failed_at = NULL, error = NULL WHERE m.sent_at IS NULL"
            " AND (m.failed_at IS NOT NULL OR EXISTS (SELECT FROM city.outbox o WHERE o.dead_at IS NOT NULL"
            " AND o.task = 'cases.send_message' AND o.args->>'message' = m.id::text))"
            " AND (CAST(:ids AS uuid[]) IS NULL OR m.id = ANY(CAST(:ids AS uuid[]))) RETURNING m.id::text"
        ),
        {"ids": None if ids is None else list(ids)},
    ).all()
    session.execute(
        text(
            "DELETE FROM city.outbox WHERE dead_at IS NOT NULL AND task = 'cases.send_message'"
            " AND args->>'message' = ANY(:ids)"
        ),
        {"ids": list(failed)},
    )
    for message in failed:
        jobs.enqueue(session, "cases.send_message", queue="slow", message=message)
    return len(failed)


def preview(event: str, language: str, settings: Settings) -> words.Said:
    """An event in words with made-up values. `NotFound` for an event that nobody is told of."""
    if event not in AUDIENCE:
        raise NotFound(
            "cases.event-unknown",
            f"Nobody is told of {event}. Told of are: {', '.join(AUDIENCE)}",
            field="event",
            accepted=list(AUDIENCE),
        )
    return words.example(event, language, settings.objection_days)
