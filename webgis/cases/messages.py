"""From notices to messages: what waits for one recipient goes together, and is sent once.

Notices that come together become one message (`digest_minutes`). A message is composed when it is sent, so no address
and no text lies about, and it has an id that stays the same at every try. The ways out are in `senders.py`.
"""

import uuid
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.cases import following, keyring, senders
from webgis.cases import notice_words as words
from webgis.errors import Conflict, NotFound
from webgis.settings import Settings

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


_NOTICES = text(
    """
    SELECT n.event, n.facts, n.contact_id, n.page, c.id AS case_id, c.number, c.deadline_at, k.name_zh AS class_zh,
           k.name_en AS class_en, d.name_zh AS department_zh, d.name_en AS department_en,
           coalesce(c.address, a.name_zh) AS place
    FROM city.notice n
    LEFT JOIN city.case c ON c.id = n.case_id
    LEFT JOIN city.class k ON k.standard = c.standard AND k.kind = c.kind AND k.code = c.class_code
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
    to = keyring.of(settings).open(sealed)
    if message.channel == "email":
        subject, body = words.letter(said, who.language, city)
    else:
        subject, body = None, words.short(said, who.language)
    return senders.Outgoing(str(message.id), message.channel, to, subject, body, who.language)


def values_of(row: Any, language: str, settings: Settings, city: str, link: str | None) -> dict[str, Any]:
    """What templates know: number, class_name, department, place, deadline (local), link, city, objection_days, and
    what the happening told (`docs/channels.md`)."""
    english = language == "en"
    due = row.deadline_at and row.deadline_at.astimezone(settings.zone)
    return {
        "number": row.number,
        "class_name": (row.class_en if english else None) or row.class_zh,
        "department": (row.department_en if english else None) or row.department_zh or "",
        "place": row.place or "",
        "deadline": due.strftime("%Y-%m-%d %H:%M") if due else "",
        "link": link,
        "city": city,
        "objection_days": settings.objection_days,
        "reason": "",
    } | row.facts


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
    """Where the recipient sees it: a reporter by the secret link, a person by the page of the case, or of what else."""
    if settings.public_url is None:
        return None
    base = settings.public_url.rstrip("/")
    if row.contact_id is None:
        return f"{base}/{row.page or f'cases/{row.number}'}"
    link = session.execute(_FOLLOW, {"case_id": row.case_id, "contact_id": row.contact_id}).one_or_none()
    secret = link and following.link_of(settings, link)
    return f"{base}/follow/{secret}" if secret else None


_LISTED = text(
    """
    SELECT m.id, m.channel, m.created_at, m.sent_at, m.failed_at, m.error, p.login,
           (SELECT array_agg(n.event || ' ' || coalesce(c.number, n.facts ->> 'number') ORDER BY n.id)
            FROM city.notice n LEFT JOIN city.case c ON c.id = n.case_id WHERE n.message_id = m.id) AS notices
    FROM city.message m
    LEFT JOIN city.notice_address a ON a.id = m.address_id
    LEFT JOIN city.person p ON p.id = a.person_id
    WHERE (m.sent_at IS NULL OR NOT :unsent) AND CASE CAST(:state AS text)
        WHEN 'sent' THEN m.sent_at IS NOT NULL WHEN 'failed' THEN m.failed_at IS NOT NULL
        WHEN 'waiting' THEN m.sent_at IS NULL AND m.failed_at IS NULL ELSE true END
    ORDER BY m.created_at DESC, m.id LIMIT :limit
    """
)


def listed(session: Session, *, unsent: bool = False, state: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Messages, newest first: id, channel, created_at, sent_at, failed_at, error, login (None: a reporter), notices; of
    a state (`STATES`)."""
    values = {"unsent": unsent, "state": state, "limit": limit}
    return [dict(row._mapping) for row in session.execute(_LISTED, values)]


STATES = ("failed", "waiting", "sent")
_COUNTS = text(
    "SELECT count(*) FILTER (WHERE failed_at IS NOT NULL) AS failed,"
    " count(*) FILTER (WHERE sent_at IS NULL AND failed_at IS NULL) AS waiting,"
    " count(*) FILTER (WHERE sent_at IS NOT NULL) AS sent"
    " FROM city.message WHERE created_at > now() - interval '30 days'"
)


def counts(session: Session) -> Row:
    """How many messages of the last 30 days are in each of `STATES`."""
    return session.execute(_COUNTS).one()


_AGAIN = text("UPDATE city.message SET failed_at = NULL, error = NULL WHERE id = CAST(:id AS uuid)")


def send_again(session: Session, message: str) -> None:
    """Have a message sent that was refused, or that waits too long. `Conflict` for one that was sent."""
    try:
        wanted = str(uuid.UUID(message))
    except ValueError:
        wanted = None
    row = wanted and session.execute(_LOCK, {"id": wanted}).one_or_none()
    if not row:
        raise NotFound("cases.message-unknown", f"There is no message {message[:64]}", got=message[:64])
    if row.sent_at is not None:
        raise Conflict("cases.message-sent", "This message was sent already", got=message)
    session.execute(_AGAIN, {"id": wanted})
    jobs.enqueue(session, "cases.send_message", queue="slow", message=wanted)
