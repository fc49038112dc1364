"""The live process: holds the streams of those who listen, and tells each what they may see of what happens.

One thread turns round the streams; what asks the database or Redis waits elsewhere. Nothing is promised to a slow
reader: a stream that does not take what it is sent is closed, and its page asks again from where it was.
"""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from webgis.accounts.actor import Actor
from webgis.db import Runtime
from webgis.live import changes, handover
from webgis.live.changes import as_json
from webgis.live.hub import Hub, Stream
from webgis.live.rounds import ROUNDS

log = structlog.get_logger(__name__)

TROUBLE_S = 2.0
MOST_STREAMS = 4000
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-store\r\n"
    b"X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\nretry: 2000\n\n"
)
FULL = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


async def serve(runtime: Runtime) -> None:
    """Hold streams until SIGTERM or SIGINT. What a round does not expect ends them too, and is raised: who starts the
    process again has pages ask anew, where streams that go on without news would look whole."""
    hub, loop, stop = Hub(runtime), asyncio.get_running_loop(), asyncio.Event()
    if threading.current_thread() is threading.main_thread():  # others get no signals
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, stop.set)
    way = handover.listening(runtime.settings)
    loop.add_reader(way, _accept, hub, way)
    running = [asyncio.create_task(_kept_up(hub, round)) for round in ROUNDS]
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
