"""No job is lost and none is done for a change that was rolled back: with a real Redis, real workers and real kills."""

import os
import signal
import subprocess
import sys
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq.serializers import JSONSerializer
from sqlalchemy import text

from tests import city
from webgis import jobs
from webgis.accounts import operations as accounts
from webgis.app import create_app
from webgis.db import Runtime
from webgis.jobs import TASKS, Task

REPORT = {
    "lon": city.IN_WEST[0],
    "lat": city.IN_WEST[1],
    "kind": "matter",
    "class": city.REFUSE,
    "description": "暴露垃圾",
}


@pytest.fixture
def redis(servers):
    """A client of the run's Redis, with our queues empty."""
    client = Redis.from_url(servers.redis_url)
    for name in jobs.QUEUES:
        jobs.rq_queue(client, name).empty()
    return client


@pytest.fixture
def runs():
    """What the tasks `test.note` and `test.fail` were run with; both exist during the test only."""
    seen = []

    def note(session, **values):
        seen.append(values)

    def fail(session, **values):
        session.execute(text("CREATE TABLE city.half_done (x int)"))
        seen.append(values)
        raise ValueError("no luck")

    TASKS.update({"test.note": Task("test.note", "quick", note), "test.fail": Task("test.fail", "quick", fail)})
    yield seen
    del TASKS["test.note"], TASKS["test.fail"]


def _outbox(runtime: Runtime) -> list[dict]:
    with runtime.transaction() as session:
        return jobs.listed(session)


def _enqueue(runtime: Runtime, name: str, times: int = 1, **values) -> None:
    with runtime.transaction() as session:
        for _ in range(times):
            jobs.enqueue(session, name, **values)


