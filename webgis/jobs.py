"""Work for later, so that no job is lost and none is done for a change that was rolled back.

A job is a row of `city.outbox`, written in the transaction of the change. After the commit Redis is only *told* that
there is work: an RQ job that carries nothing but the queue's name makes a worker drain the rows that are due. A row
leaves the table when its task has succeeded, not before. So:

- Redis down, flushed or slow: the sweeper tells it again later; the truth stays in the database.
- a worker killed in the middle: the row's lease ends and it is taken again, so a task may run twice without harm.
- many equal rows (same task, same values): one run for all of them.
- a task that fails: tried again after a wait that doubles; in the end it is dead, listed, and can be retried by hand.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import BigInteger, Column, Identity, Index, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Session

from webgis.db import Base, Runtime
from webgis.errors import NotFound, Unavailable
from webgis.settings import Settings

log = structlog.get_logger(__name__)

QUEUES = ("quick", "slow")
BATCH = {"quick": 20, "slow": 1}
"""Rows of a queue taken at once. What a worker that is killed has taken waits until its lease ends, and what a busy one
has taken no other can do: so it is not much."""

EQUAL = 500
"""Rows taken with them because they are equal to one of these: they run once."""

DRAIN_SECONDS = 3600
"""RQ's limit for one drain; each task in it has its lease as its own limit."""

WAITING_DRAINS = 2
"""More waiting drains than this would find nothing to do: each drains all that is due."""

MINIMUM_REDIS = (6, 0)


