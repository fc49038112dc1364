"""A tile is made once however many ask for it at once, from threads and processes, and also when its maker dies."""

import multiprocessing
import os
import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from webgis.errors import Unavailable
from webgis.maps import tile_cache

MANY = 12


@pytest.fixture
def redis(servers):
    return Redis.from_url(servers.redis_url, socket_timeout=90)


@pytest.fixture
def key(redis):
    made = f"test:tile:{uuid.uuid4().hex}"
    yield made
    for left in redis.scan_iter(f"{made}*"):
        redis.delete(left)


def tile_of(packed: bytes) -> bytes:
    return tile_cache.gzip.decompress(packed)


def test_threads_that_ask_at_once_get_what_one_of_them_made(redis, key):
    asked, answered = threading.Barrier(MANY), []
    others_wait = threading.Event()

    def make() -> bytes:
        others_wait.wait(30)
        answered.append("made")
        return b"tile"

    def ask() -> bytes:
        asked.wait(30)
        if asked.broken is False and redis.incr(f"{key}:asked") == MANY:
            others_wait.set()
        return tile_cache.kept(redis, key, "1", make)

    with ThreadPoolExecutor(MANY) as threads:
        found = list(threads.map(lambda _: ask(), range(MANY)))
    assert answered == ["made"]
    assert {tile_of(one) for one in found} == {b"tile"}


def ask_in_process(url: str, key: str, answers) -> None:
    redis = Redis.from_url(url, socket_timeout=90)

    def make() -> bytes:
        redis.incr(f"{key}:made")
        redis.blpop([f"{key}:go"], timeout=60)
        return b"tile"

    redis.rpush(f"{key}:ready", "yes")
    answers.put(tile_of(tile_cache.kept(redis, key, "1", make)))


def started(target, count: int, *given) -> list:
    processes = multiprocessing.get_context("spawn")
    running = [processes.Process(target=target, args=given) for _ in range(count)]
    for process in running:
        process.start()
    return running


def test_processes_that_ask_at_once_get_what_one_of_them_made(servers, redis, key):
    answers = multiprocessing.get_context("spawn").SimpleQueue()
    running = started(ask_in_process, 4, servers.redis_url, key, answers)
    for _ in running:
        assert redis.blpop([f"{key}:ready"], timeout=60)
    redis.rpush(f"{key}:go", "go")
    found = [answers.get() for _ in running]
    for process in running:
        process.join()
    assert found == [b"tile"] * 4
    assert int(redis.get(f"{key}:made")) == 1


LEASE, RENEWALS = 0.5, 4


def hold_in_process(url: str, key: str) -> None:
    redis = Redis.from_url(url, socket_timeout=90)

    def make() -> bytes:
        redis.rpush(f"{key}:ready", os.getpid())
        redis.blpop([f"{key}:never"], timeout=60)
        return b"of the dead"

    tile_cache.kept(redis, key, "1", make, lease=LEASE)


def test_when_the_one_who_makes_it_dies_another_takes_over(servers, redis, key):
    (process,) = started(hold_in_process, 1, servers.redis_url, key)
    _list, pid = redis.blpop([f"{key}:ready"], timeout=60)
    os.kill(int(pid), signal.SIGKILL)
    process.join()
    assert tile_of(tile_cache.kept(redis, key, "1", lambda: b"tile")) == b"tile"
    assert tile_of(tile_cache.kept(redis, key, "1", unwanted)) == b"tile"


def unwanted() -> bytes:
    raise AssertionError("the tile is kept already")


def test_one_tile_that_takes_longer_than_the_lease_is_made_once(redis, key):
    lock, made = f"{key}:1:turn", []

    def slow() -> bytes:
        made.append("made")
        renewals, left = 0, redis.pttl(lock)
        while renewals < RENEWALS:  # each third of a lease: longer than one together
            now = redis.pttl(lock)
            renewals += now > left
            left = now
        return b"tile"

    def ask(_number: int) -> bytes:
        return tile_cache.kept(redis, key, "1", slow, lease=LEASE)

    with ThreadPoolExecutor(MANY) as threads:
        found = list(threads.map(ask, range(MANY)))
    assert made == ["made"]
    assert {tile_of(one) for one in found} == {b"tile"}


def test_who_waits_for_a_tile_without_end_is_told_to_ask_again(redis, key):
    begun, enough = threading.Event(), threading.Event()

    def stuck() -> bytes:
        begun.set()
        enough.wait(30)
        return b"tile"

    with ThreadPoolExecutor(1) as thread:
        maker = thread.submit(tile_cache.kept, redis, key, "1", stuck, lease=LEASE)
        assert begun.wait(30)
        with pytest.raises(Unavailable, match="Ask again"):
            tile_cache.kept(redis, key, "1", unwanted, lease=LEASE, patience=3 * LEASE)
        enough.set()
        assert tile_of(maker.result()) == b"tile"


def test_who_makes_a_tile_and_fails_leaves_the_turn_to_the_next(redis, key):
    def fail() -> bytes:
        raise ValueError("no tile")

    with pytest.raises(ValueError, match="no tile"):
        tile_cache.kept(redis, key, "1", fail)
    assert tile_of(tile_cache.kept(redis, key, "1", lambda: b"tile")) == b"tile"


def test_a_newer_version_takes_the_place_of_the_older(redis, key):
    for version in ("1", "2"):
        tile_cache.kept(redis, key, version, lambda version=version: f"tile {version}".encode())
    assert tile_of(tile_cache.kept(redis, key, "2", unwanted)) == b"tile 2"
    assert list(redis.scan_iter(f"{key}*")) == [key.encode()]
    assert 0 < redis.ttl(key) <= tile_cache.KEPT_SECONDS


def test_without_redis_a_tile_is_made_all_the_same(tmp_path):
    away = Redis(unix_socket_path=str(tmp_path / "nobody"))
    assert tile_of(tile_cache.kept(away, "key", "1", lambda: b"tile")) == b"tile"
