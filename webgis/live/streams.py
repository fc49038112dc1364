"""The live process: holds the streams of those who listen, and tells each what they may see of what happens.

One thread turns round the streams; what asks the database or Redis waits elsewhere. Nothing is promised to a slow
reader: a stream that does not take what it is sent is closed, and its page asks again from where it was.
"""

import asyncio
import contextlib
import json
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import redis.asyncio as async_redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.cases import queries, queues
from webgis.db import Runtime
from webgis.live import changes, handover, presence
from webgis.live.changes import as_json

log = structlog.get_logger(__name__)

EACH_S = 0.25
"""How often the history is asked."""

COUNT_S = 1.0
"""Counts are told at most so often while something happens, and after so many seconds of quiet (`COUNT_QUIET_S`) since
time alone makes cases late."""

COUNT_QUIET_S = 30.0
BEAT_S = 15.0
RENEW_S = 30.0
"""How often it is asked again who listens: a login that has ended, or other rights, end or change a stream."""

TROUBLE_S = 2.0
KEPT = 5000
"""Changes that are kept for those who come back."""

MOST_WAITING = 256 * 1024
"""Bytes that a stream may not have taken yet."""

MOST_STREAMS = 4000
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-store\r\n"
    b"X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\nretry: 2000\n\n"
)
FULL = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


@dataclass(eq=False)
class Stream:
    """Someone who listens: who they are, by what they logged in, which tab, whether they want counts."""

    writer: asyncio.StreamWriter
    actor: Actor
    login: dict[str, str]
    tab: str
    counts: bool
    counted: str = ""

    @property
    def sight(self) -> tuple[Any, ...]:
        """What they may see, to be reckoned once for all who see the same: not each role is told of everything."""
        sight = (tuple(one) if isinstance(one, list) else one for one in queries.sight(self.actor))
        return self.actor.role, *sight

    def send(self, event: str, data: str, id: str = "") -> None:
        """Send one event, or close a stream that does not take what it was sent."""
        if self.writer.transport.get_write_buffer_size() > MOST_WAITING:
            self.writer.transport.abort()
            return
        head = f"id: {id}\n" if id else ""
        self.writer.write(f"{head}event: {event}\ndata: {data}\n\n".encode())