outbox = Table(
    "outbox",
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("queue", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("args", JSONB, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("due_at", TIMESTAMP(timezone=True), nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("error", Text),
    Column("dead_at", TIMESTAMP(timezone=True)),
    Index("ix_outbox_due", "queue", "due_at", postgresql_where=text("dead_at IS NULL")),
)


@dataclass(frozen=True)
class Task:
    """A function `run(session, **values)`, its public name, and the queue it waits in."""

    name: str
    queue: Literal["quick", "slow"]
    run: Callable[..., None]


TASKS: dict[str, Task] = {}
"""Every task of the process, by name; filled when the packages' `tasks.py` are imported (`worker.py` imports all)."""


def task(name: str, queue: Literal["quick", "slow"] = "quick") -> Callable:
    """Register `function(session, **values)` as the task `name`. It commits nothing and may run twice."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        TASKS[name] = Task(name, queue, function)
        return function

    return register


_ENQUEUE = text(
    "INSERT INTO city.outbox (queue, task, args, due_at)"
    " VALUES (:queue, :task, CAST(:args AS jsonb), now() + make_interval(secs => :delay))"
)


def enqueue(session: Session, name: str, *, queue: str = "quick", delay: float = 0.0, **values: Any) -> None:
    """Add a job to the caller's transaction: `values` are small JSON values, `delay` is in seconds.

    After the commit, `hand_over` tells Redis; if that fails, or the job is delayed, the sweeper does it.
    """
    session.execute(_ENQUEUE, {"queue": queue, "task": name, "args": _json(values), "delay": delay})
    if not delay:
        note(session, {queue})


def note(session: Session, queues: Iterable[str]) -> None:
    """After the commit of `session`, these queues have work: `hand_over_session` will tell Redis."""
    session.info.setdefault("queues_to_tell", set()).update(queues)


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def connect(settings: Settings) -> Redis:
    """A Redis client that fails fast when the server is away."""
    return Redis.from_url(settings.redis, socket_connect_timeout=2, socket_timeout=10)


def rq_queue(redis: Redis, name: str) -> Queue:
    """The RQ queue `name`, with the JSON serializer: with pickle, whoever can write to Redis could run code here."""
    return Queue(name, connection=redis, serializer=JSONSerializer)


def check(settings: Settings) -> None:
    """Refuse a Redis that is out of reach or too old."""
    try:
        version = connect(settings).info("server")["redis_version"]
    except RedisError as error:
        raise Unavailable("jobs.redis-unreachable", f"Redis does not answer: {error}") from None
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_REDIS:
        raise Unavailable("jobs.redis-old", f"Redis {version} is too old: 6.0 or newer (or Valkey) is needed")


def hand_over(redis: Redis, queues: Iterable[str]) -> bool:
    """Tell Redis that these queues have work. False when Redis is away: the sweeper will tell it.

    A drain that still waits will find every row committed before it starts, so a few waiting ones are enough.
    """
    try:
        for name in queues:
            queue = rq_queue(redis, name)
            if queue.count < WAITING_DRAINS:
                queue.enqueue("webgis.worker.drain", name, job_timeout=DRAIN_SECONDS, result_ttl=0, failure_ttl=60)
    except RedisError as error:
        log.warning("jobs.redis-away", error=str(error))
        return False
    return True


def hand_over_session(redis: Redis, session: Session) -> None:
    """After the commit of `session`: tell Redis of the queues it added to."""
    queues = session.info.pop("queues_to_tell", set())
    if queues:
        hand_over(redis, sorted(queues))


def sweep(runtime: Runtime, redis: Redis) -> list[str]:
    """Tell Redis of every queue that has a row due; returns those queues. Run every few seconds by the scheduler."""
    with runtime.transaction() as session:
        due = session.scalars(
            text("SELECT DISTINCT queue FROM city.outbox WHERE dead_at IS NULL AND due_at <= now()")
        ).all()
    hand_over(redis, due)
    return sorted(due)


_CLAIM = text(
    """
    WITH due AS (
        SELECT id, task, args FROM city.outbox
        WHERE queue = :queue AND dead_at IS NULL AND due_at <= now()
        ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED
    ), alike AS (
        SELECT o.id FROM city.outbox o
        WHERE o.queue = :queue AND o.dead_at IS NULL AND o.due_at <= now()
            AND (o.task, o.args) IN (SELECT d.task, d.args FROM due d)
        LIMIT :equal FOR UPDATE SKIP LOCKED
    )
    UPDATE city.outbox o SET attempts = attempts + 1, due_at = now() + make_interval(secs => :lease)
    WHERE o.id IN (SELECT d.id FROM due d UNION SELECT a.id FROM alike a)
    RETURNING o.id, o.task, o.args, o.attempts
    """
)


def drain(runtime: Runtime, queue: str) -> int:
    """Run every job of `queue` that is due, equal ones once, until none is; returns how many runs were made."""
    runs, redis = 0, connect(runtime.settings)
    while groups := claim(runtime, queue):
        for group in groups:
            _run(runtime, redis, group)
            runs += 1
    return runs


@dataclass(frozen=True)
class Group:
    """Equal rows: one run serves all."""

    task: str
    args: dict[str, Any]
    ids: list[int]
    attempts: int


def claim(runtime: Runtime, queue: str) -> list[Group]:
    """Take a batch of rows that are due, equal ones together, for as long as the lease lasts."""
    values = {"queue": queue, "batch": BATCH[queue], "equal": EQUAL, "lease": runtime.settings.job_lease_s}
    with runtime.transaction() as session:
        rows = session.execute(_CLAIM, values).all()
    equal: dict[tuple[str, str], list] = defaultdict(list)
    for row in sorted(rows):
        equal[row.task, _json(row.args)].append(row)
    return [
        Group(same[0].task, same[0].args, [row.id for row in same], max(row.attempts for row in same))
        for same in equal.values()
    ]


def _run(runtime: Runtime, redis: Redis, group: Group) -> None:
    """The worker's edge: whatever a task raises is written down with the job, and the next one goes on."""
    try:
        known = TASKS.get(group.task)
        if known is None:
            raise NotFound("jobs.task-unknown", f"No task is called {group.task}", task=group.task)
        with runtime.transaction() as session:
            known.run(session, **group.args)
            session.execute(text("DELETE FROM city.outbox WHERE id = ANY(:ids)"), {"ids": group.ids})
    except Exception as error:
        log.exception("jobs.failed", task=group.task, attempts=group.attempts)
        _postpone(runtime, group, f"{type(error).__name__}: {error}")
    else:
        hand_over_session(redis, session)


def _postpone(runtime: Runtime, group: Group, error: str) -> None:
    settings = runtime.settings
    wait = timedelta(seconds=settings.job_backoff_s * 2 ** (group.attempts - 1))
    with runtime.transaction() as session:
        session.execute(
            text(
                "UPDATE city.outbox SET error = :error, due_at = now() + :wait,"
                " dead_at = CASE WHEN attempts >= :limit THEN now() END WHERE id = ANY(:ids)"
            ),
            {"error": error[:2000], "wait": wait, "limit": settings.job_attempts, "ids": group.ids},
        )


def listed(session: Session, *, dead_only: bool = False) -> list[dict[str, Any]]:
    """Jobs that wait or are dead, oldest first: id, queue, task, args, attempts, due_at, dead_at, error."""
    rows = session.execute(
        text(
            "SELECT id, queue, task, args, attempts, created_at, due_at, dead_at, error FROM city.outbox"
            " WHERE dead_at IS NOT NULL OR NOT :dead_only ORDER BY id LIMIT 1000"
        ),
        {"dead_only": dead_only},
    )
    return [dict(row._mapping) for row in rows]


def retry(session: Session, ids: Iterable[int] | None = None) -> int:
    """Make dead jobs (all, or these ids) due again with their attempts forgotten; returns how many."""
    wanted = None if ids is None else list(ids)
    queues = session.scalars(
        text(
            "UPDATE city.outbox SET dead_at = NULL, attempts = 0, due_at = now(), error = NULL"
            " WHERE dead_at IS NOT NULL AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(CAST(:ids AS bigint[])))"
            " RETURNING queue"
        ),
        {"ids": wanted},
    ).all()
    note(session, queues)
    return len(queues)


PROGRESS_SECONDS = 24 * 3600


def tell_progress(redis: Redis, name: str, percent: int) -> None:
    """Say how far the work of this name is; names are made so that nobody guesses them."""
    redis.set(f"webgis:progress:{name}", percent, ex=PROGRESS_SECONDS)


def progress(redis: Redis, name: str) -> int | None:
    """How far it is, in per cent; None when nothing is known of it."""
    found = redis.get(f"webgis:progress:{name}")
    return None if found is None else int(found)
