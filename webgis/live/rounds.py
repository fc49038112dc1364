"""What the live process does again and again: tells changes, counts and presence, and asks again who listens.

Each of `ROUNDS` is called anew when it has ended; it waits itself until there is something to do.
"""

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

import redis.asyncio as async_redis

from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.cases import queues
from webgis.db import Runtime
from webgis.live import changes, presence
from webgis.live.changes import as_json
from webgis.live.hub import Hub

EACH_S = 0.25
"""How often the history is asked."""

COUNT_S = 1.0
"""Counts are told at most so often while something happens, and after so many seconds of quiet (`COUNT_QUIET_S`) since
time alone makes cases late."""

COUNT_QUIET_S = 30.0
BEAT_S = 15.0
RENEW_S = 30.0
"""How often it is asked again who listens: a login that has ended, or other rights, end or change a stream."""


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


ROUNDS = (_changes, _counts, _presence, _beat, _renew)
