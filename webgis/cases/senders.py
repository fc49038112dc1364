"""How a message leaves: e-mail by SMTP, short messages by a gateway of the city's, or into a file where there is none.

A sender has one function, `send(message)`. It returns when the message is on its way, raises `Refused` when it can
never be delivered, and anything else when it may be tried again. What it raises is stored, so it names no recipient.
"""

import fcntl
import importlib
import json
import os
import smtplib
import ssl
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from webgis.errors import Invalid
from webgis.settings import Settings

SMTP_SECONDS = 20
"""How long an SMTP server may take to answer."""

FOR_GOOD = range(500, 600)
"""SMTP's replies that will be the same next time (RFC 5321, 4.2.1)."""


@dataclass(frozen=True)
class Outgoing:
    """A message to one recipient. `id` is the same at every try; short messages have no subject."""

    id: str
    channel: str
    to: str
    subject: str | None
    body: str
    language: str


class Refused(Exception):
    """The message cannot be delivered, now or later."""


class NotNow(Exception):
    """The server does not take the message now. What it said, without the recipient's address: it is stored."""


class Sender(Protocol):
    """Sends messages of one channel."""

    def send(self, message: Outgoing) -> None: ...


def of(settings: Settings, channel: str) -> Sender:
    """The sender of a channel. `Invalid` when the setting sms_sender names none."""
    if channel == "email" and settings.smtp_url is not None:
        return Smtp(settings.smtp_url.get_secret_value(), settings.mail_from)
    if channel == "sms" and settings.sms_sender != "file":
        return _gateway(settings)
    return File(settings.var_dir / "outbox" / f"{channel}.jsonl")


def _gateway(settings: Settings) -> Sender:
    module, _colon, factory = settings.sms_sender.partition(":")
    try:
        return getattr(importlib.import_module(module), factory)(settings)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise Invalid(
            "settings.bad-value",
            f"sms_sender: {settings.sms_sender} is no module:factory that gives a sender ({error})",
            field="sms_sender",
        ) from None


class File:
    """Appends messages to a file, one JSON object a line; one that is there already is not written again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, message: Outgoing) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        with open(opened, "r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not any(json.loads(line)["id"] == message.id for line in file):
                file.write(json.dumps(asdict(message), ensure_ascii=False) + "\n")


class Smtp:
    """Sends by an SMTP server: `smtps://` encrypted from the start, `smtp://` by STARTTLS where the server offers it.

    A password is never sent unencrypted.
    """

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host, self._port = parts.hostname or "localhost", parts.port or (465 if self._tls else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._from = sender

    def send(self, message: Outgoing) -> None:
        try:
            with self._connected() as server:
                server.send_message(self._letter(message))
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = next(iter(error.recipients.values()))
        except smtplib.SMTPDataError as error:
            code, reason = error.smtp_code, error.smtp_error
        else:
            return
        words = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        said = f"{code} {words}".replace(message.to, "<the recipient>")
        raise Refused(said) if code in FOR_GOOD else NotNow(said)

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._tls:
            server = smtplib.SMTP_SSL(self._host, self._port, timeout=SMTP_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SMTP_SECONDS)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            elif self._password:
                server.close()
                raise smtplib.SMTPNotSupportedError(
                    "the server offers no STARTTLS: a password is not sent in the clear"
                )
        if self._user:
            server.login(self._user, self._password)
        return server

    def _letter(self, message: Outgoing) -> EmailMessage:
        letter = EmailMessage()
        letter["From"] = self._from
        letter["To"] = message.to
        letter["Subject"] = " ".join((message.subject or "").split())
        letter["Date"] = formatdate()
        letter["Message-ID"] = f"<{message.id}@{parseaddr(self._from)[1].partition('@')[2] or 'localhost'}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(message.body)
        letter["Content-Language"] = "en" if message.language == "en" else "zh-CN"
        return letter
