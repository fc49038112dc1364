"""What runs by the clock, on RQ's cron scheduler. Times are the city's: the process sets TZ before it starts.

RQ 3.0's `rq cron` writes pickled jobs whatever serializer is asked for, which a JSON worker cannot read (and no worker
should); so its scheduler is started here, with cron jobs that use our queues.
"""

import os
import time

from redis import Redis
from rq.cron import CronJob, CronScheduler
from sqlalchemy import text

from webgis import jobs
from webgis.db import Runtime

SWEEP_SECONDS = 5
SCHEDULER_LOCK = 0x63726F6E
"""Advisory lock of the one scheduler of a city: a second waits until the first is gone."""

TIMETABLE = (
    {"function": "webgis.worker.sweep", "queue": "quick", "interval": SWEEP_SECONDS},
    {"function": "webgis.worker.enqueue", "args": ("maps.fold",), "queue": "quick", "interval": 10},
    {"function": "webgis.worker.enqueue", "args": ("hazards.pass_on_alarms",), "queue": "quick", "interval": 30},
    {"function": "webgis.worker.enqueue", "args": ("emergency.tell_due",), "queue": "quick", "interval": 30},
    {"function": "webgis.worker.enqueue", "args": ("cases.tell_due",), "queue": "quick", "interval": 300},
    {"function": "webgis.worker.enqueue", "args": ("cases.remove_old",), "queue": "quick", "interval": 3600},
    {"function": "webgis.worker.enqueue", "args": ("cases.tidy_shifts",), "queue": "quick", "interval": 3600},
    {"function": "webgis.worker.enqueue", "args": ("cases.anchor",), "queue": "quick", "interval": 3600},
    {"function": "webgis.worker.enqueue", "args": ("metro.expire_permits",), "queue": "quick", "interval": 3600},
    {"function": "webgis.worker.enqueue", "args": ("metro.follow_time",), "queue": "quick", "interval": 600},
    {"function": "webgis.worker.enqueue", "args": ("metro.find_unpermitted",), "queue": "quick", "interval": 600},
    {"function": "webgis.worker.enqueue", "args": ("hazards.regrade",), "queue": "quick", "interval": 21600},
    {"function": "webgis.worker.enqueue", "args": ("maps.draw_cases",), "queue": "quick", "interval": 3600},
    {"function": "webgis.worker.enqueue", "args": ("maps.find_standard_hotspots",), "queue": "quick", "interval": 7200},
)
"""What is done how often (seconds): the sweep, and tasks that take no values."""


class JsonCronJob(CronJob):
    """A cron job whose queue is ours: JSON, and an entry nobody took before the next is due leaves the queue."""

    def enqueue(self, connection: Redis):
        queue = jobs.rq_queue(connection, self.queue_name)
        return queue.enqueue(
            self.func_name, *self.args, ttl=self.interval, result_ttl=0, failure_ttl=60, job_timeout=300
        )


def run(runtime: Runtime) -> None:
    """Run the timetable until SIGINT or SIGTERM. Raises when Redis or the database goes away, to be started again."""
    os.environ["TZ"] = runtime.settings.timezone
    time.tzset()
    redis = Redis.from_url(runtime.settings.redis)
    scheduler = CronScheduler(connection=redis)
    for entry in TIMETABLE:
        job = JsonCronJob(
            queue_name=entry["queue"],
            func_name=entry["function"],
            args=entry.get("args", ()),
            interval=entry["interval"],
        )
        scheduler.get_jobs().append(job)
    with runtime.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": SCHEDULER_LOCK})
        connection.commit()
        scheduler.start()
