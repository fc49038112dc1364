"""Tiles kept in Redis: each in one entry that names the version it was made of, so that a newer one takes its place.

A storm of requests for one cold tile makes it once: who comes first holds a lock, the others wait for the entry. The
lock is a lease: of a process that died, another takes the work over. Without Redis every request makes its tile.
"""

import gzip
import secrets
import time
from collections.abc import Callable

import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

KEPT_SECONDS = 3600
LEASE_SECONDS = 10.0
"""How long the one who makes a tile has it to itself, and how long others wait at most before they make it too."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.004, 0.05

_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"


def packed(tile: bytes) -> bytes:
    """A tile as it is kept and sent: gzipped."""
    return gzip.compress(tile, 5, mtime=0)


def kept(redis: Redis, key: str, version: str, make: Callable[[], bytes], lease: float = LEASE_SECONDS) -> bytes:
    """The packed tile of this version: the entry under `key`, or else what `make` gives, which is kept then."""
    token = secrets.token_hex(8)
    try:
        found = _entry_or_turn(redis, key, version, token, lease)
    except RedisError as error:
        log.warning("maps.tiles-not-kept", error=str(error))
        return packed(make())
    if found is not None:
        return found
    try:
        tile = packed(make())
        _keep(redis, key, version, tile)
    finally:
        _release(redis, key, version, token)
    return tile


def _entry_or_turn(redis: Redis, key: str, version: str, token: str, lease: float) -> bytes | None:
    """The entry, as soon as it is there; None when it is this caller's turn to make it."""
    end, pause = time.monotonic() + lease, SHORTEST_PAUSE
    while (found := _entry(redis, key, version)) is None:
        if redis.set(_lock(key, version), token, nx=True, px=int(lease * 1000)):
            found = _entry(redis, key, version)  # it may have come just before the lock was free
            if found is not None:
                _release(redis, key, version, token)
            return found
        if time.monotonic() > end:
            return None
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return found


def _entry(redis: Redis, key: str, version: str) -> bytes | None:
    of, _line, tile = (redis.get(key) or b"").partition(b"\n")
    return tile if of == version.encode() else None


def _keep(redis: Redis, key: str, version: str, tile: bytes) -> None:
    try:
        redis.set(key, version.encode() + b"\n" + tile, ex=KEPT_SECONDS)
    except RedisError as error:
        log.warning("maps.tiles-not-kept", error=str(error))


def _release(redis: Redis, key: str, version: str, token: str) -> None:
    try:
        redis.eval(_RELEASE, 1, _lock(key, version), token)
    except RedisError as error:
        log.warning("maps.tiles-not-kept", error=str(error))


def _lock(key: str, version: str) -> str:
    return f"{key}:{version}:turn"
