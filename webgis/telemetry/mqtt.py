"""Readings by MQTT: `v1.1/Datastreams(<id or code>)/Observations`, acknowledged to the broker once they are committed.

The broker is the private one of bin/serve or a city's own (`mqtt_url`). Messages come with QoS 1 in a lasting session,
so what we have not acknowledged comes again: after a crash here, a lost connection, an absent database. A sensor's own
acknowledgement is the broker's. What cannot be read can be refused to nobody: it is counted as impossible or unknown.
A retained message comes anew with every connection: it counts only if it says of which moment it tells.
"""

import contextlib
import queue
import re
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import structlog
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from webgis.db import Runtime
from webgis.errors import Invalid
from webgis.telemetry import inbox, observations, queries

log = structlog.get_logger(__name__)

TOPIC = "v1.1/+/Observations"
NAMED = re.compile(r"v1\.1/Datastreams\('?([A-Za-z0-9][A-Za-z0-9._-]{0,39})'?\)/Observations")
CLIENT = "webgis"
"""Our name at the broker, by which it keeps what comes while we are away. One such process a city."""

MOST = 2_000
"""Messages of one commit."""

OF_TOPIC = 0
"""Stands for the datastream of the topic where a payload names none."""

ROW = 10_000
"""Readings of one row of the inbox; the writer takes a row as a whole."""

WAIT_S = 0.2
LINGER_S, MOMENT_S = 0.05, 0.01
"""Readings come one by one, and a commit costs more than taking many of them in. So a batch lingers for others, as long
as some come in every moment: a broker that sends no more before we acknowledge is not kept waiting."""

KEEPALIVE_S = 30


class Message(NamedTuple):
    """A message as it came: over which connection (`turn`), its number there, and what it says."""

    turn: int
    mid: int
    qos: int
    topic: str
    payload: bytes
    retained: bool
    arrived_at: datetime


class Listener:
    """Takes messages into the inbox until told to stop."""

    def __init__(self, runtime: Runtime, url: str) -> None:
        self.stopping = False
        self.connected = False
        self._runtime = runtime
        self._come: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._turn = 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=CLIENT,
            clean_session=False,
            manual_ack=True,
            reconnect_on_failure=True,
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 30)
        _address(self._client, url)

    def run(self) -> None:
        """Listen until `stopping`. Raises when the database goes away: what was not acknowledged comes again."""
        self._client.loop_start()
        try:
            while not self.stopping:
                self._take(self._batch())
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _batch(self) -> list[Message]:
        """What has come: the first is waited for, then others for as long as they come and `LINGER_S` lasts."""
        batch: list[Message] = []
        with contextlib.suppress(queue.Empty):
            batch.append(self._come.get(timeout=WAIT_S))
            self._linger()
            while len(batch) < MOST:
                batch.append(self._come.get_nowait())
        return batch

    def _linger(self) -> None:
        waits, until = -1, time.monotonic() + LINGER_S
        while waits < self._come.qsize() < MOST and time.monotonic() < until:
            waits = self._come.qsize()
            time.sleep(MOMENT_S)

    def _take(self, batch: list[Message]) -> None:
        if not batch:
            return
        with self._runtime.transaction() as session:
            told = _told(session, batch)
            for first in range(0, len(told), ROW):
                inbox.put(session, told[first : first + ROW], "mqtt", batch[0].arrived_at)
        for message in batch:
            if message.qos and message.turn == self._turn:  # one of an earlier connection comes again by itself
                self._client.ack(message.mid, message.qos)

    def _on_connect(self, client, _data, _flags, reason, _properties) -> None:
        if reason.is_failure:
            log.error("telemetry.mqtt-refused", reason=str(reason))
            return
        client.subscribe(TOPIC, qos=1)

    def _on_subscribe(self, _client, _data, _mid, reasons, _properties) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("telemetry.mqtt-refused", reason=", ".join(map(str, reasons)))
            return
        self.connected = True
        log.info("telemetry.mqtt-connected")

    def _on_disconnect(self, _client, _data, _flags, reason, _properties) -> None:
        self._turn += 1
        self.connected = False
        log.warning("telemetry.mqtt-disconnected", reason=str(reason))

    def _on_message(self, _client, _data, message) -> None:
        now = datetime.now(UTC)
        sent = (message.mid, message.qos, message.topic, message.payload, message.retain)
        self._come.put(Message(self._turn, *sent, now))


def _address(client: paho.Client, url: str) -> None:
    """Where the broker is; it is connected to when the loop starts, and again whenever it went away."""
    parts = urlsplit(url)
    secure = parts.scheme == "mqtts"
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if secure:
        client.tls_set_context(ssl.create_default_context())
    client.connect_async(parts.hostname or "localhost", parts.port or (8883 if secure else 1883), KEEPALIVE_S)


def _told(session, batch: list[Message]) -> list[inbox.Told]:
    """The readings of these messages; of one that cannot be read, one that is impossible."""
    named = [NAMED.fullmatch(message.topic) for message in batch]
    names = {found[1] for found in named if found}
    sent = [_read(message) for message in batch]
    inside = {one.datastream for message in sent for one in message if isinstance(one.datastream, str)}
    ids, codes = queries.ids_of(session, {int(name) for name in names if _is_id(name)}, names | inside)
    told: list[inbox.Told] = []
    for message, found, observed in zip(batch, named, sent, strict=True):
        name = found[1] if found else ""
        stream = codes.get(name) or (int(name) if _is_id(name) and int(name) in ids else inbox.UNKNOWN)
        told += _readings(message, stream, observed, codes)
    return told


def _is_id(name: str) -> bool:
    return name.isdigit() and 0 < int(name) < 2**63


def _read(message: Message) -> list[observations.Sent]:
    """What a message says, of the datastream of its topic (0) unless it names one; nothing when it cannot be read."""
    try:
        return observations.read(message.payload, OF_TOPIC)
    except Invalid as error:
        _unread(message, error)
        return []


def _readings(
    message: Message, stream: int, sent: list[observations.Sent], codes: Mapping[str, int]
) -> list[inbox.Told]:
    try:
        observations.of_one([one for one in sent if one.datastream != OF_TOPIC], stream, codes)
    except Invalid as error:
        _unread(message, error)
        sent = []
    if not sent:
        return [inbox.Told(stream, None, None)]
    arrived = None if message.retained else message.arrived_at
    told = ((one.at or arrived, one.value) for one in sent)
    return [inbox.Told(stream, at, value) for at, value in told if at]


def _unread(message: Message, error: Invalid) -> None:
    log.info("telemetry.mqtt-unread", topic=message.topic[:100], why=error.message)
