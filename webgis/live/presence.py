"""Who looks at which case just now: kept in Redis for less than a minute, told to those who look at the same.

One look is a tab of a browser. Without Redis nobody is seen, and nothing else suffers.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

from webgis.accounts.actor import Actor
from webgis.limits import city_mark
from webgis.settings import Settings

log = structlog.get_logger(__name__)

STAYS_S = 45
"""Seconds after which a look that is not repeated is over; pages repeat it every 20."""


@dataclass(frozen=True)
class Look:
    """One tab at one case: who it is."""

    tab: str
    id: int
    name: str


def channel(settings: Settings) -> str:
    """Where changes of presence are told."""
    return f"webgis:{city_mark(settings)}:presence"


def _key(settings: Settings, number: str) -> str:
    return f"{channel(settings)}:case:{number}"


def look(redis: Redis, settings: Settings, actor: Actor, tab: str, number: str | None) -> None:
    """This tab looks at this case now (None: at none), and no longer at the one before."""
    own = f"{channel(settings)}:tab:{tab}"
    member = json.dumps([tab, actor.id, actor.name], ensure_ascii=False)
    try:
        before = redis.get(own)
        before = before.decode() if before else None
        if number is None:
            redis.delete(own)
        else:
            redis.set(own, number, ex=STAYS_S)
            redis.zadd(_key(settings, number), {member: time.time() + STAYS_S})
            redis.expire(_key(settings, number), STAYS_S)
        if before and before != number:
            redis.zrem(_key(settings, before), member)
            _tell(redis, settings, before)
        if number is not None:
            _tell(redis, settings, number)
    except RedisError as error:
        log.warning("live.redis-away", error=str(error))


def _tell(redis: Redis, settings: Settings, number: str) -> None:
    looks = [[one.tab, one.id, one.name] for one in looking(redis, settings, number)]
    redis.publish(channel(settings), json.dumps({"number": number, "looks": looks}, ensure_ascii=False))


def looking(redis: Redis, settings: Settings, number: str) -> list[Look]:
    """Who looks at a case now."""
    try:
        redis.zremrangebyscore(_key(settings, number), "-inf", time.time())
        return [Look(*json.loads(member)) for member in redis.zrange(_key(settings, number), 0, -1)]
    except RedisError as error:
        log.warning("live.redis-away", error=str(error))
        return []


def others(number: str, looks: Sequence[Look], actor: Actor) -> dict[str, Any]:
    """Who else looks at the case, each person once."""
    people = {one.id: one.name for one in looks if one.id != actor.id}
    return {"number": number, "people": [{"id": id, "name": name} for id, name in people.items()]}
