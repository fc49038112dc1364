"""What RQ calls: drain a queue, and sweep. `schedule.py` says when.

The stock RQ worker is used as it is; everything of ours begins at these functions, which take names only. It is
started with `-c webgis.worker`, so that this module and all tasks are imported once, before it forks for each drain.
"""

import importlib
import pkgutil
from functools import lru_cache

from rq import get_current_job

import webgis
from webgis import jobs, logs, settings
from webgis.children import die_with_parent
from webgis.db import Runtime


@lru_cache
def runtime() -> Runtime:
    """This process's runtime. RQ forks for each drain: the engine is made in the child, on first use."""
    loaded = settings.load()
    logs.configure(loaded)
    return Runtime(loaded)


def import_tasks() -> None:
    """Import `tasks.py` and `..._tasks.py` of every package, so that `jobs.TASKS` knows them."""
    for module in pkgutil.walk_packages(webgis.__path__, "webgis."):
        if module.name.endswith("tasks"):
            importlib.import_module(module.name)


def drain(queue: str) -> int:
    """Run what is due in `queue`. A worker that is killed takes along the process it forked for this."""
    if get_current_job():
        die_with_parent()
    return jobs.drain(runtime(), queue)


def enqueue(task: str) -> None:
    """Have a task done that takes no values: what the timetable does with tasks of the packages."""
    with runtime().transaction() as session:
        jobs.enqueue(session, task, queue=jobs.TASKS[task].queue)
    jobs.hand_over_session(jobs.connect(runtime().settings), session)


def sweep() -> None:
    """Hand over what a crash, a delay or an absent Redis left behind."""
    jobs.sweep(runtime(), jobs.connect(runtime().settings))


import_tasks()