def _make_due(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        session.execute(text("UPDATE city.outbox SET due_at = now()"))


def _environment(runtime: Runtime, redis_url: str) -> dict[str, str]:
    settings = runtime.settings
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEBGIS_")}
    return kept | {
        "WEBGIS_DATABASE_URL": settings.database,
        "WEBGIS_REDIS_URL": redis_url,
        "WEBGIS_VAR_DIR": str(settings.var_dir),
        "WEBGIS_MAPS_DIR": str(settings.maps_dir),
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
    }


def _work(runtime: Runtime, redis_url: str) -> None:
    """Run a stock RQ worker until the queues are empty."""
    command = [
        sys.executable,
        "-m",
        "rq.cli",
        "worker",
        "-b",
        "-c",
        "webgis.worker",
        "-S",
        "json",
        "-u",
        redis_url,
        *jobs.QUEUES,
    ]
    done = subprocess.run(command, env=_environment(runtime, redis_url), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_job_of_a_change_that_is_rolled_back_does_not_exist(runtime, runs):
    with pytest.raises(RuntimeError), runtime.transaction() as session:
        jobs.enqueue(session, "test.note", word="never")
        raise RuntimeError
    assert _outbox(runtime) == []
    assert jobs.drain(runtime, "quick") == 0 and runs == []


def test_equal_jobs_are_run_once(runtime, runs):
    _enqueue(runtime, "test.note", 5, word="same")
    _enqueue(runtime, "test.note", 1, word="other")
    assert jobs.drain(runtime, "quick") == 2
    assert sorted(run["word"] for run in runs) == ["other", "same"]
    assert _outbox(runtime) == []


def test_a_worker_takes_few_jobs_at_once_and_with_them_all_that_are_equal(runtime, runs):
    for number in range(25):
        _enqueue(runtime, "test.note", word=str(number))
    _enqueue(runtime, "test.note", 30, word="0")
    taken = jobs.claim(runtime, "quick")
    assert [group.args["word"] for group in taken] == [str(number) for number in range(20)]
    assert [len(group.ids) for group in taken] == [31, *[1] * 19]
    assert {group.args["word"] for group in jobs.claim(runtime, "quick")} == {str(number) for number in range(20, 25)}
    assert jobs.claim(runtime, "quick") == [], "until their lease ends"


def test_a_failed_job_leaves_nothing_half_done_waits_longer_each_time_and_is_dead_in_the_end(make_settings, runs):
    runtime = Runtime(make_settings(job_attempts=3, job_backoff_s=60))
    _enqueue(runtime, "test.fail", word="x")
    waits = []
    for _ in range(3):
        _make_due(runtime)
        assert jobs.drain(runtime, "quick") == 1
        (row,) = _outbox(runtime)
        with runtime.transaction() as session:
            waits.append(round((row["due_at"] - session.scalar(text("SELECT now()"))).total_seconds(), -1))
            assert session.scalar(text("SELECT to_regclass('city.half_done')")) is None
    assert waits == [60, 120, 240]
    assert (row["attempts"], row["error"]) == (3, "ValueError: no luck") and row["dead_at"] is not None
    _make_due(runtime)
    assert jobs.drain(runtime, "quick") == 0
    with runtime.transaction() as session:
        assert len(jobs.listed(session, dead_only=True)) == 1
        assert jobs.retry(session, [row["id"]]) == 1
    assert jobs.drain(runtime, "quick") == 1
    runtime.engine.dispose()


def test_a_job_whose_task_nobody_knows_is_kept_with_its_error(runtime):
    _enqueue(runtime, "test.unheard-of")
    jobs.drain(runtime, "quick")
    assert "No task is called test.unheard-of" in _outbox(runtime)[0]["error"]


def test_a_worker_that_died_leaves_its_job_to_the_next_when_the_lease_ends(runtime, runs):
    _enqueue(runtime, "test.note", word="again")
    assert [group.task for group in jobs.claim(runtime, "quick")] == ["test.note"]
    assert jobs.drain(runtime, "quick") == 0, "it is leased"
    _make_due(runtime)
    assert jobs.drain(runtime, "quick") == 1 and runs == [{"word": "again"}]


def test_a_process_killed_between_commit_and_hand_over_loses_nothing(city_runtime, servers, redis):
    program = """
import os, signal
from datetime import UTC, datetime
from sqlalchemy import event
from tests import city
from webgis import settings
from webgis.accounts import queries as accounts
from webgis.cases import evidence, intake
from webgis.db import Runtime

runtime = Runtime(settings.load())
event.listen(runtime.sessions, "after_commit", lambda session: os.kill(os.getpid(), signal.SIGKILL))
with runtime.transaction() as session:
    actor = accounts.actor(session, "inspector1")
    report = intake.Report(*city.IN_WEST, "matter", city.REFUSE, "暴露垃圾")
    photos = evidence.store(runtime.settings, [city.photo(900, 700)])
    intake.report(session, runtime.settings, actor, report, photos, at=datetime.now(UTC))
"""
    environment = _environment(city_runtime, servers.redis_url)
    killed = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert {row["task"] for row in _outbox(city_runtime)} == {"cases.thumbnail", "maps.draw_cases"}
    assert jobs.rq_queue(redis, "quick").count == 0, "Redis was never told"

    _make_due(city_runtime)
    assert jobs.sweep(city_runtime, redis) == ["quick", "slow"]
    _work(city_runtime, servers.redis_url)
    assert _outbox(city_runtime) == []
    assert len(list(city_runtime.settings.var_dir.glob("photos/*/*.thumb.jpg"))) == 1


def test_cases_filed_while_redis_is_stopped_are_kept_and_their_jobs_done_when_it_is_back(
    make_settings, city_template, tmp_path, request
):
    socket = tmp_path / "redis.sock"
    url = f"unix://{socket}"
    server = _start_redis(socket)
    request.addfinalizer(partial(_stop, server))
    settings = make_settings(city_template, redis_url=url)
    app = create_app(settings)
    runtime = app.extensions["webgis"]
    with runtime.transaction() as session:
        key = accounts.make_key(session, "inspector1")
    headers = {"Authorization": f"Bearer {key}", "X-Acknowledge-Duplicate": "true"}
    client = app.test_client()

    def report(colour: int) -> int:
        fields = REPORT | {"photos": (BytesIO(city.photo(900, 700, colour=colour)), "photo.jpg")}
        return client.post("/api/v1/cases", data=fields, headers=headers).status_code

    assert report(10) == 201
    _stop(server)
    assert [report(20), report(30)] == [201, 201]
    assert client.get("/readyz").status_code == 503
    assert len(client.get("/api/v1/cases", headers=headers).json["features"]) == 3

    request.addfinalizer(partial(_stop, _start_redis(socket)))
    _make_due(runtime)
    jobs.sweep(runtime, jobs.connect(settings))
    _work(runtime, url)
    assert _outbox(runtime) == []
    assert len(list(settings.var_dir.glob("photos/*/*.thumb.jpg"))) == 3
    runtime.engine.dispose()


def _stop(server: subprocess.Popen) -> None:
    server.kill()
    server.wait()


def _start_redis(socket: Path) -> subprocess.Popen:
    """A Redis of the test's own, answering."""
    socket.unlink(missing_ok=True)
    program = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--dir", str(socket.parent), "--save", ""]
    log = (socket.parent / "redis.log").open("ab")
    server = subprocess.Popen(program, stdout=log, stderr=log)
    client = Redis.from_url(f"unix://{socket}")
    for _ in range(1_000_000):
        try:
            if server.poll() is None and client.ping():
                return server
        except RedisError:
            os.sched_yield()
    raise AssertionError("Redis did not start")


def test_what_redis_holds_is_json_and_names_a_queue_only(runtime, redis):
    with runtime.transaction() as session:
        jobs.enqueue(session, "test.note", secret="value")
    jobs.hand_over_session(redis, session)
    (job,) = jobs.rq_queue(redis, "quick").get_jobs()
    assert job.serializer is JSONSerializer
    assert (job.func_name, list(job.args), job.kwargs) == ("webgis.worker.drain", ["quick"], {})


def test_many_commits_leave_few_drains_in_redis(runtime, redis):
    for _ in range(20):
        with runtime.transaction() as session:
            jobs.enqueue(session, "test.note")
        jobs.hand_over_session(redis, session)
    assert jobs.rq_queue(redis, "quick").count == jobs.WAITING_DRAINS


def test_a_delayed_job_is_left_to_the_sweeper(runtime, redis):
    with runtime.transaction() as session:
        jobs.enqueue(session, "test.note", delay=3600)
    jobs.hand_over_session(redis, session)
    assert jobs.rq_queue(redis, "quick").count == 0
    assert jobs.sweep(runtime, redis) == []
    _make_due(runtime)
    assert jobs.sweep(runtime, redis) == ["quick"]


def test_the_scheduler_sweeps(city_runtime, servers, redis):
    """The timetable's own entry reaches a JSON worker and makes it hand over what is due."""
    from webgis.schedule import TIMETABLE, JsonCronJob

    entry = TIMETABLE[0]
    # The interval is also how long the entry waits for a worker: here longer than any worker needs to start.
    job = JsonCronJob(queue_name=entry["queue"], func_name=entry["function"], interval=600)
    job.enqueue(redis)
    _enqueue(city_runtime, "maps.draw_cases", queue="slow")
    _work(city_runtime, servers.redis_url)
    assert _outbox(city_runtime) == []
