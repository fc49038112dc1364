"""Tiles kept in Redis: each in one entry that names the version it was made of, so that a newer one takes its place.

A storm of requests for one cold tile makes it once: who comes first holds a lock, the others wait for the entry. The
lock is a lease that its maker renews while it works: of a process that died, another takes the work over. Without Redis
every request makes its tile.
"""

import gzip
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from redis import Redis
from redis.exceptions import RedisError

from webgis.errors import Unavailable

log = structlog.get_logger(__name__)

KEPT_SECONDS = 3600
LEASE_SECONDS = 10.0
"""How long the turn of one that died stays its own."""

PATIENCE_SECONDS = 30.0
"""How long others wait for one who works on: then they are told to ask again, since a tile that takes so long is not
made faster by many."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.004, 0.05

_RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end"
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"


def packed(tile: bytes) -> bytes:
    """A tile as it is kept and sent: gzipped."""
    return gzip.compress(tile, 5, mtime=0)


def kept(
    redis: Redis,
    key: str,
    version: str,
    make: Callable[[], bytes],
    lease: float = LEASE_SECONDS,
    patience: float = PATIENCE_SECONDS,
) -> bytes:
    """The packed tile of this version: the entry under `key`, or else what `make` gives, which is kept then.
    `Unavailable` ("maps.tile-late") when another still works on it after `patience` seconds."""
    token = secrets.token_hex(8)
    try:
        found = _entry_or_turn(redis, key, version, token, lease, patience)
    except RedisError as error:
        log.warning("maps.tiles-not-kept", error=str(error))
        return packed(make())
    if found is not None:
        return found
    with _turn(redis, _lock(key, version), token, lease):
        tile = packed(make())
        _keep(redis, key, version, tile)
    return tile


def _entry_or_turn(redis: Redis, key: str, version: str, token: str, lease: float, patience: float) -> bytes | None:
    """The entry, as soon as it is there; None when it is this caller's turn to make it."""
    end, pause = time.monotonic() + patience, SHORTEST_PAUSE
    while (found := _entry(redis, key, version)) is None:
        if redis.set(_lock(key, version), token, nx=True, px=int(lease * 1000)):
            found = _entry(redis, key, version)  # it may have come just before the lock was free
            if found is not None:
                _release(redis, _lock(key, version), token)
            return found
        if time.monotonic() > end:
            raise Unavailable("maps.tile-late", "This tile takes long to draw. Ask again in a moment")
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return found


@contextmanager
def _turn(redis: Redis, lock: str, token: str, lease: float) -> Iterator[None]:
    """The turn of who makes a tile: renewed until the block ends, then given back."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(lease / 3):
            try:
                redis.eval(_RENEW, 1, lock, token, int(lease * 1000))
            except RedisError as error:
                log.warning("maps.tile-turn-not-renewed", error=str(error))

    renewing = threading.Thread(target=renew, name="tile-turn", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        done.set()
        renewing.join()
        _release(redis, lock, token)


def _entry(redis: Redis, key: str, version: str) -> bytes | None:
    of, _line, tile = (redis.get(key) or b"").partition(b"\n")
    return tile if of == version.encode() else None


def _keep(redis: Redis, key: str, version: str, tile: bytes) -> None:
    try:
        redis.set(key, version.encode() + b"\n" + tile, ex=KEPT_SECONDS)
    except RedisError as error:
        log.warning("maps.tiles-not-kept", error=str(error))


def _release(redis: Redis, lock: str, token: str) -> None:
    try:
        redis.eval(_RELEASE, 1, lock, token)
    except RedisError as error:
        log.warning("maps.tiles-not-kept", error=str(error))


def _lock(key: str, version: str) -> str:
    return f"{key}:{version}:turn"