@dataclass
class Hub:
    """Everything that the process holds. `start` marks its ids: those of another process mean nothing to it."""

    runtime: Runtime
    streams: set[Stream] = field(default_factory=set)
    kept: deque[tuple[int, str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    told: int = 0
    start: str = field(default_factory=lambda: format(time.time_ns() // 1_000_000, "x"))
    feeds: dict[str, changes.Feed] = field(
        default_factory=lambda: {name: changes.Feed(history) for name, history in changes.HISTORIES.items()}
    )
    tasks: set[asyncio.Task] = field(default_factory=set)
    counted_at: float = 0.0
    to_count: bool = True

    async def ask(self, question: Callable[..., Any], *values: Any) -> Any:
        """Ask what waits for the database, in a thread."""
        return await asyncio.to_thread(question, *values)

    def id(self, place: int) -> str:
        """The id of a change: it says how far somebody has heard."""
        return f"{self.start}.{place}"


async def serve(runtime: Runtime) -> None:
    """Hold streams until SIGTERM or SIGINT. What a round does not expect ends them too, and is raised: who starts the
    process again has pages ask anew, where streams that go on without news would look whole."""
    hub, loop, stop = Hub(runtime), asyncio.get_running_loop(), asyncio.Event()
    if threading.current_thread() is threading.main_thread():  # others get no signals
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, stop.set)
    way = handover.listening(runtime.settings)
    loop.add_reader(way, _accept, hub, way)
    rounds = [_changes, _counts, _presence, _beat, _renew]
    running = [asyncio.create_task(_kept_up(hub, round)) for round in rounds]
    log.info("live.listening")
    ended, _going = await asyncio.wait(
        [asyncio.create_task(stop.wait()), *running], return_when=asyncio.FIRST_COMPLETED
    )
    loop.remove_reader(way)
    for task in running:
        task.cancel()
    for stream in list(hub.streams):
        stream.writer.transport.abort()
    for task in ended:
        task.result()


async def _kept_up(hub: Hub, round: Callable[[Hub], Any]) -> None:
    """One of the rounds, for ever: when the database or Redis is away it tries again, and nobody is told wrongly."""
    while True:
        try:
            await round(hub)
        except (DBAPIError, RedisError, OSError) as error:
            log.warning("live.trouble", round=round.__name__, error=str(error))
            await asyncio.sleep(TROUBLE_S)


# ---- who comes


def _accept(hub: Hub, way: socket.socket) -> None:
    """A web process has a connection to hand over."""
    with contextlib.suppress(BlockingIOError):
        while True:
            web, _name = way.accept()
            web.settimeout(handover.PATIENCE_S)
            task = asyncio.create_task(_take(hub, web))
            hub.tasks.add(task)
            task.add_done_callback(hub.tasks.discard)


async def _take(hub: Hub, web: socket.socket) -> None:
    with web:
        try:
            taken = await asyncio.to_thread(handover.take, web)
        except (OSError, ValueError) as error:
            log.warning("live.not-taken", error=str(error))
            return
    if taken is not None:
        await _hold(hub, *taken)


async def _hold(hub: Hub, told: dict[str, Any], client: socket.socket) -> None:
    """Hold a stream until its reader goes."""
    client.setblocking(False)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader, writer = await asyncio.open_connection(sock=client)
    if len(hub.streams) >= MOST_STREAMS:
        writer.write(FULL)
        writer.close()
        return
    lists = {name: tuple(told["actor"][name]) for name in ("departments", "classes")}
    actor = Actor(**told["actor"] | lists)
    stream = Stream(writer, actor, told["login"], told["tab"], told["counts"])
    writer.write(HEAD)
    _catch_up(hub, stream, told.get("since") or "")
    hub.streams.add(stream)
    hub.to_count = hub.to_count or stream.counts
    try:
        while await reader.read(1024):
            pass  # a reader of events has nothing to say
    except OSError:
        pass
    finally:
        hub.streams.discard(stream)
        writer.transport.abort()


def _catch_up(hub: Hub, stream: Stream, since: str) -> None:
    """Tell who comes back what they have missed, or that it is more than is kept."""
    start, _dot, place = since.partition(".")
    if since and start == hub.start and place.isdecimal() and (not hub.kept or int(place) >= hub.kept[0][0] - 1):
        for at, name, change in hub.kept:
            if at > int(place) and (seen := changes.HISTORIES[name].told(change, stream.actor)) is not None:
                stream.send(name, as_json(seen), hub.id(at))
    elif since:
        stream.send("resync", "{}")
    stream.send("hello", "{}", hub.id(hub.told))


# ---- what happens


async def _changes(hub: Hub) -> None:
    busy = False
    for name, feed in hub.feeds.items():
        rows = await hub.ask(feed.read, hub.runtime.ask)
        for row in rows:
            hub.told += 1
            hub.kept.append((hub.told, name, row))
            _tell(hub, name, row)
        hub.to_count = hub.to_count or (name == "case" and bool(rows))
        busy = busy or len(rows) == changes.AT_ONCE
    await asyncio.sleep(0 if busy else EACH_S)


def _tell(hub: Hub, name: str, change: Any) -> None:
    """Tell a change to everyone who may see it; what one may see is reckoned once for all who see the same."""
    said: dict[tuple[Any, ...], str | None] = {}
    for stream in list(hub.streams):
        if stream.sight not in said:
            seen = changes.HISTORIES[name].told(change, stream.actor)
            said[stream.sight] = None if seen is None else as_json(seen)
        if (data := said[stream.sight]) is not None:
            stream.send(name, data, hub.id(hub.told))


async def _counts(hub: Hub) -> None:
    """Tell how many wait, once for all who see the same, when something has happened or time has passed."""
    await asyncio.sleep(COUNT_S)
    wanted = [stream for stream in hub.streams if stream.counts]
    recent = time.monotonic() - hub.counted_at < COUNT_QUIET_S
    if not wanted or (recent and not hub.to_count):
        return
    hub.to_count, hub.counted_at = False, time.monotonic()
    by_sight: dict[tuple[Any, ...], str] = {}
    for stream in wanted:
        if stream.sight not in by_sight:
            by_sight[stream.sight] = await hub.ask(_counted, hub.runtime, stream.actor)
        if stream.counted != by_sight[stream.sight]:
            stream.counted = by_sight[stream.sight]
            stream.send("counts", stream.counted)


def _counted(runtime: Runtime, actor: Actor) -> str:
    found = queues.counts(runtime.ask, actor, datetime.now(UTC))
    return as_json({state: [count.cases, count.late] for state, count in found.items()})


async def _presence(hub: Hub) -> None:
    """Tell those who look at a case who else does."""
    settings = hub.runtime.settings
    client = async_redis.Redis.from_url(settings.redis, socket_connect_timeout=2)
    async with client, client.pubsub() as heard:
        await heard.subscribe(presence.channel(settings))
        while True:
            message = await heard.get_message(ignore_subscribe_messages=True, timeout=10.0)
            if message is not None:
                _meet(hub, json.loads(message["data"]))


def _meet(hub: Hub, told: dict[str, Any]) -> None:
    looks = [presence.Look(*one) for one in told["looks"]]
    here = {one.tab: one.id for one in looks}
    for stream in list(hub.streams):
        if here.get(stream.tab) == stream.actor.id:
            stream.send("presence", as_json(presence.others(told["number"], looks, stream.actor)))


# ---- what keeps streams true


async def _beat(hub: Hub) -> None:
    """A sign of life: pages and what stands between know that the stream is one."""
    await asyncio.sleep(BEAT_S)
    for stream in list(hub.streams):
        stream.send("beat", "{}")


async def _renew(hub: Hub) -> None:
    """Ask again who listens, each login once."""
    await asyncio.sleep(RENEW_S)
    logins = {tuple(stream.login.items()): stream.login for stream in hub.streams}
    now = {key: await hub.ask(_who, hub.runtime, login) for key, login in logins.items()}
    for stream in list(hub.streams):
        key = tuple(stream.login.items())
        if key in now and now[key] is None:
            stream.writer.transport.abort()
        elif key in now:
            stream.actor = now[key]


def _who(runtime: Runtime, login: dict[str, str]) -> Actor | None:
    if "key" in login:
        return accounts.actor_of_key(runtime.ask, login["key"])
    return accounts.actor_of_session(runtime.ask, login["token"])
